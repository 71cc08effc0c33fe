"""A host is a fork of a process that has imported nothing, else a new interpreter; both do the same."""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest
from support import SOON, child_environ, run_code, write_distribution

from floe_plugins.cli.supervisor.launch import HostProcess, can_fork, launch
from floe_plugins.cli.supervisor.monitor import Monitor


def test_a_new_interpreter_runs_the_job(tmp_path: Path) -> None:
    config = tmp_path / "floe.json"
    config.write_text("{}", encoding="utf-8")
    messages: queue.Queue[Any] = queue.Queue()
    # Other threads run here: a fork might wait for their locks for ever.
    pause = threading.Event()
    threading.Thread(target=pause.wait, daemon=True).start()
    assert not can_fork()
    monitor = Monitor(launch("check", {"config": str(config), "no_plugins": True}), messages.put)
    monitor.start()
    found = [each for each in iter(lambda: messages.get(timeout=SOON), None) if each["event"] != "beat"]
    pause.set()
    assert found[-1]["event"] == "result"
    assert found[-1]["document"]["loaded"] == 0
    assert monitor.host.status == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_runs_the_job_and_ends_as_an_interpreter_does() -> None:
    done = run_code("""
        import atexit, queue, sys
        atexit.register(lambda: print("functions for the end are called", file=sys.stderr))
        from floe_plugins.cli.supervisor.launch import can_fork, launch
        from floe_plugins.cli.supervisor.monitor import Monitor
        messages = queue.Queue()
        assert can_fork()
        monitor = Monitor(launch("check", {"no_plugins": True}), messages.put)
        monitor.start()
        events = [each["event"] for each in iter(messages.get, None)]
        print([event for event in events if event != "beat"][-1], "pydantic" in sys.modules)
        monitor.join()
        print(monitor.host.status)
    """)
    assert done.stdout.split() == ["result", "False", "0"], done.stderr
    assert done.stderr.count("functions for the end are called") == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_what_a_host_opens_at_its_end_gets_none_of_its_messages() -> None:
    done = run_code("""
        import atexit, os, queue, sys, tempfile, threading
        supervisor = os.getpid()
        def late():
            if os.getpid() != supervisor:
                files = [tempfile.TemporaryFile() for _ in range(8)]
                threading.Event().wait(1)  # the time of several heartbeats
                print("written:", sum(os.fstat(file.fileno()).st_size for file in files), file=sys.stderr)
        atexit.register(late)
        from floe_plugins.cli.supervisor.launch import can_fork, launch
        from floe_plugins.cli.supervisor.monitor import Monitor
        assert can_fork()
        monitor = Monitor(launch("check", {"no_plugins": True}), queue.Queue().put)
        monitor.start()
        monitor.join()
    """)
    assert done.stderr == "written: 0\n"


def test_after_the_end_nothing_is_written_to_who_has_the_numbers_then() -> None:
    ours, theirs = os.pipe()
    host = HostProcess(0, os.open(os.devnull, os.O_RDONLY), os.open(os.devnull, os.O_RDONLY), theirs, status=0)
    host.close()
    again = [os.pipe() for _ in range(3)]
    assert not host.send("stop")
    for reader, writer in again:
        os.close(writer)
        assert os.read(reader, 100) == b""
        os.close(reader)
    os.close(ours)


def test_a_host_that_reads_no_requests_keeps_nobody_waiting() -> None:
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    host = HostProcess(0, os.open(os.devnull, os.O_RDONLY), os.open(os.devnull, os.O_RDONLY), theirs, status=0)
    while host.send("health"):
        pass
    assert not host.send("act", ref="x" * 10_000)
    host.close()
    os.close(ours)


def test_a_host_that_cannot_be_made_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    before = len([*Path("/dev/fd").iterdir()])
    for name in ("fork", "posix_spawn"):
        monkeypatch.setattr(os, name, lambda *_: (_ for _ in ()).throw(BlockingIOError("no more processes")))
    with pytest.raises(BlockingIOError):
        launch("check", {})
    assert len([*Path("/dev/fd").iterdir()]) == before


def can_be_first() -> bool:
    command = ["unshare", "--pid", "--fork", "--mount-proc", "true"]
    return (
        shutil.which("unshare") is not None
        and subprocess.run(command, check=False, capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not can_be_first(), reason="no namespace of processes may be made here")
def test_as_the_first_process_it_collects_what_is_left_to_it(tmp_path: Path) -> None:
    code = """
        import os
        from floe_plugins import SecretsPlugin
        class Plugin(SecretsPlugin):
            name = "mine"
            version = floe_api_version = "1.0"
            def get_secret(self, key): return None
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): pass
            def startup(self):
                if os.fork() == 0:
                    os.setsid()
                    if os.fork():
                        os._exit(0)
                    os._exit(0)  # nobody but the first process can collect this one
            def health_check(self):
                while any(self.is_left(pid) for pid in os.listdir("/proc") if pid.isdecimal()):
                    pass
                return super().health_check()
            @staticmethod
            def is_left(pid):
                try:
                    with open(f"/proc/{pid}/stat") as file:
                        return file.read().rpartition(")")[2].split()[:2] == ["Z", "1"]
                except OSError:
                    return False
    """
    write_distribution(tmp_path, "acme", "[floe.secrets]\nmine = acme_mine:Plugin\n", acme_mine=textwrap.dedent(code))
    done = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-m", "floe_plugins", "run", "--once"],
        cwd=tmp_path,
        env=child_environ(tmp_path),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "platform healthy" in done.stdout


def test_a_host_apart_is_a_new_interpreter_whose_output_is_captured() -> None:
    done = run_code("""
        import queue
        from floe_plugins.cli.supervisor.launch import can_fork, launch
        from floe_plugins.cli.supervisor.monitor import Monitor
        messages = queue.Queue()
        assert can_fork()
        host = launch("check", {"no_plugins": True, "config": "/dev/null/nowhere"}, is_apart=True)
        assert host.output is not None
        monitor = Monitor(host, messages.put)
        monitor.start()
        events = [each["event"] for each in iter(messages.get, None)]
        print([event for event in events if event != "beat"][-1])
        monitor.join()
        print(monitor.captured.size, host.peak > 1)
    """)
    assert done.stdout.split() == ["error", "0", "True"], done.stderr


@pytest.mark.once
def test_what_the_system_refuses_to_the_host_is_not_taken_for_a_failed_launch() -> None:
    done = run_code("""
        from floe_plugins.cli.host import process
        from floe_plugins.cli.supervisor.launch import launch
        from floe_plugins.cli.supervisor.monitor import Monitor

        def serve(*_arguments):
            raise OSError("refused")

        process.serve = serve
        try:
            host = launch("check", {})
        except OSError:
            print("it came back")
        monitor = Monitor(host, lambda _: None)
        monitor.start()
        monitor.join()
        print(host.status)
    """)
    assert done.stdout.split() == ["1"]
    assert "the host cannot go on: refused" in done.stderr
