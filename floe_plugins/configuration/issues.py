"""What is wrong with a configuration, as facts that hold no value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import attrs

from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef
from floe_plugins.errors import PluginConfigurationError

KeyPath = tuple[object, ...]

_BARE = re.compile(r"[\w*-]+", re.ASCII)


def dotted(path: Iterable[object]) -> str:
    """A path as operators write it: ``plugins.compute.duckdb.hosts[0].port``."""
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
    """One mistake in a configuration.

    Attributes:
        path: where it is, such as ``plugins.compute.duckdb.pool.size``; empty for the whole file.
        rule: the short name of the rule that is broken, such as ``greater_than``.
        message: what is wrong, without the value.
        expected: what would be right.
        hint: what to do about it.
        file: the file that says so; line and column count from 1 and are None where unknown.
        variable: the environment variable that says so.
        ref: the plugin concerned, with its distribution.
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

    @property
    def place(self) -> str:
        """``file:line:column``, as far as known, or the environment variable."""
        if self.variable:
            return f"environment variable {self.variable}"
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.place, self.path, self.message) if part)
        if self.expected and self.expected not in self.message:
            text += f"; expected {self.expected}"
        return f"{text} ({self.rule})" + (f". {self.hint}" if self.hint else "")


def raise_issues(issues: Sequence[ConfigurationIssue]) -> None:
    """Raise all of them as one error; do nothing if there are none.

    Call it outside of any ``except`` block: the exception handled there would
    become this one's context, and the values that it holds would be printed with it.

    Raises:
        PluginConfigurationError: with the issues as ``errors``, sorted by place.
    """
    if issues:
        raise configuration_error(*issues)


def configuration_error(*issues: ConfigurationIssue) -> PluginConfigurationError:
    """The error that holds these issues; raise it where ``raise_issues`` may be called."""
    errors = sorted(dict.fromkeys(issues), key=_order)
    refs = {issue.ref for issue in errors}
    ref = refs.pop() if len(refs) == 1 else None
    distribution = errors[0].distribution if ref else None
    return PluginConfigurationError(_text(errors), errors=errors, ref=ref, distribution=distribution)


def _order(issue: ConfigurationIssue) -> tuple[object, ...]:
    return (issue.file or "", issue.line or 0, issue.column or 0, issue.variable or "", issue.path)


def _text(errors: Sequence[ConfigurationIssue]) -> str:
    if len(errors) == 1:
        return f"wrong configuration: {errors[0]}"
    lines = "".join(f"\n  {error}" for error in errors)
    return f"wrong configuration, {len(errors)} mistakes:{lines}"
