"""One plugin's start: its thread, its deadline, its tries, and what its failure does to others."""

from __future__ import annotations

import asyncio
import contextvars
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from support import SOON, entry_of, run_code, write_distribution

from floe_plugins import (
    HealthState,
    HealthStatus,
    OutcomeState,
    PluginError,
    PluginLoadError,
    PluginRegistry,
    PluginStartupError,
    PluginState,
    PluginTimeoutError,
    PluginType,
    PluginUnavailableError,
)
from floe_plugins.execution.shield import InterruptedRequestError, Request
from floe_plugins.lifecycle import attempts

SECRETS = PluginType.SECRETS


def test_hooks_see_the_callers_context(lab: Any) -> None:
    variable = contextvars.ContextVar("variable", default="")
    seen: list[str] = []
    registry = lab.registry(lab.plugin("a", lambda _: seen.append(variable.get())))
    variable.set("caller")
    registry.startup()
    assert seen == ["caller"]


def test_all_hooks_of_a_plugin_run_on_its_own_thread(lab: Any) -> None:
    seen: list[threading.Thread] = []

    def note(_plugin: Any) -> None:
        seen.append(threading.current_thread())

    registry = lab.registry(lab.plugin("a", note, note), lab.plugin("b", note, note))
    registry.startup()
    registry.shutdown()
    assert len(seen) == 4
    assert sorted({thread.name for thread in seen}) == ["secrets:a", "secrets:b"]


def test_a_plugin_can_ask_for_the_callers_thread(lab: Any) -> None:
    seen: list[threading.Thread] = []

    def startup(_plugin: Any) -> None:
        seen.append(threading.current_thread())

    async def shutdown(_plugin: Any) -> None:
        seen.append(threading.current_thread())

    registry = lab.registry(lab.plugin("a", startup, shutdown, caller_thread=True), lab.plugin("b"))
    assert registry.startup().ok
    assert registry.shutdown().ok
    assert seen == [threading.current_thread()] * 2


def test_a_failure_skips_what_needs_it_with_the_chain_to_the_root_and_nothing_else(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("root", lab.fail),
        lab.plugin("middle", dependencies=("secrets:root",)),
        lab.plugin("leaf", dependencies=("secrets:middle",)),
        lab.plugin("other"),
    )
    report = registry.startup()
    assert not report.ok
    assert lab.of(report, "other").ok
    root, leaf = lab.of(report, "root"), lab.of(report, "leaf")
    assert isinstance(root.cause, PluginStartupError)
    assert isinstance(root.cause.__cause__, ConnectionError)
    assert leaf.state is OutcomeState.SKIPPED
    assert leaf.message == (
        "needs secrets:middle, which was skipped: needs secrets:root, which failed to start: "
        "startup raised ConnectionError: refused"
    )
    chain = leaf.cause
    while chain is not None and chain.__cause__ is not None:
        chain = chain.__cause__
    assert isinstance(chain, ConnectionError)
    assert registry.state(SECRETS, "leaf") is PluginState.SKIPPED
    assert registry.state(SECRETS, "root") is PluginState.FAILED
    assert {str(problem.ref) for problem in registry.problems} == {"secrets:root", "secrets:middle", "secrets:leaf"}
    with pytest.raises(PluginStartupError):
        report.raise_for_failures()


def test_a_long_chain_of_causes_is_told_by_its_begin_and_its_root(lab: Any) -> None:
    plugins = [lab.plugin("p000", lab.fail)]
    plugins += [lab.plugin(f"p{n:03}", dependencies=(f"secrets:p{n - 1:03}",)) for n in range(1, 300)]
    report = lab.registry(*plugins).startup()
    last = report.outcomes[-1]
    assert last.message.startswith("needs secrets:p298, which was skipped: needs secrets:p297, which was skipped: ")
    assert last.message.endswith("needs secrets:p000, which failed to start: startup raised ConnectionError: refused")
    assert last.message.count(" ... ") == 1
    assert max(len(outcome.message) for outcome in report.outcomes) <= 4_000
    root: BaseException | None = last.cause
    while isinstance(root, PluginError) and isinstance(root.__cause__, PluginError):
        root = root.__cause__
    assert isinstance(root, PluginStartupError)


