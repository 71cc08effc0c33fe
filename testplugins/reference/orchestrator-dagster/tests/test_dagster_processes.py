"""Runs that go on while their caller does something else, and steps in processes of their own."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from floe_reference_orchestrator_dagster import DagsterConfig

from floe_plugins import (
    CancelledOperationError,
    OrchestratorPlugin,
    PluginError,
    PluginRegistry,
)
from floe_plugins.hookspecs.orchestrator import Schedule, Step, StepCall, StepState
from floe_plugins.hookspecs.running import RunState

MULTIPROCESS = {"executor": "multiprocess", "max_concurrent": 2}

# What the processes of steps import.
STEPS = """
import os, pathlib, signal, socket, sys

def note(file, word):
    with pathlib.Path(file).open("a", encoding="utf-8") as notes:
        notes.write(word + " ")

def fail(file, times):
    note(file, "try")
    if len(pathlib.Path(file).read_text(encoding="utf-8").split()) <= times:
        raise ConnectionError("nobody listens")

def vanish():
    os._exit(3)

def leave():
    sys.exit(4)

def meet(port, name, tidied=""):
    # Says that it has begun, and ends once it is answered.
    with socket.create_connection(("127.0.0.1", port)) as test:
        test.sendall(name.encode())
        try:
            test.recv(1)
        finally:
            if tidied:
                note(tidied, name)

def meet_and_stay(port, name):
    with socket.create_connection(("127.0.0.1", port)) as test:
        test.sendall(name.encode())
        while True:
            try:
                test.recv(1)
            except BaseException:
                pass

