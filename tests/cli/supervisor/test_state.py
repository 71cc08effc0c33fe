"""What the supervisor knows of the host."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from floe_plugins.cli.supervisor.state import HostState

REFS = st.sampled_from(["secrets:a", "secrets:b"])
CALLS = st.lists(st.tuples(st.booleans(), REFS, st.sampled_from(["load", "start"]), st.integers(1, 2)), max_size=20)


@given(CALLS)
def test_the_calls_under_way_are_those_that_began_and_did_not_end(calls: list[tuple[bool, str, str, int]]) -> None:
    state, expected = HostState(), []
    for begins, ref, stage, thread in calls:
        key = (ref, stage, thread)
        if begins:
            expected.append(key)
        elif key in expected:
            expected.reverse()
            expected.remove(key)
            expected.reverse()
        event = "call_begun" if begins else "call_ended"
        state.apply({"event": event, "ref": ref, "stage": stage, "thread": thread})
    assert [(call.ref, call.stage, call.thread) for call in state.calls] == expected


def test_retries_are_counted_with_the_reason_of_the_last() -> None:
    state = HostState()
    for reason in ("locked", "still locked"):
        state.apply({"event": "retry", "ref": "secrets:a", "stage": "start", "reason": reason})
    assert (state.plugin("secrets:a").retries, state.plugin("secrets:a").reason) == (2, "still locked")


def test_messages_of_a_newer_host_do_no_harm() -> None:
    state = HostState()
    for message in (
        {"event": "new"},
        {"event": "state"},
        {"event": "state", "ref": 3},
        {"event": "call_ended", "ref": "a"},
    ):
        state.apply(message)
    assert state.calls == []
