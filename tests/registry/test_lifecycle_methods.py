"""A registry is started, checked and stopped from event loops, which it never blocks."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import SOON, Lab, named, new_registry, until, write_distribution

from floe_plugins import (
    HealthState,
    LifecycleReport,
    PluginConfigurationError,
    PluginNotFoundError,
    PluginRegistry,
    PluginStartupError,
    PluginState,
    SecretsPlugin,
)


def started(registry: PluginRegistry) -> list[str]:
    return [info.name for info in registry.infos() if info.state is PluginState.STARTED]


def test_plugins_run_within_the_block_and_not_behind_it() -> None:
    registry = new_registry()
    registry.register(named("a"), named("b", dependencies=("secrets:a",)))

    async def main() -> list[str]:
        async with registry as entered:
            assert entered is registry
            return started(registry)

    assert asyncio.run(main()) == ["a", "b"]
    assert started(registry) == []


def test_a_required_plugin_that_fails_keeps_the_block_from_being_entered() -> None:
    def fail(_self: Any) -> None:
        raise RuntimeError("no")

    registry = new_registry({"registry": {"required": ["secrets:a"]}})
    registry.register(named("a", startup=fail), named("b"))

    async def main() -> None:
        async with registry:
            pytest.fail("it was entered")

    with pytest.raises(PluginStartupError, match="no"):
        asyncio.run(main())
    assert started(registry) == []


def test_each_awaited_method_gives_what_its_namesake_does() -> None:
    registry = new_registry()
    registry.register(named("a"), named("b"))

    async def main() -> None:
        assert await registry.aget(SecretsPlugin, "a") is registry.get(SecretsPlugin, "a")
        assert (await registry.astart(SecretsPlugin, "a")).ok
        assert started(registry) == ["a"]
        assert (await registry.astartup()).ok
        assert (await registry.ahealth()).state is HealthState.HEALTHY
        assert (await registry.ahealth(SOON, max_age=SOON)).state is HealthState.HEALTHY
        assert (await registry.astop(SecretsPlugin, "a")).ok
        assert started(registry) == ["b"]
        assert [outcome.ref.name for outcome in (await registry.ashutdown()).outcomes] == ["b"]

    asyncio.run(main())


def test_what_a_method_raises_is_raised_where_it_is_awaited() -> None:
    registry = new_registry({"plugins": {"secrets": {"a": {"size": 3}}}})
    registry.register(named("a"))

    async def main() -> None:
        with pytest.raises(PluginConfigurationError):
            await registry.astartup()
        with pytest.raises(PluginNotFoundError):
            await registry.aget(SecretsPlugin, "none")
        with pytest.raises(PluginNotFoundError):
            await registry.astart(SecretsPlugin, "none")

    asyncio.run(main())


def test_the_loop_goes_on_while_plugins_start_stop_and_are_checked() -> None:
    go = {name: threading.Event() for name in ("startup", "health_check", "shutdown")}

    def wait(name: str) -> Callable[[Any], None]:
        def hook(_self: Any) -> None:
            assert go[name].wait(SOON)

        return hook

    registry = new_registry()
    registry.register(named("a", **{name: wait(name) for name in go}))

    async def main() -> None:
        for name, method in (
            ("startup", registry.astartup),
            ("health_check", registry.ahealth),
            ("shutdown", registry.ashutdown),
        ):
            task = asyncio.create_task(method())
            await until(lambda: bool(registry.busy))
            assert not task.done()
            go[name].set()  # by the loop itself: had it been blocked, nobody would
            await task

    asyncio.run(main())


def test_cancelling_a_start_stops_what_it_had_started_and_the_registry_works_as_before(lab: Lab) -> None:
    go = threading.Event()
    registry = lab.registry(
        lab.plugin("a"), lab.plugin("b", lambda _self: go.wait(SOON) and None, dependencies=("secrets:a",))
    )

    async def main() -> None:
        task = asyncio.create_task(registry.astartup())
        await until(lambda: "+b" in lab.log)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert started(registry) == []
        go.set()
        await until(lambda: {"-a", "-b"} <= set(lab.log))
        await until(lambda: not registry.busy)
        assert (await registry.astartup()).ok
        await registry.ashutdown()

    asyncio.run(main())


def test_cancelling_what_has_just_ended_undoes_it_too() -> None:
    registry = new_registry()
    registry.register(named("a"))

    async def main() -> None:
        task = asyncio.create_task(registry.astartup())
        await until(lambda: started(registry) == ["a"])
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            assert started(registry) == []
        else:
            assert started(registry) == ["a"]

    for _ in range(20):
        asyncio.run(main())
        registry.shutdown()


def test_cancelling_a_start_stops_what_started_on_the_loops_thread_too(lab: Lab) -> None:
    go = threading.Event()
    registry = lab.registry(
        lab.plugin("a", caller_thread=True),
        lab.plugin("b", lambda _self: go.wait(SOON) and None, dependencies=("secrets:a",)),
    )

    async def main() -> None:
        task = asyncio.create_task(registry.astartup())
        await until(lambda: "+b" in lab.log)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert "-a" in lab.log
    go.set()


def test_a_cancelled_stop_leaves_what_is_under_way_and_stops_no_other_plugin(lab: Lab) -> None:
    registry = lab.registry(
        lab.plugin("a"),
        lab.plugin("b", shutdown=lambda _self: lab.forever.wait() and None, dependencies=("secrets:a",)),
    )
    registry.startup()

    async def main() -> None:
        stop = asyncio.create_task(registry.ashutdown())
        await until(lambda: "-b" in lab.log)
        stop.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(stop, SOON)

    asyncio.run(main())
    assert "-a" not in lab.log
    assert registry.state(SecretsPlugin, "a") is PluginState.STARTED


def test_a_second_cancellation_does_not_wait(lab: Lab) -> None:
    registry = lab.registry(lab.plugin("a", shutdown=lambda _self: lab.forever.wait() and None))
    registry.startup()

    async def main() -> None:
        stop = asyncio.create_task(registry.ashutdown())
        await until(lambda: "-a" in lab.log)
        stop.cancel()
        await asyncio.sleep(0)
        stop.cancel()
        with pytest.raises(asyncio.CancelledError):
            await stop

    asyncio.run(main())


SLOW = """
from gate_of_a_slow_plugin import entered, go
from support import Secrets

