"""However a plugin's code ends the host, the command says whose code it was, and does not succeed."""

from __future__ import annotations

import json
import re
import signal
from typing import Any

import pytest

from floe_plugins.cli.supervisor.ending import explain
from floe_plugins.cli.supervisor.interpreter_lock import LockUse
from floe_plugins.cli.supervisor.state import HostState

pytestmark = pytest.mark.once


WHEN = {
    "load": "while being loaded",
    "startup": "while starting",
    "check": "in its health check",
    "shutdown": "while stopping",
    "background": "in the background",
}
HOW = {
    "exit 0": "ended the host by os._exit(0)",
    "exit 7": "ended the host by os._exit(7)",
    "segfault": f"crashed the host by signal {int(signal.SIGSEGV)} (SIGSEGV)",
    "spinning": "kept the host from answering for",
    "sleeping": "kept the host from answering for",
}
COMMANDS = {
    "load": ("run", "check", "health"),
    "startup": ("run", "health"),
    "check": ("run", "health"),
    "shutdown": ("run", "health"),
    "background": ("run",),
}


@pytest.mark.parametrize(("stage", "command"), [(stage, each) for stage, names in COMMANDS.items() for each in names])
@pytest.mark.parametrize("how", HOW)
def test_the_command_names_the_plugin_and_fails(sudden: Any, how: str, stage: str, command: str) -> None:
    once = ("--once",) if command == "run" and stage != "background" else ()
    done = sudden(how, stage)(command, *once)
    assert done.returncode == 1
    assert f"floe-plugins: secrets:evil {HOW[how]}" in done.stderr
    assert WHEN[stage] in done.stderr
    assert "from acme 1.0" in done.stderr
    assert "--disable secrets:evil" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("stage", ["load", "startup"])
def test_the_place_in_the_plugins_own_code_is_named(sudden: Any, stage: str) -> None:
    done = sudden("segfault", stage)("health")
    assert "acme_evil.py" in next(line for line in done.stderr.splitlines() if line.startswith("    at "))


def test_verbose_shows_the_last_stacks(sudden: Any) -> None:
    done = sudden("segfault", "startup")("health", "-v")
    assert "  | Fatal Python error: Segmentation fault" in done.stderr


def test_json_is_one_document_that_holds_the_error(sudden: Any) -> None:
    done = sudden("exit 0", "load")("check", "--json")
    error = json.loads(done.stdout)["error"]
    assert (error["ref"], error["stage"], error["type"]) == ("secrets:evil", "load", "HostEnded")
    assert error["distribution"].startswith("acme 1.0")


def begun(state: HostState, ref: str, thread: int, native: int | None = None) -> None:
    state.apply({"event": "call_begun", "ref": ref, "stage": "start", "thread": thread, "native": native, "timeout": 1})


def test_without_a_trace_all_plugins_whose_code_ran_are_suspected() -> None:
    state = HostState()
    begun(state, "secrets:a", 1)
    begun(state, "secrets:b", 2)
    ending = explain(state, -signal.SIGKILL, "")
    assert ending.refs == ("secrets:a", "secrets:b")
    assert "secrets:a or secrets:b crashed the host by signal 9" in ending.message
    assert "memory" in ending.message


def test_the_thread_that_met_the_signal_is_that_of_the_call() -> None:
    state = HostState()
    begun(state, "secrets:a", 0x1)
    begun(state, "secrets:b", 0x2)
    stacks = 'Thread 0x1 (most recent call first):\n  File "x.py", line 1 in f\n\n'
    stacks += 'Current thread 0x2 (most recent call first):\n  File "y.py", line 2 in g\n'
    ending = explain(state, -signal.SIGSEGV, stacks)
    assert ending.refs == ("secrets:b",)
    assert str(ending.where) == 'File "y.py", line 2, in g'


