"""A host in which nothing happens any more is told from one that waits for something."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins.cli.supervisor.standstill import Standstill

pytestmark = pytest.mark.once

REF = {"ref": "secrets:a", "stage": "start", "thread": 1}
BEGUN = {"event": "call_begun", "timeout": 30.0, **REF}
ENDED = {"event": "call_ended", **REF}
SERVING = {"event": "serving"}


def after(*messages: dict[str, Any]) -> Standstill:
    """Return what has had these messages, each at its place as the time."""
    standstill = Standstill()
    for now, message in enumerate(messages):
        standstill.apply(message, now)
    return standstill


def test_before_code_of_a_plugin_there_is_none() -> None:
    assert after({"event": "hello"}, {"event": "stage_begun", "stage": "start"}).seconds(1000) == 0


def test_it_begins_when_the_last_call_has_ended() -> None:
    assert after(BEGUN, ENDED).seconds(101) == 100


def test_a_call_is_waited_for_up_to_its_deadline() -> None:
    standstill = after(BEGUN)
    assert (standstill.seconds(29), standstill.seconds(30), standstill.seconds(40)) == (0, 0, 10)


def test_a_call_without_a_limit_is_waited_for_as_long_as_it_takes() -> None:
    assert after({**BEGUN, "timeout": None}).seconds(1e9) == 0


def test_heartbeats_checks_and_log_messages_are_no_progress() -> None:
    check = {**BEGUN, "stage": "check", "timeout": 0.5}
    others = [{"event": "beat"}, {"event": "snapshot"}, {"event": "log"}, {"event": "health"}, check]
    assert after(BEGUN, ENDED, *others).seconds(101) == 100


def test_a_pause_before_the_next_attempt_is_waited_for() -> None:
    assert after(BEGUN, ENDED, {"event": "retry", "ref": "secrets:a", "seconds": 60}).seconds(70) == 8


def test_a_search_for_plugins_is_waited_for() -> None:
    search = {"event": "stage_begun", "stage": "discover"}
    assert after(BEGUN, ENDED, search).seconds(1000) == 0
    assert after(BEGUN, ENDED, search, {"event": "stage_ended", "stage": "discover"}).seconds(103) == 100


def test_a_platform_that_serves_need_not_do_anything_until_it_is_to_stop() -> None:
    assert after(BEGUN, ENDED, SERVING).seconds(1000) == 0
    assert after(BEGUN, ENDED, SERVING, {"event": "stop"}).seconds(103) == 100


def test_a_call_of_whose_end_nothing_was_said_counts_while_it_serves() -> None:
    assert after(SERVING, BEGUN).seconds(41) == 10


@pytest.mark.parametrize(
    "said",
    [
        {"event": "call_overdue", "ref": "secrets:a", "stage": "start"},
        {"event": "state", "ref": "secrets:a", "state": "failed"},
    ],
)
def test_a_call_that_nobody_waits_for_any_more_does_not_count_while_it_serves(said: dict[str, Any]) -> None:
    assert after(SERVING, BEGUN, said).seconds(1000) == 0


def test_the_calls_past_their_deadline_are_suspected_else_the_one_of_which_was_heard_last() -> None:
    other = {**ENDED, "ref": "secrets:b"}
    assert after(BEGUN, {**BEGUN, "ref": "secrets:b"}, other).suspects == (("secrets:a", "start"),)
    assert after(BEGUN, {**BEGUN, "ref": "secrets:b"}, ENDED, other).suspects == (("secrets:b", "start"),)
    check = {**ENDED, "ref": "secrets:c", "stage": "check"}
    assert after(BEGUN, ENDED, other, check, check).suspects == (("secrets:b", "start"), ("secrets:c", "check"))


def test_what_is_no_number_does_no_harm() -> None:
    assert after({**BEGUN, "timeout": "x", "thread": [1]}, {"event": "retry", "seconds": {}}).seconds(9) == 0
