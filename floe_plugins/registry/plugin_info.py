"""The facts known about one plugin: what its source declares, or what the loaded plugin says."""

from __future__ import annotations

from typing import Any

import attrs

from floe_plugins.core.candidate import Distribution
from floe_plugins.core.categories import Category
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.problem import Problem
from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState
from floe_plugins.entries.entry import DECLARED, Entry
from floe_plugins.inspection import compatibility


@attrs.frozen(kw_only=True)
class PluginInfo(Record):
    """The facts known about one plugin now; ``None`` means "known when loaded".

    >>> from floe_plugins import PluginRegistry, SecretsPlugin
    >>> class Fixed(SecretsPlugin):
    ...     name, version, floe_api_version = "fixed", "1.0", "1.0"
    ...     def get_secret(self, key): ...
    ...     def secret_names(self, prefix=""): return ()
    ...     def put_secret(self, key, value): ...
    >>> registry = PluginRegistry(autoload="none", environ={})
    >>> [ref] = registry.register(Fixed)
    >>> info = registry.info(ref)
    >>> info.version, info.state.value, info.distribution, info.problems
    ('1.0', 'loaded', None, ())

    Attributes:
        ref: The plugin.
        state: Its state when the facts were asked for.
        distribution: The distribution that declares it; None of a plugin that was registered.
        entry_point: The value of its entry point, such as ``acme.duck:DuckDB``; None of a plugin that was registered.
        version: The plugin's own version, which may differ from its distribution's.
        floe_api_version: The API version for which it was written.
        description: One line for operators; not escaped, as its author wrote it.
        dependencies: What must be started first, as the plugin declares it, such as ``compute:duckdb>=1.2``.
        optional_dependencies: The same, for what is used if it is there.
        required: Whether the configuration lists it as required.
        refused: Why the version check will refuse it, as far as that is known before it is imported; empty if not.
        problems: All that is known to be wrong with it, the refusal included.
    """

    ref: PluginRef
    state: PluginState
    distribution: Distribution | None
    entry_point: str | None
    version: str | None = None
    floe_api_version: str | None = None
    description: str | None = None
    dependencies: tuple[str, ...] | None = None
    optional_dependencies: tuple[str, ...] | None = None
    required: bool = False
    refused: str = ""
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """The name of the plugin and of its entry point."""
        return self.ref.name

    @property
    def type(self) -> Category:
        """The category."""
        return self.ref.type

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON data, with ``type`` and ``name`` beside the ref."""
        return {"ref": str(self.ref), "type": self.type.slug, "name": self.name, **super().to_dict()}


def describe(entry: Entry, platform: Platform = FLOE) -> PluginInfo:
    """Return the facts known about a plugin now. Imports nothing of it."""
    declared: Any = entry.declared
    refusal = _refusal(entry, declared, platform)
    return PluginInfo(
        ref=entry.ref,
        state=entry.state,
        distribution=entry.candidate.distribution if entry.candidate else None,
        entry_point=entry.candidate.value if entry.candidate else None,
        required=entry.required,
        refused="" if refusal is None else refusal.message,
        problems=entry.problems if refusal is None else (*entry.problems, refusal),
        **{name: getattr(declared, name) for name in DECLARED},
    )


def _refusal(entry: Entry, metadata: Any, platform: Platform) -> Problem | None:
    """Return the problem for which a plugin that is not loaded yet will be refused, if one is known."""
    if entry.candidate is None or entry.state is not PluginState.DISCOVERED:
        return None
    error = compatibility.find_incompatibility(entry.candidate, metadata, platform)
    return None if error is None else entry.problem(error)
