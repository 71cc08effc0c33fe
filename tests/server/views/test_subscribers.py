"""Those who are told of the events of a platform."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins.server.views.subscribers import Subscribers

EVENT = {"event": "state"}


def test_a_function_that_is_added_twice_is_called_twice_until_each_has_ended() -> None:
    subscribers, told = Subscribers(), list[Any]()
    ends = [subscribers.add(told.append) for _ in range(2)]
    subscribers.publish(EVENT)
    ends[0]()
    subscribers.publish(EVENT)
    assert told == [EVENT] * 3


def test_what_one_raises_is_logged_and_all_others_are_told(caplog: pytest.LogCaptureFixture) -> None:
    subscribers, told = Subscribers(), list[Any]()
    subscribers.add(lambda event: event["absent"])
    subscribers.add(told.append)
    subscribers.publish(EVENT)
    assert told == [EVENT]
    assert caplog.messages == ["a subscriber of the view raised KeyError"]
