"""Blame and critical chain of a start."""

from __future__ import annotations

from support import start_outcome

from floe_plugins import LifecycleReport, OutcomeState
from floe_plugins.lifecycle.profile import blame, critical_chain, describe, ended

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
    chain = [
        "compute:log  @0.500 s  +0.100 s",
        "  compute:db  @0.600 s  +1.000 s",
        "    compute:app  @1.600 s  +0.400 s",
    ]
    assert text.splitlines()[-3:] == chain


def test_of_plugins_that_ended_together_the_chain_and_the_blame_take_them_by_ref() -> None:
    report = LifecycleReport(
        outcomes=(
            start_outcome("b", 0.0, 1.0),
            start_outcome("a", 0.0, 1.0),
            start_outcome("never", None, 0.0, state=OutcomeState.SKIPPED),
            start_outcome("app", 1.0, 1.0, "b", "a", "never"),
            start_outcome("also", 1.0, 1.0, "a", "b"),
        ),
        seconds=2.0,
    )
    assert [row.ref.name for row in blame(report)] == ["a", "also", "app", "b", "never"]
    assert [each.ref.name for each in critical_chain(report)] == ["b", "app"]
    assert "compute:b  @0.000 s  +1.000 s" in describe(report)


def test_a_plugin_that_never_began_is_in_no_chain() -> None:
    never = start_outcome("never", None, 5.0, state=OutcomeState.SKIPPED)
    report = LifecycleReport(outcomes=(never, start_outcome("a", 0.5, 0.25, "never")))
    assert [each.ref.name for each in critical_chain(report)] == ["a"]
    assert ended(never) == 5.0
