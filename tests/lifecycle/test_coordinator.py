"""Requests that meet: from several threads, and from the plugins themselves."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from support import SOON, entry_of, run_code

from floe_plugins import HealthState, HealthStatus, LifecycleReport, OutcomeState, PluginRef, PluginState, PluginType
from floe_plugins.lifecycle.coordinator import Coordinator

SECRETS = PluginType.SECRETS


def in_threads(count: int, function: Callable[[], Any]) -> list[Any]:
    """What ``function`` returns on each of several threads that begin together."""
    together = threading.Barrier(count)
    results: list[Any] = []

    def run() -> None:
        together.wait(SOON)
        results.append(function())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert len(results) == count
    return results


def test_startup_from_many_threads_starts_each_plugin_once(lab: Any) -> None:
    registry = lab.registry(
        *(lab.plugin(f"p{number}", dependencies=("secrets:p0",) if number else ()) for number in range(8))
    )
    reports = in_threads(16, registry.startup)
    assert all(report.ok and len(report.outcomes) == 8 for report in reports)
    assert sorted(lab.log) == sorted(f"+p{number}" for number in range(8))


def test_shutdown_from_many_threads_stops_each_plugin_once(lab: Any) -> None:
    registry = lab.registry(*(lab.plugin(f"p{number}") for number in range(8)))
    registry.startup()
    assert all(report.ok for report in in_threads(16, registry.shutdown))
    assert len(lab.log) == 16


def test_who_asks_for_what_is_being_started_shares_its_outcome(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    entered = threading.Event()
    begin_or_join = Coordinator.begin_or_join

    def end_when_joined(coordinator: Coordinator, ref: PluginRef) -> Any:
        transition, is_mine = begin_or_join(coordinator, ref)
        if not is_mine:
            lab.forever.set()
        return transition, is_mine

    monkeypatch.setattr(Coordinator, "begin_or_join", end_when_joined)

    def startup(plugin: Any) -> None:
        entered.set()
        lab.hang(plugin)

    registry = lab.registry(lab.plugin("a", startup))
    first: list[LifecycleReport] = []
    thread = threading.Thread(target=lambda: first.append(registry.startup()))
    thread.start()
    assert entered.wait(SOON)
    outcome = registry.start(SECRETS, "a")
    thread.join(SOON)
    assert outcome == first[0].outcomes[0]
    assert lab.log == ["+a"]


def test_shutdown_during_a_startup_lets_what_is_under_way_end_and_begins_nothing_more(lab: Any) -> None:
    entered = threading.Event()

    def startup(plugin: Any) -> None:
        entered.set()
        lab.hang(plugin)

    registry = lab.registry(lab.plugin("a", startup), lab.plugin("b", dependencies=("secrets:a",)))
    reports: list[LifecycleReport] = []
    starting = threading.Thread(target=lambda: reports.append(registry.startup()))
    starting.start()
    assert entered.wait(SOON)
    stopping = threading.Thread(target=registry.shutdown)
    stopping.start()
    threading.Timer(0.05, lab.forever.set).start()
    starting.join(SOON)
    stopping.join(SOON)
    assert lab.of(reports[0], "a").ok
    assert lab.of(reports[0], "b").state is OutcomeState.SKIPPED
    assert lab.of(reports[0], "b").message == "all plugins are being stopped"
    assert lab.log == ["+a", "-a"]
    assert registry.startup().ok


def test_a_plugin_can_start_another_one_while_it_starts(lab: Any) -> None:
    inner = []

    def startup(plugin: Any) -> None:
        inner.append(plugin.registry.start(SECRETS, "b"))

    registry = lab.registry(lab.plugin("a", startup), lab.plugin("b"), workers=1)
    report = registry.startup()
    assert report.ok
    assert inner[0].ok
    assert lab.log == ["+a", "+b"]


def test_a_plugin_that_starts_everything_while_it_starts_does_not_wait_for_itself(lab: Any) -> None:
    inner: list[LifecycleReport] = []

    def startup(plugin: Any) -> None:
        inner.append(plugin.registry.startup())

    registry = lab.registry(
        lab.plugin("a", startup), lab.plugin("b"), lab.plugin("needs-a", dependencies=("secrets:a",))
    )
    assert registry.startup().ok
    assert lab.of(inner[0], "b").ok
    for name in ("a", "needs-a"):
        assert lab.of(inner[0], name).state is OutcomeState.SKIPPED
        assert "waits for the plugin whose code asks" in lab.of(inner[0], name).message
    assert registry.state(SECRETS, "needs-a") is PluginState.STARTED


def test_two_plugins_that_start_each_other_do_not_wait_for_ever(lab: Any) -> None:
    together = threading.Barrier(2)

    def start(name: str) -> Callable[[Any], None]:
        def startup(plugin: Any) -> None:
            together.wait(SOON)
            plugin.registry.start(SECRETS, name)

        return startup

    registry = lab.registry(lab.plugin("a", start("b")), lab.plugin("b", start("a")), workers=2)
    assert registry.startup().ok
    assert sorted(lab.log) == ["+a", "+b"]


def test_a_plugin_that_stops_others_while_it_starts_is_refused(lab: Any) -> None:
    inner = []

    def startup(plugin: Any) -> None:
        inner.append(plugin.registry.stop(SECRETS, "b"))
        inner.append(plugin.registry.shutdown())

    registry = lab.registry(lab.plugin("a", startup, dependencies=("secrets:b",)), lab.plugin("b"))
    assert registry.startup().ok
    assert inner[0].state is OutcomeState.SKIPPED
    assert "plugins are being started" in inner[0].message
    assert registry.state(SECRETS, "b") is PluginState.STARTED
    assert [each.state for each in inner[1].outcomes] == [OutcomeState.SKIPPED]


def test_a_plugin_that_starts_others_while_it_stops_is_refused(lab: Any) -> None:
    inner = []

    def shutdown(plugin: Any) -> None:
        inner.append(plugin.registry.startup())

    registry = lab.registry(lab.plugin("a", None, shutdown), lab.plugin("b"))
    registry.startup()
    assert registry.shutdown().ok
    assert all(each.state is OutcomeState.SKIPPED for each in inner[0].outcomes)
    assert registry.state(SECRETS, "b") is PluginState.STOPPED


def test_a_plugin_that_shuts_everything_down_while_it_stops_does_not_wait_for_itself(lab: Any) -> None:
    def shutdown(plugin: Any) -> None:
        plugin.registry.shutdown()

    registry = lab.registry(lab.plugin("a", None, shutdown), lab.plugin("b", dependencies=("secrets:a",)))
    registry.startup()
    assert registry.shutdown().ok
    assert lab.log == ["+a", "+b", "-b", "-a"]


def test_a_health_check_can_start_and_stop_plugins(lab: Any) -> None:
    def check(plugin: Any) -> Any:
        plugin.registry.stop(SECRETS, "b")
        return plugin.registry.start(SECRETS, "b") and None

    registry = lab.registry(lab.plugin("a", health_check=check), lab.plugin("b"))
    registry.startup()
    registry.health()
    assert lab.log[-2:] == ["-b", "+b"]


@pytest.mark.parametrize("workers", [1, 8])
def test_32_threads_that_do_everything_at_once_leave_a_registry_that_works(lab: Any, workers: int) -> None:
    names = [f"p{number}" for number in range(10)]
    registry = lab.registry(
        *(
            lab.plugin(name, dependencies=tuple(f"secrets:{other}" for other in names[: index // 3]))
            for index, name in enumerate(names)
        ),
        workers=workers,
    )
    seeds = iter(range(32))
    of_all = (registry.startup, registry.shutdown, registry.health, registry.resolve)
    of_one = (registry.start, registry.start, registry.stop, registry.get)

    def act() -> None:
        seed = next(seeds)
        for turn in range(12):
            name, choice = names[(seed * 7 + turn * 3) % 10], (seed + turn) % 8
            if choice < 4:
                of_all[choice]()
            else:
                of_one[choice - 4](SECRETS, name)

    in_threads(32, act)
    assert registry.startup().ok
    starts = {name: lab.log.count(f"+{name}") - lab.log.count(f"-{name}") for name in names}
    assert starts == dict.fromkeys(names, 1)
    running: set[str] = set()
    for event in lab.log:
        name = event[1:]
        waited_for = names[: names.index(name) // 3]
        if event[0] == "+":
            assert running.issuperset(waited_for)
            running.add(name)
        else:
            running.discard(name)
            assert not any(name in names[: names.index(other) // 3] for other in running)


def test_a_plugin_on_the_callers_thread_starts_and_stops_on_whichever_thread_asks(lab: Any) -> None:
    threads: list[threading.Thread] = []

    def note(_plugin: Any) -> None:
        threads.append(threading.current_thread())

    registry = lab.registry(lab.plugin("a", note, note, caller_thread=True), timeouts={"startup": 1.0})
    asking = threading.Thread(target=lambda: (registry.startup(), registry.shutdown()))
    asking.start()
    asking.join(SOON)
    assert threads == [asking] * 2


def test_a_check_that_starts_plugins_while_others_stop_is_refused_and_does_not_wait_for_them(lab: Any) -> None:
    checking, stopping = threading.Event(), threading.Event()
    said: list[LifecycleReport] = []

    def check(plugin: Any) -> HealthStatus:
        checking.set()
        stopping.wait(SOON)
        said.append(plugin.registry.startup())
        return HealthStatus(HealthState.HEALTHY)

    registry = lab.registry(
        lab.plugin("a", health_check=check),
        lab.plugin("b", None, lambda _: stopping.set(), dependencies=("secrets:a",)),
        timeouts={"health": SOON, "shutdown": SOON},
    )
    registry.startup()
    health = threading.Thread(target=registry.health)
    health.start()
    assert checking.wait(SOON)
    begun = time.monotonic()
    assert registry.shutdown().ok
    assert time.monotonic() - begun < SOON / 2
    health.join(SOON)
    assert {each.state for each in said[0].outcomes} == {OutcomeState.SKIPPED}
    assert "plugins are being stopped" in said[0].outcomes[0].message


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_while_a_start_waits_for_a_stop_is_answered_at_once() -> None:
    code = """
    import os, signal, threading, time
    from support import Lab, SOON
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lab, stopping = Lab(), threading.Event()
    registry = lab.registry(lab.plugin("a", None, lambda _: (stopping.set(), lab.hang())))
    registry.startup()
    threading.Thread(target=registry.shutdown, daemon=True).start()
    stopping.wait(SOON)
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    begun = time.monotonic()
    try:
        registry.startup()
    except KeyboardInterrupt:
        lab.forever.set()
        os.write(1, b"soon" if time.monotonic() - begun < SOON / 2 else b"late")
    """
    assert run_code(code, check=True).stdout == "soon"


def test_a_start_waits_for_a_stop_that_is_under_way(lab: Any) -> None:
    stopping = threading.Event()

    def shutdown(plugin: Any) -> None:
        stopping.set()
        lab.hang(plugin)

    registry = lab.registry(lab.plugin("a", None, shutdown), lab.plugin("b"))
    registry.startup()
    stop = threading.Thread(target=registry.shutdown)
    stop.start()
    assert stopping.wait(SOON)
    threading.Timer(0.1, lambda: (lab.log.append("ends"), lab.forever.set())).start()
    assert registry.startup().ok
    stop.join(SOON)
    after = lab.log[lab.log.index("ends") :]
    assert {"+a", "+b"} <= set(after)


def test_who_wants_to_stop_has_its_turn_before_a_start_that_asks_later(lab: Any) -> None:
    go_on = threading.Event()
    registry = lab.registry(
        lab.plugin("a", lambda _: go_on.wait(SOON) and None), lab.plugin("b"), timeouts={"startup": SOON}
    )
    changed = registry._services().lifecycle.parts.coordinator._changed
    requests = [
        lambda: registry.start(PluginType.SECRETS, "a"),
        registry.shutdown,
        lambda: registry.start(PluginType.SECRETS, "b"),
    ]
    threads = [threading.Thread(target=request) for request in requests]
    for waiting, thread in enumerate(threads):
        thread.start()
        while len(changed._waiters) < waiting and "+b" not in lab.log:
            time.sleep(0.001)
        while "+a" not in lab.log:
            time.sleep(0.001)
    go_on.set()
    for thread in threads:
        thread.join(SOON)
    assert lab.log == ["+a", "-a", "+b"]


def test_who_waits_for_a_plugin_that_is_taken_out_learns_that_it_is_skipped(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    entry, coordinator = entry_of(registry, "a"), Coordinator(registry, lambda _: None)
    with coordinator.excluded(entry, SOON):
        done, is_mine = coordinator.begin_or_join(entry.ref)
        assert not is_mine
        assert not done.done()
    outcome = done.result(SOON)
    assert (outcome.state, outcome.message) == (OutcomeState.SKIPPED, "it is being taken out")
    assert coordinator.begin_or_join(entry.ref)[1]
