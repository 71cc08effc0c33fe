"""Walking through a parsed file once: references filled in, and nothing that no file should hold."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from floe_plugins.configuration.file import ConfigurationFile
from floe_plugins.configuration.interpolation import InterpolationError, interpolate
from floe_plugins.configuration.issues import ConfigurationIssue, KeyPath, dotted
from floe_plugins.configuration.redaction import MASK, is_secret_name
from floe_plugins.configuration.values import is_list, is_table
from floe_plugins.core.refs import PluginRef

MAX_DEPTH = 64
MAX_VALUES = 200_000
_MAX_INTEGER = 2**64
# Numbers within need no second look; those of one kind are compared the fastest.
_LOWEST, _HIGHEST = -(2**62), 2**62


class Content:
    """The content of one file or mapping, with its references filled in.

    Attributes:
        tree: the content; independent of a mapping that was handed in.
        issues: what is wrong with it so far.
        textual: paths whose value is the text of environment variables alone.
        secret: paths whose value comes from a variable with a secret name.
        faulted: paths of values that have a fault.
    """

    def __init__(self, raw: Mapping[str, Any], source: ConfigurationFile | None, environ: Mapping[str, str]) -> None:
        self.source = source
        self.issues: list[ConfigurationIssue] = []
        self.textual: set[KeyPath] = set()
        self.secret: set[KeyPath] = set()
        self.paths_with_issues: set[KeyPath] = set()
        self._environ = environ
        self._values = 0
        self.tree: Mapping[Any, Any] = self._copy(raw, ()) or {}

    def issue(self, path: KeyPath, rule: str, message: str, expected: str = "", hint: str = "") -> None:
        """Note a mistake, with its place in the file; of one value only the first."""
        if path in self.paths_with_issues:
            return
        line, column = (self.source.position(path) if self.source else None) or (None, None)
        self.paths_with_issues.add(path)
        self.issues.append(
            ConfigurationIssue(
                path=dotted(_shown(path)),
                rule=rule,
                message=message,
                expected=expected,
                hint=hint,
                file=self.source.file if self.source else None,
                line=line,
                column=column,
                ref=_ref(path),
            )
        )

    def _copy(self, value: Any, path: KeyPath) -> Any:
        if type(value) is dict or is_table(value):  # asking for a Mapping alone is slow
            if self._too_much(path, len(value)):
                return {}
            table = dict(value)
            self._check(table, value.items(), path)
            return table
        if is_list(value):
            if self._too_much(path, len(value)):
                return []
            items = list(value)
            self._check(items, enumerate(value), path)
            return items
        return value

    def _check(self, copied: Any, items: Iterable[tuple[Any, Any]], path: KeyPath) -> None:
        """Replace what needs it among the items of a copied container; most do not, and that is fast."""
        for step, item in items:
            kind: object = type(item)
            if kind is str:
                if "$" in item:
                    copied[step] = self._text(item, (*path, step))
            elif kind is int or kind is float:
                if not _LOWEST < item < _HIGHEST:  # nor is NaN
                    self._check_number(item, (*path, step))
            elif kind is not bool and item is not None:
                copied[step] = self._copy(item, (*path, step))

    def _too_much(self, path: KeyPath, size: int) -> bool:
        self._values += size
        if len(path) > MAX_DEPTH:
            if not self.issues or self.issues[-1].rule != "depth":
                self.issue(path[:3], "depth", f"values are nested deeper than {MAX_DEPTH} levels")
            return True
        if self._values > MAX_VALUES:
            if not self.issues or self.issues[-1].rule != "size":
                self.issue(path[:3], "size", f"the file holds more than {MAX_VALUES} values")
            return True
        return False

    def _text(self, value: str, path: KeyPath) -> str:
        if "${" not in value:
            return value
        try:
            interpolated, wrong = interpolate(value, self._environ), None
        except InterpolationError as error:
            interpolated, wrong = None, error
        if interpolated is None:
            if wrong is not None:
                self.issue(path, wrong.rule, wrong.message, hint=wrong.hint)
            return value
        if interpolated.whole:
            self.textual.add(path)
        if any(map(is_secret_name, interpolated.names)):
            self.secret.add(path)
        return interpolated.text

    def _check_number(self, value: float, path: KeyPath) -> None:
        if isinstance(value, float):
            if not math.isfinite(value):
                self.issue(path, "finite_number", "this is no finite number", "a number")
        elif not -_MAX_INTEGER < value < _MAX_INTEGER:
            self.issue(path, "integer_size", "the number does not fit into 64 bits", "a smaller number")


def _ref(path: KeyPath) -> PluginRef | None:
    match path:
        case ("plugins", str(category), str(name), *_):
            try:
                return PluginRef.parse(f"{category}:{name}")
            except ValueError:
                return None
        case _:
            return None


def _shown(path: KeyPath) -> KeyPath:
    # Below a name that says secret, keys that are not names of fields may be the secret.
    for index, step in enumerate(path[3:], 3):
        if is_secret_name(step):
            return (*path[: index + 1], *(MASK if isinstance(key, str) else key for key in path[index + 1 :]))
    return path
