"""``explain``: the settings of a plugin, or one field of them, as its schema and the configuration have them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from floe_plugins.cli import completing, program
from floe_plugins.cli.exit import USAGE_ERROR, fail
from floe_plugins.cli.job_runner import JobRunner
from floe_plugins.cli.options import Options, common_options
from floe_plugins.core.refs import PluginRef

_COLUMNS = ("field", "type", "default", "value", "from", "description")
_WIDE_COLUMNS = ("allowed", "secret because")


@click.command()
@click.argument("ref", metavar="REF[.FIELD]", shell_complete=completing.refs)
@common_options
def explain(options: Options, ref: str) -> None:
    """Explain the settings of a plugin, or one field of them: type, default, value and where it comes from.

    A field of a field is written as in CATEGORY:NAME.pool.size. Only this plugin is loaded, and nothing is started.
    Secrets are masked.
    """
    subject, field = _parse(options, ref)
    facts = JobRunner(options).run("explain", ref=subject, field=field).document
    output = options.output()
    if options.json:
        output.json(facts)
        return
    output.table((), [*_rows(facts)])
    if facts["fields"]:
        output.line()
        columns = (*_COLUMNS, *_WIDE_COLUMNS) if output.is_wide else _COLUMNS
        output.table(columns, [_row(each)[: len(columns)] for each in facts["fields"]])
    for issue in facts["issues"]:
        output.line(f"no value is in force: {issue['path']}: {issue['message']}")
        output.traceback(issue)


def _parse(options: Options, text: str) -> tuple[str, str]:
    """Return the ref and the field that an argument means."""
    subject, _, field = text.partition(".")
    if ":" not in subject:
        from floe_plugins.cli.installed import InstalledPlugins

        return str(InstalledPlugins.make(options).find(subject)), field
    try:
        return str(PluginRef.parse(subject, program.categories())), field
    except ValueError as error:
        fail(str(error), USAGE_ERROR)


def _rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    field = facts["field"]
    yield "plugin", facts["ref"]
    if field["path"]:
        yield "field", field["path"]
        yield "type", field["type"]
        yield "required", "yes" if field["required"] else "no"
        yield "default", _default(field)
        yield "allowed", "; ".join(field["constraints"])
        yield "secret", field["secret"] or "no"
        for setting in field["effective"] if not facts["fields"] else ():
            yield "value", f"{_text(setting['value'])}  ({setting['origin']})"
    yield "description", field["description"]
    yield "configuration", facts["configuration"] or "no file"


def _row(field: Mapping[str, Any]) -> Sequence[object]:
    settings = field["effective"]
    origins = list(dict.fromkeys(setting["origin"] for setting in settings))
    return (
        f"{field['path']}{'.' if field['keys'] else ''}",
        field["type"],
        _default(field),
        _text(settings[0]["value"]) if len(settings) == 1 else "",
        ", ".join(origins),
        field["description"],
        "; ".join(field["constraints"]),
        field["secret"],
    )


def _default(field: Mapping[str, Any]) -> str:
    if field["required"]:
        return "none: required"
    return _text(field["default"]) if field["has_default"] else "secret" if field["secret"] else "not known"


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
