"""Reports: what they add up to, raise and print."""

from __future__ import annotations

import json
import sys

import attrs
import pytest

from floe_plugins import (
    HealthReport,
    HealthState,
    HealthStatus,
    LifecycleReport,
    MissingDependencyError,
    Outcome,
    OutcomeState,
    PluginRef,
    PluginStartupError,
    Stage,
)

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

A, B = PluginRef.parse("compute:a"), PluginRef.parse("compute:b")


def outcome(ref: PluginRef, state: OutcomeState, cause: BaseException | None = None) -> Outcome:
    return Outcome(ref=ref, stage=Stage.START, state=state, cause=cause)


def test_a_report_is_ok_only_if_all_succeeded() -> None:
    good = outcome(A, OutcomeState.SUCCEEDED)
    assert LifecycleReport(outcomes=(good,)).ok
    for state in (OutcomeState.FAILED, OutcomeState.TIMED_OUT, OutcomeState.SKIPPED):
        assert not LifecycleReport(outcomes=(good, outcome(B, state))).ok


def test_failed_and_skipped_are_told_apart() -> None:
    late, skipped = outcome(A, OutcomeState.TIMED_OUT), outcome(B, OutcomeState.SKIPPED)
    report = LifecycleReport(outcomes=(late, skipped))
    assert report.failed == (late,)
    assert report.skipped == (skipped,)


def test_one_failure_is_raised_as_it_is_and_several_as_a_group() -> None:
    first, second = PluginStartupError("x", ref=A), PluginStartupError("y", ref=B)
    LifecycleReport().raise_for_failures()
    with pytest.raises(PluginStartupError) as caught:
        LifecycleReport(outcomes=(outcome(A, OutcomeState.FAILED, first),)).raise_for_failures()
    assert caught.value is first
    both = (outcome(A, OutcomeState.FAILED, first), outcome(B, OutcomeState.FAILED, second))
    with pytest.raises(ExceptionGroup) as group:
        LifecycleReport(outcomes=both).raise_for_failures()
    assert group.value.exceptions == (first, second)


def test_what_was_skipped_is_raised_only_where_it_is_the_root() -> None:
    failure = PluginStartupError("x", ref=A)
    follows = MissingDependencyError("needs a", ref=B)
    follows.__cause__ = failure
    chain = (outcome(A, OutcomeState.FAILED, failure), outcome(B, OutcomeState.SKIPPED, follows))
    with pytest.raises(PluginStartupError):
        LifecycleReport(outcomes=chain).raise_for_failures()
    root = MissingDependencyError("needs what is not there", ref=B)
    with pytest.raises(MissingDependencyError):
        LifecycleReport(outcomes=(outcome(B, OutcomeState.SKIPPED, root),)).raise_for_failures()


def test_reports_print_as_json() -> None:
    report = LifecycleReport(outcomes=(outcome(A, OutcomeState.FAILED, PluginStartupError("x", ref=A)),), seconds=0.5)
    printed = json.loads(json.dumps(report.to_dict()))
    assert printed["ok"] is False
    assert printed["seconds"] == 0.5
    assert printed["outcomes"][0]["ref"] == "compute:a"
    assert printed["outcomes"][0]["state"] == "failed"
    assert printed["outcomes"][0]["cause"] == "PluginStartupError: compute:a: x"
    health = HealthReport(state=HealthState.DEGRADED, statuses={A: HealthStatus("degraded", details={"lag": 3})})
    printed = json.loads(json.dumps(health.to_dict()))
    assert printed["state"] == "degraded"
    assert printed["statuses"]["compute:a"]["details"] == {"lag": 3}


def test_only_what_kept_a_required_plugin_from_starting_is_raised_if_asked_for() -> None:
    root = PluginStartupError("down")
    unmet = MissingDependencyError("needs compute:a, which failed to start: down")
    unmet.__cause__ = root
    optional = outcome(A, OutcomeState.FAILED, root)
    skipped = attrs.evolve(outcome(B, OutcomeState.SKIPPED, unmet), required=True)
    LifecycleReport(outcomes=(optional,)).raise_for_failures(required=True)
    with pytest.raises(MissingDependencyError):
        LifecycleReport(outcomes=(optional, skipped)).raise_for_failures(required=True)
    with pytest.raises(PluginStartupError):
        LifecycleReport(outcomes=(attrs.evolve(optional, required=True), skipped)).raise_for_failures(required=True)


def test_the_plugins_own_exception_is_at_hand_and_not_printed() -> None:
    error = PluginStartupError("startup raised ValueError: ***")
    error.exception = ValueError("token-4711")
    failed = outcome(A, OutcomeState.FAILED, error)
    assert failed.exception is error.exception
    assert outcome(A, OutcomeState.FAILED).exception is None
    assert "4711" not in f"{failed!r}{failed.to_dict()}"
