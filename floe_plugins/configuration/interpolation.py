"""Interpolate ``${NAME}`` and ``${NAME:-default}`` in configuration strings."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_BRACED = r"\{(?:[^{}]|\{[^{}]*\})*\}"
# "$${" is a literal "${". A default may contain balanced braces, so references and JSON too.
_TOKEN = re.compile(
    rf"(?P<literal>\$\$\{{)|\$\{{(?P<name>{_NAME})(?::-(?P<default>(?:[^{{}}]|{_BRACED})*))?\}}|(?P<wrong>\$\{{)"
)

MAX_LENGTH = 65_536
MAX_DEPTH = 32


class InterpolationError(ValueError):
    """Raised if a reference cannot be interpolated. The message contains names of variables, but no values."""

    def __init__(self, rule: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.hint = hint


@attrs.frozen
class Interpolated:
    """An interpolated string.

    Attributes:
        text: The result.
        values: The text of each variable that was looked up: its value, or the default.
        whole: Whether the string was one reference and nothing else.
    """

    text: str = attrs.field(repr=False)
    values: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=False)
    whole: bool = False


def interpolate(text: str, environ: Mapping[str, str]) -> Interpolated:
    """Replace every reference in ``text`` with the value of its environment variable.

    Defaults and values of variables may contain references too. A default applies if the
    variable is not set; an empty variable gives an empty string.

    Raises:
        InterpolationError: A variable is missing or refers to itself, a reference
            is malformed, or the result is longer than ``MAX_LENGTH`` characters.

    >>> interpolate("${DATA_DIR:-/var/lib}/warehouse", {"DATA_DIR": "/data"}).text
    '/data/warehouse'
    >>> interpolate("${DATA_DIR:-/var/lib}/warehouse", {}).text
    '/var/lib/warehouse'
    """
    interpolator = _Interpolator(environ)
    only = _TOKEN.fullmatch(text)
    return Interpolated(interpolator.run(text, ()), interpolator.values, whole=bool(only and only["name"]))


class _Interpolator:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.values: dict[str, str] = {}

    def run(self, text: str, chain: tuple[str, ...]) -> str:
        """Interpolate a text that was reached through the variables in ``chain``."""
        pieces: list[str] = []
        at = length = 0
        for match in _TOKEN.finditer(text):
            pieces += [text[at : match.start()], self._replacement(match, chain)]
            at = match.end()
            length += len(pieces[-1])
            if length > MAX_LENGTH:
                message = f"the value is longer than {MAX_LENGTH} characters after interpolation"
                raise InterpolationError("too_long", message)
        return "".join([*pieces, text[at:]])

    def _replacement(self, match: re.Match[str], chain: tuple[str, ...]) -> str:
        if match["literal"]:
            return "${"
        if match["name"]:
            value = self._value(match["name"], match["default"], chain)
            self.values[match["name"]] = value
            return value
        if chain:  # a variable may contain '${' for other programs: keep it as it is
            return "${"
        raise InterpolationError(
            "reference",
            "'${' is not followed by a valid reference",
            "Write ${NAME}, ${NAME:-default}, or $${ for a literal '${'",
        )

    def _value(self, name: str, default: str | None, chain: tuple[str, ...]) -> str:
        if name in self.environ:
            if name in chain:
                cycle = " -> ".join((*chain[chain.index(name) :], name))
                raise InterpolationError("cycle", f"environment variables refer to each other in a cycle: {cycle}")
            if len(chain) >= MAX_DEPTH:
                raise InterpolationError(
                    "depth", f"references are nested deeper than {MAX_DEPTH} environment variables"
                )
            return self.run(self.environ[name], (*chain, name))
        if default is not None:
            return self.run(default, chain)
        via = f", which {chain[-1]} refers to," if chain else ""
        message = f"the environment variable {name}{via} is not set"
        raise InterpolationError("missing_variable", message, f"Set it, or write ${{{name}:-default}}")
