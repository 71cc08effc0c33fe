"""Several hosts side by side: each is watched, and a signal stops them all."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import SOON, child_environ, write_distribution

from floe_plugins.cli.supervisor import concurrent_jobs
from floe_plugins.cli.supervisor.concurrent_jobs import ConcurrentJobs
from floe_plugins.cli.supervisor.progress import Progress
from floe_plugins.cli.supervisor.supervisor import Supervisor

pytestmark = pytest.mark.once


def hosts() -> ConcurrentJobs:
    progress = Progress(None)
    return ConcurrentJobs(Supervisor(print, progress), print, progress)


def test_each_job_comes_to_its_own_result(tmp_path: Path) -> None:
    config = tmp_path / "floe.json"
    config.write_text("{}", encoding="utf-8")
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    options = [{"config": str(file), "no_plugins": True} for file in (config, broken, config)]
    runs = {run.index: run for run in hosts().run("check", options, number=2)}
    assert [runs[index].finished.status for index in range(3)] == [0, 2, 0]
    assert runs[0].finished.document["loaded"] == 0
    assert (runs[1].finished.error or {})["type"] == "PluginConfigurationError"


def test_a_host_that_cannot_be_made_is_told_and_the_others_run(monkeypatch: pytest.MonkeyPatch) -> None:
    launch, number = concurrent_jobs.launch, iter(range(2))

    def once(*args: Any, **options: Any) -> Any:
        if not next(number):
            raise BlockingIOError("no more processes")
        return launch(*args, **options)

    monkeypatch.setattr(concurrent_jobs, "launch", once)
    options = {"config": None, "no_plugins": True}
    runs = {run.index: run.finished for run in hosts().run("check", [options, options], number=1)}
    assert "no more processes" in (runs[0].error or {})["message"]
    assert runs[1].status == 0


_WAITING = """
import os, pathlib, threading
pathlib.Path("{name}.pid").write_text(str(os.getpid()))
os.mkfifo("{name}.fifo") if not os.path.exists("{name}.fifo") else None
print("begun", file=open("{name}.fifo", "w"))
threading.Event().wait()
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_stops_all_hosts(tmp_path: Path, times: int) -> None:
    names = ("one", "two", "three")
    entry_points = "[floe.secrets]\n" + "".join(f"{name} = acme_{name}:Plugin\n" for name in names)
    modules = {f"acme_{name}": _WAITING.format(name=name) for name in names}
    write_distribution(tmp_path / "site", "acme", entry_points, **modules)
    for name in names[:2]:
        os.mkfifo(tmp_path / f"{name}.fifo")
    command = [sys.executable, "-m", "floe_plugins", "doctor", "--json", *(f"secrets:{name}" for name in names)]
    environ = child_environ(tmp_path / "site")
    with subprocess.Popen(
        command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        for name in names[:2]:
            assert (tmp_path / f"{name}.fifo").read_text() == "begun\n"
        assert process.stderr is not None
        process.send_signal(signal.SIGINT)
        assert b"stopping" in process.stderr.readline()
        if times > 1:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=SOON)
    assert process.returncode in {128 + signal.SIGINT, 128 + signal.SIGTERM}
    for name in names[:2]:
        _wait_until_gone(int((tmp_path / f"{name}.pid").read_text()))
    assert not (tmp_path / "three.pid").exists()
    if times == 1:
        assert {each["ended"] for each in json.loads(out)["plugins"]} == {"was interrupted", ""}


def _wait_until_gone(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        while _state(pid) not in {"", "Z"}:
            os.sched_yield()


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2][:1]
    except OSError:
        return ""
