"""A host is watched from outside: what it says is passed on, and one that does not answer or leave is ended."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import SOON

from floe_plugins.cli.supervisor import monitor as monitors
from floe_plugins.cli.supervisor.launch import HostProcess
from floe_plugins.cli.supervisor.monitor import Monitor

HELLO = r"""
import json, os, sys, threading
def say(event, **facts):
    os.write(int(sys.argv[1]), json.dumps({"event": event, **facts}).encode() + b"\n")
say("hello", protocol=1)
"""


class Watched:
    """A process that plays the host, and its monitor."""

    def __init__(self, code: str, timeout: float | None = None) -> None:
        pipes = [os.pipe() for _ in range(3)]
        (events, theirs), (stacks, their_stacks), (output, their_output) = pipes
        for descriptor in (events, stacks, output):
            os.set_blocking(descriptor, False)
        command = [sys.executable, "-c", HELLO + code, str(theirs), str(their_stacks)]
        self.process = subprocess.Popen(
            command, pass_fds=(theirs, their_stacks), stdout=their_output, start_new_session=True
        )
        for _, descriptor in pipes:
            os.close(descriptor)
        self.messages: queue.Queue[Any] = queue.Queue()
        self.host = HostProcess(self.process.pid, events, stacks, os.open(os.devnull, os.O_WRONLY), output)
        self.monitor = Monitor(self.host, self.messages.put, timeout)
        self.monitor.start()

    def all_messages(self) -> list[dict[str, Any]]:
        return list(iter(lambda: self.messages.get(timeout=SOON), None))


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(monitors, "MAX_SILENCE", 0.5)
    monkeypatch.setattr(monitors, "LEAVING", 0.2)
    watched: list[Watched] = []

    def start(code: str, timeout: float | None = None) -> Watched:
        watched.append(Watched(code, timeout))
        return watched[-1]

    yield start
    for each in watched:
        each.host.kill()
        each.monitor.join(SOON)
        each.process.poll()


def test_all_that_a_host_said_before_its_end_is_passed_on(watch: Any) -> None:
    watched = watch("for number in range(20_000): say('log', number=number)\nsay('result', document={}, status=0)\n")
    numbers = [each["number"] for each in watched.all_messages() if each["event"] == "log"]
    assert numbers == list(range(20_000))
    assert watched.monitor.ending is None


TALKS = """
say("call_begun", ref="secrets:evil", stage="load", thread=1, timeout=60)
while True:
    say("beat")
    threading.Event().wait(0.05)
"""


def test_a_host_whose_time_is_over_is_ended_although_it_answers(watch: Any) -> None:
    watched = watch(TALKS, timeout=0.5)
    watched.all_messages()
    assert watched.monitor.is_overdue
    assert watched.monitor.ending.message == "secrets:evil did not end within 0.5 s while being loaded"
    assert watched.host.status == -signal.SIGABRT


def test_time_counts_from_the_first_code_of_a_plugin(watch: Any) -> None:
    watched = watch("threading.Event().wait(0.3)\nsay('result', document={}, status=0)\n", timeout=0.1)
    assert watched.all_messages()[-1]["event"] == "result"
    assert watched.monitor.ending is None


def test_what_a_host_prints_is_captured_to_its_end(watch: Any) -> None:
    watched = watch("say('result', document={}, status=0)\nos.write(1, b'x' * 200_000)\nos.write(1, b'the end')\n")
    watched.all_messages()
    assert watched.monitor.captured.size == 200_007
    assert watched.monitor.captured.tail.endswith("xthe end")


def test_output_that_goes_on_after_the_end_does_not_keep_the_monitor(
    watch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As it is where what the host has forked, and left behind, prints for ever.
    monkeypatch.setattr(monitors.Captured, "read", lambda *_: True)
    watched = watch("say('result', document={}, status=0)")
    watched.all_messages()
    assert watched.monitor.ending is None


def test_a_host_without_a_word_is_ended(watch: Any) -> None:
    watched = watch("threading.Event().wait()")
    watched.all_messages()
    assert "kept the host from answering" in watched.monitor.ending.message
    assert watched.host.status == -signal.SIGABRT


def test_a_host_that_sends_heartbeats_is_left_alone(watch: Any) -> None:
    code = "for _ in range(12):\n    say('beat')\n    threading.Event().wait(0.1)\nsay('result', status=0)"
    watched = watch(code)
    watched.all_messages()
    assert watched.monitor.ending is None


STANDS_STILL = """
say("call_begun", ref="secrets:evil", stage="start", thread=1, timeout=0.2)
say("plugin", ref="secrets:evil", distribution="acme 1.0", places=[])
ended = {ended}
if ended:
    say("call_ended", ref="secrets:evil", stage="start", thread=1)
while True:
    say("beat")
    threading.Event().wait(0.05)
"""


@pytest.mark.parametrize(("ended", "what"), [("True", "ran last"), ("False", "did not end in time")])
def test_a_host_that_sends_nothing_but_heartbeats_is_ended_and_the_plugin_that_ran_last_is_named(
    watch: Any, monkeypatch: pytest.MonkeyPatch, ended: str, what: str
) -> None:
    monkeypatch.setattr(monitors, "MAX_STANDSTILL", 0.3)
    watched = watch(STANDS_STILL.format(ended=ended))
    watched.all_messages()
    ending = watched.monitor.ending
    assert ending.message == f"secrets:evil {what} while starting, and then nothing happened in the host for 0.3 s"
    assert ending.distribution == "acme 1.0"
    assert watched.host.status == -signal.SIGABRT


def test_a_platform_that_serves_and_does_not_stop_is_ended(watch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitors, "MAX_STANDSTILL", 0.3)
    watched = watch("say('serving')\n" + STANDS_STILL.format(ended="True"))
    while watched.messages.get(timeout=SOON)["event"] != "call_ended":
        pass
    watched.host.send("stop")
    watched.all_messages()
    assert "secrets:evil ran last" in watched.monitor.ending.message


def test_a_host_that_resists_is_killed(watch: Any) -> None:
    watched = watch("import signal\nsignal.signal(signal.SIGABRT, signal.SIG_IGN)\nthreading.Event().wait()")
    watched.all_messages()
    assert watched.host.status == -signal.SIGKILL


def test_a_host_that_does_not_leave_after_its_work_is_ended_without_blame(watch: Any) -> None:
    watched = watch("say('result', status=0)\nthreading.Thread(target=threading.Event().wait).start()")
    watched.all_messages()
    assert watched.host.status == -signal.SIGKILL
    assert watched.monitor.ending is None


def test_a_host_that_crashes_after_its_work_is_told_all_the_same(watch: Any) -> None:
    watched = watch("say('result', status=0)\nos.kill(os.getpid(), 11)")
    watched.all_messages()
    assert "crashed the host by signal 11" in watched.monitor.ending.message


def test_what_a_host_forked_does_not_outlive_it(watch: Any) -> None:
    code = "pid = os.fork()\nif pid == 0:\n    threading.Event().wait()\nsay('log', pid=pid)\n"
    watched = watch(code + "say('result', status=0)\nos._exit(0)")
    child = next(each["pid"] for each in watched.all_messages() if each["event"] == "log")
    while is_running(child):
        pass


def is_running(pid: int) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z"  # its new parent may not have reaped it yet


def test_a_host_of_another_protocol_is_ended(watch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(monitors, "MAX_SILENCE", SOON)
    watched = watch("say('hello', protocol=99)\nwhile True:\n    say('beat')\n    threading.Event().wait(0.1)")
    watched.all_messages()
    assert watched.host.status == -signal.SIGKILL
