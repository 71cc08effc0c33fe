"""Standard output of the commands: one document as JSON or YAML, or text and tables."""

from __future__ import annotations

import atexit
import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, cached_property
from typing import IO, Any

from floe_plugins.cli import logs, program
from floe_plugins.cli.drawing.table import render
from floe_plugins.cli.drawing.terminal import columns
from floe_plugins.cli.exit import OutputError
from floe_plugins.core.safe_text import escape

SCHEMA_VERSION = 1
_UNLIMITED = 100_000

_BOLD, _DIM, _RED, _GREEN, _YELLOW = "1", "2", "31", "32", "33"
_COLOURS = {
    **dict.fromkeys(("started", "succeeded", "healthy", "loaded", "configured"), _GREEN),
    **dict.fromkeys(("degraded", "skipped"), _YELLOW),
    **dict.fromkeys(("failed", "refused", "timed_out", "unhealthy"), _RED),
    "disabled": _DIM,
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

    def __init__(
        self, *, style: str = "table", color: bool | None = None, has_hints: bool = True, has_links: bool = False
    ) -> None:
        self.as_json = style in {"json", "yaml"}
        self.is_wide = style == "wide"
        self._to_text = _yaml if style == "yaml" else _json
        self._has_hints = has_hints
        self._has_links = has_links
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

    def table(self, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Print a table, with states in colour and each cell escaped; as wide as a terminal, and never cut."""
        cells = [["" if cell is None else escape(cell) for cell in row] for row in rows]
        for line in render(head, cells, width=None if self.is_wide else self.width, paint=self._paint):
            self._write(f"{line}\n")

    def problems(self, problems: Sequence[Mapping[str, Any]], noun: str = "problem") -> None:
        """Print each problem, given as JSON data, with all that helps to mend it."""
        if not problems:
            return
        self._write(f"\n{self._coloured(_BOLD, count(len(problems), noun))}\n")
        for problem in problems:
            ref, distribution, hint = problem["ref"], problem["distribution"], problem["hint"]
            subject = self._coloured(_RED, escape(ref or distribution or program.platform().name))
            self._write(f"{subject} [{problem['stage']}] {escape(problem['message'])}\n")
            if ref and distribution:
                self._write(f"    from {escape(distribution)}\n")
            self.traceback(problem)
            if hint and self._has_hints:
                self._write(f"    {escape(hint)}\n")
        # Not with the problems: standard output is the same with and without -v.
        urls = dict.fromkeys(problem.get("docs_url") for problem in problems if self._has_links)
        for url in filter(None, urls):
            logs.write("info", f"see {escape(url)}")

    def traceback(self, facts: Mapping[str, Any]) -> None:
        """Print the frames of a problem, a status or an issue, given as JSON data, if it has any."""
        for line in traceback_lines(facts):
            self._write(f"{line}\n")

    def ailing(self, ref: str, status: Mapping[str, Any]) -> None:
        """Print whose a plugin is that is not healthy, where its check raised, and what to do."""
        self._write(f"{escape(ref)} is {escape(status['state'])}\n")
        if status.get("distribution"):
            self._write(f"    from {escape(status['distribution'])}\n")
        self.traceback(status)
        if self._has_hints and status.get("distribution"):
            doctor = f"{program.name()} doctor {escape(ref)}"
            self._write(f"    Mend what the message names; else try '{doctor}', or tell its author.\n")

    @property
    def width(self) -> int | None:
        """The number of columns of the terminal; None where standard output is no terminal."""
        return columns(self._stream.fileno()) if self._stream.isatty() else None

    def can_show(self, text: str) -> bool:
        """Return whether the encoding of standard output has all characters of a text."""
        try:
            text.encode(getattr(self._stream, "encoding", "") or "utf-8")
        except UnicodeEncodeError:
            return False
        return True

    def _paint(self, kind: str, text: str) -> str:
        return self._coloured(_BOLD if kind == "head" else _COLOURS.get(text, ""), text)

    def _coloured(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if code and self._has_colours else text

    @cached_property
    def _has_colours(self) -> bool:
        if self._color is not None:
            return self._color
        if os.name == "nt" and not os.environ.get("WT_SESSION"):  # older consoles print the codes themselves
            return False
        return self._stream.isatty() and os.environ.get("TERM") != "dumb"

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except OSError as error:
            raise OutputError(error) from None


def _json(document: Mapping[str, Any], indent: int | None = None) -> str:
    """Return a document as ASCII text. Numbers that JSON or Python's own limits do not allow become text."""
    try:
        text = json.dumps(document, indent=indent, allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        from floe_plugins.core.record import to_plain

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
    try:
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(error) from None
    try:
        kept = os.dup(1)
        os.dup2(2, 1)
    except OSError:
        # The process was started without these descriptors, as services and window systems do.
        return sys.stdout
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # keeps the order with standard error; nothing is lost at os._exit
    encoding = sys.stdout.encoding or "utf-8"
    reserved = os.fdopen(kept, "w", encoding=encoding, errors="backslashreplace", newline="")
    atexit.register(_close, reserved)  # else it is the interpreter that does, with a warning where those are on
    return reserved


def _close(stream: IO[str]) -> None:
    with suppress(OSError):  # what it could not write was told when it was written
        stream.close()
