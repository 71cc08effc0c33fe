"""Those who listen are told of each call, state, retry and problem, and cannot do harm."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from support import SOON, Secrets, new_registry

from floe_plugins import HealthState, HealthStatus, PluginEvent, PluginRegistry, PluginUnavailableError
from floe_plugins.entries import events
from floe_plugins.execution import threads


class Quiet(Secrets):
    name = "quiet"


class Started(Quiet):
    def startup(self) -> None:
        self.thread = threading.get_ident()

    def shutdown(self) -> None:
        pass


@contextmanager
def told(registry: PluginRegistry) -> Iterator[Callable[[Callable[[PluginEvent], bool]], list[PluginEvent]]]:
    """Subscribe; the function that is given waits for an event and returns all so far."""
    seen: list[PluginEvent] = []
    changed = threading.Condition()

    def note(event: PluginEvent) -> None:
        with changed:
            seen.append(event)
            changed.notify_all()

    def until(last: Callable[[PluginEvent], bool]) -> list[PluginEvent]:
        with changed:
            assert changed.wait_for(lambda: any(map(last, seen)), SOON)
            return list(seen)

    end = registry.subscribe(note)
    yield until
    end()


def in_brief(found: list[PluginEvent]) -> list[tuple[Any, ...]]:
    return [(each.kind, str(each.ref), str(each.stage or each.state)) for each in found]


def test_a_start_and_a_stop_are_told_in_order() -> None:
    registry = new_registry()
    registry.register(Started)
    with told(registry) as until:
        registry.startup()
        registry.shutdown()
        found = until(lambda event: (event.kind, event.stage) == ("stage_ended", "stop"))
    name = "secrets:quiet"
    assert in_brief(found) == [
        ("stage_begun", "None", "start"),
        ("state", name, "configured"),
        ("call_begun", name, "start"),
        ("call_ended", name, "start"),
        ("state", name, "started"),
        ("stage_ended", "None", "start"),
        ("stage_begun", "None", "stop"),
        ("call_begun", name, "stop"),
        ("call_ended", name, "stop"),
        ("state", name, "stopped"),
        ("stage_ended", "None", "stop"),
    ]


def test_a_scan_is_told_with_the_seconds_that_it_took() -> None:
    registry = PluginRegistry(path=[], environ={})
    with told(registry) as until:
        registry.discover()
        found = until(lambda event: event.kind == "stage_ended")
    assert in_brief(found) == [("stage_begun", "None", "discover"), ("stage_ended", "None", "discover")]
    assert found[-1].seconds is not None


def test_a_call_names_its_thread_and_its_timeout() -> None:
    registry = new_registry(timeouts={"startup": 17})
    plugin = Started()
    registry.register(plugin)
    with told(registry) as until:
        registry.startup()
        begun = next(event for event in until(lambda event: event.kind == "call_ended") if event.kind == "call_begun")
    assert (begun.thread, begun.timeout) == (plugin.thread, 17)
    registry.shutdown()


def test_a_coroutine_runs_until_it_has_been_awaited() -> None:
    reached, release = threading.Event(), threading.Event()

    class Slow(Quiet):
        async def startup(self) -> None:
            import asyncio

            await asyncio.sleep(0)
            reached.set()
            release.wait(SOON)

    registry = new_registry()
    registry.register(Slow)
    with told(registry) as until:
        thread = threading.Thread(target=registry.startup)
        thread.start()
        assert reached.wait(SOON)
        assert [event.kind for event in until(lambda event: event.kind == "call_begun")][-1] == "call_begun"
        release.set()
        until(lambda event: event.kind == "call_ended")
        thread.join()
    registry.shutdown()


def test_a_retry_says_why_and_after_what_pause() -> None:
    attempts = iter([PluginUnavailableError("the service is down", retry_after=0.1), None])

    class Down(Quiet):
        def startup(self) -> None:
            error = next(attempts)
            if error is not None:
                raise error

    registry = new_registry()
    registry.register(Down)
    with told(registry) as until:
        registry.startup()
        found = until(lambda event: event.state == "started")
    retry = next(event for event in found if event.kind == "retry")
    assert "the service is down" in retry.reason
    assert retry.seconds is not None
    assert retry.seconds > 0
    registry.shutdown()


def test_a_failure_is_told_as_a_state_with_its_reason() -> None:
    class Failing(Quiet):
        def startup(self) -> None:
            raise OSError("no such host")

    registry = new_registry()
    registry.register(Failing)
    with told(registry) as until:
        registry.startup()
        failed = next(event for event in until(lambda event: event.state == "failed") if event.state == "failed")
    assert "no such host" in failed.reason


def test_the_base_classes_own_hooks_are_no_calls_of_plugin_code() -> None:
    registry = new_registry()
    registry.register(Quiet)
    with told(registry) as until:
        registry.startup()
        found = until(lambda event: event.state == "started")
    assert {event.kind for event in found if event.ref is not None} == {"state"}
    registry.shutdown()


def test_a_health_check_is_a_call() -> None:
    class Checked(Quiet):
        def health_check(self) -> Any:
            raise RuntimeError

    registry = new_registry()
    registry.register(Checked)
    with registry, told(registry) as until:
        registry.health()
        found = [each for each in until(lambda event: event.kind == "call_ended") if each.ref is not None]
    assert in_brief(found) == [("call_begun", "secrets:quiet", "check"), ("call_ended", "secrets:quiet", "check")]
    assert (found[-1].health, found[-1].reason) == ("unhealthy", "RuntimeError")


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        (lambda _: OSError("no such host"), "OSError: no such host"),
        (lambda _: None, ""),
        (lambda _: False, "it returned an object of type bool, and must return None"),
    ],
)
def test_the_end_of_a_call_says_what_was_wrong(hook: Callable[[Any], Any], reason: str) -> None:
    class Ending(Quiet):
        def startup(self) -> Any:
            found = hook(self)
            if isinstance(found, Exception):
                raise found
            return found

    registry = new_registry()
    registry.register(Ending)
    with told(registry) as until:
        registry.startup()
        ended = next(each for each in until(lambda event: event.kind == "call_ended") if each.kind == "call_ended")
    assert ended.reason == reason
    registry.shutdown()


@pytest.mark.parametrize("stage", ["start", "stop", "check"])
def test_a_call_that_does_not_end_in_time_is_told_as_overdue(stage: str) -> None:
    release = threading.Event()

    def hang(when: str) -> None:
        if when == stage:
            release.wait(SOON)

    class Hanging(Quiet):
        def startup(self) -> None:
            hang("start")

        def shutdown(self) -> None:
            hang("stop")

        def health_check(self) -> HealthStatus:
            hang("check")
            return HealthStatus(HealthState.HEALTHY)

    registry = new_registry(timeouts={"startup": 0.05, "shutdown": 0.05, "health": 0.05})
    registry.register(Hanging)
    with told(registry) as until:
        registry.startup()
        registry.health()
        if stage == "check":
            release.set()  # else its thread is not free for the stop
        registry.shutdown()
        overdue = [each for each in until(lambda event: event.kind == "call_overdue") if each.kind == "call_overdue"]
    assert [(str(each.ref), each.stage) for each in overdue] == [("secrets:quiet", stage)]
    assert "0.05 s" in overdue[0].reason
    release.set()


def test_waiting_ends_when_all_that_has_happened_was_told() -> None:
    seen: list[str] = []
    source = events.Events()
    subscription = source.subscribe(lambda event: seen.append(event.reason))
    for number in range(100):
        source.emit("problem", None, reason=str(number))
    assert subscription.wait(SOON)
    assert len(seen) == 100
    subscription()


def test_waiting_for_a_subscriber_that_blocks_or_has_ended_has_an_end() -> None:
    entered, release = threading.Event(), threading.Event()
    source = events.Events()

    def block(_event: PluginEvent) -> None:
        entered.set()
        release.wait(SOON)

    subscription = source.subscribe(block)
    source.emit("problem", None)
    assert entered.wait(SOON)
    assert not subscription.wait(0.01)
    subscription()
    assert not subscription.wait(SOON)
    release.set()


def test_a_subscriber_cannot_wait_for_itself() -> None:
    waited: list[bool] = []
    done = threading.Event()
    source = events.Events()

    def wait(_event: PluginEvent) -> None:
        waited.append(subscription.wait())
        done.set()

    subscription = source.subscribe(wait)
    source.emit("problem", None)
    assert done.wait(SOON)
    assert waited == [False]


def test_a_subscriber_that_raises_is_told_on(caplog: pytest.LogCaptureFixture) -> None:
    seen = threading.Semaphore(0)

    def broken(_event: PluginEvent) -> None:
        seen.release()
        raise SystemExit

    registry = new_registry()
    registry.register(Quiet)
    with caplog.at_level(logging.WARNING, "floe_plugins"):
        registry.subscribe(broken)
        registry.startup()
        registry.shutdown()
        for _ in range(3):
            assert seen.acquire(timeout=SOON)
    assert "a subscriber of plugin events raised SystemExit" in caplog.text


def test_a_subscriber_that_blocks_delays_nobody() -> None:
    release = threading.Event()
    registry = new_registry()
    registry.register(Started)
    end = registry.subscribe(lambda _: release.wait(SOON))
    with told(registry) as until:
        assert registry.startup().ok
        until(lambda event: event.state == "started")
        assert not release.is_set()
    registry.shutdown()
    release.set()
    end()


def test_a_subscriber_too_far_behind_loses_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_BACKLOG", 2)
    entered, release, seen = threading.Event(), threading.Event(), []
    done = threading.Event()

    def slow(event: PluginEvent) -> None:
        seen.append(event.reason)
        entered.set()
        release.wait(SOON)
        if event.reason == "9":
            done.set()

    source = events.Events()
    source.subscribe(slow)
    for number in range(10):
        source.emit("problem", None, reason=str(number))
        if not number:
            assert entered.wait(SOON)
    release.set()
    assert done.wait(SOON)
    assert seen == ["0", "8", "9"]


def test_after_the_end_of_a_subscription_nothing_is_told() -> None:
    seen: list[PluginEvent] = []
    source = events.Events()
    end = source.subscribe(seen.append)
    end()
    source.emit("problem", None)
    with_other = threading.Event()
    source.subscribe(lambda _: with_other.set())
    source.emit("problem", None)
    assert with_other.wait(SOON)
    assert seen == []


def test_a_subscriber_may_unsubscribe_in_its_callback() -> None:
    seen: list[str] = []
    done = threading.Event()
    source = events.Events()

    def once(event: PluginEvent) -> None:
        seen.append(event.reason)
        end()
        done.set()

    end = source.subscribe(once)
    source.emit("problem", None, reason="first")
    assert done.wait(SOON)
    source.emit("problem", None, reason="second")
    later = threading.Event()
    source.subscribe(lambda _: later.set())
    source.emit("problem", None)
    assert later.wait(SOON)
    assert seen == ["first"]


def test_what_cannot_be_called_is_no_subscriber() -> None:
    with pytest.raises(TypeError, match="one of type str cannot be"):
        new_registry().subscribe("print")  # type: ignore[arg-type]


async def note_later(_event: PluginEvent) -> None:
    pass


class NotesLater:
    async def __call__(self, _event: PluginEvent) -> None:
        pass


@pytest.mark.parametrize("callback", [note_later, NotesLater(), partial(note_later)])
def test_what_must_be_awaited_is_no_subscriber(callback: Any) -> None:
    with pytest.raises(TypeError, match="call_soon_threadsafe"):
        new_registry().subscribe(callback)


def test_an_interrupt_while_subscribing_leaves_no_thread_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[threading.Thread] = []
    start = threads.start

    def interrupted(*args: Any) -> None:
        begun.append(start(*args))
        raise KeyboardInterrupt

    monkeypatch.setattr(threads, "start", interrupted)
    registry = new_registry()
    with pytest.raises(KeyboardInterrupt):
        registry.subscribe(print)
    [thread] = begun
    thread.join(SOON)
    assert not thread.is_alive()


def test_a_subscriber_is_told_the_last_of_a_registry_that_is_gone_and_its_thread_ends() -> None:
    told, release = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def slow(event: PluginEvent) -> None:
        threads.append(threading.current_thread())
        release.wait(SOON)
        if event.state == "started":
            told.set()

    registry = new_registry()
    registry.register(Quiet)
    registry.subscribe(slow)
    registry.startup()
    registry.shutdown()
    del registry
    gc.collect()
    release.set()
    assert told.wait(SOON)
    threads[0].join(SOON)
    assert not threads[0].is_alive()


def test_subscribers_may_end_each_other() -> None:
    ends: list[Callable[[], object]] = []
    source = events.Events()
    ended = threading.Semaphore(0)

    def end_all(_event: PluginEvent) -> None:
        for end in ends:
            end()
        ended.release()

    ends += [source.subscribe(end_all) for _ in range(10)]
    source.emit("problem", None)
    assert ended.acquire(timeout=SOON)
    assert not source.are_heard


def test_a_subscriber_may_stop_the_platform() -> None:
    registry = new_registry()
    registry.register(Started)
    stopped = threading.Event()

    def stop(event: PluginEvent) -> None:
        if event.state == "started":
            registry.shutdown()
            stopped.set()

    registry.subscribe(stop)
    registry.startup()
    assert stopped.wait(SOON)
    assert registry.state("secrets", "quiet") == "stopped"


def test_an_observer_is_called_on_the_thread_of_the_call() -> None:
    threads: list[int | None] = []
    registry = new_registry()
    plugin = Started()
    registry.register(plugin)
    registry._store.events.observe(lambda event: threads.append(threading.get_ident()) if event.thread else None)
    registry.startup()
    assert threads == [plugin.thread, plugin.thread]
    registry.shutdown()
