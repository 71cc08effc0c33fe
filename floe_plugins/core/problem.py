"""A problem: something that does not work, reported instead of raised."""

from __future__ import annotations

from typing import Any

import attrs

from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import with_context
from floe_plugins.core.state import Stage

_CATALOGUE = "https://github.com/floe-plugins/floe-plugins/blob/main/docs/reference/errors.md"
_ERRORS = "floe_plugins.errors"


def url_of(subject: BaseException | Stage | None) -> str:
    """Return where the catalogue of errors speaks of an error's class, or of problems of a stage.

    An error of a plugin's own class is one of the class of this package from which that derives. Empty for all else.

    >>> from floe_plugins import PluginLoadError, Stage
    >>> url_of(PluginLoadError("it cannot be imported")).rpartition("/")[2]
    'errors.md#pluginloaderror'
    """
    if isinstance(subject, Stage):
        return f"{_CATALOGUE}#{subject.value}"
    for each in type(subject).__mro__:
        if each.__module__ == _ERRORS:
            return f"{_CATALOGUE}#{each.__name__.lower()}"
    return ""


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

    @property
    def docs_url(self) -> str:
        """Where the catalogue of errors says what it means: of the class of its cause, else of its stage."""
        return url_of(self.cause) or url_of(self.stage)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and ``docs_url`` as JSON data."""
        return {**super().to_dict(), "docs_url": self.docs_url}

    def __str__(self) -> str:
        return f"{self.stage}: {with_context(self.message, self.ref, self.distribution, self.hint)}"
