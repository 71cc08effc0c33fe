"""Interpolate ``${NAME}`` and ``${NAME:-default}`` in configuration strings."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_BRACED = r"\{(?:[^{}]|\{[^{}]*\})*\}"
# "$${" is a literal "${". A default may contain balanced braces, so references and JSON too.
_TOKEN = re.compile(
    rf"(?P<literal>\$\$\{{)|\$\{{(?P<name>{_NAME})(?::-(?P<default>(?:[^{{}}]|{_BRACED})*))?\}}|(?P<wrong>\$\{{)"
)

MAX_LENGTH = 65_536
MAX_REFERENCES = 1_000


class InterpolationError(ValueError):
    """Raised if a reference cannot be interpolated. The message contains names of variables, but no values."""

    def __init__(self, rule: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.hint = hint


class Interpolated:
    """A string with each reference replaced by the value of its environment variable. Its ``repr`` contains no values.

    Defaults may contain references too; the values of variables are taken as they are. A default
    applies if the variable is not set; an empty variable gives an empty string.

    Attributes:
        text: The result.
        values: The text of each variable that was looked up: its value, or the default.
        whole: Whether the string was one reference and nothing else.

    Raises:
        InterpolationError: A variable is missing, a reference is malformed, the text contains more
            than ``MAX_REFERENCES``, or the result is longer than ``MAX_LENGTH`` characters.

    >>> Interpolated("${DATA_DIR:-/var/lib}/warehouse", {"DATA_DIR": "/data"}).text
    '/data/warehouse'
    >>> Interpolated("${DATA_DIR:-/var/lib}/warehouse", {}).text
    '/var/lib/warehouse'
    """

    def __init__(self, text: str, environ: Mapping[str, str]) -> None:
        only = _TOKEN.fullmatch(text)
        self.whole = bool(only and only["name"])
        self.values: dict[str, str] = {}
        self._environ = environ
        self._references = 0
        self.text = self._run(text)

    def _run(self, text: str) -> str:
        """Interpolate a text of the file, or a default in it."""
        pieces: list[str] = []
        at = length = 0
        for match in _TOKEN.finditer(text):
            self._references += 1
            if self._references > MAX_REFERENCES:
                raise InterpolationError("too_many", f"the value contains more than {MAX_REFERENCES} references")
            pieces += [text[at : match.start()], self._replacement(match)]
            at = match.end()
            length += len(pieces[-1]) + len(pieces[-2])
            _check_length(length)
        if pieces:
            _check_length(length + len(text) - at)
        return "".join([*pieces, text[at:]])

    def _replacement(self, match: re.Match[str]) -> str:
        if match["literal"]:
            return "${"
        name, default = match["name"], match["default"]
        if not name:
            hint = "Write ${NAME}, ${NAME:-default}, or $${ for a literal '${'"
            raise InterpolationError("reference", "'${' is not followed by a valid reference", hint)
        if name not in self._environ and default is None:
            message = f"the environment variable {name} is not set"
            raise InterpolationError("missing_variable", message, f"Set it, or write ${{{name}:-default}}")
        self.values[name] = self._environ[name] if name in self._environ else self._run(default)
        return self.values[name]


def _check_length(length: int) -> None:
    if length > MAX_LENGTH:
        raise InterpolationError("too_long", f"the value is longer than {MAX_LENGTH} characters after interpolation")
