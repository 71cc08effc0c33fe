"""``${NAME}`` and ``${NAME:-default}`` in configuration strings."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_BRACED = r"\{(?:[^{}]|\{[^{}]*\})*\}"
# "$${" stands for a literal "${". A default may hold balanced braces, so references and JSON too.
_TOKEN = re.compile(
    rf"(?P<literal>\$\$\{{)|\$\{{(?P<name>{_NAME})(?::-(?P<default>(?:[^{{}}]|{_BRACED})*))?\}}|(?P<wrong>\$\{{)"
)

MAX_LENGTH = 65_536
MAX_DEPTH = 32


class InterpolationError(ValueError):
    """A reference cannot be filled in; the message names variables and never a value."""

    def __init__(self, rule: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message
        self.hint = hint


@attrs.frozen
class Interpolated:
    """A string with its references filled in.

    Attributes:
        text: the result.
        names: the variables that were asked for on the way.
        whole: the string was one reference and nothing else.
    """

    text: str = attrs.field(repr=False)
    names: frozenset[str] = frozenset()
    whole: bool = False


def interpolate(text: str, environ: Mapping[str, str]) -> Interpolated:
    """``text`` with every reference replaced by the variable's value.

    References in a default and in a variable's value are followed too. An unset
    variable takes the default; a variable that is set to nothing is nothing.

    Raises:
        InterpolationError: a variable is missing or refers to itself, a reference
            is malformed, or the result is longer than ``LONGEST`` characters.
    """
    filler = _Filler(environ)
    only = _TOKEN.fullmatch(text)
    return Interpolated(filler.run(text, ()), frozenset(filler.names), whole=bool(only and only["name"]))


class _Filler:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.names: set[str] = set()

    def run(self, text: str, chain: tuple[str, ...]) -> str:
        """Fill a text that was reached through the variables of ``chain``."""
        pieces: list[str] = []
        at = length = 0
        for match in _TOKEN.finditer(text):
            pieces += [text[at : match.start()], self._replacement(match, chain)]
            at = match.end()
            length += len(pieces[-1])
            if length > MAX_LENGTH:
                message = f"the text with its references filled in is longer than {MAX_LENGTH} characters"
                raise InterpolationError("too_long", message)
        return "".join([*pieces, text[at:]])

    def _replacement(self, match: re.Match[str], chain: tuple[str, ...]) -> str:
        if match["literal"]:
            return "${"
        if match["name"]:
            return self._value(match["name"], match["default"], chain)
        if chain:  # a variable's value is not written for us: what is no reference stands for itself
            return "${"
        raise InterpolationError(
            "reference", "'${' does not begin a reference", "Write ${NAME}, ${NAME:-default}, or $${ for a literal '${'"
        )

    def _value(self, name: str, default: str | None, chain: tuple[str, ...]) -> str:
        self.names.add(name)
        if name in self.environ:
            if name in chain:
                circle = " -> ".join((*chain[chain.index(name) :], name))
                raise InterpolationError("cycle", f"environment variables refer to each other in a circle: {circle}")
            if len(chain) >= MAX_DEPTH:
                raise InterpolationError("depth", f"more than {MAX_DEPTH} environment variables refer to one another")
            return self.run(self.environ[name], (*chain, name))
        if default is not None:
            return self.run(default, chain)
        via = f", which {chain[-1]} refers to," if chain else ""
        message = f"the environment variable {name}{via} is not set"
        raise InterpolationError("missing_variable", message, f"Set it, or write ${{{name}:-default}}")