def test_a_category_of_which_none_runs_skips_what_needs_it(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("app", dependencies=("storage",)),
        lab.plugin("a", lab.fail, base=lab.storage),
        lab.plugin("b", lab.fail, base=lab.storage),
    )
    app = lab.of(registry.startup(), "app")
    assert app.state is OutcomeState.SKIPPED
    assert "none runs: storage:a failed to start" in app.message
    assert "storage:b failed to start" in app.message


def test_a_start_that_returns_something_has_failed_and_is_shut_down(lab: Any) -> None:
    stopped = threading.Event()
    registry = lab.registry(lab.plugin("a", lambda _: False, lambda _: stopped.set()))
    outcome = registry.startup().outcomes[0]
    assert outcome.message == "startup returned an object of type bool, and must return None"
    assert stopped.wait(SOON)


def test_a_start_that_contains_a_yield_has_failed_without_having_run(lab: Any) -> None:
    def startup(_plugin: Any) -> Iterator[None]:
        lab.log.append("never")
        yield

    outcome = lab.registry(lab.plugin("a", startup)).startup().outcomes[0]
    assert "it contains a yield" in outcome.message
    assert lab.log == ["+a", "-a"]


def test_the_caller_has_its_answer_at_the_deadline_while_the_plugin_hangs(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a", lab.hang, timeouts={"startup": 0.1}),
        lab.plugin("b", dependencies=("secrets:a",)),
        lab.plugin("c"),
    )
    report = registry.startup()
    assert not lab.forever.is_set()
    late = lab.of(report, "a")
    assert late.state is OutcomeState.TIMED_OUT
    assert isinstance(late.cause, PluginTimeoutError)
    assert late.cause.seconds == 0.1
    assert late.seconds >= 0.1
    assert lab.of(report, "b").state is OutcomeState.SKIPPED
    assert lab.of(report, "c").ok


def test_a_start_that_ends_too_late_is_shut_down_on_its_own_thread_and_stays_failed(lab: Any) -> None:
    threads: list[threading.Thread] = []
    ended = threading.Event()

    def startup(_plugin: Any) -> None:
        threads.append(threading.current_thread())
        lab.hang()

    def shutdown(_plugin: Any) -> None:
        threads.append(threading.current_thread())
        ended.set()

    registry = lab.registry(lab.plugin("a", startup, shutdown), timeouts={"startup": 0.1})
    registry.startup()
    lab.forever.set()
    assert ended.wait(SOON)
    assert threads[0] is threads[1] is not threading.current_thread()
    assert registry.state(SECRETS, "a") is PluginState.FAILED
    assert registry.shutdown().outcomes == ()


def test_a_plugin_whose_thread_is_stuck_is_not_started_again_until_it_is_free(lab: Any) -> None:
    ended = threading.Event()
    registry = lab.registry(lab.plugin("a", lab.hang, lambda _: ended.set()), timeouts={"startup": 0.1})
    registry.startup()
    assert "its thread is still busy" in registry.start(SECRETS, "a").message
    assert lab.log == ["+a"]
    lab.forever.set()
    assert ended.wait(SOON)
    while "still busy" in (again := registry.start(SECRETS, "a")).message:
        time.sleep(0.001)
    assert again.ok


