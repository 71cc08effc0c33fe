"""Write the man page of the command line, made from what its commands say of themselves.

python docs/man_page.py > docs/floe-plugins.1
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator

import click

from floe_plugins.cli.help_texts import examples, variables
from floe_plugins.cli.main import app
from floe_plugins.core.platform import FLOE

PROGRAM = "floe-plugins"


def page() -> str:
    """The man page as roff."""
    context = click.Context(app, info_name=PROGRAM)
    lines = [
        '.\\" Made by docs/man_page.py.',
        f'.TH {PROGRAM.upper()} 1 "" "{PROGRAM}" "User Commands"',
        ".SH NAME",
        f"{_text(PROGRAM)} \\- {_text((app.get_short_help_str(200)).rstrip('.').lower())}",
        ".SH SYNOPSIS",
        f".B {_text(PROGRAM)}",
        '.RI [ options ] " command " [ arguments ]',
        ".SH DESCRIPTION",
        *_paragraphs(app),
        ".SH OPTIONS",
        "They stand before or behind the name of a command.",
        *_options(app, context),
        *(".TP", f".B {_text('-h, --help')}", "Show what a command does, and exit."),
        ".SH COMMANDS",
        *(line for name, command, within in _commands(app, context) for line in _command(name, command, within)),
        ".SH ENVIRONMENT",
        *(line for name, text in variables(FLOE).items() for line in (".TP", f".B {_text(name)}", _text(text))),
        ".SH FILES",
        f"{FLOE.files} in the working directory: the configuration.",
        ".SH EXAMPLES",
        *_examples(examples(FLOE)),
        ".SH EXIT STATUS",
        "0: success. 1: problems were found. 2: wrong usage or configuration. 130: interrupted.",
    ]
    return "\n".join(lines) + "\n"


def _commands(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command, click.Context]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        within = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from ((f"{name} {each}", one, inner) for each, one, inner in _commands(command, within))
        else:
            yield name, command, within


def _command(name: str, command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    yield f".SS {_text(usage)}"
    yield from _paragraphs(command)
    common = {parameter.name for parameter in app.params}
    yield from _options(command, context, without=common)
    yield from _examples(examples(FLOE, name))


def _paragraphs(command: click.Command) -> Iterator[str]:
    for place, paragraph in enumerate(inspect.cleandoc(command.help or "").split("\n\n")):
        yield from ([".PP"] if place else [])
        yield _text(" ".join(paragraph.split()))


def _options(command: click.Command, context: click.Context, without: set[str | None] | None = None) -> Iterator[str]:
    for parameter in command.params:
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None and parameter.name not in (without or ()):
            yield from (".TP", f".B {_text(record[0])}", _text(record[1]))


def _examples(shown: tuple[str, ...]) -> Iterator[str]:
    if shown:
        yield from (".PP", ".EX", *(_text(f"  {PROGRAM} {example}") for example in shown), ".EE")


def _text(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    sys.stdout.write(page())
