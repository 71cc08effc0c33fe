"""Blame and critical chain of a start."""

from __future__ import annotations

from typing import Any

from floe_plugins import LifecycleReport, Outcome, OutcomeState, PluginRef, Stage
from floe_plugins.lifecycle.profile import blame, critical_chain, describe


def outcome(name: str, began: float | None, seconds: float, *waited_for: str, **facts: Any) -> Outcome:
    return Outcome(
        ref=PluginRef.parse(f"compute:{name}"),
        stage=Stage.START,
        began=began,
        seconds=seconds,
        waited_for=tuple(PluginRef.parse(f"compute:{need}") for need in waited_for),
        **{"state": OutcomeState.SUCCEEDED, **facts},
    )


REPORT = LifecycleReport(
    outcomes=(
        outcome("log", 0.5, 0.1, load_seconds=0.3),
        outcome("db", 0.6, 1.0, "log", configure_seconds=0.1),
        outcome("cache", 0.6, 0.2, "log"),
        outcome("app", 1.6, 0.4, "db", "cache"),
        outcome("side-show", 0.5, 0.9),
        outcome("skipped", None, 0.0, "app", state=OutcomeState.SKIPPED),
    ),
    seconds=2.0,
    load_seconds=0.4,
    configure_seconds=0.1,
)


def test_blame_puts_the_slowest_first_and_counts_every_stage() -> None:
    rows = blame(REPORT)
    assert [row.ref.name for row in rows] == ["db", "side-show", "app", "log", "cache", "skipped"]
    assert rows[0].total == 1.1


def test_the_critical_chain_leads_from_the_first_to_what_ended_last() -> None:
    assert [each.ref.name for each in critical_chain(REPORT)] == ["log", "db", "app"]
    assert critical_chain(LifecycleReport()) == ()


def test_the_text_names_the_phases_each_plugin_and_the_chain() -> None:
    text = describe(REPORT)
    assert text.startswith("2.000 s in all: 0.400 s loading, 0.100 s configuring")
    assert "   0.000     0.100     1.000  compute:db\n" in text
    assert text.endswith("    compute:app  @1.600 s  +0.400 s")
