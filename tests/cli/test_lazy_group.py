"""Help: each command has an example and the environment variables, and showing it imports no command."""

from __future__ import annotations

from typing import Any

import click
import pytest

from floe_plugins.cli.help_texts import SUMMARIES
from floe_plugins.cli.main import app


@pytest.mark.parametrize("command", ["", *SUMMARIES, "config validate"])
def test_help_has_an_example_and_the_variables_and_fits_a_terminal(floe: Any, command: str) -> None:
    done = floe((), *command.split(), "--help", env={"COLUMNS": "80"})
    assert done.returncode == 0
    assert f"\n    floe-plugins {command}".rstrip() in done.stdout
    assert "FLOE_PLUGINS_CONFIG" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_help_of_all_imports_no_command_nor_registry(modules_after: Any) -> None:
    text, modules = modules_after((), "--help")
    assert SUMMARIES["graph"] in text
    assert not {name for name in modules if name.startswith(("floe_plugins.cli.commands.", "floe_plugins.registry"))}


def test_narrow_terminals_get_narrow_help(floe: Any) -> None:
    text = floe((), "--help", env={"COLUMNS": "40"}).stdout
    assert max(map(len, text.partition("Examples:")[0].splitlines())) <= 40


def test_an_unknown_command_is_wrong_usage(floe: Any) -> None:
    done = floe((), "lst")
    assert done.returncode == 2
    assert "No such command 'lst'" in done.stderr


@pytest.mark.parametrize("name", SUMMARIES)
def test_a_summary_is_the_first_sentence_of_the_help(name: str) -> None:
    command = app.get_command(click.Context(app), name)
    assert command is not None
    assert " ".join((command.help or "").split()).startswith(SUMMARIES[name])
