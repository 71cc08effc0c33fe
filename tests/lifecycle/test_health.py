"""Health: all at once, in time, nothing piled up, and what the states add up to."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from support import SOON, entry_of

from floe_plugins import HealthReport, HealthState, HealthStatus, OutcomeState, PluginRef, PluginType
from floe_plugins.lifecycle.health import outcomes, to_plain_status

SECRETS = PluginType.SECRETS


def started(lab: Any, *checks: Callable[[Any], Any] | None, **options: Any) -> Any:
    """A registry with plugins p0, p1, ... that have these health checks, started."""
    plugins = [
        lab.plugin(f"p{number}", **({"health_check": check} if check else {})) for number, check in enumerate(checks)
    ]
    registry = lab.registry(*plugins, **options)
    assert registry.startup().ok
    return registry


def status(report: HealthReport, name: str = "p0") -> HealthStatus:
    return report.statuses[PluginRef(SECRETS, name)]


def test_a_plugin_without_a_check_is_healthy_by_default_and_marked_so(lab: Any) -> None:
    report = started(lab, None).health()
    assert report.state is HealthState.HEALTHY
    assert status(report).default
    assert status(report).message == "no health check of its own"


@pytest.mark.parametrize("state", list(HealthState))
def test_what_a_check_says_is_reported_with_its_time(lab: Any, state: HealthState) -> None:
    said = HealthStatus(state, "lagging", {"lag": 3})
    found = status(started(lab, lambda _: said).health())
    assert (found.state, found.message, found.details, found.default) == (state, "lagging", {"lag": 3}, False)
    assert found.seconds is not None
    assert found.seconds >= 0
    assert abs((found.time or 0) - time.time()) < SOON


def test_an_async_check_is_awaited(lab: Any) -> None:
    async def check(_plugin: Any) -> HealthStatus:
        await asyncio.sleep(0)
        return HealthStatus(HealthState.HEALTHY, "awaited")

    assert status(started(lab, check).health()).message == "awaited"


@pytest.mark.parametrize(
    ("value", "shown"), [(True, "bool"), (None, "NoneType"), ("healthy", "str"), (iter(()), "tuple_iterator")]
)
def test_a_wrong_return_type_is_unhealthy(lab: Any, value: object, shown: str) -> None:
    found = status(started(lab, lambda _: value).health())
    assert found.state is HealthState.UNHEALTHY
    assert found.message == f"health_check returned an object of type {shown}, and must return HealthStatus"


@pytest.mark.parametrize("error", [ConnectionError("refused"), SystemExit(1), ValueError(), GeneratorExit()])
def test_a_check_that_raises_is_unhealthy_with_the_reason(lab: Any, error: BaseException) -> None:
    def check(_plugin: Any) -> HealthStatus:
        raise error

    report = started(lab, check, None).health()
    assert status(report).state is HealthState.UNHEALTHY
    assert status(report).message.startswith(f"health_check raised {type(error).__name__}")
    assert status(report, "p1").state is HealthState.HEALTHY


def test_a_plugin_that_is_not_started_is_unhealthy_and_says_which_state_it_is_in(lab: Any) -> None:
    registry = lab.registry(lab.plugin("p0"), lab.plugin("p1", lab.fail))
    assert status(registry.health()).message == "it is not started, but loaded"
    registry.startup()
    report = registry.health()
    assert status(report, "p1").message == "it is not started, but failed: startup raised ConnectionError: refused"
    registry.shutdown()
    assert status(registry.health()).message == "it is not started, but stopped"


def test_hanging_checks_are_answered_for_at_one_deadline_and_the_rest_answer(lab: Any) -> None:
    registry = started(lab, *[lab.hang] * 5, *[None] * 20)
    report = registry.health(timeout=0.2)
    assert not lab.forever.is_set()
    states = [found.state for found in report.statuses.values()]
    assert states.count(HealthState.UNHEALTHY) == 5
    assert states.count(HealthState.HEALTHY) == 20
    assert status(report).message == "no answer in 0.2 s"
    assert 0.2 <= report.seconds < 5 * 0.2


def test_the_deadline_of_the_configuration_counts_where_none_is_given(lab: Any) -> None:
    report = started(lab, lab.hang, timeouts={"health": 0.1}).health()
    assert status(report).message == "no answer in 0.1 s"


def test_a_hanging_check_is_not_piled_upon_and_answers_again_once_it_ends(lab: Any) -> None:
    entered = []

    def check(plugin: Any) -> HealthStatus:
        entered.append(1)
        lab.hang(plugin)
        return HealthStatus(HealthState.HEALTHY)

    registry = started(lab, check)
    for _ in range(3):
        assert status(registry.health(timeout=0.05)).state is HealthState.UNHEALTHY
    assert len(entered) == 1
    lab.forever.set()
    while status(registry.health(timeout=SOON)).state is not HealthState.HEALTHY:
        pass
    # The answer may be that of the first check, if that ends while it is asked for.
    assert len(entered) <= 2


def test_concurrent_callers_share_one_check(lab: Any) -> None:
    entered = threading.Semaphore(0)
    count = []

    def check(plugin: Any) -> HealthStatus:
        count.append(1)
        entered.release()
        lab.hang(plugin)
        return HealthStatus(HealthState.HEALTHY, "shared")

    registry = started(lab, check)
    reports: list[HealthReport] = []
    threads = [threading.Thread(target=lambda: reports.append(registry.health(timeout=SOON))) for _ in range(8)]
    threads[0].start()
    entered.acquire()
    for thread in threads[1:]:
        thread.start()
    # A caller with less patience comes and goes while the check is under way.
    assert status(registry.health(timeout=0.05)).message == "no answer in 0.05 s"
    lab.forever.set()
    for thread in threads:
        thread.join(SOON)
    assert [status(report).message for report in reports] == ["shared"] * 8
    assert len(count) in {1, 2}  # a thread that was late to start asks anew


def test_an_async_check_is_cancelled_at_the_deadline_and_asked_again(lab: Any) -> None:
    cancelled = threading.Event()

    async def check(_plugin: Any) -> HealthStatus:
        if not cancelled.is_set():
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
        return HealthStatus(HealthState.HEALTHY, "again")

    registry = started(lab, check)
    assert status(registry.health(timeout=0.1)).message == "no answer in 0.1 s"
    assert cancelled.wait(SOON)
    while status(found := registry.health(timeout=SOON)).state is not HealthState.HEALTHY:
        pass
    assert status(found).message == "again"


def test_a_check_of_a_plugin_that_asks_for_the_callers_thread_runs_there(lab: Any) -> None:
    threads = []

    def check(_plugin: Any) -> HealthStatus:
        threads.append(threading.current_thread())
        return HealthStatus(HealthState.HEALTHY)

    registry = lab.registry(lab.plugin("p0", health_check=check, caller_thread=True), lab.plugin("p1"))
    registry.startup()
    assert registry.health().state is HealthState.HEALTHY
    assert threads == [threading.current_thread()]


def test_a_plugin_that_asks_for_the_health_of_all_is_not_waited_for_by_itself(lab: Any) -> None:
    inner = []

    def check(plugin: Any) -> HealthStatus:
        inner.append(plugin.registry.health())
        return HealthStatus(HealthState.HEALTHY, "outer")

    report = started(lab, check, None).health()
    assert status(report).message == "outer"
    assert status(inner[0]).message == "it is being asked by this very call"
    assert status(inner[0], "p1").state is HealthState.HEALTHY


@pytest.mark.parametrize(
    ("required", "optional", "overall"),
    [
        ("healthy", "healthy", "healthy"),
        ("healthy", "degraded", "degraded"),
        ("healthy", "unhealthy", "degraded"),
        ("degraded", "healthy", "degraded"),
        ("degraded", "unhealthy", "degraded"),
        ("unhealthy", "healthy", "unhealthy"),
    ],
)
def test_the_overall_state_is_the_worst_of_the_required_and_optional_ones_only_degrade(
    lab: Any, required: str, optional: str, overall: str
) -> None:
    registry = started(
        lab,
        lambda _: HealthStatus(HealthState(required)),
        lambda _: HealthStatus(HealthState(optional)),
        config={"registry": {"required": ["secrets:p0"], "autoload": "none"}},
    )
    assert registry.health().state is HealthState(overall)


def test_a_platform_without_plugins_is_healthy(lab: Any) -> None:
    report = lab.registry().health()
    assert report.state is HealthState.HEALTHY
    assert not report.statuses


def test_a_report_becomes_one_outcome_per_plugin(lab: Any) -> None:
    found = outcomes(started(lab, None, lambda _: HealthStatus(HealthState.UNHEALTHY, "down")).health())
    assert [each.state for each in found] == [OutcomeState.SUCCEEDED, OutcomeState.FAILED]
    assert found[1].message == "down"
    assert found[1].health is not None


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), 1e300, True, "5"])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(lab: Any, timeout: Any) -> None:
    registry = lab.registry(lab.plugin("p0"))
    with pytest.raises(ValueError, match="must be a number of seconds"):
        registry.health(timeout)


def refuse(*_args: object) -> Any:
    raise SystemExit("no")


@pytest.mark.parametrize("attribute", ["state", "message", "details", "default"])
def test_a_status_that_cannot_be_read_is_unhealthy_with_the_reason(lab: Any, attribute: str) -> None:
    made: list[HealthStatus] = []

    def read(_status: Any) -> Any:
        return refuse() if made else {"details": {}}.get(attribute, "")

    def check(_plugin: Any) -> HealthStatus:
        odd = type("OddStatus", (HealthStatus,), {attribute: property(read, lambda *_: None)})
        made.append(odd(HealthState.HEALTHY))
        return made[0]

    report = started(lab, check, None).health()
    assert status(report).state is HealthState.UNHEALTHY
    assert status(report).message == "the status that health_check returned cannot be read: SystemExit: no"
    assert status(report, "p1").state is HealthState.HEALTHY


def test_a_status_becomes_plain_values_without_secrets() -> None:
    details = {"lists": ["a", ["hunter2"]], "tuple": (1, None, True), "hunter2": {"b": 2.5}}
    plain = to_plain_status(
        HealthStatus(HealthState.DEGRADED, "lost hunter2", details), lambda text: text.replace("hunter2", "***")
    )
    assert isinstance(plain, HealthStatus)
    assert (plain.state, plain.message, plain.default) == (HealthState.DEGRADED, "lost ***", False)
    assert plain.details == {"lists": ("a", ("***",)), "tuple": (1, None, True), "***": {"b": 2.5}}


def test_a_check_that_is_young_enough_is_given_again(lab: Any) -> None:
    asked: list[int] = []

    def check(_plugin: Any) -> HealthStatus:
        asked.append(1)
        return HealthStatus(HealthState.HEALTHY)

    registry = started(lab, check)
    first = registry.health(max_age=60)
    assert status(registry.health(max_age=60)) == status(first)
    assert len(asked) == 1
    assert status(registry.health()).time >= status(first).time
    assert len(asked) == 2


def test_who_joins_a_check_waits_no_longer_than_its_own_timeout(lab: Any) -> None:
    checking = threading.Event()

    def check(_plugin: Any) -> HealthStatus:
        checking.set()
        lab.hang()
        return HealthStatus(HealthState.HEALTHY)

    registry = started(lab, check, timeouts={"health": SOON})
    first: list[HealthReport] = []
    thread = threading.Thread(target=lambda: first.append(registry.health()))
    thread.start()
    assert checking.wait(SOON)
    begun = time.monotonic()
    joined = status(registry.health(0.2))
    assert time.monotonic() - begun < SOON / 2
    assert joined.message == "no answer in 0.2 s"
    lab.forever.set()
    thread.join(SOON)
    assert status(first[0]).state is HealthState.HEALTHY


def test_waiting_for_checks_takes_no_time_of_the_processor(lab: Any) -> None:
    registry = started(lab, lambda _: lab.hang(), timeouts={"health": 1.0, "shutdown": 0.1})
    begun, used = time.monotonic(), time.process_time()
    registry.health()
    assert time.process_time() - used < (time.monotonic() - begun) / 2


def test_an_overdue_check_says_how_long_it_has_been_missing(lab: Any) -> None:
    registry = started(lab, lambda _: lab.hang(), timeouts={"health": 0.1, "shutdown": 0.1})
    assert status(registry.health()).message == "no answer in 0.1 s"
    time.sleep(1.2)
    assert status(registry.health()).message == "no answer for 1 s"
    assert status(registry.health()).seconds >= 1.2


def test_a_plugin_on_the_callers_thread_is_not_asked_after_the_time_is_over(lab: Any) -> None:
    asked: list[str] = []

    def check(plugin: Any) -> HealthStatus:
        asked.append(plugin.name)
        time.sleep(0.2)
        return HealthStatus(HealthState.HEALTHY)

    registry = lab.registry(*(lab.plugin(name, health_check=check, caller_thread=True) for name in ("p0", "p1")))
    assert registry.startup().ok
    report = registry.health(timeout=0.1)
    assert status(report).state is HealthState.HEALTHY
    assert (status(report, "p1").state, status(report, "p1").message) == (
        HealthState.UNHEALTHY,
        "not asked: the 0.1 s were over",
    )
    assert asked == ["p0"]


def test_plugins_on_the_callers_thread_are_asked_after_the_others_have_begun(lab: Any) -> None:
    begun = threading.Event()

    def other(_plugin: Any) -> HealthStatus:
        begun.set()
        return HealthStatus(HealthState.HEALTHY)

    def own(_plugin: Any) -> HealthStatus:
        return HealthStatus(HealthState.HEALTHY if begun.wait(SOON) else HealthState.UNHEALTHY)

    registry = lab.registry(
        lab.plugin("p0", health_check=own, caller_thread=True), lab.plugin("p1", health_check=other)
    )
    registry.startup()
    report = registry.health(timeout=SOON)
    assert report.state is HealthState.HEALTHY
    assert [ref.name for ref in report.statuses] == ["p0", "p1"]


def test_an_outcome_of_a_check_has_its_seconds_and_whether_its_plugin_is_required(lab: Any) -> None:
    registry = started(lab, lambda _: time.sleep(0.05) or HealthStatus(HealthState.DEGRADED, "slow"))
    report = registry.health()
    [ref] = report.statuses
    [outcome] = outcomes(report, {ref})
    assert (outcome.required, outcome.state, outcome.seconds) == (True, OutcomeState.SUCCEEDED, status(report).seconds)
    assert 0.05 <= outcome.seconds <= report.seconds
    assert not outcomes(report)[0].required
    registry.shutdown()
    assert outcomes(registry.health())[0].seconds == 0.0


def test_a_state_is_one_of_health_whatever_a_status_says() -> None:
    odd = type("OddStatus", (HealthStatus,), {"state": property(lambda _: "degraded", lambda *_: None)})
    found = to_plain_status(odd("healthy"), str)
    assert isinstance(found, HealthStatus)
    assert found.state is HealthState.DEGRADED
    wrong = type("WrongStatus", (HealthStatus,), {"state": property(lambda _: "splendid", lambda *_: None)})
    said = to_plain_status(wrong("healthy"), str)
    assert isinstance(said, str)
    assert said.startswith("the status that health_check returned cannot be read: ValueError: 'splendid'")


def test_a_plugin_whose_thread_is_held_by_an_overdue_call_is_unhealthy_and_not_asked(lab: Any) -> None:
    asked: list[int] = []
    registry = started(lab, lambda _: asked.append(1))
    held = threading.Event()
    call = entry_of(registry, "p0").worker.submit(lambda: (held.set(), lab.hang()))
    assert held.wait(SOON)
    assert call.detach()
    found = status(registry.health())
    assert found.state is HealthState.UNHEALTHY
    assert found.message.startswith("its thread is busy with an earlier call, which began ")
    assert asked == []
