"""A host is a fork of a process that has imported nothing, else a new interpreter; both do the same."""

from __future__ import annotations

import os
import queue
import threading
from pathlib import Path
from typing import Any

import pytest
from support import SOON, run_code

from floe_plugins.cli.supervisor.launch import can_fork, launch
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
    found = list(iter(lambda: messages.get(timeout=SOON), None))
    pause.set()
    assert found[-1]["event"] == "result"
    assert found[-1]["document"] == {"loaded": 0, "problems": []}
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
        print([each["event"] for each in iter(messages.get, None)][-1], "pydantic" in sys.modules)
        monitor.join()
        print(monitor.host.status)
    """)
    assert done.stdout.split() == ["result", "False", "0"], done.stderr
    assert done.stderr.count("functions for the end are called") == 2


def test_a_host_that_cannot_be_made_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    before = len([*Path("/dev/fd").iterdir()])
    for name in ("fork", "posix_spawn"):
        monkeypatch.setattr(os, name, lambda *_: (_ for _ in ()).throw(BlockingIOError("no more processes")))
    with pytest.raises(BlockingIOError):
        launch("check", {})
    assert len([*Path("/dev/fd").iterdir()]) == before


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
        print([each["event"] for each in iter(messages.get, None)][-1])
        monitor.join()
        print(monitor.captured.size, host.peak > 1)
    """)
    assert done.stdout.split() == ["error", "0", "True"], done.stderr
