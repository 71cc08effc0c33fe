"""Standard output belongs to the command line alone."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import write_project


@pytest.fixture
def noisy(environment: Callable[..., Any], tmp_path: Path) -> Callable[[str], Any]:
    """Run a plugin that prints in every way there is, and whose ``shutdown()`` is this line."""

    def run(shutdown: str) -> Any:
        code = f"""
            import os, sys, time
            from floe_plugins import TelemetryBackendPlugin
            print("imported"); os.write(1, b"raw")
            class Plugin(TelemetryBackendPlugin):
                name = "noisy"; version = "1"; floe_api_version = "1.0"; timeouts = {{"shutdown": 0.2}}
                def span_exporters(self): return []
                def metric_readers(self): return []
                def flush(self, deadline): return True
                def startup(self): print("started"); os.system("echo child")
                def shutdown(self): {shutdown}
        """
        project = write_project(tmp_path / "noisy", "floe.telemetry_backends", noisy=code)
        return environment(project).run(["-m", "floe_plugins", "run", "--once", "--json"], check=False)

    return run


def test_what_plugins_print_goes_to_stderr_in_its_order(noisy: Callable[[str], Any]) -> None:
    done = noisy("print('the end')")
    assert json.loads(done.stdout)["startup"]["ok"]
    words = ("imported", "raw", "started", "child", "the end")
    assert sorted(words, key=done.stderr.index) == list(words)


def test_what_plugins_print_is_not_lost_when_one_of_them_never_returns(noisy: Callable[[str], Any]) -> None:
    done = noisy("sys.stdout.write('no end of line'); time.sleep(3600)")
    assert json.loads(done.stdout)["shutdown"]["outcomes"][0]["state"] == "timed_out"
    for words in ("imported", "raw", "started", "child", "no end of line"):
        assert words in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="file descriptors can be closed by a shell")
def test_closed_standard_output_is_no_traceback(environment: Any) -> None:
    plugins = environment("storage-local")
    command = f"{shlex.quote(sys.executable)} -m floe_plugins list >&-"
    done = subprocess.run(["bash", "-c", command], env=plugins.variables(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


RED = "\x1b[31m"


def on_terminal(plugins: Any, *args: str, env: dict[str, str]) -> str:
    """What ``floe-plugins`` shows on a terminal of its own."""
    pty = pytest.importorskip("pty", reason="terminals are devices on POSIX alone")
    ours, theirs = pty.openpty()
    with open(ours, "rb", buffering=0) as terminal:  # noqa: PTH123 a descriptor
        command = [sys.executable, "-m", "floe_plugins", *args]
        variables = plugins.variables({"TERM": "xterm", **env})
        subprocess.run(command, env=variables, cwd=plugins.home, stdout=theirs, stdin=theirs, check=False)
        os.close(theirs)
        shown = b""
        # At the end of what was written, Linux says that nobody is there any more.
        with contextlib.suppress(OSError):
            while part := terminal.read(4096):
                shown += part
    return shown.decode()


@pytest.mark.parametrize(
    ("args", "env", "coloured"),
    [
        (("check",), {}, True),
        (("check", "--no-color"), {}, False),
        (("check",), {"NO_COLOR": "1"}, False),
        (("check",), {"NO_COLOR": ""}, True),
        (("check", "--json"), {}, False),
        (("check", "--json"), {"FORCE_COLOR": "1"}, False),
    ],
)
def test_terminals_get_colours_unless_told_otherwise_and_json_has_none(
    environment: Any, args: tuple[str, ...], env: dict[str, str], *, coloured: bool
) -> None:
    shown = on_terminal(environment("import-error"), *args, env=env)
    assert "libengine" in shown
    assert (RED in shown) is coloured


@pytest.mark.parametrize(("variable", "coloured"), [("FORCE_COLOR", True), ("NO_COLOR", False), ("COLUMNS", False)])
def test_files_and_pipes_get_colours_if_forced_alone(environment: Any, variable: str, *, coloured: bool) -> None:
    done = environment("import-error").run(["-m", "floe_plugins", "check"], env={variable: "1"}, check=False)
    assert "libengine" in done.stdout
    assert (RED in done.stdout) is coloured


def test_a_message_is_one_line_however_narrow_the_terminal(environment: Any) -> None:
    done = environment("import-error").run(["-m", "floe_plugins", "check"], env={"COLUMNS": "20"}, check=False)
    [line] = [line for line in done.stdout.splitlines() if "[load]" in line or "[import]" in line]
    assert "libengine" in line
