"""Interpolate the values of a parsed file and check their depth, number and size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from floe_plugins.configuration.file import ConfigurationFile
from floe_plugins.configuration.interpolation import Interpolated, InterpolationError
from floe_plugins.configuration.issues import ConfigurationIssue, KeyPath, dotted
from floe_plugins.configuration.redaction.names import is_secret_name
from floe_plugins.configuration.redaction.patterns import MASK
from floe_plugins.configuration.values import MAX_DEPTH, MAX_INTEGER, TOO_DEEP, is_list, is_table
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import PluginRef

MAX_VALUES = 200_000
MAX_INTERPOLATED = 4 * 1024 * 1024  # characters that references give in all
# Numbers in this range are valid; all others, and NaN, get a closer check.
_LOWEST, _HIGHEST = -(2**62), 2**62


class Document:
    """The content of one file or mapping, with all references interpolated.

    The mapping that was passed in is copied and never changed.

    Attributes:
        data: The interpolated content.
        issues: The issues found so far.
        environment_paths: Paths of values that are the text of one environment variable.
        secret_values: The texts that values got from environment variables with a secret name, by path and variable.
        paths_with_issues: Paths of values that have an issue.
        platform: The platform whose configuration it is.
    """

    def __init__(
        self,
        raw: Mapping[str, Any],
        source: ConfigurationFile | None,
        environ: Mapping[str, str],
        platform: Platform = FLOE,
    ) -> None:
        self.source = source
        self.platform = platform
        self.issues: list[ConfigurationIssue] = []
        self.environment_paths: set[KeyPath] = set()
        self.secret_values: dict[KeyPath, dict[str, str]] = {}
        self.paths_with_issues: set[KeyPath] = set()
        self._environ = environ
        self._value_count = 0
        self._interpolated = 0
        self.data: Mapping[Any, Any] = self._copy(raw, ()) or {}

    def add_issue(self, path: KeyPath, rule: str, message: str, expected: str = "", hint: str = "") -> None:
        """Record an issue with its position in the file. Only the first issue of each path is kept."""
        if path in self.paths_with_issues:
            return
        self.paths_with_issues.add(path)
        self.issues.append(
            ConfigurationIssue(
                path=dotted(_mask_path(path)),
                rule=rule,
                message=message,
                expected=expected,
                hint=hint,
                ref=self._ref(path),
                **(self.source.where(path) if self.source else {}),
            )
        )

    def _copy(self, value: Any, path: KeyPath) -> Any:
        """Copy a table or list and check its items. Most items are valid as they are, so that path is short."""
        copied: Any
        items: Iterable[tuple[Any, Any]]
        if type(value) is dict or is_table(value):  # isinstance() with an abstract class is slow
            copied, items = dict(value), value.items()
        elif is_list(value):
            copied, items = list(value), enumerate(value)
        else:
            return value
        self._value_count += len(copied)
        if len(path) > MAX_DEPTH or self._value_count > MAX_VALUES:
            self._add_limit_issue(path)
            return type(copied)()
        for key, item in items:
            kind: object = type(item)
            if kind is str:
                if "${" in item:
                    copied[key] = self._interpolate(item, (*path, key))
            elif kind is int or kind is float:
                if not _LOWEST < item < _HIGHEST:
                    self._check_number(item, (*path, key))
            elif kind is not bool and item is not None:
                copied[key] = self._copy(item, (*path, key))
        return copied

    def _add_limit_issue(self, path: KeyPath) -> None:
        if len(path) > MAX_DEPTH:
            rule, message = "depth", TOO_DEEP
        else:
            rule, message = "size", f"the file contains more than {MAX_VALUES} values"
        if not self.issues or self.issues[-1].rule != rule:
            self.add_issue(path[:3], rule, message)

    def _interpolate(self, value: str, path: KeyPath) -> str:
        try:
            interpolated = Interpolated(value, self._environ)
            self._interpolated += len(interpolated.text)
            if self._interpolated > MAX_INTERPOLATED:
                message = f"all interpolated values together are longer than {MAX_INTERPOLATED} characters"
                raise InterpolationError("too_long", message)  # noqa: TRY301 handled as the others
        except InterpolationError as error:
            self.add_issue(path, error.rule, error.message, hint=error.hint)
            return value
        if interpolated.whole:
            self.environment_paths.add(path)
        secret = {name: text for name, text in interpolated.values.items() if is_secret_name(name)}
        if secret:
            self.secret_values[path] = secret
        return interpolated.text

    def _check_number(self, value: float, path: KeyPath) -> None:
        if isinstance(value, float):
            if not math.isfinite(value):
                self.add_issue(path, "finite_number", "the number is not finite", "a finite number")
        elif not -MAX_INTEGER < value < MAX_INTEGER:
            self.add_issue(path, "integer_size", "the integer does not fit into 64 bits", "a smaller number")

    def _ref(self, path: KeyPath) -> PluginRef | None:
        match path:
            case ("plugins", str(category), str(name), *_):
                try:
                    return self.platform.ref(f"{category}:{name}")
                except ValueError:
                    return None
            case _:
                return None


def _mask_path(path: KeyPath) -> KeyPath:
    """Mask the keys below a secret name: in a table of tokens, the keys may be the secrets."""
    for index, key in enumerate(path[3:], 3):
        if is_secret_name(key):
            return (*path[: index + 1], *(MASK if isinstance(below, str) else below for below in path[index + 1 :]))
    return path
