"""The table of all plugins of one registry at one moment, as JSON data. Imports and runs nothing of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from floe_plugins.core.candidate import Distribution
from floe_plugins.core.record import to_plain
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState
from floe_plugins.dependencies.resolver import resolve
from floe_plugins.entries.entry import Entry
from floe_plugins.entries.store import EntryStore
from floe_plugins.registry.facade import PluginRegistry
from floe_plugins.registry.plugin_info import PluginInfo, describe


@attrs.frozen
class PluginTable:
    """The plugins of one registry at one moment.

    Attributes:
        rows: A row for each plugin, by ref: what it declares, its state and why it is in it, and its dependencies.
        problems: All that is known not to work.
        missing: The required plugins that are not there, and why.
    """

    rows: Mapping[str, dict[str, Any]]
    problems: tuple[dict[str, Any], ...]
    missing: Mapping[str, str]


def plugin_table(registry: PluginRegistry) -> PluginTable:
    """Return what is known of all plugins now. Waits while another thread looks for installed plugins.

    >>> plugin_table(PluginRegistry(path=[], environ={}))
    PluginTable(rows={}, problems=(), missing={})

    Raises:
        PluginError: The first problem, where problems are strict.
    """
    return PluginTables(registry).latest()


class PluginTables:
    """Gives tables of one registry, again and again. For one thread at a time."""

    def __init__(self, registry: PluginRegistry) -> None:
        self._registry = registry
        self._last: PluginTable | None = None
        self._made_of: tuple[object, ...] = ()

    def latest(self) -> PluginTable:
        """Return what is known now; the same object as before if nothing has changed.

        Raises:
            PluginError: The first problem, where problems are strict.
        """
        store = self._registry._store  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] it is no one else's concern
        entries, selected, problems = store.entries(), store.selected(), store.problems()
        made_of = (*map(_traits, entries.values()), selected, problems)
        if self._last is None or made_of != self._made_of:
            # What is not loaded is read from its source, which takes a while.
            missing = {str(ref): error.message for ref, error in store.missing().items()}
            rows = _rows(entries, frozenset(selected), store)
            self._last = PluginTable(rows, tuple(_problem(each.to_dict()) for each in problems), missing)
            self._made_of = made_of
        return self._last


def _traits(entry: Entry) -> tuple[object, ...]:
    return entry, entry.state, id(entry.error), len(entry.warnings), entry.plugin is None, entry.required


def _rows(
    entries: Mapping[PluginRef, Entry], selected: frozenset[PluginRef], store: EntryStore
) -> dict[str, dict[str, Any]]:
    depends_on = {
        ref: sorted({other for each in met for other in each.refs})
        for ref, met in resolve(entries, selected, entries, categories=store.categories).dependencies.items()
    }
    dependents: dict[PluginRef, list[str]] = {}
    for ref, others in depends_on.items():
        for other in others:
            dependents.setdefault(other, []).append(str(ref))
    unselected = f"it is not selected, since autoload is {store.policy.autoload!r} and nothing configures it"
    rows: dict[str, dict[str, Any]] = {}
    for ref, entry in sorted(entries.items()):
        info = describe(entry, store.platform)
        rows[str(ref)] = {
            **_declared(info),
            "state": str(entry.state),
            "selected": ref in selected,
            "required": entry.required,
            "reason": _reason(entry, info) or ("" if ref in selected else unselected),
            "needs": [str(other) for other in depends_on.get(ref, ())],
            "needed_by": sorted(dependents.get(ref, ())),
        }
    return rows


def _declared(info: PluginInfo) -> dict[str, Any]:
    return {
        "ref": str(info.ref),
        "category": info.type.slug,
        "name": info.name,
        "version": to_plain(info.version),
        "floe_api_version": to_plain(info.floe_api_version),
        "description": to_plain(info.description),
        "distribution": _name(info.distribution),
        "dependencies": to_plain(info.dependencies or ()),
        "optional_dependencies": to_plain(info.optional_dependencies or ()),
    }


def _name(distribution: Distribution | None) -> str | None:
    return None if distribution is None else f"{distribution.name} {distribution.version}".rstrip()


def _reason(entry: Entry, info: PluginInfo) -> str:
    """Return why a plugin is disabled, failed or skipped, or would be refused."""
    if entry.state is PluginState.DISABLED:
        return entry.reason
    problems = entry.problems if entry.error is not None else info.problems
    return problems[0].message if problems and entry.state is not PluginState.STARTED else ""


def _problem(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: facts[key] for key in ("ref", "distribution", "stage", "message", "hint")}
