"""A correct plugin keeps every rule about start and stop, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
from conformance_plugins import Good, GoodConformance
from conformance_suite import conformance

from floe_plugins.testing.conformance.general.lifecycle import LifecycleRules
from floe_plugins.testing.conformance.runner import rules, run


class ReturnsSelf(Good):
    def startup(self):
        super().startup()
        return self


class RaisesAtTheEnd(Good):
    started = False

    def startup(self):
        self.started = True
        super().startup()

    def shutdown(self):
        super().shutdown()
        # Where it was the registry that called it.
        if self.started and threading.current_thread().name.startswith("secrets:"):
            self.started = False
            raise OSError("cannot close")


class StartsOnce(Good):
    stopped = False

    def startup(self):
        if self.stopped and threading.current_thread().name.startswith("secrets:"):
            raise OSError("it was started before")
        super().startup()

    def shutdown(self):
        super().shutdown()
        self.stopped = self.stopped or threading.current_thread().name.startswith("secrets:")


class WantsAStart(Good):
    starts = 0

    def startup(self):
        self.starts += 1
        super().startup()

    def shutdown(self):
        super().shutdown()
        if not self.starts:
            raise AttributeError("_connection")


class StopsOnce(Good):
    stops = 0

    def shutdown(self):
        was_running = self.file is not None
        super().shutdown()
        self.stops = 0 if was_running else self.stops + 1
        if self.stops == 1 and hasattr(self, "ending") and not self.interrupted():
            raise OSError("closed already")

    def interrupted(self):
        return False


class LeavesHalf(Good):
    connection: Any = None

    def startup(self):
        if self.connection is not None:
            raise OSError("it is open already")
        self.connection = object()
        self.ready = True
        super().startup()

    def shutdown(self):
        if self.file is not None or not hasattr(self, "ready"):
            self.connection = self.connection if self.file is None else None
        super().shutdown()


class LeavesAThread(Good):
    def startup(self):
        super().startup()
        threading.Thread(target=FOREVER.wait, daemon=True).start()


class LeavesAFile(Good):
    def startup(self):
        super().startup()
        LEFT.append(os.open(os.devnull, os.O_RDONLY))


class LeavesAFileOfEachCall(Good):
    def get_secret(self, key):
        LEFT.append(os.open(os.devnull, os.O_RDONLY))


FOREVER = threading.Event()
LEFT: list[int] = []
FAULTY: dict[str, type[Any]] = {
    "test_it_starts": ReturnsSelf,
    "test_it_stops": RaisesAtTheEnd,
    "test_it_starts_again": StartsOnce,
    "test_it_stops_without_a_start": WantsAStart,
    "test_it_stops_twice": StopsOnce,
    "test_a_start_that_fails_half_way_is_cleaned_up": LeavesHalf,
    "test_threads_end_when_it_stops": LeavesAThread,
    "test_files_are_closed_when_it_stops": LeavesAFile,
    "test_what_hooks_open_is_closed_when_it_stops": LeavesAFileOfEachCall,
}


def broken(plugin: type[Any]) -> dict[str, str]:
    result = run(conformance(GoodConformance, plugin), rules(LifecycleRules))
    FOREVER.set()
    while LEFT:
        os.close(LEFT.pop())
    return {name: error.seen for name, error in result.failed.items()}


def test_a_correct_plugin_keeps_every_rule() -> None:
    assert broken(Good) == {}


@pytest.mark.parametrize("rule", rules(LifecycleRules))
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    FOREVER.clear()
    assert list(broken(FAULTY[rule])) == [rule]
