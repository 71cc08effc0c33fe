"""What starting, stopping and checking share: hooks, their results, and the errors of calls that took too long."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from support import Secrets, entry_of, new_registry

from floe_plugins import HealthState, HealthStatus, PluginRegistry, PluginType, Stage
from floe_plugins.execution.call import Call
from floe_plugins.lifecycle.parts import Parts, is_default, wrong_result

SECRETS = PluginType.SECRETS


def parts_of(registry: PluginRegistry) -> Parts:
    return registry._services().lifecycle.parts


def generator() -> Iterator[int]:
    yield 1


async def async_generator() -> AsyncIterator[int]:
    yield 1


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (None, None),
        (False, "an object of type bool, and must return None"),
        (0, "an object of type int, and must return None"),
        (generator(), "a generator: it contains a yield, and nothing of it has run"),
        (async_generator(), "a async_generator: it contains a yield, and nothing of it has run"),
    ],
)
def test_a_hook_returns_none_or_is_told_what_is_wrong(value: object, wrong: str | None) -> None:
    assert wrong_result(value) == wrong


def test_a_hook_that_is_not_overridden_is_the_default_and_needs_no_thread(lab: Any) -> None:
    class Plain(lab.plugin("a").__mro__[1]):  # type: ignore[misc]
        name = "plain"

        def shutdown(self) -> None: ...

    registry = lab.registry(Plain)
    parts, entry = parts_of(registry), entry_of(registry, "plain")
    assert is_default(parts.hook(entry, "startup"))
    assert not is_default(parts.hook(entry, "shutdown"))
    assert parts.hook_task(entry, Stage.START).inline
    assert not parts.hook_task(entry, Stage.STOP).inline
    assert not is_default(len)


def test_a_task_has_the_timeout_of_its_stage_unless_there_is_less_time(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"), timeouts={"startup": 7, "shutdown": 9})
    parts, entry = parts_of(registry), entry_of(registry, "a")
    task = parts.hook_task(entry, Stage.START)
    assert (task.timeout, task.shown_timeout) == (7, 7)
    task = parts.hook_task(entry, Stage.STOP, timeout=2.0, delay=1.0, cancel_unstarted=False, reason="again")
    assert (task.timeout, task.shown_timeout, task.delay, task.cancel_unstarted, task.reason) == (
        2,
        9,
        1,
        False,
        "again",
    )


def test_as_many_workers_as_configured_else_sixteen() -> None:
    assert parts_of(new_registry()).workers == 16
    assert parts_of(new_registry(workers=1)).workers == 1
    assert parts_of(new_registry({"registry": {"workers": 3}})).workers == 3


@pytest.mark.parametrize(
    ("begun", "seconds_ago", "message"),
    [
        (True, 8.0, "startup did not end within 7 s"),
        (False, 8.0, "startup could not begin within 7 s: its thread is busy with an earlier call"),
        (True, 1.0, "startup did not end within the time that the whole startup may take (timeouts.startup_total)"),
    ],
)
def test_a_time_out_says_what_took_too_long(lab: Any, begun: bool, seconds_ago: float, message: str) -> None:  # noqa: FBT001
    registry = lab.registry(lab.plugin("a"), timeouts={"startup": 7})
    parts, entry = parts_of(registry), entry_of(registry, "a")
    now = time.monotonic()
    task = parts.hook_task(entry, Stage.START)
    task.call, task.began = Call(lambda: None), now - seconds_ago
    task.call.began = task.began if begun else None
    error = parts.timed_out(entry, task, Stage.START)
    assert error.message == message
    assert (error.ref, error.seconds, error.stage) == (entry.ref, 7, "start")
    assert type(error.stage) is str
    assert error.hint == "Find out what it waits for, or raise timeouts.startup."


async def hook(_plugin: Any) -> None:
    await asyncio.sleep(0)


ON_CALLER = type("a", (Secrets,), {"name": "a", "startup": hook, "shutdown": hook, "caller_thread": True})


def test_async_hooks_on_the_calling_thread_are_refused_where_a_loop_runs_there(lab: Any) -> None:
    registry = lab.registry(ON_CALLER, lab.plugin("b", hook))

    async def main() -> Any:
        return registry.startup()

    report = asyncio.run(main())
    failed = lab.of(report, "a")
    assert failed.message == "its async hooks ask for the calling thread, and an event loop is running there"
    assert "asyncio.to_thread" in failed.cause.hint
    assert failed.attempts == 0
    assert lab.of(report, "b").ok


def test_so_is_their_stop_which_succeeds_outside_of_the_loop(lab: Any) -> None:
    registry = lab.registry(ON_CALLER)
    assert registry.startup().ok

    async def main() -> Any:
        return registry.shutdown()

    report = asyncio.run(main())
    assert "an event loop is running there" in lab.of(report, "a").message
    assert registry.shutdown().ok


@pytest.mark.parametrize("hook", ["startup", "health_check", "shutdown"])
def test_a_hook_is_looked_up_on_the_plugins_thread_and_what_that_raises_is_its_own_failure(lab: Any, hook: str) -> None:
    threads: list[str] = []

    def look_up(plugin: Any, name: str) -> Any:
        if name == hook:
            threads.append(threading.current_thread().name)
            raise RuntimeError("no such thing")
        return object.__getattribute__(plugin, name)

    registry = lab.registry(lab.plugin("a", health_check=lambda _: HealthStatus(HealthState.HEALTHY)), lab.plugin("b"))
    type(registry.get(SECRETS, "a")).__getattribute__ = look_up
    started = registry.startup()
    health = registry.health()
    stopped = registry.shutdown()
    messages = [each.message for each in (*started.outcomes, *health.statuses.values(), *stopped.outcomes)]
    assert f"{hook} raised RuntimeError: no such thing" in messages
    assert threads
    assert set(threads) == {"secrets:a"}
    assert lab.of(started, "b").ok
    assert lab.of(stopped, "b").ok