@pytest.mark.parametrize(
    "timeouts",
    [
        {"startup": "soon"},
        {"startup": 0},
        {"startup": -5.0},
        {"health": float("nan")},
        {"shutdown": float("inf")},
        {"load": 1e300},
        {"startup": True},
        {"startpu": 3},
        ["startup"],
    ],
)
def test_declared_timeouts_that_are_no_seconds_are_an_error_of_the_plugin(lab: Any, timeouts: Any) -> None:
    with pytest.raises(PluginLoadError, match="timeouts") as caught:
        lab.registry(lab.plugin("a", timeouts=timeouts))
    assert str(caught.value.ref) == "secrets:a"


@pytest.mark.parametrize("resists", [False, True])
def test_an_async_start_is_cancelled_at_its_deadline_or_left_behind(lab: Any, resists: bool) -> None:  # noqa: FBT001
    cancelled = threading.Event()

    async def startup(_plugin: Any) -> None:
        while True:
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                cancelled.set()
                if not resists or lab.forever.is_set():
                    raise
            if lab.forever.is_set():
                return

    registry = lab.registry(lab.plugin("a", startup, timeouts={"startup": 0.1}), lab.plugin("b"))
    report = registry.startup()
    assert lab.of(report, "a").state is OutcomeState.TIMED_OUT
    assert lab.of(report, "b").ok
    assert cancelled.wait(SOON)


def test_async_hooks_run_on_one_loop_on_the_plugins_thread(lab: Any) -> None:
    seen: list[tuple[object, threading.Thread]] = []

    async def note(_plugin: Any) -> None:
        seen.append((asyncio.get_running_loop(), threading.current_thread()))

    registry = lab.registry(lab.plugin("a", note, note))
    registry.startup()
    registry.shutdown()
    assert seen[0] == seen[1]
    assert seen[0][1].name == "secrets:a"


def test_an_unavailable_service_is_tried_again_within_the_deadline(lab: Any) -> None:
    def startup(_plugin: Any) -> None:
        if lab.log.count("+a") < 3:
            raise PluginUnavailableError("not yet")

    outcome = lab.registry(lab.plugin("a", startup)).startup().outcomes[0]
    assert outcome.ok
    assert outcome.attempts == 3
    assert outcome.seconds >= 0.3
    assert lab.log == ["+a", "-a", "+a", "-a", "+a"]


