"""The group: its help and its version."""

from __future__ import annotations

from typing import Any

import pytest
from support import run_code

from floe_plugins import __version__


def test_the_help_names_every_command(floe: Any) -> None:
    done = floe((), "--help")
    assert done.returncode == 0
    for command in ("check", "config", "health", "list", "run", "show"):
        assert f"\n  {command} " in done.stdout


def test_the_version_is_that_of_the_distribution(floe: Any) -> None:
    assert floe((), "--version").stdout == f"floe-plugins, version {__version__}\n"


def test_a_command_imports_neither_the_others_nor_what_only_they_need(modules_after: Any) -> None:
    _, loaded = modules_after((), "list", "--json")
    assert "floe_plugins.cli.commands.list" in loaded
    assert not {"floe_plugins.cli.commands.run", "floe_plugins.cli.commands.config", "http.client"} & loaded


@pytest.mark.parametrize("library", ["click", "rich"])
def test_without_the_extra_one_line_says_what_to_install(library: str) -> None:
    done = run_code(f"""
        import sys
        sys.modules["{library}"] = None
        from floe_plugins.__main__ import main
        main()
    """)
    assert done.returncode == 2
    assert done.stderr == f"floe-plugins: the command line requires {library}: pip install 'floe-plugins[cli]'\n"
