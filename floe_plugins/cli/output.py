"""Standard output of the commands: one document as JSON or YAML, or text and tables."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import IO, TYPE_CHECKING, Any

from floe_plugins.core.record import to_plain
from floe_plugins.core.safe_text import escape

if TYPE_CHECKING:
    from rich.console import Console

SCHEMA_VERSION = 1
FORMATS = ("table", "wide", "json", "yaml")
_MAX_COLUMN_DIGITS = 5
_UNLIMITED = 100_000

_STYLES = {
    "started": "green",
    "succeeded": "green",
    "healthy": "green",
    "loaded": "green",
    "configured": "green",
    "degraded": "yellow",
    "skipped": "yellow",
    "disabled": "dim",
    "failed": "red",
    "timed_out": "red",
    "unhealthy": "red",
}


def count(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 plugin``, ``2 plugins``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def traceback_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines that show the frames of a problem or an error, if it has any, escaped and indented."""
    for frame in facts.get("traceback") or ():
        yield f"    at {escape(frame['file'])}:{frame['line']} in {escape(frame['function'])}"
        if frame["source"]:
            yield f"        {escape(frame['source'])}"


class Output:
    """Standard output, reserved for the command line.

    From here on, everything else that prints to standard output, C code included, prints to standard error.
    """

    def __init__(self, *, format: str = "table", color: bool | None = None, has_hints: bool = True) -> None:  # noqa: A002 as the option is called
        self.as_json = format in {"json", "yaml"}
        self.is_wide = format == "wide"
        self._to_text = _yaml if format == "yaml" else _json
        self._has_hints = has_hints
        self._color = color
        self._stream = _reserve_stdout()

    def json(self, document: Mapping[str, Any]) -> None:
        """Print the document of a command, with the version of its schema."""
        self.document({"schema_version": SCHEMA_VERSION, **document})

    def event(self, document: Mapping[str, Any]) -> None:
        """Print one document as one of several: one line of JSON, or a YAML document of its own."""
        if self._to_text is _yaml:
            self._write("---\n")
        self._write(self._to_text({"schema_version": SCHEMA_VERSION, **document}))

    def document(self, document: Mapping[str, Any]) -> None:
        """Print a document without adding a schema version."""
        self._write(self._to_text(document, indent=2))

    def line(self, text: object = "") -> None:
        """Print one line, escaped."""
        self._write(f"{escape(text)}\n")

    def text(self, text: str) -> None:
        """Print the text of a file as it is; on a terminal, with each line escaped."""
        if self._stream.isatty():
            text = "\n".join("\t".join(map(escape, line.split("\t"))) for line in text.split("\n"))
        self._write(text)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table, with states in colour and each cell escaped."""
        from rich.table import Table
        from rich.text import Text

        table = Table(*columns, box=None, pad_edge=False, header_style="bold", show_header=bool(columns))
        for column in table.columns:
            column.no_wrap = column.header != "message"
        for row in rows:
            cells = ["" if cell is None else escape(cell) for cell in row]
            table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in cells))
        self.console().print(table)

    def problems(self, problems: Sequence[Mapping[str, Any]]) -> None:
        """Print each problem, given as JSON data, with its plugin, its distribution, its traceback and its hint."""
        from rich.text import Text

        if not problems:
            return
        console = self.console()
        console.print()
        console.print(Text(count(len(problems), "problem"), style="bold"))
        for problem in problems:
            ref, distribution, hint = problem["ref"], problem["distribution"], problem["hint"]
            subject = escape(ref or distribution or "floe")
            message = f" [{problem['stage']}] {escape(problem['message'])}"
            console.print(Text.assemble((subject, "red"), message), soft_wrap=True)
            if ref and distribution:
                console.print(Text(f"    from {escape(distribution)}"), soft_wrap=True)
            for line in traceback_lines(problem):
                console.print(Text(line), soft_wrap=True)
            if hint and self._has_hints:
                console.print(Text(f"    {escape(hint)}"), soft_wrap=True)

    def console(self) -> Console:
        """Return a rich console that writes to standard output."""
        from rich.console import Console

        plain = self._color is False
        width = _UNLIMITED if self.is_wide else None if self._stream.isatty() else max(_columns(), 120)
        return Console(
            file=self._stream, no_color=plain, force_terminal=self._color or None, width=width, highlight=False
        )

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self.flush()

    def flush(self) -> None:
        """Flush what was printed."""
        self._stream.flush()


def _columns() -> int:
    text = os.environ.get("COLUMNS") or ""
    return int(text) if text.isdecimal() and len(text) < _MAX_COLUMN_DIGITS else 0


def _json(document: Mapping[str, Any], indent: int | None = None) -> str:
    """Return a document as ASCII text. Numbers that JSON or Python's own limits do not allow become text."""
    try:
        text = json.dumps(document, indent=indent, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        text = json.dumps(to_plain(document), indent=indent)
    return text.replace("\x7f", "\\u007f") + "\n"


def _yaml(document: Mapping[str, Any], indent: int | None = None) -> str:  # noqa: ARG001 as _json
    """Return a document as ASCII text in YAML, of the same data as in JSON."""
    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment] # pyright: ignore[reportAttributeAccessIssue] it says None, and means a bool
    yaml.width = _UNLIMITED
    stream = io.StringIO()
    yaml.dump(json.loads(_json(document)), stream)
    return stream.getvalue()


@cache  # it can be taken but once
def _reserve_stdout() -> IO[str]:
    if sys.stdout is None:  # pyright: ignore[reportUnnecessaryComparison] None if descriptor 1 is closed
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 stays open
    sys.stdout.flush()
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:
        # The process was started without these descriptors, as services and window systems do.
        return sys.stdout
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # keeps the order with standard error; nothing is lost at os._exit
    encoding = sys.stdout.encoding or "utf-8"
    return os.fdopen(kept, "w", encoding=encoding, errors="backslashreplace", newline="")