def test_an_unavailable_service_fails_when_there_is_no_time_for_another_attempt(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def startup(_plugin: Any) -> None:
        raise PluginUnavailableError("port closed")

    # It fails at 1.7 s, far enough from its deadline for a busy machine.
    monkeypatch.setattr(attempts, "FIRST_PAUSE", 1.0)
    outcome = lab.registry(lab.plugin("a", startup), timeouts={"startup": 2.4}).startup().outcomes[0]
    assert outcome.state is OutcomeState.FAILED
    assert outcome.attempts > 1
    assert isinstance(outcome.cause, PluginStartupError)
    assert isinstance(outcome.cause.__cause__, PluginUnavailableError)
    assert "port closed" in outcome.message


def test_the_plugins_own_hint_when_to_try_again_is_kept(lab: Any) -> None:
    tried: list[float] = []

    def startup(_plugin: Any) -> None:
        tried.append(time.monotonic())
        if len(tried) < 2:
            raise PluginUnavailableError("busy", retry_after=0.25)

    assert lab.registry(lab.plugin("a", startup)).startup().ok
    assert tried[1] - tried[0] >= 0.25


def test_a_hint_beyond_the_deadline_fails_at_once(lab: Any) -> None:
    def startup(_plugin: Any) -> None:
        raise PluginUnavailableError("maintenance", retry_after=3600)

    outcome = lab.registry(lab.plugin("a", startup)).startup().outcomes[0]
    assert outcome.state is OutcomeState.FAILED
    assert outcome.attempts == 1


@pytest.mark.parametrize("retry_after", [0, -3, 1e-9, float("nan"), float("inf"), "soon"])
def test_a_hint_that_is_no_time_does_not_make_attempts_faster(lab: Any, retry_after: Any) -> None:
    def startup(_plugin: Any) -> None:
        raise PluginUnavailableError("port closed", retry_after=retry_after)

    outcome = lab.registry(lab.plugin("a", startup), timeouts={"startup": 0.5}).startup().outcomes[0]
    assert not outcome.ok
    assert 1 <= outcome.attempts <= 5


def test_a_start_that_raised_is_shut_down_once_and_that_failure_is_told_beside_it(lab: Any) -> None:
    def shutdown(_plugin: Any) -> None:
        raise OSError("pool is closed")

    registry = lab.registry(lab.plugin("a", lab.fail, shutdown))
    outcome = registry.startup().outcomes[0]
    assert lab.log == ["+a", "-a"]
    assert outcome.message.startswith("startup raised ConnectionError: refused; the clean-up failed too: ")
    assert "OSError: pool is closed" in outcome.message
    assert isinstance(outcome.cause.__cause__, ConnectionError)
    registry.shutdown()
    assert lab.log == ["+a", "-a"]


def test_a_clean_up_that_hangs_is_left_behind(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a", lab.fail, lab.hang), timeouts={"shutdown": 0.1})
    outcome = registry.startup().outcomes[0]
    assert "the clean-up failed too: shutdown did not end within 0.1 s" in outcome.message


def test_an_interrupt_that_plugin_code_raises_is_its_failure(lab: Any) -> None:
    def interrupt(_plugin: Any) -> None:
        raise KeyboardInterrupt

    report = lab.registry(lab.plugin("a", interrupt), lab.plugin("b")).startup()
    assert lab.of(report, "a").message == "startup raised KeyboardInterrupt"
    assert lab.of(report, "b").ok


def test_a_whole_start_has_a_deadline_too(lab: Any) -> None:
    plugins = [lab.plugin("a", lab.hang), lab.plugin("b", dependencies=("secrets:a",))]
    report = lab.registry(*plugins, timeouts={"startup_total": 0.2}).startup()
    assert lab.of(report, "a").state is OutcomeState.TIMED_OUT
    assert "timeouts.startup_total" in lab.of(report, "a").message
    assert lab.of(report, "b").state is OutcomeState.SKIPPED


def test_what_started_within_the_deadline_of_the_whole_start_stays_started(lab: Any) -> None:
    # A long deadline: on a busy machine the start of "a" itself may take a while.
    plugins = [lab.plugin("a"), lab.plugin("b", lab.hang, dependencies=("secrets:a",))]
    registry = lab.registry(*plugins, timeouts={"startup_total": 5})
    report = registry.startup()
    assert (lab.of(report, "a").state, lab.of(report, "b").state) == (OutcomeState.SUCCEEDED, OutcomeState.TIMED_OUT)
    assert registry.state("secrets:a") is PluginState.STARTED


def test_a_plugin_on_the_callers_thread_is_tried_again_there(lab: Any) -> None:
    threads: list[threading.Thread] = []

    def startup(_plugin: Any) -> None:
        threads.append(threading.current_thread())
        if len(threads) < 3:
            raise PluginUnavailableError("not yet")

    outcome = lab.registry(lab.plugin("a", startup, caller_thread=True)).startup().outcomes[0]
    assert (outcome.ok, outcome.attempts) == (True, 3)
    assert threads == [threading.current_thread()] * 3
    assert lab.log == ["+a", "-a", "+a", "-a", "+a"]


def test_the_pauses_between_attempts_double(lab: Any) -> None:
    tried: list[float] = []

    def startup(_plugin: Any) -> None:
        tried.append(time.monotonic())
        raise PluginUnavailableError("port closed", retry_after=None if len(tried) < 4 else 3600)

    outcome = lab.registry(lab.plugin("a", startup)).startup().outcomes[0]
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert [pause >= least for pause, least in zip(pauses, (0.1, 0.2, 0.4), strict=True)] == [True] * 3
    assert outcome.attempts == len(tried)
    assert outcome.message.startswith(f"unavailable after {len(tried)} attempts in ")


def test_one_attempt_is_told_as_one(lab: Any) -> None:
    def startup(_plugin: Any) -> None:
        raise PluginUnavailableError("maintenance", retry_after=3600)

    outcome = lab.registry(lab.plugin("a", startup)).startup().outcomes[0]
    assert outcome.message.startswith("unavailable after 1 attempt in 0.0 s: ")


def test_an_attempt_that_hangs_is_a_time_out_that_tells_why_the_one_before_failed(lab: Any) -> None:
    def startup(plugin: Any) -> None:
        if lab.log.count("+a") == 1:
            raise PluginUnavailableError("port closed")
        lab.hang(plugin)

    outcome = lab.registry(lab.plugin("a", startup), timeouts={"startup": 0.4}).startup().outcomes[0]
    assert outcome.state is OutcomeState.TIMED_OUT
    assert outcome.message.startswith("startup did not end within 0.4 s; attempt before: ")
    assert "port closed" in outcome.message
    assert outcome.attempts == 2
    assert 0.35 < outcome.seconds < 0.4 + SOON


def test_a_deadline_counts_from_the_calls_own_begin(lab: Any) -> None:
    """What its thread did before, here a configuration that came late, is not counted."""
    registry = lab.registry(lab.plugin("a", lambda _: time.sleep(1.2)), timeouts={"startup": 2.0})
    blocked, worker = threading.Event(), entry_of(registry, "a").worker
    worker.submit(lambda: (blocked.set(), time.sleep(1.2)))
    assert blocked.wait(SOON)
    outcome = registry.startup().outcomes[0]
    assert outcome.ok, outcome
    assert 1.1 < outcome.seconds < 2.0


def test_a_start_whose_thread_stays_busy_never_begins_and_says_so(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"), timeouts={"startup": 0.1})
    entry_of(registry, "a").worker.submit(lab.hang)
    outcome = registry.startup().outcomes[0]
    assert outcome.state is OutcomeState.TIMED_OUT
    assert outcome.message == "startup could not begin within 0.1 s: its thread is busy with an earlier call"
    assert outcome.attempts == 0
    assert isinstance(outcome.cause, PluginTimeoutError)
    assert (outcome.cause.stage, outcome.cause.seconds) == ("start", 0.1)
    lab.forever.set()
    assert entry_of(registry, "a").worker.submit(lambda: None).wait(SOON)
    assert lab.log == []


def test_an_outcome_has_its_stage_seconds_and_attempts(lab: Any) -> None:
    def broken_schema(_self: Any) -> Any:
        raise RuntimeError("bad")

    plugins = [
        lab.plugin("fine", lambda _: time.sleep(0.05)),
        lab.plugin("bad", lab.fail),
        lab.plugin("needs-bad", dependencies=("secrets:bad",)),
        lab.plugin("after", optional_dependencies=("secrets:fine",)),
        lab.plugin("odd", config_schema=property(broken_schema)),
    ]
    registry = lab.registry(*plugins)
    report = registry.startup()
    facts = {each.ref.name: (str(each.stage), str(each.state), each.attempts) for each in report.outcomes}
    assert facts == {
        "fine": ("start", "succeeded", 1),
        "bad": ("start", "failed", 1),
        "needs-bad": ("resolve", "skipped", 0),
        "after": ("start", "succeeded", 1),
        "odd": ("configure", "failed", 0),
    }
    fine, after, skipped = (lab.of(report, name) for name in ("fine", "after", "needs-bad"))
    assert 0.05 <= fine.seconds <= report.seconds
    assert 0 <= report.load_seconds + report.configure_seconds <= report.seconds < SOON
    assert (skipped.seconds, skipped.began) == (0.0, None)
    assert skipped.waited_for == (entry_of(registry, "bad").ref,)
    assert fine.began is not None
    assert after.began >= fine.began + fine.seconds
    assert after.began + after.seconds <= report.seconds
    again = lab.of(registry.startup(), "fine")
    assert (str(again.stage), str(again.state), again.attempts, again.seconds) == ("start", "succeeded", 0, 0.0)
    assert again.message == "it was started before"


def test_who_waits_for_a_plugin_that_starts_others_waits_for_it_too(lab: Any) -> None:
    """The outer plugin starts "inner"; "third" needs "second", which needs the outer one."""
    inner: list[Any] = []

    def startup(plugin: Any) -> None:
        inner.append(plugin.registry.startup())

    registry = lab.registry(
        lab.plugin("outer", startup),
        lab.plugin("second", dependencies=("secrets:outer",)),
        lab.plugin("third", dependencies=("secrets:second",)),
        lab.plugin("other"),
        timeouts={"startup": SOON},
    )
    begun = time.monotonic()
    report = registry.startup()
    assert time.monotonic() - begun < SOON / 2
    assert report.ok
    assert {each.ref.name: str(each.state) for each in inner[0].outcomes} == {
        "outer": "skipped",
        "second": "skipped",
        "third": "skipped",
        "other": "succeeded",
    }


def test_a_plugin_whose_load_failed_is_loaded_again_by_its_own_start_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        import os
        from support import Secrets
        if not os.environ.get("ACME_WORKS"):
            raise OSError("not today")
        class Plugin(Secrets):
            name = "late"
    """
    write_distribution(tmp_path, "acme-late", "[floe.secrets]\nlate = acme_late_start:Plugin\n", acme_late_start=code)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={})
    first = registry.startup().outcomes[0]
    assert (str(first.stage), first.state) == ("load", OutcomeState.FAILED)
    monkeypatch.setenv("ACME_WORKS", "1")
    assert registry.startup().outcomes[0].state is OutcomeState.FAILED
    assert registry.start(SECRETS, "late").ok
    assert registry.state(SECRETS, "late") is PluginState.STARTED
    registry.shutdown()


INTERRUPTED = """
import logging, os, signal, threading, time
from floe_plugins import PluginType
from support import Lab, SOON
signal.signal(signal.SIGINT, signal.default_int_handler)
lab, entered, left, stopped = Lab(), threading.Event(), threading.Event(), threading.Event()
class Interrupts(logging.Handler):
    # Holds up the thread that takes note of what ends.
    def emit(self, record):
        if "secrets:b started" in record.getMessage():
            entered.wait(SOON)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)
            {then}
logging.getLogger("floe_plugins").addHandler(Interrupts())
logging.getLogger("floe_plugins").setLevel("INFO")
registry = lab.registry(
    lab.plugin("a", lambda _: (entered.set(), left.wait(SOON)) and None, lambda _: stopped.set()), lab.plugin("b")
)
try:
    registry.startup()
except KeyboardInterrupt:
    left.set()
    stopped.wait(SOON)
    time.sleep(0.3)
    print(sorted(lab.log), registry.state(PluginType.SECRETS, "a"))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("then", ["left.set(); time.sleep(0.5)", "pass"], ids=["ended-unseen", "ends-later"])
def test_on_ctrl_c_a_start_that_is_not_reported_is_shut_down_once(then: str) -> None:
    done = run_code(INTERRUPTED.format(then=then), check=True)
    assert done.stdout == "['+a', '+b', '-a', '-b'] failed\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_start_that_is_interrupted_while_it_is_tried_again_keeps_why_it_failed_before() -> None:
    code = """
    import os, signal, threading
    from floe_plugins import PluginUnavailableError
    from support import Lab, SOON
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tries = []
    def startup(_plugin):
        tries.append(1)
        if len(tries) == 1:
            raise PluginUnavailableError("the file is locked", retry_after=0.01)
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(SOON)
    registry = Lab().registry(Lab().plugin("a", startup), timeouts={"startup": SOON})
    try:
        registry.startup()
    except KeyboardInterrupt:
        print(registry.problems[0].message, flush=True)
        os._exit(0)
    """
    done = run_code(code, check=True)
    assert done.stdout == "its start was interrupted; attempt before: PluginUnavailableError: the file is locked\n"


def test_a_connection_bound_to_its_thread_is_used_by_all_lifecycle_hooks(lab: Any) -> None:
    def startup(plugin: Any) -> None:
        plugin.connection = sqlite3.connect(":memory:")

    def check(plugin: Any) -> HealthStatus:
        [(answer,)] = plugin.connection.execute("SELECT 'answers'")
        return HealthStatus(HealthState.HEALTHY, answer)

    registry = lab.registry(lab.plugin("a", startup, lambda plugin: plugin.connection.close(), health_check=check))
    assert registry.startup().ok
    [status] = registry.health().statuses.values()
    assert (status.state, status.message) == (HealthState.HEALTHY, "answers")
    assert registry.shutdown().ok


def test_a_failed_start_is_undone_on_the_plugins_thread_once_however_it_failed(lab: Any) -> None:
    threads: list[threading.Thread] = []

    def note(_plugin: Any) -> bool:
        threads.append(threading.current_thread())
        return len(threads) == 1

    registry = lab.registry(lab.plugin("a", note, lambda plugin: note(plugin) and None))
    assert not registry.startup().ok
    registry.shutdown()
    assert [thread.name for thread in threads] == ["secrets:a"] * 2
    assert threads[0] is threads[1]


def test_a_plugin_on_the_callers_thread_has_no_timeout(lab: Any) -> None:
    def startup(_plugin: Any) -> None:
        threading.Timer(0.3, lab.forever.set).start()
        lab.hang()

    outcome = (
        lab.registry(lab.plugin("a", startup, caller_thread=True), timeouts={"startup": 0.1}).startup().outcomes[0]
    )
    assert outcome.ok
    assert outcome.seconds > 0.1


def test_what_has_not_begun_when_the_whole_start_is_over_is_skipped(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a", lab.hang), lab.plugin("b"), workers=1, timeouts={"startup_total": 0.2})
    report = registry.startup()
    assert [each.state for each in report.outcomes] == [OutcomeState.TIMED_OUT, OutcomeState.SKIPPED]
    assert lab.log == ["+a"]


def test_a_plugin_that_is_taken_out_before_its_turn_is_skipped(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a", lambda plugin: plugin.registry.unregister(SECRETS, "b") and None),
        lab.plugin("b"),
        workers=1,
    )
    outcome = lab.of(registry.startup(), "b")
    assert (outcome.state, outcome.message) == (OutcomeState.SKIPPED, "it was taken out meanwhile")
    assert lab.log == ["+a"]


def test_a_start_whose_thread_cannot_be_made_has_failed_and_others_start(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "secrets:a":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    report = lab.registry(lab.plugin("a"), lab.plugin("b")).startup()
    outcome = lab.of(report, "a")
    assert (outcome.state, outcome.attempts) == (OutcomeState.FAILED, 0)
    assert outcome.message == "startup could not be called: can't start new thread"
    assert isinstance(outcome.cause, PluginStartupError)
    assert "may start no more threads" in outcome.cause.hint
    assert lab.of(report, "b").ok


def test_all_who_were_refused_the_total_time_are_skipped_with_the_reason(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a", lab.hang), lab.plugin("b"), timeouts={"startup_total": 0.2}, workers=1)
    report = registry.startup()
    assert lab.of(report, "a").message == (
        "startup did not end within the time that the whole startup may take (timeouts.startup_total)"
    )
    outcome = lab.of(report, "b")
    assert outcome.state is OutcomeState.SKIPPED
    assert outcome.message == "the time that the whole startup may take is over (timeouts.startup_total)"
    assert lab.log == ["+a"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_start_on_the_callers_thread_that_ctrl_c_ends_is_shut_down_once() -> None:
    code = """
    import os, signal, threading, time
    from support import Lab, SOON
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lab, stopped = Lab(), threading.Event()
    def startup(plugin):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(SOON)
    registry = lab.registry(lab.plugin("a", startup, lambda plugin: stopped.set(), caller_thread=True))
    try:
        registry.startup()
    except KeyboardInterrupt:
        stopped.wait(SOON)
        [info] = registry.infos()
        print(*lab.log, info.state)
    """
    assert run_code(code, check=True).stdout == "+a -a failed\n"


def test_an_unavailable_service_whose_clean_up_hangs_is_not_tried_again(lab: Any) -> None:
    def startup(_plugin: Any) -> None:
        raise PluginUnavailableError("not yet")

    registry = lab.registry(lab.plugin("a", startup, lab.hang), timeouts={"startup": 2.0, "shutdown": 0.1})
    outcome = registry.startup().outcomes[0]
    assert (outcome.state, outcome.attempts) == (OutcomeState.FAILED, 1)
    assert outcome.message == (
        "PluginUnavailableError: not yet; the clean-up failed too: shutdown did not end within 0.1 s"
    )


def test_a_clean_up_that_an_interrupt_kept_from_the_callers_thread_is_made_all_the_same(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, stopped = Request.run_on_caller, threading.Event()

    def interrupted_after_startup(request: Any, worker: Any, call: Any) -> None:
        if lab.log:
            call.fail(InterruptedRequestError())
        else:
            make(request, worker, call)

    monkeypatch.setattr(Request, "run_on_caller", interrupted_after_startup)
    registry = lab.registry(lab.plugin("a", lab.fail, lambda _: stopped.set(), caller_thread=True))
    assert registry.startup().outcomes[0].state is OutcomeState.FAILED
    assert stopped.wait(SOON)
    assert lab.log == ["+a", "-a"]


def test_that_a_service_is_unavailable_is_warned_of_once_at_the_first_attempt(
    lab: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def startup(_plugin: Any) -> None:
        if (number := lab.log.count("+a")) < 3:
            raise PluginUnavailableError(f"refused {number}")

    assert lab.registry(lab.plugin("a", startup)).startup().ok
    [warning] = [record for record in caplog.records if "is attempted again" in record.getMessage()]
    assert warning.levelname == "WARNING"
    assert warning.getMessage().startswith("secrets:a is not available")
    assert "refused 1" in warning.getMessage()


def test_the_seconds_of_a_start_are_those_of_its_call_and_not_of_the_wait_for_its_thread(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"), timeouts={"startup": SOON})
    blocked, freed = threading.Event(), []

    def block() -> None:
        blocked.set()
        lab.hang()
        freed.append(time.monotonic())

    entry_of(registry, "a").worker.submit(block)
    assert blocked.wait(SOON)
    threading.Timer(0.3, lab.forever.set).start()
    outcome = registry.startup().outcomes[0]
    ended = time.monotonic()
    assert outcome.ok
    assert outcome.seconds <= ended - freed[0]


def test_a_plugin_whose_dependency_is_not_installed_is_skipped_and_never_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        from support import Secrets
        class Lonely(Secrets):
            name = "lonely"
            dependencies = ("compute:nowhere",)
            def startup(self): raise AssertionError("it was started")
    """
    entry_points = "[floe.secrets]\nlonely = lonely_plugin:Lonely\n"
    write_distribution(tmp_path, "acme-lonely", entry_points, lonely_plugin=code)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={})
    (outcome,) = registry.startup().outcomes
    assert outcome.state is OutcomeState.SKIPPED
    assert outcome.message == "needs compute:nowhere, and there is no such plugin"
    assert registry.state(PluginType.SECRETS, "lonely") is PluginState.SKIPPED
    del sys.modules["lonely_plugin"]
