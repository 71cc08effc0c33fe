"""How a command ends."""

from __future__ import annotations

import errno
import shlex
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import attrs
import pytest
from support import write_project

from floe_plugins.cli.exit import PROBLEMS_FOUND, cleaning_up, run_command


@attrs.frozen
class _Documents:
    """The options of a command, whose documents are kept instead of printed."""

    json: bool
    documents: list[Any] = attrs.field(factory=list)

    def output(self) -> Any:
        printed = self.documents

        class Kept:
            def json(self, document: Any) -> None:
                printed.append(document)

        return Kept()


def _refused(_options: Any) -> None:
    raise OSError(errno.EMFILE, "Too many open files", "/srv/acme\n.toml")


def test_what_the_system_refuses_is_one_line_that_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run_command(_refused, _Documents(json=False))
    assert end.value.code == PROBLEMS_FOUND
    line = "floe-plugins: the command cannot go on: Too many open files: /srv/acme\\n.toml\n"
    assert capsys.readouterr().err == line


def test_what_the_system_refuses_is_a_document_where_one_is_asked_for() -> None:
    options = _Documents(json=True)
    with pytest.raises(SystemExit):
        run_command(_refused, options)
    [document] = options.documents
    assert document["error"]["type"] == "OSError"
    assert document["error"]["message"].startswith("the command cannot go on: Too many open files")


@pytest.mark.skipif(sys.platform == "win32", reason="a signal to oneself ends a process there")
def test_a_signal_lets_a_command_clean_up(capsys: pytest.CaptureFixture[str]) -> None:
    cleaned: list[str] = []

    def interrupted(_options: Any) -> None:
        with cleaning_up():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                cleaned.append("all")

    with pytest.raises(SystemExit) as end:
        run_command(interrupted, _Documents(json=False))
    assert end.value.code == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "floe-plugins: ended by SIGTERM\n"
    assert cleaned == ["all"]


@pytest.mark.skipif(sys.platform == "win32", reason="as above")
def test_a_second_signal_ends_a_command_that_cleans_up() -> None:
    code = """
        import signal
        from floe_plugins.cli.exit import cleaning_up
        with cleaning_up():
            try:
                signal.raise_signal(signal.SIGTERM)
            finally:
                signal.raise_signal(signal.SIGINT)
                print("not ended")
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "")


def test_a_closed_pipe_is_not_an_error(environment: Any, reference: tuple[str, ...]) -> None:
    plugins = environment(*reference)
    command = f"{shlex.quote(sys.executable)} -m floe_plugins list | head -c 1"
    done = subprocess.run(["bash", "-c", command], env=plugins.variables(), capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.parametrize(("startup", "skipped"), [("pass", False), ("time.sleep(3600)", True)])
def test_the_interpreters_own_shutdown_is_skipped_while_plugin_code_runs(
    environment: Any, tmp_path: Path, startup: str, *, skipped: bool
) -> None:
    code = f"""
        import atexit, os, time
        from floe_plugins import SecretsPlugin
        atexit.register(lambda: os.write(2, b"shutdown of the interpreter"))
        class Plugin(SecretsPlugin):
            name = "slow"; version = "1"; floe_api_version = "1.0"; timeouts = {{"startup": 0.2}}
            def startup(self): {startup}
            def get_secret(self, key): ...
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): ...
    """
    project = write_project(tmp_path / "slow", "floe.secrets", slow=code)
    done = environment(project).run(["-m", "floe_plugins", "run", "--once"])
    assert ("shutdown of the interpreter" not in done.stderr) is skipped
