"""Issues in a configuration, as records that contain no values."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import escape
from floe_plugins.errors import PluginConfigurationError

# A message lists as many issues; ``errors`` has all of them.
MAX_LINES = 100
_MAX_NAME = 1_000

KeyPath = tuple[object, ...]

_BARE = re.compile(r"[\w*-]+", re.ASCII)


def dotted(path: Iterable[object]) -> str:
    """Format a path of keys and indexes.

    >>> dotted(("plugins", "compute", "duckdb", "hosts", 0, "port"))
    'plugins.compute.duckdb.hosts[0].port'
    """
    text = ""
    for step in path:
        if isinstance(step, int) and not isinstance(step, bool):
            text += f"[{step}]"
        else:
            word = str(step) if _BARE.fullmatch(str(step)) else '"' + str(step).replace('"', '\\"') + '"'
            text += f".{word}" if text else word
    return text


@attrs.frozen(kw_only=True)
class ConfigurationIssue(Record):
    """One issue in a configuration.

    Attributes:
        path: The path of the value, such as ``plugins.compute.duckdb.pool.size``; empty for the whole file.
        rule: The short name of the rule that the value breaks, such as ``greater_than``.
        message: A description of the issue, without the value.
        expected: A description of valid values.
        hint: A suggestion how to fix the issue.
        file: The file that contains the value.
        line: The line in the file, counted from 1, or None if unknown.
        column: The column in the line, counted from 1, or None if unknown.
        variable: The environment variable that contains the value.
        ref: The plugin that the value belongs to.
        distribution: The distribution that provides the plugin.
        frames: Where the code of the plugin's schema raised: file, line and function of each frame, the innermost
            last. It is no part of ``to_dict``, and two issues are equal even if they differ in it.

    >>> issue = ConfigurationIssue(path="registry.workers", rule="type", message="not a number", file="floe.toml")
    >>> str(issue)
    'floe.toml: registry.workers: not a number (type)'
    """

    path: str
    rule: str
    message: str
    expected: str = ""
    hint: str = ""
    file: str | None = None
    line: int | None = None
    column: int | None = None
    variable: str | None = None
    ref: PluginRef | None = None
    distribution: str | None = None
    frames: tuple[tuple[str, int, str], ...] = attrs.field(default=(), eq=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON data, without the frames."""
        return {name: value for name, value in super().to_dict().items() if name != "frames"}

    @property
    def place(self) -> str:
        """``file:line:column`` as far as known, or the name of the environment variable; a very long one is cut."""
        if self.variable:
            rest = "..." if len(self.variable) > _MAX_NAME else ""
            return f"environment variable {self.variable[:_MAX_NAME]}{rest}"
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.place, self.path, self.message) if part)
        if self.expected and self.expected not in self.message:
            text += f"; expected {self.expected}"
        return f"{text} ({self.rule})" + (f". {self.hint}" if self.hint else "")


def raise_issues(issues: Sequence[ConfigurationIssue]) -> None:
    """Raise all issues as one error. Do nothing if there are none.

    Do not call this in an ``except`` block: the handled exception would become the
    context of this error, and a traceback would show the values in it.

    Raises:
        PluginConfigurationError: There is an issue. ``errors`` contains all of them, sorted by position.
    """
    if issues:
        raise configuration_error(*issues)


def configuration_error(*issues: ConfigurationIssue) -> PluginConfigurationError:
    """Return the error for these issues. As for ``raise_issues``, do not raise it in an ``except`` block.

    Its ``errors`` are sorted by position, each once. It has a ``ref`` and a ``distribution`` if all are of one plugin.

    >>> first = ConfigurationIssue(path="registry.workers", rule="type", message="not a number", file="a", line=2)
    >>> second = ConfigurationIssue(path="plugins", rule="table", message="found a string", file="a", line=1)
    >>> [issue.path for issue in configuration_error(first, second, first).errors]
    ['plugins', 'registry.workers']
    """
    errors = sorted(dict.fromkeys(issues), key=_order)
    refs = {issue.ref for issue in errors}
    ref = refs.pop() if len(refs) == 1 else None
    distribution = errors[0].distribution if ref else None
    return PluginConfigurationError(_text(errors), errors=errors, ref=ref, distribution=distribution)


def _order(issue: ConfigurationIssue) -> tuple[object, ...]:
    return (issue.file or "", issue.line or 0, issue.column or 0, issue.variable or "", issue.path)


def _text(errors: Sequence[ConfigurationIssue]) -> str:
    # Keys and names of files are escaped where there are several lines: they would begin a line of their own.
    if len(errors) == 1:
        return f"invalid configuration: {errors[0]}"
    lines = "".join(f"\n  {escape(error)}" for error in errors[:MAX_LINES])
    if len(errors) > MAX_LINES:
        lines += f"\n  ... and {len(errors) - MAX_LINES} more"
    return f"invalid configuration, {len(errors)} issues:{lines}"
