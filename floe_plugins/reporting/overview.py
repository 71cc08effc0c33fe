"""An overview of all plugins: what is known of each, what it needs, and why it is selected or not."""

from __future__ import annotations

from collections.abc import Mapping

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState
from floe_plugins.entries.entry import Entry
from floe_plugins.entries.store import EntryStore
from floe_plugins.registry.facade import PluginRegistry
from floe_plugins.registry.plugin_info import PluginInfo, describe
from floe_plugins.reporting.static_dependencies import Declared, StaticDependencies, find_dependencies


class Overview:
    """The facts known about all plugins now.

    Attributes:
        infos: what is known of each, sorted.
        dependencies: what each needs and what meets it.
        reasons: why each is selected or not, or disabled.
    """

    def __init__(
        self,
        infos: Mapping[PluginRef, PluginInfo],
        dependencies: StaticDependencies,
        reasons: Mapping[PluginRef, str],
    ) -> None:
        self.infos = infos
        self.dependencies = dependencies
        self.reasons = reasons

    def selected(self, ref: PluginRef) -> bool:
        """Whether a start includes a plugin, as a dependency of another one too."""
        return ref in self.dependencies.started


def overview(registry: PluginRegistry) -> Overview:
    """Return an overview of the plugins of a registry; nothing of them is imported, and their sources are read.

    >>> overview(PluginRegistry(path=[], environ={})).infos
    {}

    Raises:
        PluginError: The first problem, where problems are strict.
    """
    store = registry._store  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] applications have no use for it
    entries = store.entries()
    infos = {ref: describe(entries[ref], store.platform) for ref in sorted(entries)}
    declared = {
        ref: Declared(
            info.dependencies, info.optional_dependencies, info.version, disabled=info.state is PluginState.DISABLED
        )
        for ref, info in infos.items()
    }
    dependencies = find_dependencies(declared, store.selected(), store.categories)
    return Overview(infos, dependencies, {ref: _reason(entry, store, dependencies) for ref, entry in entries.items()})


def _reason(entry: Entry, store: EntryStore, dependencies: StaticDependencies) -> str:
    if entry.state is PluginState.DISABLED:
        return entry.reason
    pin = store.configuration.pins.get(entry.ref)
    return _selection(entry, store, dependencies) + (f"; pinned to the distribution {pin}" if pin else "")


def _selection(entry: Entry, store: EntryStore, dependencies: StaticDependencies) -> str:
    configuration, ref = store.configuration, entry.ref
    if ref not in dependencies.started:
        return "neither configured nor required, nor needed by a selected plugin"
    if ref in configuration.required:
        return "required by the configuration"
    if ref in configuration.plugins:
        return "configured"
    if entry.candidate is None:
        return "registered in code"
    if ref in dependencies.because:
        return f"needed by {dependencies.because[ref]}"
    return "all installed plugins are selected (autoload is all)"
