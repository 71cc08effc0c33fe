"""The rules for starting and stopping."""

from __future__ import annotations

import contextlib
import gc
import inspect
import os
import sys
import threading
from collections.abc import Callable, Generator
from types import CodeType, FrameType
from typing import Any

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import Outcome
from floe_plugins.registry.facade import PluginRegistry
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.general.manual_lifecycle import ByHand, by_hand
from floe_plugins.testing.conformance.rule import error_text, rule

_START = """
def startup(self):
    self._connection = connect(self.config.url)  # returns None

def shutdown(self):
    self._connection.close()
"""
_HALF = """
_connection = None

def startup(self):
    self._connection = connect(self.config.url)
    self._connection.login()  # if this raises, shutdown() closes the connection

def shutdown(self):
    if self._connection is not None:
        self._connection.close()
        self._connection = None
"""

_STARTS = 4


class InterruptedStartError(Exception):
    """Raised in the middle of a start, where anything could be."""


class LifecycleRules(Case):
    """The rules for ``startup`` and ``shutdown``."""

    @rule(_START)
    def test_it_starts(self) -> None:
        """``startup`` opens what the plugin works with, and returns None in time."""
        registry, ref = self.new_registry()
        try:
            outcome = registry.start(ref.type, ref.name)
            self.expect(outcome.ok, outcome.message)
        finally:
            registry.shutdown()

    @rule(_START)
    def test_it_stops(self) -> None:
        """``shutdown`` returns None in time."""
        with self._running() as (registry, ref):
            outcome = registry.stop(ref.type, ref.name)
            self.expect(outcome.ok, outcome.message)

    @rule(_START)
    def test_it_starts_again(self) -> None:
        """A plugin that was stopped can be started again."""
        with self._running() as (registry, ref):
            registry.stop(ref.type, ref.name)
            outcome = registry.start(ref.type, ref.name)
            self.expect(outcome.ok, f"at the second start, {outcome.message}")

    @rule(_HALF)
    def test_it_stops_without_a_start(self) -> None:
        """``shutdown`` also works where ``startup`` has not run."""
        with by_hand(self) as hand:
            self._call(hand, "shutdown", "shutdown")

    @rule(_HALF)
    def test_it_stops_twice(self) -> None:
        """``shutdown`` may be called again: there is nothing left to release."""
        with by_hand(self) as hand:
            hand.call_quietly("startup")
            hand.call_quietly("shutdown")
            self._call(hand, "shutdown", "the second shutdown")

    @rule(_HALF)
    def test_a_start_that_fails_half_way_is_cleaned_up(self) -> None:
        """``shutdown`` works after a ``startup`` that failed anywhere, and the next ``startup`` succeeds."""
        code = _code_of(self.plugin)
        if code is None:
            self.skip("the plugin has no startup of its own")
        lines = sorted({line for _, _, line in code.co_lines() if line is not None and line > code.co_firstlineno})
        with by_hand(self) as hand:
            # To fail at the first is not to have started, for which there is a rule.
            for line in lines[1:]:
                if _interrupted(lambda: hand.call("startup"), code, line):
                    at = f"startup failed at its line {line - code.co_firstlineno + 1}"
                    self._call(hand, "shutdown", f"{at}, and shutdown")
                    self._call(hand, "startup", f"{at}, and the next startup")
                hand.call_quietly("shutdown")

    @rule(_START)
    def test_threads_end_when_it_stops(self) -> None:
        """``shutdown`` releases all resources: no thread is left by each start."""
        left = self._left_by_starts(_threads)
        self.expect(not left, f"each start leaves {left} more threads behind")

    @rule(_START)
    def test_files_are_closed_when_it_stops(self) -> None:
        """``shutdown`` releases all resources: no file or connection stays open after each start."""
        left = self._left_by_starts(_descriptors)
        self.expect(not left, f"each start leaves {left} more files or connections open")

    @rule(_START)
    def test_what_hooks_open_is_closed_when_it_stops(self) -> None:
        """``shutdown`` releases all resources: nothing that calls of hooks opened stays open behind it."""
        once = self._descriptors_after_uses(1)
        self._descriptors_after_uses(_STARTS)
        # What is closed on a thread of the engine's own may be so a moment later.
        self.eventually(lambda: _descriptors() - once < _STARTS - 1, 1.0)
        left = _descriptors() - once
        self.expect(left < _STARTS - 1, f"{_STARTS - 1} more calls leave {left} more files or connections open")

    def _descriptors_after_uses(self, times: int) -> int:
        """How many files are open when the plugin has stopped, after it was used that often."""
        with self._running() as (registry, ref):
            for _ in range(times):
                with contextlib.suppress(Exception):  # which other rules tell
                    self.use(registry.get(ref.type, ref.name))
        gc.collect()
        return _descriptors()

    def _call(self, hand: ByHand, hook: str, doing: str) -> None:
        try:
            hand.call(hook)
        except Exception as error:  # noqa: BLE001 the plugin may raise anything
            self.broken(f"{doing} raised {error_text(error)}", error)

    @contextlib.contextmanager
    def _running(self) -> Generator[tuple[PluginRegistry, PluginRef], None, None]:
        registry, ref = self.new_registry()
        try:
            if not registry.start(ref.type, ref.name).ok:
                self.skip("it does not start, which is another rule's")
            yield registry, ref
        finally:
            registry.shutdown()

    def _left_by_starts(self, count: Callable[[], int]) -> int:
        registry, ref = self.new_registry()
        try:
            # What the first starts make for the whole process, such as a pool of threads, is none of each start.
            for _ in range(2):
                _cycle(registry, ref)
            before = count()
            for _ in range(_STARTS):
                _cycle(registry, ref)
            self.eventually(lambda: count() <= before, 2.0)
            more = count() - before
            return round(more / _STARTS) if more >= _STARTS - 1 else 0
        finally:
            registry.shutdown()


def _cycle(registry: PluginRegistry, ref: PluginRef) -> tuple[Outcome, Outcome]:
    return registry.start(ref.type, ref.name), registry.stop(ref.type, ref.name)


def _code_of(plugin: type[Any]) -> CodeType | None:
    found = inspect.getattr_static(plugin, "startup", None)
    function = inspect.unwrap(found) if inspect.isfunction(found) else None
    own = function is not None and not function.__module__.startswith("floe_plugins.hookspecs")
    return function.__code__ if own and function is not None else None


def _interrupted(hook: Callable[[], Any], code: CodeType, line: int) -> bool:
    """Call ``startup``, and let it fail before a line of its code. Return whether it came there."""
    reached = False

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal reached
        if frame.f_code is not code:
            return None
        if event == "line" and frame.f_lineno == line:
            reached = True
            raise InterruptedStartError
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        hook()
    except InterruptedStartError:
        pass
    except Exception:  # noqa: BLE001 what it makes of the failure is up to it
        return reached
    finally:
        sys.settrace(before)
    return reached


def _threads() -> int:
    return threading.active_count()


def _descriptors() -> int:
    for place in ("/proc/self/fd", "/dev/fd"):
        if os.path.isdir(place):  # noqa: PTH112 it is no file of ours
            return len(os.listdir(place))  # noqa: PTH208 as above
    return 0
