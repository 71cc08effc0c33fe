"""The group: its help and its version."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from typing import Any

import pytest
from support import run_code

from floe_plugins import __version__


def test_the_help_names_every_command(floe: Any) -> None:
    done = floe((), "--help")
    assert done.returncode == 0
    for command in ("check", "completion", "config", "graph", "health", "list", "run", "show"):
        assert f"\n  {command} " in done.stdout


def test_the_version_is_that_of_the_distribution(floe: Any) -> None:
    assert floe((), "--version").stdout == f"floe-plugins, version {__version__}\n"


def test_a_command_imports_neither_the_others_nor_what_only_they_need(modules_after: Any) -> None:
    _, loaded = modules_after((), "list", "--json")
    assert "floe_plugins.cli.commands.list" in loaded
    assert not {"floe_plugins.cli.commands.run", "floe_plugins.cli.commands.config", "http.client"} & loaded


@pytest.mark.parametrize("library", ["click"])
def test_without_the_extra_one_line_says_what_to_install(library: str) -> None:
    done = run_code(f"""
        import sys
        sys.modules["{library}"] = None
        from floe_plugins.__main__ import main
        main()
    """)
    assert done.returncode == 2
    assert done.stderr == f"floe-plugins: the command line requires {library}: pip install 'floe-plugins[cli]'\n"


@pytest.mark.parametrize("module", ["click", "floe_plugins.cli.main", "floe_plugins.registry.facade", "json"])
def test_an_interrupt_at_any_point_of_the_start_is_one_line(environment: Any, module: str) -> None:
    done = environment("storage-local").run(
        f"""
        import os, signal, sys
        class Interrupting:
            def find_spec(self, name, path=None, target=None):
                if name == {module!r}:
                    os.kill(os.getpid(), signal.SIGINT)
        sys.meta_path.insert(0, Interrupting())
        sys.modules.pop({module!r}, None)  # a virtual environment may have imported it itself
        sys.argv = ["floe-plugins", "list"]
        from floe_plugins.__main__ import main
        main()
        """,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "floe-plugins: interrupted\n")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell starts it")
@pytest.mark.parametrize(
    "command", ["list", "list --json", "graph", "graph --format svg", "show storage:local", "--help"]
)
def test_output_that_nobody_reads_or_that_has_no_room_is_at_most_one_line(environment: Any, command: str) -> None:
    plugins = environment("storage-local")
    floe = f"{shlex.quote(sys.executable)} -m floe_plugins {command}"
    for shell, words in ((f"{floe} | true", ""), (f"{floe} > /dev/full", "cannot write to standard output")):
        done = subprocess.run(
            ["bash", "-c", shell], env=plugins.variables(), capture_output=True, text=True, check=False
        )
        said = [line for line in done.stderr.splitlines() if "configuration: none" not in line]
        assert len(said) <= 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a directory in use cannot be deleted")
def test_a_deleted_working_directory_is_one_line_that_says_what_to_do(environment: Any) -> None:
    plugins = environment("storage-local")
    shell = f"mkdir gone && cd gone && rmdir ../gone && {shlex.quote(sys.executable)} -m floe_plugins list"
    done = subprocess.run(
        ["bash", "-c", shell], cwd=plugins.home, env=plugins.variables(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "Change to another directory" in done.stderr


def test_what_is_registered_for_the_end_of_the_process_is_called(environment: Any) -> None:
    done = environment().run("""
        import atexit, sys
        atexit.register(print, "the end")
        sys.argv = ["floe-plugins", "list"]
        from floe_plugins.__main__ import main
        main()
    """)
    # Where all goes that is not the command's own.
    assert done.stderr == "the end\n"
