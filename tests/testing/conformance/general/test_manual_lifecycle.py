from __future__ import annotations

import threading
from typing import Any

import pytest
from support import Secrets, named

from floe_plugins import SecretsPlugin
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.general.manual_lifecycle import by_hand

Needed = named("needed")


class Recorder(Secrets):
    name = "recorder"
    dependencies = ("secrets:needed",)
    calls: Any = None

    async def startup(self):
        self.calls = [("startup", threading.current_thread())]
        assert self.registry.get(SecretsPlugin, "needed")

    def shutdown(self):
        self.calls.append(("shutdown", threading.current_thread()))

    def health_check(self):
        raise OSError


class Example(Case):
    plugin = Recorder
    plugins = {Needed: {}}  # noqa: RUF012 as an author writes it


def test_hooks_are_called_on_this_thread_and_shutdown_at_the_end() -> None:
    with by_hand(Example()) as hand:
        assert hand.plugin.calls is None
        hand.call("startup")
    here = threading.current_thread()
    assert hand.plugin.calls == [("startup", here), ("shutdown", here)]


def test_errors_are_raised_or_left_to_another_rule() -> None:
    with by_hand(Example()) as hand:
        assert hand.call_quietly("health_check") is None
        with pytest.raises(OSError):  # noqa: PT011 it has no message
            hand.call("health_check")
