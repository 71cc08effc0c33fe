"""JSON: strict on duplicate keys and numbers, with the position of every key."""

from __future__ import annotations

import json
import re
from typing import Any

from floe_plugins.configuration.formats.position import FormatError, Lines, Position

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)


class _DuplicateKeyError(ValueError):
    pass


class _NoNumberError(ValueError):
    pass


def parse(text: str) -> Any:
    """The value; nothing for an empty text.

    Raises:
        FormatError: with line and column.
    """
    if not text.strip():
        return None
    try:
        return json.loads(text, object_pairs_hook=_table, parse_constant=_constant)
    except json.JSONDecodeError as error:
        issue = FormatError(f"invalid JSON: {error.msg}", (error.lineno, error.colno))
    except _DuplicateKeyError as error:
        issue = FormatError(f"the key {error.args[0]!r} stands twice in one object", _second(text, error.args[0]))
    except _NoNumberError as error:
        issue = FormatError(f"invalid JSON: {error.args[0]} is not a number in JSON", _place(text, error.args[0]))
    except ValueError:  # what Python says is for programmers
        issue = FormatError("invalid JSON: a number has too many digits", _longest_number(text))
    raise issue


def locate(text: str) -> dict[tuple[object, ...], Position]:
    """The position of every key and list item of a text that can be parsed."""
    found: dict[tuple[object, ...], Position] = {}
    for path, position in _walk(text):
        found.setdefault(path, position)
    return found


def _second(text: str, key: str) -> Position | None:
    seen: set[tuple[object, ...]] = set()
    for path, position in _walk(text):
        if path in seen and path[-1] == key:
            return position
        seen.add(path)
    return None


def _place(text: str, word: str) -> Position | None:
    return next((Lines(text).position(match.start()) for match in _TOKEN.finditer(text) if match[0] == word), None)


def _longest_number(text: str) -> Position | None:
    words = [match for match in _TOKEN.finditer(text) if match[0].lstrip("-").isdigit()]
    longest = max(words, key=lambda match: len(match[0]), default=None)
    return Lines(text).position(longest.start()) if longest else None


def _walk(text: str) -> list[tuple[tuple[object, ...], Position]]:
    """Follow a text that can be parsed, so that values need not be understood."""
    lines = Lines(text)
    found: list[tuple[tuple[object, ...], Position]] = []
    path: list[Any] = []  # the key or index under way, one for each open bracket
    wants_key = False
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word in {"}", "]"}:
            path.pop()
            wants_key = False
        elif word == ",":
            wants_key = not isinstance(path[-1], int)
            path[-1] = path[-1] if wants_key else path[-1] + 1
        elif word == ":":
            wants_key = False
        else:
            if wants_key:
                path[-1] = json.loads(word)
            if wants_key or (path and isinstance(path[-1], int)):
                found.append((tuple(path), lines.position(match.start())))
            if word in {"{", "["}:
                path.append("" if word == "{" else 0)
                wants_key = word == "{"
    return found


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        keys = [key for key, _ in pairs]
        raise _DuplicateKeyError(next(key for key in keys if keys.count(key) > 1))
    return table


def _constant(text: str) -> Any:
    raise _NoNumberError(text)
