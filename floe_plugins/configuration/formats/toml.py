"""Parse TOML and locate every key."""

from __future__ import annotations

import re
import sys
from typing import Any

from floe_plugins.configuration.formats.position import MAX_DEPTH, FormatError, Lines, Position, longest_number

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_AT = re.compile(r"^(?P<message>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$", re.DOTALL)
_TOKEN = re.compile(
    r"""
    (?P<skip>[ \t\r]+|\#[^\n]*)
    |(?P<newline>\n)
    |(?P<string>\"\"\"(?:[^\\]|\\.)*?\"{3,5}|'''.*?'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')
    |(?P<mark>[=\[\]{},.])
    |(?P<bare>[^\s=\[\]{},.\#"']+)
    """,
    re.VERBOSE | re.DOTALL,
)


def parse(text: str) -> Any:
    """Return the top-level table, or None for an empty text.

    Raises:
        FormatError: The text is not valid TOML.
    """
    _check_keys(text)
    try:
        return tomllib.loads(text) or None
    except tomllib.TOMLDecodeError as error:
        found = _AT.match(str(error))
        position = (
            Position(int(found["line"]), int(found["column"]))
            if found and found["line"]
            else Lines(text).position(len(text))
        )
        issue = FormatError(f"invalid TOML: {found['message'] if found else 'it cannot be parsed'}", position)
    except ValueError:  # Python's own message names an interpreter setting
        issue = FormatError("invalid TOML: a number has too many digits", longest_number(text, _TOKEN))
    raise issue


def _check_keys(text: str) -> None:
    """Raise an error for a dotted key of more than ``MAX_DEPTH`` parts: the parser's time grows with their square."""
    if not any(line.count(".") > MAX_DEPTH for line in text.split("\n")):
        return
    dots = 0
    previous = ""
    for match in _TOKEN.finditer(text):
        kind, word = match.lastgroup or "", match[0]
        if word == "." and previous in {"bare", "string"}:
            dots += 1
            if dots > MAX_DEPTH:
                message = f"a dotted key has more than {MAX_DEPTH} parts"
                raise FormatError(f"invalid TOML: {message}", Lines(text).position(match.start()))
        elif kind not in {"skip", "bare", "string"} or (kind != "skip" and previous in {"bare", "string"}):
            dots = 0
        previous = previous if kind == "skip" else kind


def locate(text: str) -> dict[tuple[object, ...], Position]:
    """Return the position of every key and list item in a valid text."""
    return _Scanner(text).run()


class _Scanner:
    """Scans a valid text for keys, headers and brackets, without parsing the values."""

    def __init__(self, text: str) -> None:
        self.lines = Lines(text)
        self.tokens = [
            (match.lastgroup or "", match[0], match.start())
            for match in _TOKEN.finditer(text)
            if match.lastgroup != "skip"
        ]
        self.at = 0
        self.found: dict[tuple[object, ...], Position] = {}
        self.counts: dict[tuple[object, ...], int] = {}

    def run(self) -> dict[tuple[object, ...], Position]:
        table: tuple[object, ...] = ()
        while self.at < len(self.tokens):
            kind, text, _ = self.tokens[self.at]
            if kind == "newline":
                self.at += 1
            elif text == "[":
                table = self._header()
            else:
                self._pair(table)
        return self.found

    def _header(self) -> tuple[object, ...]:
        start = self.tokens[self.at][2]
        array = self._text(1) == "["
        self.at += 2 if array else 1
        keys = self._keys()
        self.at += 2 if array else 1
        path = (*self._enter(keys[:-1], (), start), keys[-1])
        if array:
            self.counts[path] = self.counts.get(path, -1) + 1
            self.found.setdefault(path, self.lines.position(start))
            path = (*path, self.counts[path])
        self.found.setdefault(path, self.lines.position(start))
        return path

    def _enter(self, keys: list[str], base: tuple[object, ...], start: int) -> tuple[object, ...]:
        path = base
        for key in keys:
            path = (*path, key)
            self.found.setdefault(path, self.lines.position(start))
            if path in self.counts:
                path = (*path, self.counts[path])
        return path

    def _pair(self, table: tuple[object, ...]) -> None:
        start = self.tokens[self.at][2]
        path = self._enter(self._keys(), table, start)
        self.at += 1
        self._value(path)

    def _keys(self) -> list[str]:
        """Consume a dotted key."""
        keys: list[str] = []
        while not keys or self._text() == ".":
            self.at += 1 if keys else 0
            kind, text, _ = self.tokens[self.at]
            keys.append(text if kind == "bare" else next(iter(tomllib.loads(f"{text} = 0"))))
            self.at += 1
        return keys

    def _value(self, path: tuple[object, ...]) -> None:
        close = {"[": "]", "{": "}"}.get(self._text())
        if close is None:  # a scalar; numbers and dates can be several tokens, such as 1.5
            while self._text() not in {",", "]", "}", "\n", ""}:
                self.at += 1
            return
        self.at += 1
        index = 0
        while (text := self._text()) != close:
            if text in {",", "\n"}:
                self.at += 1
            elif close == "}":
                self._pair(path)
            else:
                item = (*path, index) if len(path) < MAX_DEPTH else path
                self.found.setdefault(item, self.lines.position(self.tokens[self.at][2]))
                self._value(item)
                index += 1
        self.at += 1

    def _text(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at][1] if at < len(self.tokens) else ""
