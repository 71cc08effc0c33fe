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
from xml.etree import ElementTree as ET

import pytest
from support import write_distribution, write_project


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
@pytest.mark.once
def test_nothing_is_said_of_standard_output_at_the_end_where_all_warnings_are_shown(environment: Any) -> None:
    done = environment().run(["-X", "dev", "-m", "floe_plugins", "run", "--once"])
    assert "ResourceWarning" not in done.stderr


def test_closed_standard_output_is_no_traceback(environment: Any) -> None:
    plugins = environment("storage-local")
    command = f"{shlex.quote(sys.executable)} -m floe_plugins list >&-"
    done = subprocess.run(["bash", "-c", command], env=plugins.variables(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.once
@pytest.mark.skipif(os.name != "posix", reason="file descriptors can be closed by a shell")
def test_with_nothing_to_read_from_and_write_to_plugins_are_checked_all_the_same(environment: Any) -> None:
    plugins = environment("storage-local")
    command = f"{shlex.quote(sys.executable)} -m floe_plugins check <&- >&- 2>&-"
    done = subprocess.run(["bash", "-c", command], env=plugins.variables(), cwd=plugins.home, check=False)
    assert done.returncode == 0


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


# Clears the screen, forges a line, turns the direction of text, and is no valid Unicode.
EVIL = "\x1b[2J\x9b2J\x00\x07\r\nplatform healthy: 9 plugins\u202e\u2066\u200f\u2028\x85\ud800\x7f"
FORBIDDEN = set(EVIL) - set("\n platform healthy: 9 plugins[2J")
FORGED = "platform healthy: 9 plugins"


@pytest.fixture
def hostile(environment: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """Run a command among plugins whose messages, values, names and directories are hostile."""
    plugins = environment()
    code = f"""
        from floe_plugins import HealthStatus, PluginRegistry, SecretsPlugin
        from pydantic import BaseModel, Field
        EVIL = {EVIL!r}
        class Settings(BaseModel):
            model_config = {{"extra": "allow"}}
            text: str = EVIL
            number: int = 10**5000
            part: float = float("nan")
            items: dict[str, int] = Field({{EVIL: 1}}, title=EVIL, description=EVIL)
        class Plugin(SecretsPlugin):
            name = "acme"; version = "1"; floe_api_version = "1.0"; description = {EVIL!r}
            dependencies = ()
            config_schema = Settings
            def get_secret(self, key): ...
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): ...
            def health_check(self):
                return HealthStatus("unhealthy", EVIL, {{EVIL: 10**5000, "x": float("nan")}})
        class Other(Plugin):
            name = "other"
            def startup(self): raise RuntimeError(EVIL)
        class Third(Plugin):
            name = "third"
            def __init__(self): raise RuntimeError(EVIL)
    """
    groups = "[floe.secrets]\nacme = acme:Plugin\nother = acme:Other\nthird = acme:Third\n\x1b[2J = acme\u202e\n"
    site = plugins.path / f"x\x1b[2J\n{FORGED}\u202e".replace(":", "")
    write_distribution(site, "acme", groups, acme=code)
    file = tmp_path / "floe.json"
    setting = EVIL.replace("\ud800", "")  # pydantic refuses it
    tables = {name: {f"x{setting}": setting} for name in ("acme", "other", "third")}
    file.write_text(json.dumps({"registry": {"autoload": "all"}, "plugins": {"secrets": tables}}), encoding="utf-8")

    def run(*args: str) -> Any:
        return plugins.run(
            ["-m", "floe_plugins", *args, "--config", str(file)], env={"PYTHONPATH": str(site)}, check=False
        )

    return run


def lines_of(done: Any) -> list[str]:
    assert "Traceback" not in done.stderr
    text = done.stdout + done.stderr
    assert not FORBIDDEN & set(text), sorted(FORBIDDEN & set(text))
    return text.splitlines()


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names of directories")
@pytest.mark.parametrize(
    "args",
    [
        ("list",),
        ("list", "-v"),
        ("show", "secrets:acme"),
        ("show", "secrets:third"),
        ("check",),
        ("check", "-v"),
        ("health",),
        ("run", "--once"),
        ("run", "--once", "-v", "--timings"),
        ("config", "show"),
        ("config", "validate"),
    ],
)
def test_what_is_foreign_is_shown_escaped(hostile: Callable[..., Any], args: tuple[str, ...]) -> None:
    lines = lines_of(hostile(*args))
    assert any("\\x1b[2J" in line for line in lines), lines
    assert not any(line.strip().startswith((FORGED, FORGED.replace(":", ""))) for line in lines)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names of directories")
@pytest.mark.parametrize(
    "args",
    [
        ("list",),
        ("show", "secrets:acme"),
        ("check",),
        ("health",),
        ("run", "--once", "--timings"),
        ("config", "show"),
        ("config", "validate"),
        ("config", "schema"),
    ],
)
def test_json_is_ascii_and_valid_whatever_plugins_say(hostile: Callable[..., Any], args: tuple[str, ...]) -> None:
    done = hostile(*args, "--json")
    assert "Traceback" not in done.stderr
    assert done.stdout.isascii()
    assert not FORBIDDEN & set(done.stdout)
    assert json.loads(done.stdout, parse_constant=pytest.fail)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no such names of directories")
def test_a_timeline_of_hostile_messages_is_valid_xml(hostile: Callable[..., Any], tmp_path: Path) -> None:
    lines_of(hostile("run", "--once", "--timeline", str(tmp_path / "start.svg")))
    text = (tmp_path / "start.svg").read_text(encoding="utf-8")
    assert "\\x1b[2J" in text
    ET.fromstring(text)  # noqa: S314 our own


def test_a_long_message_is_printed_whole_once(environment: Callable[..., Any], tmp_path: Path) -> None:
    code = """
        from floe_plugins import SecretsPlugin
        class Plugin(SecretsPlugin):
            name = "acme"; version = "1"; floe_api_version = "1.0"
            def get_secret(self, key): ...
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): ...
            def startup(self): raise RuntimeError("word " * 40_000)
    """
    project = write_project(tmp_path / "acme", "floe.secrets", acme=code)
    done = environment(project).run(["-m", "floe_plugins", "run", "--once"], check=False)
    assert 4_000 < len(done.stdout) + len(done.stderr) < 6_000


@pytest.mark.parametrize(
    "command",
    [
        "list", "show storage:local", "check", "config validate FILE", "config show --config FILE",
        "config schema --config FILE", "config migrate FILE", "health --config FILE", "run --once --config FILE",
    ],
)  # fmt: skip
def test_every_command_prints_json_if_asked_to(floe: Any, write: Callable[..., str], command: str) -> None:
    file = write("plugins: {storage: {local: {root: data}}}\n")
    done = floe(("storage-local",), *command.replace("FILE", file).split(), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
