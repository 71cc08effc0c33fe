"""A problem: something that does not work, reported instead of raised."""

from __future__ import annotations

import attrs

from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import with_context
from floe_plugins.core.state import Stage


@attrs.frozen(kw_only=True)
class Problem(Record):
    """Something that does not work: which plugin and distribution it concerns, and how to fix it.

    Discovery and loading collect problems, so that one broken plugin does not hide the others.
    With ``FLOE_PLUGINS_STRICT=1`` the first problem is raised as a ``PluginError`` instead.

    >>> from floe_plugins import PluginRef, Problem, Stage
    >>> problem = Problem(
    ...     stage=Stage.LOAD, message="it needs the module 'duckdb'", ref=PluginRef.parse("compute:duckdb"),
    ...     hint="Install duckdb",
    ... )
    >>> print(problem)
    load: compute:duckdb: it needs the module 'duckdb'. Install duckdb
    >>> problem.to_dict()["stage"]
    'load'

    Attributes:
        stage: the stage at which it occurred.
        message: what does not work and what was expected.
        ref: the plugin, if known.
        distribution: name, version and location of the plugin's distribution, as text, if known.
        hint: how to fix it; may be empty.
        cause: the error, if one was raised. Two problems are equal even if their causes differ.
    """

    stage: Stage
    message: str
    ref: PluginRef | None = None
    distribution: str | None = None
    hint: str = ""
    cause: BaseException | None = attrs.field(default=None, eq=False)

    def __str__(self) -> str:
        return f"{self.stage}: {with_context(self.message, self.ref, self.distribution, self.hint)}"
