"""Nobody waits for a plugin longer than agreed; services that are not there yet."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import Any

import pytest
from pydantic import BaseModel

from floe_plugins import (
    OutcomeState,
    PluginStartupError,
    PluginState,
    PluginTimeoutError,
    PluginType,
    PluginUnavailableError,
    Stage,
)

SECRETS, STORAGE = PluginType.SECRETS, PluginType.STORAGE
SOON = 30.0  # what never takes long is given this; what must not be waited for never ends by itself


def test_the_caller_has_its_answer_at_the_deadline_while_the_plugin_hangs(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a", lab.hang),
        lab.plugin("b", dependencies=("secrets:a",)),
        lab.plugin("c"),
        timeouts={"startup": 0.1},
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


def test_a_hanging_shutdown_is_left_behind_at_its_deadline(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a"), lab.plugin("b", None, lab.hang, dependencies=("secrets:a",)), timeouts={"shutdown": 0.1}
    )
    registry.startup()
    report = registry.shutdown()
    assert not lab.forever.is_set()
    assert lab.of(report, "b").state is OutcomeState.TIMED_OUT
    assert lab.of(report, "a").ok


def test_the_deadline_of_the_class_counts_and_configuration_wins_over_it(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a", lab.hang, timeouts={"startup": 0.1}))
    assert isinstance(registry.startup().outcomes[0].cause, PluginTimeoutError)


def test_a_deadline_that_is_no_number_is_the_plugins_fault(lab: Any) -> None:
    report = lab.registry(lab.plugin("a", timeouts={"startup": "soon"}), lab.plugin("b")).startup()
    assert lab.of(report, "a").state is OutcomeState.FAILED
    assert lab.of(report, "b").ok


def test_a_validator_that_hangs_is_left_behind(lab: Any) -> None:
    class Schema(BaseModel):
        def model_post_init(self, _context: object) -> None:
            lab.hang()

    registry = lab.registry(lab.plugin("a", config_schema=Schema), lab.plugin("b"), timeouts={"configure": 0.1})
    report = registry.startup()
    assert lab.of(report, "a").state is OutcomeState.TIMED_OUT
    assert lab.of(report, "a").stage is Stage.CONFIGURE
    assert lab.of(report, "b").ok


def test_the_log_names_what_is_still_waited_for(lab: Any, caplog: pytest.LogCaptureFixture) -> None:
    lab.registry(lab.plugin("a", lab.hang), timeouts={"startup": 0.3}).startup()
    notes = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert any(note.startswith("still waiting for secrets:a, 0.") and note.endswith(" s of 0.3 s") for note in notes)


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

    registry = lab.registry(lab.plugin("a", startup), lab.plugin("b"), timeouts={"startup": 0.1})
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
        if len(lab.log) < 3:
            raise PluginUnavailableError("not yet")

    outcome = lab.registry(lab.plugin("a", startup)).startup().outcomes[0]
    assert outcome.ok
    assert outcome.tries == 3
    assert outcome.seconds >= 0.3


def test_an_unavailable_service_fails_when_the_time_is_over(lab: Any) -> None:
    def startup(_plugin: Any) -> None:
        raise PluginUnavailableError("port closed")

    outcome = lab.registry(lab.plugin("a", startup), timeouts={"startup": 0.5}).startup().outcomes[0]
    assert outcome.state is OutcomeState.FAILED
    assert outcome.tries > 1
    assert outcome.seconds < 0.5
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
    assert outcome.tries == 1