def end_the_leader():
    os.killpg(0, signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def steps_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "apart_steps.py").write_text(STEPS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("apart_steps", None)


@pytest.fixture
def here() -> Iterator[OrchestratorPlugin]:
    with PluginRegistry({"plugins": {"orchestrator": {"dagster": {}}}}) as registry:
        yield registry.one(OrchestratorPlugin)


@pytest.fixture
def platform() -> Iterator[PluginRegistry]:
    with PluginRegistry({"plugins": {"orchestrator": {"dagster": MULTIPROCESS}}}) as registry:
        yield registry


@pytest.fixture
def apart(platform: PluginRegistry) -> OrchestratorPlugin:
    return platform.one(OrchestratorPlugin)


class Meeting:
    """Where steps say that they have begun."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self.opened = contextlib.ExitStack()
        self.port: int = listener.getsockname()[1]

    def step(self, name: str, *needs: str, function: str = "meet", **arguments: str) -> Step:
        return Step(name, StepCall(f"apart_steps:{function}", {"port": self.port, "name": name} | arguments), needs)

    def next(self) -> tuple[str, socket.socket]:
        """The next step that begins; its end of the connection is closed when its process ends."""
        step = self.opened.enter_context(self._listener.accept()[0])
        step.settimeout(60)
        return step.recv(64).decode(), step


@pytest.fixture
def meeting() -> Iterator[Meeting]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        place = Meeting(listener)
        with place.opened:
            yield place


def call(name: str, function: str, *needs: str, retries: int = 0, **arguments: object) -> Step:
    return Step(name, StepCall(f"apart_steps:{function}", arguments), needs, retries)


def test_a_run_goes_on_while_its_caller_does_something_else(here: OrchestratorPlugin) -> None:
    go = threading.Event()

    run = here.submit(here.build([Step("a", lambda: go.wait(60)), Step("b", list)]), ["a"])
    before = run.state
    with pytest.raises(TimeoutError):
        run.result(0)
    go.set()

    report = run.result(60)
    assert before is RunState.RUNNING
    assert run.state is RunState.SUCCEEDED
    assert report.ok
    assert [*report.steps] == ["a"]


def test_what_cannot_be_selected_is_refused_before_the_run(here: OrchestratorPlugin) -> None:
    with pytest.raises(ValueError, match="'c' is no step of the plan: a"):
        here.submit(here.build([Step("a", list)]), ["c"])


def test_after_a_run_in_this_process_is_cancelled_no_step_of_it_begins(here: OrchestratorPlugin) -> None:
    begun, go, seen = threading.Event(), threading.Event(), []

    def long() -> None:
        begun.set()
        assert go.wait(60)
        seen.append("long")

    plan = here.build([Step("long", long), Step("next", lambda: seen.append("next"), ["long"])])
    run = here.submit(plan)
    assert begun.wait(60)
    run.cancel()

    assert run.state is RunState.CANCELLED
    with pytest.raises(CancelledOperationError):
        run.result()
    go.set()
    here.shutdown()  # waits for it
    assert seen == ["long"]


def test_other_runs_of_the_plan_go_on_when_one_is_cancelled(here: OrchestratorPlugin) -> None:
    together, go = threading.Barrier(3), threading.Event()
    plan = here.build([Step("meet", lambda: together.wait(60) and go.wait(60)), Step("next", list, ["meet"])])

    cancelled, other = here.submit(plan), here.submit(plan)
    together.wait(60)
    cancelled.cancel()
    go.set()

    assert other.result(60).ok


def test_nothing_is_submitted_to_a_plugin_that_is_stopped(here: OrchestratorPlugin) -> None:
    plan = here.build([Step("a", list)])
    here.shutdown()

    with pytest.raises(PluginError, match="being stopped"):
        here.submit(plan)


@pytest.mark.parametrize("run", [list, StepCall("__main__:f")])
def test_steps_that_another_process_cannot_run_are_refused(
    apart: OrchestratorPlugin, run: Callable[[], object]
) -> None:
    with pytest.raises(ValueError, match=r"step 'a' runs .* another process cannot run: .* must be a StepCall"):
        apart.build([Step("a", run)])


def test_an_executor_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"in_process.*multiprocess"):
        DagsterConfig.model_validate({"executor": "threads"})


def test_steps_apart_are_reported_retried_and_skipped_as_in_one_process(
    apart: OrchestratorPlugin, steps_module: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lucky, hopeless = str(steps_module / "lucky"), str(steps_module / "hopeless")
    plan = apart.build(
        [
            call("after lucky", "note", "lucky", file=lucky, word="after"),
            call("lucky", "fail", retries=2, file=lucky, times=2),
            call("hopeless", "fail", retries=1, file=hopeless, times=9),
            call("after hopeless", "note", "hopeless", file=hopeless, word="after"),
            call("gone", "vanish"),
            call("left", "leave"),
            call("missing", "no_such_function"),
        ]
    )

    with caplog.at_level(logging.ERROR, "floe_reference_orchestrator_dagster"):
        report = apart.run(plan)

    found = {name: (step.state, step.attempts) for name, step in report.steps.items()}
    assert found == {
        "after lucky": (StepState.SUCCEEDED, 1),
        "lucky": (StepState.SUCCEEDED, 3),
        "hopeless": (StepState.FAILED, 2),
        "after hopeless": (StepState.SKIPPED, 0),
        "gone": (StepState.FAILED, 1),
        "left": (StepState.FAILED, 1),
        "missing": (StepState.FAILED, 1),
    }
    assert (steps_module / "lucky").read_text(encoding="utf-8").split() == ["try", "try", "try", "after"]
    assert report.steps["hopeless"].error == "ConnectionError: nobody listens"
    assert "code 3" in report.steps["gone"].error
    assert "sys.exit(4)" in report.steps["left"].error
    assert "no_such_function" in report.steps["missing"].error
    assert 0 < report.steps["lucky"].seconds < report.seconds
    assert any("hopeless - STEP_FAILURE" in record.getMessage() for record in caplog.records)


def test_independent_steps_run_side_by_side_up_to_the_limit(apart: OrchestratorPlugin, meeting: Meeting) -> None:
    run = apart.submit(apart.build([meeting.step("a"), meeting.step("b"), meeting.step("c")]), ["a", "b", "c"])
    first, second = meeting.next(), meeting.next()
    first[1].sendall(b".")
    third = meeting.next()
    for _, step in (second, third):
        step.sendall(b".")

    assert {first[0], second[0], third[0]} == {"a", "b", "c"}
    assert run.result(60).ok


def test_a_cancelled_run_interrupts_its_steps_which_may_tidy_up_and_begins_no_other(
    apart: OrchestratorPlugin, meeting: Meeting, steps_module: Path
) -> None:
    tidied, after = steps_module / "tidied", steps_module / "after"
    plan = apart.build(
        [meeting.step("long", tidied=str(tidied)), call("after", "note", "long", file=str(after), word="after")]
    )
    run = apart.submit(plan)
    _, step = meeting.next()
    run.cancel()

    assert step.recv(1) == b""  # its process is gone
    assert run.state is RunState.CANCELLED
    with pytest.raises(CancelledOperationError):
        run.result()
    apart.shutdown()
    assert tidied.read_text(encoding="utf-8").split() == ["long"]
    assert not after.exists()


def test_a_step_that_will_not_be_interrupted_is_ended_all_the_same(apart: OrchestratorPlugin, meeting: Meeting) -> None:
    run = apart.submit(apart.build([meeting.step("stubborn", function="meet_and_stay")]))
    _, step = meeting.next()
    run.cancel()

    with contextlib.suppress(ConnectionResetError):
        assert step.recv(1) == b""
    apart.shutdown()  # waits until no process is left


def test_a_run_that_is_cancelled_at_once_begins_no_step(
    apart: OrchestratorPlugin, meeting: Meeting, steps_module: Path
) -> None:
    run = apart.submit(apart.build([meeting.step("a"), call("b", "note", file=str(steps_module / "b"), word="b")]))
    run.cancel()
    apart.shutdown()

    assert run.state is RunState.CANCELLED
    assert not (steps_module / "b").exists()


def test_stopping_waits_for_steps_apart_and_begins_no_other(
    platform: PluginRegistry, apart: OrchestratorPlugin, meeting: Meeting, steps_module: Path
) -> None:
    after = steps_module / "after"
    plan = apart.build([meeting.step("long"), call("after", "note", "long", file=str(after), word="after")])
    nothing = apart.build([])
    run = apart.submit(plan)
    _, step = meeting.next()
    stopper = threading.Thread(target=platform.shutdown)
    stopper.start()
    with contextlib.suppress(PluginError):
        while True:  # until it is being stopped
            apart.submit(nothing).result(60)
    step.sendall(b".")
    stopper.join()

    report = run.result(60)
    assert report.steps["long"].state is StepState.SUCCEEDED
    assert "being stopped" in report.steps["after"].error
    assert not after.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no groups of processes")
def test_a_leading_process_that_ends_early_is_reported(apart: OrchestratorPlugin) -> None:
    run = apart.submit(apart.build([call("a", "end_the_leader")]))

    with pytest.raises(PluginError, match="ended with status -9 before the run had ended"):
        run.result(60)
    assert run.state is RunState.FAILED


def test_dagster_runs_exported_calls_apart_too(apart: OrchestratorPlugin, steps_module: Path) -> None:
    notes = steps_module / "notes"
    plan = apart.build(
        [
            call("second", "note", "first", file=str(notes), word="it's"),
            call("first", "note", file=str(notes), word="first"),
        ]
    )
    file = apart.export(plan, steps_module / "server", [Schedule("at_night", "0 3 * * *")])

    done = subprocess.run(
        [sys.executable, "-m", "dagster", "job", "execute", "-f", str(file), "-j", "floe"],
        env={**os.environ, "PYTHONPATH": str(steps_module)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "multiprocess executor" in done.stdout + done.stderr
    assert notes.read_text(encoding="utf-8").split() == ["first", "it's"]


def test_calls_of_what_cannot_be_imported_are_not_exported(apart: OrchestratorPlugin, tmp_path: Path) -> None:
    for path in ("apart_steps:no_such_function", "no_such_module:f", "apart_steps:__name__"):
        with pytest.raises(ValueError, match=r"step 'a' .* could not import"):
            apart.export(apart.build([Step("a", StepCall(path))]), tmp_path / "server")

    assert not (tmp_path / "server").exists()
