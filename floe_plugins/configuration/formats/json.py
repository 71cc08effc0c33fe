"""Parse JSON strictly, without duplicate keys and NaN, and locate every key."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from floe_plugins.configuration.formats.position import MAX_DEPTH, UNKNOWN, FormatError, Lines, Position, longest_number

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)


def parse(text: str) -> Any:
    """Return the parsed value, or None for an empty text.

    >>> parse('{"a": 1, "a": 2}')
    Traceback (most recent call last):
    ...
    floe_plugins.configuration.formats.position.FormatError: duplicate key 'a'

    Raises:
        FormatError: The text is not valid JSON, or contains a duplicate key, NaN or infinity.
    """
    if not text.strip():
        return None
    try:
        return json.loads(text, object_pairs_hook=partial(_table, text), parse_constant=partial(_constant, text))
    except FormatError:
        raise
    except json.JSONDecodeError as error:
        issue = FormatError(f"invalid JSON: {error.msg}", Position(error.lineno, error.colno))
    except ValueError:  # Python's own message names an interpreter setting
        issue = FormatError("invalid JSON: a number has too many digits", longest_number(text, _TOKEN))
    raise issue


def locate(text: str) -> dict[tuple[object, ...], Position]:
    r"""Return the position of every key and list item in a valid text.

    >>> locate('{"a": [\n  1]}')
    {('a', 0): Position(line=2, column=3), ('a',): Position(line=1, column=2)}
    """
    return dict(reversed(_walk(text)))  # of a key that stands twice, the first counts


def _duplicate_position(text: str, key: str) -> Position:
    seen: set[tuple[object, ...]] = set()
    for path, position in _walk(text):
        if path in seen and path[-1] == key:
            return position
        seen.add(path)
    return UNKNOWN


def _walk(text: str) -> list[tuple[tuple[object, ...], Position]]:
    """Scan a valid text for keys and brackets, without parsing the values."""
    lines = Lines(text)
    found: list[tuple[tuple[object, ...], Position]] = []
    path: list[Any] = []  # the current key or index in each open bracket
    expects_key = False
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word in {"}", "]"}:
            path.pop()
            expects_key = False
        elif word == ",":
            expects_key = not isinstance(path[-1], int)
            path[-1] = path[-1] if expects_key else path[-1] + 1
        elif word == ":":
            expects_key = False
        else:
            if expects_key:
                path[-1] = json.loads(word)
            if len(path) <= MAX_DEPTH and (expects_key or (path and isinstance(path[-1], int))):
                found.append((tuple(path), lines.position(match.start())))
            if word in {"{", "["}:
                path.append("" if word == "{" else 0)
                expects_key = word == "{"
    return found


def _table(text: str, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise FormatError(f"duplicate key {key!r}", _duplicate_position(text, key))
            seen.add(key)
    return table


def _constant(text: str, word: str) -> Any:
    start = next(match.start() for match in _TOKEN.finditer(text) if match[0] == word)
    raise FormatError(f"invalid JSON: {word} is not a number in JSON", Lines(text).position(start))
