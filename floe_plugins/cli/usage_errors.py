"""Wrong usage, as a document where one is asked for: click ends the command before its options are known."""

from __future__ import annotations

import re
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager

import click

from floe_plugins.cli import program

_SHORT = re.compile(r"-[vq]*o(.*)")


@contextmanager
def as_document() -> Generator[None, None, None]:
    """Within the block, what click says of wrong usage is printed as a document too, if the arguments ask for one."""
    try:
        yield
    except click.ClickException as error:
        form = asked_format(sys.argv[1:])
        if form is not None:
            from floe_plugins.cli.output import Output
            from floe_plugins.cli.protocol import describe
            from floe_plugins.errors import PluginError

            message = error.format_message().rstrip(".")
            if message.startswith("Usage:"):  # the whole help, where no command is given
                message = "Missing command"
            facts = describe(PluginError(message, hint=f"Try '{program.name()} --help'."))
            Output(style=form).json({"error": {**facts, "type": "UsageError"}})
        raise


def asked_format(arguments: Sequence[str]) -> str | None:
    """Return "json" or "yaml" if the arguments ask for a document, however wrong the others are.

    >>> asked_format(["check", "--jsno", "-ojson"])
    'json'
    >>> asked_format(["config", "show", "--", "--json"])
    """
    found: str | None = None
    words = iter(arguments)
    for word in words:
        if word == "--":
            break
        short = _SHORT.fullmatch(word)
        form = None
        if word == "--json":
            form = "json"
        elif word.startswith("--output="):
            form = word.partition("=")[2]
        elif word == "--output":
            form = next(words, None)
        elif short is not None:
            form = short[1] or next(words, None)
        found = form if form in {"json", "yaml"} else found
    return "json" if found == "yaml" and not _has_yaml() else found


def _has_yaml() -> bool:
    from importlib.util import find_spec

    return find_spec("ruamel") is not None and find_spec("ruamel.yaml") is not None
