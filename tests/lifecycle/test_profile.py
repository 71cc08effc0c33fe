"""Blame and critical chain of a start."""

from __future__ import annotations

from support import start_outcome

from floe_plugins import LifecycleReport, OutcomeState
from floe_plugins.lifecycle.profile import blame, critical_chain, describe

REPORT = LifecycleReport(
    outcomes=(
        start_outcome("log", 0.5, 0.1, load_seconds=0.3),
        start_outcome("db", 0.6, 1.0, "log", configure_seconds=0.1),
        start_outcome("cache", 0.6, 0.2, "log"),
        start_outcome("app", 1.6, 0.4, "db", "cache"),
        start_outcome("side-show", 0.5, 0.9),
        start_outcome("skipped", None, 0.0, "app", state=OutcomeState.SKIPPED),
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