def test_of_several_that_do_not_answer_the_one_that_uses_the_processor_is_named() -> None:
    state = HostState()
    begun(state, "secrets:a", 0x1, native=101)
    begun(state, "secrets:b", 0x2, native=102)
    assert explain(state, -signal.SIGABRT, "", silent=3.0, lock_use=LockUse(keeper=101)).refs == ("secrets:a",)
    waiting = LockUse(waiting=frozenset({101}))
    assert explain(state, -signal.SIGABRT, "", silent=3.0, lock_use=waiting).refs == ("secrets:b",)
    assert explain(state, -signal.SIGABRT, "", silent=3.0).refs == ("secrets:a", "secrets:b")


def test_a_call_that_has_ended_is_not_suspected() -> None:
    state = HostState()
    begun(state, "secrets:a", 1)
    state.apply({"event": "call_ended", "ref": "secrets:a", "stage": "start", "thread": 1})
    ending = explain(state, 3, "")
    assert ending.refs == ()
    assert "no plugin's code" in ending.message
    assert "floe-plugins doctor" in ending.hint


def test_code_in_the_background_is_known_by_its_file() -> None:
    state = HostState()
    state.apply({"event": "plugin", "ref": "secrets:a", "distribution": "acme 1.0", "places": ["/site/acme"]})
    stacks = 'Current thread 0x9 (most recent call first):\n  File "/lib/re.py", line 1 in match\n'
    stacks += '  File "/site/acme/x.py", line 7 in loop\n'
    ending = explain(state, -signal.SIGSEGV, stacks)
    assert (ending.refs, ending.distribution) == (("secrets:a",), "acme 1.0")
    assert str(ending.where) == 'File "/site/acme/x.py", line 7, in loop'


@pytest.mark.parametrize("function", ["wait", "acquire", "__enter__"])
def test_a_call_that_waits_for_a_lock_is_not_suspected_of_what_the_background_does(function: str) -> None:
    state = HostState()
    state.apply({"event": "plugin", "ref": "secrets:a", "distribution": "acme 1.0", "places": ["/site/acme"]})
    begun(state, "secrets:b", 0x1)
    stacks = f'Thread 0x1 (most recent call first):\n  File "/lib/threading.py", line 1 in {function}\n\n'
    stacks += 'Thread 0x9 (most recent call first):\n  File "/site/acme/x.py", line 7 in loop\n'
    ending = explain(state, -signal.SIGABRT, stacks, silent=3.0)
    assert (ending.refs, ending.stage) == (("secrets:a",), "")


def test_the_place_of_a_call_that_waits_past_its_time_is_named() -> None:
    state = HostState()
    begun(state, "secrets:a", 0x1)
    stacks = 'Thread 0x1 (most recent call first):\n  File "threading.py", line 1 in wait\n'
    ending = explain(state, -signal.SIGABRT, stacks, silent=0.1, over=5.0)
    assert ending.message == "secrets:a did not end within 5 s while starting"
    assert str(ending.where) == 'File "threading.py", line 1, in wait'


@pytest.mark.parametrize("command", ["run --once", "run", "health"])
def test_a_signal_from_within_is_named_and_fails(sudden: Any, command: str) -> None:
    done = sudden("terminate", "startup")(*command.split())
    assert done.returncode == 1
    assert "floe-plugins: secrets:evil sent SIGTERM to the host, or another process did, while starting" in done.stderr
    assert "from acme 1.0" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_platform_that_code_in_the_background_stops_has_failed(sudden: Any) -> None:
    done = sudden("terminate", "background")("run")
    assert done.returncode == 1
    assert "floe-plugins: code in the background sent SIGTERM to the host, or another process did\n" in done.stderr


def test_a_call_that_ended_before_its_signal_arrived_is_named(sudden: Any) -> None:
    done = sudden("terminate at once", "check")("health")
    assert done.returncode == 1
    assert re.search("secrets:evil.* sent SIGTERM to the host", done.stderr)
