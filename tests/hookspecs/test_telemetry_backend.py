"""Telemetry backend: every one is asked, since telemetry may go to several places."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins import TelemetryBackendPlugin


@pytest.mark.parametrize("hook", ["span_exporters", "metric_readers", "flush"])
def test_every_backend_answers(answers: Any, hook: str) -> None:
    found, asked = answers(TelemetryBackendPlugin, hook)
    assert sorted(found) == sorted(asked) == ["first", "second"]


def test_a_backend_that_has_no_exporter_takes_nobody_elses(calling: Any) -> None:
    hook = calling(
        TelemetryBackendPlugin,
        file={"span_exporters": lambda _self: ["to a file"]},
        none={"span_exporters": lambda _self: []},
        collector={"span_exporters": lambda _self: ["to a collector", "to another"]},
    )
    exporters = {exporter for each in hook.span_exporters() for exporter in each}
    assert exporters == {"to a file", "to a collector", "to another"}


def test_each_backend_says_whether_all_of_its_own_went_out_within_the_callers_deadline(calling: Any) -> None:
    hook = calling(
        TelemetryBackendPlugin,
        fast={"flush": lambda _self, deadline: deadline >= 1},
        slow={"flush": lambda _self, deadline: deadline >= 10},
    )
    assert sorted(hook.flush(deadline=0.1)) == [False, False]
    assert sorted(hook.flush(deadline=5.0)) == [False, True]
    assert sorted(hook.flush(deadline=60.0)) == [True, True]
