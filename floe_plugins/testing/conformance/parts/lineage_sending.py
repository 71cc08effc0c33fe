"""What the rules for lineage backends share, and the rules for sending what waits."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from floe_plugins.testing.conformance.flushing import SECONDS, FlushRules
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples.events import event

EMIT = """
def emit(self, event):
    self._validate(event)  # raises ValueError with the path, such as "job.name: expected a string"
    with self._lock:
        self._waiting.append(json.dumps(event))  # a copy: the caller may change the event afterwards
"""
_FLUSH = """
def flush(self, deadline):
    until = time.monotonic() + deadline
    if not self._sending.acquire(timeout=deadline):
        return False
    try:
        while self._waiting and time.monotonic() < until:
            try:
                self._send(self._waiting[0], timeout=until - time.monotonic())
            except OSError:
                return False  # what was not sent still waits
            self._waiting.popleft()
        return not self._waiting
    finally:
        self._sending.release()
"""
_MANY = 40


class LineageCase(FlushRules):
    """What all rules for lineage backends work with."""

    namespaces: Mapping[str, str] = {}

    def received(self) -> Sequence[Mapping[str, Any]]:
        """Return the events that have arrived where the plugin sends them. Override it."""
        self.missing("received", "which events have arrived")

    def use(self, plugin: Any) -> None:
        """Send an event."""
        self._give(plugin)
        plugin.flush(SECONDS)

    def _give(self, plugin: Any) -> None:
        plugin.emit(event())

    def _arrived(self, plugin: Any, *sent: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        """What has arrived of these events after a flush."""
        plugin.flush(SECONDS)
        runs = {run_of(one) for one in sent}
        return [one for one in self.received() if run_of(one) in runs]

    def _refuses(self, plugin: Any, wrong: Mapping[str, Any], what: str) -> ValueError:
        try:
            plugin.emit(wrong)
        except ValueError as error:
            return error
        else:
            self.broken(f"emit accepted an event {what}")

    def _threads(self, before: set[threading.Thread]) -> list[threading.Thread]:
        """The threads that there were not, without those where events arrive."""
        return [each for each in threading.enumerate() if each not in before and not self.is_own(each)]

    def _receives(self, plugin: Any) -> bool:
        """Whether events arrive: before the first one there may be nothing to look into."""
        plugin.emit(event())
        return bool(plugin.flush(SECONDS))


class SendingRules(LineageCase):
    """The rules for ``flush``, and for events that cannot be sent now."""

    @rule(_FLUSH)
    def test_all_waiting_events_are_sent(self) -> None:
        """``flush`` sends all waiting events."""
        sent = [event() for _ in range(_MANY)]
        with self.started() as plugin:
            for one in sent:
                plugin.emit(one)
            arrived = {run_of(one) for one in self._arrived(plugin, *sent)}
            self.expect(len(arrived) == _MANY, f"{_MANY} events were emitted and flushed, {len(arrived)} have arrived")

    @rule(_FLUSH)
    def test_events_are_sent_after_a_flush(self) -> None:
        """``flush`` ends nothing: events that are emitted after it are sent, too."""
        sent = [event() for _ in range(4)]
        with self.started() as plugin:
            for number, one in enumerate(sent):
                plugin.emit(one)
                if number % 2:
                    plugin.flush(SECONDS)
            arrived = {run_of(one) for one in self._arrived(plugin, *sent)}
            self.expect(len(arrived) == len(sent), f"of {len(sent)} events, 2 behind a flush, {len(arrived)} arrived")

    @rule(_FLUSH)
    def test_nothing_is_sent_when_it_has_stopped(self) -> None:
        """``shutdown`` releases all resources: no thread is left of those that sent events."""
        before = set(threading.enumerate())
        with self.started() as plugin:
            self._arrived(plugin, event())
            plugin.emit(event())
        ended = self.eventually(lambda: not self._threads(before), self.slack)
        self.expect(ended, f"after shutdown there are {shown(sorted(each.name for each in self._threads(before)))}")

    @rule(_FLUSH)
    def test_what_could_not_be_sent_is_kept(self) -> None:
        """Events that could not be sent are kept for the next attempt."""
        sent = [event(), event()]
        with self.started() as plugin:
            with self._outage():
                for one in sent:
                    plugin.emit(one)
                plugin.flush(0.1)
            arrived = {run_of(one) for one in self._arrived(plugin, *sent)}
            self.expect(len(arrived) == len(sent), f"of 2 events that could not be sent, {len(arrived)} have arrived")

    @rule(EMIT)
    def test_an_event_that_cannot_be_sent_now_is_accepted(self) -> None:
        """``emit`` accepts an event that cannot be sent now: it may be sent later."""
        with self.started() as plugin, self._outage():
            for _ in range(3):
                plugin.emit(event())

    @rule(_FLUSH)
    def test_several_threads_flush_at_once(self) -> None:
        """Hooks are thread-safe: if several threads flush at once, each returns when all events were sent."""
        sent = [event() for _ in range(4)]
        with self.started() as plugin:
            for one in sent:
                plugin.emit(one)
            found = self.together([lambda: plugin.flush(SECONDS)] * 4)
            self.expect(found == [True] * 4, f"four threads flushed, and flush returned {found}")
            count = len(self._arrived(plugin, *sent))
            self.expect(count == len(sent), f"four threads flushed 4 events, and {count} have arrived")


def run_of(found: Mapping[str, Any]) -> Any:
    """Return the id of the run that an event is of."""
    return found["run"]["runId"]
