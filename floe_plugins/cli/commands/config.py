"""``config``: validate, describe, show and migrate the configuration file."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click

from floe_plugins.cli import logs
from floe_plugins.cli.exit import USAGE_ERROR, fail
from floe_plugins.cli.job_runner import JobRunner
from floe_plugins.cli.options import Options, common_options
from floe_plugins.cli.output import count
from floe_plugins.cli.supervisor.supervisor import Finished
from floe_plugins.core.safe_text import escape


@click.group(no_args_is_help=False)  # older versions of click then succeed
@common_options
def config(_options: Options) -> None:
    """Validate, describe, show and migrate the configuration file. Starts nothing."""


def _run(options: Options, action: str, file: str | None = None) -> Finished:
    if file is not None:
        options.config = file
    return JobRunner(options).run("config", action=action)


@config.command()
@click.argument("file", required=False)
@common_options
def validate(options: Options, file: str | None) -> None:
    """Validate FILE against the schemas of the installed plugins. Reports all issues at once.

    Exit status 2 if there are issues, 1 if a plugin cannot be loaded.
    """
    finished = _run(options, "validate", file)
    facts, output = finished.document, options.output()
    if options.json:
        output.json(facts)
    else:
        for text in finished.lines:
            output.line(text)
        output.problems(facts["problems"])
        found = count(len(facts["issues"]), "issue") if facts["issues"] else "no issues"
        output.line(f"{facts['file'] or 'the environment'}: {found}, {count(facts['checked'], 'plugin')} checked")
    sys.exit(finished.status)


@config.command()
@common_options
def schema(options: Options) -> None:
    """Print the JSON Schema of the file, for editors. Loads all installed plugins that are not disabled.

    Exit status 1 if a plugin's schema does not answer in time.
    """
    finished = _run(options, "schema")
    options.output().document(finished.document["schema"])
    _warn(finished.lines)
    sys.exit(finished.status)


def _warn(problems: Iterable[str]) -> None:
    for problem in problems:
        logs.write("warning", escape(problem))


@config.command()
@click.argument("file", required=False)
@common_options
def show(options: Options, file: str | None) -> None:
    """Show every effective value and where it comes from. Secrets are masked.

    Exit status 2 if there are issues, 1 if a plugin's schema does not answer in time.
    """
    finished = _run(options, "show", file)
    facts, output = finished.document, options.output()
    if options.json:
        output.json(facts)
    else:
        columns, rows = ["setting", "value", "from"], [_row(each) for each in facts["settings"]]
        if output.is_wide or any(each["hidden_because"] for each in facts["settings"]):
            columns.append("hidden because")
            rows = [(*row, each["hidden_because"]) for row, each in zip(rows, facts["settings"], strict=True)]
        output.table(columns, rows)
        for issue in finished.lines:
            output.line(issue)
        output.problems(facts["problems"])
    sys.exit(finished.status)


def _row(setting: dict[str, Any]) -> tuple[object, ...]:
    return setting["path"], setting["value"], setting["origin"]


@config.command()
@click.argument("file", required=False)
@common_options
def migrate(options: Options, file: str | None) -> None:
    """Print FILE migrated to the current schemas. FILE itself is not changed."""
    finished = _run(options, "migrate", file)
    if finished.status == USAGE_ERROR:
        fail("no configuration file found; give its path as FILE", USAGE_ERROR)
    output = options.output()
    _warn(finished.lines)
    if options.json:
        output.json(finished.document)
    elif not finished.status:
        output.text(finished.document["text"])
    sys.exit(finished.status)