class Slow(Secrets):
    name = "slow"

    def __init__(self):
        entered.set()
        go.wait()
"""


def test_a_cancelled_get_leaves_at_once_and_the_load_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = types.ModuleType("gate_of_a_slow_plugin")
    entered, go = threading.Event(), threading.Event()
    vars(gate).update(entered=entered, go=go)
    monkeypatch.setitem(sys.modules, gate.__name__, gate)
    monkeypatch.syspath_prepend(tmp_path)
    write_distribution(tmp_path, "slow", "[floe.secrets]\nslow = slow_plugin:Slow\n", slow_plugin=SLOW)
    registry = PluginRegistry(path=[str(tmp_path)], environ={})

    async def main() -> None:
        task = asyncio.create_task(registry.aget(SecretsPlugin, "slow"))
        await until(entered.is_set)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, SOON)
        assert registry.busy
        go.set()
        assert (await registry.aget(SecretsPlugin, "slow")).name == "slow"

    asyncio.run(main())


def test_a_plugin_that_asks_for_the_callers_thread_gets_that_of_the_loop() -> None:
    threads: list[threading.Thread] = []
    registry = new_registry()
    note: Any = lambda _self: threads.append(threading.current_thread())  # noqa: E731
    registry.register(named("a", caller_thread=True, startup=note, shutdown=note))

    async def main() -> None:
        async with registry:
            pass

    asyncio.run(main())
    assert threads == [threading.current_thread()] * 2


def test_no_limit_is_told_of_calls_on_the_callers_thread_which_have_none() -> None:
    registry, told = new_registry(), []
    registry.register(named("a", caller_thread=True, startup=lambda _: None, shutdown=lambda _: None))
    subscription = registry.subscribe(
        lambda event: told.append((str(event.stage), event.timeout)) if event.kind == "call_begun" else None
    )
    with registry:
        pass
    assert subscription.wait(SOON)
    assert told == [("start", None), ("stop", None)]


def test_async_hooks_that_ask_for_the_loops_own_thread_are_refused() -> None:
    async def startup(_self: Any) -> None:
        pytest.fail("it was called")

    registry = new_registry()
    registry.register(named("a", caller_thread=True, startup=startup))
    [outcome] = asyncio.run(registry.astartup()).outcomes
    assert "an event loop is running there" in outcome.message


def test_a_plugin_awaits_its_registry_in_its_own_loop() -> None:
    found: list[Any] = []

    async def startup(self: Any) -> None:
        found.append(await self.registry.aget(SecretsPlugin, "b"))
        found.append((await self.registry.astart(SecretsPlugin, "b")).ok)
        found.append([outcome.message for outcome in (await self.registry.ashutdown()).outcomes])

    registry = new_registry()
    registry.register(named("a", startup=startup), named("b"))

    async def main() -> None:
        assert (await registry.astart(SecretsPlugin, "a")).ok

    asyncio.run(main())
    assert found[0] is registry.get(SecretsPlugin, "b")
    assert found[1] is True
    assert "the call comes from one of them" in found[2][0]
    registry.shutdown()


def test_a_registry_serves_two_loops_at_once() -> None:
    registry = new_registry()
    registry.register(*(named(f"p{i}") for i in range(5)))
    results: list[bool] = []

    def run() -> None:
        async def main() -> bool:
            return (await registry.astartup()).ok and (await registry.ahealth()).state is HealthState.HEALTHY

        results.append(asyncio.run(main()))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert results == [True, True]
    assert len(registry.shutdown().outcomes) == len(registry.infos())


def test_who_waits_for_a_start_that_another_loop_cancels_is_told_that_it_failed(lab: Lab) -> None:
    release, entered = threading.Event(), threading.Event()

    def startup(_plugin: object) -> None:
        entered.set()
        release.wait(SOON)

    registry = lab.registry(lab.plugin("slow", startup))
    found: list[LifecycleReport] = []

    async def cancel() -> None:
        task = asyncio.create_task(registry.astartup())
        await asyncio.to_thread(entered.wait, SOON)
        other.start()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def join() -> None:
        found.append(await registry.astartup())

    other = threading.Thread(target=lambda: asyncio.run(join()))
    asyncio.run(cancel())
    other.join(SOON)
    assert not found[0].ok
    release.set()
    asyncio.run(until(lambda: registry.startup().ok))
    assert started(registry) == ["slow"]


def test_the_callers_context_reaches_the_plugins() -> None:
    variable = contextvars.ContextVar("variable", default="outside")
    seen: list[str] = []
    registry = new_registry()
    registry.register(named("a", startup=lambda _self: seen.append(variable.get())))

    async def main() -> None:
        variable.set("inside")
        await registry.astartup()

    asyncio.run(main())
    assert seen == ["inside"]
    registry.shutdown()
