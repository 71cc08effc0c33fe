"""The rules for ``flush`` that hold whatever it sends: events of lineage, or spans and metrics."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule, shown

SECONDS = 10.0
_FAILURES = 4
FLUSH = """
def flush(self, deadline):
    until = time.monotonic() + deadline
    with self._changed:  # a condition: a thread that sends what waits notifies it
        return self._changed.wait_for(lambda: not self._waiting, until - time.monotonic())
"""


class FlushRules(Case):
    """The rules for a ``flush`` that says whether all was sent, at a deadline."""

    slack: float = 3.0

    def outage(self) -> contextlib.AbstractContextManager[Any] | None:
        """Return a context in which nothing can be sent; None if there is none. Override it."""
        self.missing("outage", "how it comes about that nothing can be sent")

    def is_own(self, thread: threading.Thread) -> bool:
        """Return whether a thread is of the place where all arrives, and not of the plugin."""
        return "process_request_thread" in thread.name

    def _outage(self) -> contextlib.AbstractContextManager[Any]:
        return self.block("outage") or self.skip("outage() returned None: all can always be sent")

    def _give(self, plugin: Any) -> None:
        """Pass something to the plugin that it has to send."""
        raise NotImplementedError

    @rule(FLUSH)
    def test_a_flush_that_sent_all_says_so(self) -> None:
        """``flush`` returns True if all was sent."""
        with self.started() as plugin:
            self._give(plugin)
            found = plugin.flush(SECONDS)
            self.expect(found is True, f"flush returned {shown(found)}")

    @rule(FLUSH)
    def test_a_flush_ends_when_all_was_sent(self) -> None:
        """``flush`` returns as soon as all was sent, and does not wait for its deadline."""
        with self.started() as plugin:
            self._give(plugin)
            deadline, began = 4 * self.slack, time.monotonic()
            plugin.flush(deadline)
            passed = time.monotonic() - began
            self.expect(passed <= self.slack, f"flush({deadline:g}) returned after {passed:.1f} s")

    @rule(FLUSH)
    def test_nothing_to_send_is_no_failure(self) -> None:
        """``flush`` returns True if nothing waits."""
        with self.started() as plugin:
            found = plugin.flush(SECONDS)
            self.expect(found is True, f"flush returned {shown(found)} when there was nothing to send")

    @rule(FLUSH)
    def test_a_flush_that_did_not_send_all_says_so(self) -> None:
        """``flush`` returns False if not all could be sent, and does not raise."""
        with self.started() as plugin, self._outage():
            self._give(plugin)
            found = plugin.flush(0.1)
            self.expect(found is False, f"nothing can be sent, and flush returned {shown(found)}")

    @rule(FLUSH)
    def test_a_flush_sends_at_once(self) -> None:
        """``flush`` sends what waits within its deadline: it tries at once, however often it failed before."""
        with self.started() as plugin:
            with self._outage():
                self._give(plugin)
                ending = time.monotonic() + self.seconds / 2
                # Who waits longer after each failure waits long by then. A flush may return when it has failed.
                for _ in range(_FAILURES):
                    if time.monotonic() < ending:
                        plugin.flush(self.slack * 3)
            found = plugin.flush(self.slack)
            self.expect(found, f"after some failures all can be sent, and flush returned {shown(found)}")

    @rule(FLUSH)
    def test_a_flush_keeps_its_deadline(self) -> None:
        """``flush`` returns within ``deadline`` seconds, whether all was sent or not."""
        with self.started() as plugin, self._outage():
            self._give(plugin)
            for deadline in (0.0, 0.1):
                began = time.monotonic()
                plugin.flush(deadline)
                passed = time.monotonic() - began
                self.expect(passed <= deadline + self.slack, f"flush({deadline}) returned after {passed:.1f} s")
