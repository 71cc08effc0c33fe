from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import fake_uv
import pytest

from floe_plugins.authoring.fresh_environment import FreshEnvironment

pytestmark = [pytest.mark.once, pytest.mark.skipif(os.name == "nt", reason="the stand-in for uv is a script")]


def fresh(tmp_path: Path, seconds: float = 60.0, prefixes: tuple[str, ...] = ()) -> FreshEnvironment:
    return FreshEnvironment(tmp_path / "environment", seconds=seconds, prefixes=prefixes)


def test_uv_makes_it_where_that_is_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = fake_uv.write(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    environment = fresh(tmp_path)
    assert environment.create().status == 0
    assert environment.install(["acme"]).status == 0
    assert environment.tool == "uv"
    created, installed = log.read_text(encoding="utf-8").splitlines()
    assert created == f"venv --quiet --python {sys.executable} {tmp_path / 'environment'}"
    assert installed == f"pip install --quiet --python {environment.python} acme"


def test_pythons_own_tool_makes_it_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fresh(tmp_path).tool == "venv"


def test_a_command_gives_its_status_and_the_end_of_what_it_printed(tmp_path: Path) -> None:
    code = "import sys; print('x' * 9000); print('out', flush=True); sys.exit('err')"
    done = fresh(tmp_path).run([sys.executable, "-c", code])
    assert done.status == 1
    assert done.tail.endswith("x\nout\nerr\n")
    assert len(done.tail) <= 4000


def test_a_command_that_cannot_be_begun_says_why(tmp_path: Path) -> None:
    done = fresh(tmp_path).run([str(tmp_path / "absent")])
    assert done == (127, f"{tmp_path / 'absent'}: No such file or directory")


def test_at_its_deadline_a_command_is_ended_with_what_it_started(tmp_path: Path) -> None:
    inner = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    done = fresh(tmp_path, seconds=1.0).run([sys.executable, "-c", code])
    assert done.status is None
    while is_running(int(done.tail)):  # the system may take a moment to end it
        pass


def test_a_signal_is_handled_once_the_command_has_ended(tmp_path: Path) -> None:
    seen: list[bool] = []
    file = tmp_path / "process"
    before = signal.signal(signal.SIGTERM, lambda *_: seen.append(is_running(int(file.read_text(encoding="utf-8")))))
    code = (
        "import os, pathlib, signal, sys, time; pathlib.Path(sys.argv[1]).write_text(str(os.getpid()));"
        "os.kill(os.getppid(), signal.SIGTERM); time.sleep(600)"
    )
    try:
        done = fresh(tmp_path).run([sys.executable, "-c", code, str(file)])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done.status is None
    assert seen == [False]


def test_a_signal_is_handled_also_if_the_command_cannot_be_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_command: object, **_options: object) -> None:
        signal.raise_signal(signal.SIGTERM)
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "Popen", interrupted)
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: seen.append(number))
    try:
        fresh(tmp_path).run(["absent"])
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [signal.SIGTERM]


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_variables_of_the_environment_around_it_stay_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "PYTEST_ADDOPTS", "SITE_ONLY"):
        monkeypatch.setenv(name, "here")
    monkeypatch.setenv("OTHER", "here")
    code = "import os; print(*sorted(name for name, value in os.environ.items() if value == 'here'))"
    done = fresh(tmp_path, prefixes=("SITE_",)).run([sys.executable, "-c", code])
    assert done.tail == "OTHER\n"
