"""Hand checked plugins to the manager of their category and to the registry's table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pluggy

from floe_plugins.core.categories import Category
from floe_plugins.core.locks import forkable_lock
from floe_plugins.core.refs import PluginRef
from floe_plugins.entries.entry import DECLARED, Entry
from floe_plugins.entries.store import EntryStore
from floe_plugins.errors import PluginLoadError
from floe_plugins.execution import boundary
from floe_plugins.execution.plugin_code import plugin_code
from floe_plugins.hookspecs.base import PluginLookup, PluginMetadata
from floe_plugins.inspection import static_metadata
from floe_plugins.inspection.origin import is_editable
from floe_plugins.inspection.runtime_metadata import TELL_AUTHOR
from floe_plugins.loading import stale_imports
from floe_plugins.loading.class_checks import check_class, speak_to_author
from floe_plugins.loading.implementations import PluginHookError, class_members
from floe_plugins.loading.importer import CheckedPlugin, about, import_plugin
from floe_plugins.loading.plugin_manager import CategoryManager

Plugins = dict[Any, dict[str, Any]]


@attrs.define(eq=False)
class Registration:
    """The managers and the table of plugins of one registry. Safe from several threads.

    Attributes:
        plugins: The loaded plugins by category (as ``Category`` or class) and name.
        new_manager: Makes the manager of a category.
    """

    registry: PluginLookup
    store: EntryStore
    plugins: Plugins
    new_manager: Callable[[Category], CategoryManager]
    _managers: dict[Category, CategoryManager] = attrs.field(factory=dict, init=False)
    _lock: Any = attrs.field(factory=forkable_lock, init=False)

    def manager(self, category: Category) -> CategoryManager:
        """Return the category's plugin manager; the same at every call."""
        found = self._managers.get(category)
        if found is None:
            made = self.new_manager(category)
            with self._lock:
                found = self._managers.setdefault(category, made)
        return found

    def load_again(self) -> None:
        """Let the managers load what has been selected since."""
        for manager in tuple(self._managers.values()):
            manager.load_again()

    def build(self, entry: Entry) -> CheckedPlugin:
        """Import and instantiate an entry's candidate, and hand it to its manager; runs plugin code.

        Raises:
            PluginError: It cannot be loaded.
        """
        if entry.candidate is None:
            raise PluginLoadError("it was registered by hand and is gone", ref=entry.ref)
        with plugin_code(self.registry, entry.ref):
            with about(entry.ref, entry.distribution):
                check_hooks = self.manager(entry.ref.type).check
            only_own_files = self.store.policy.only is not None
            checked = import_plugin(entry.candidate, check_hooks, self.store.platform, only_own_files=only_own_files)
        entry.metadata = checked.metadata
        if self.store.policy.strict:
            for difference in metadata_differences(entry):
                raise difference
        self.admit(entry, checked.plugin)
        return checked

    def admit(self, entry: Entry, plugin: PluginMetadata) -> None:
        """Give a plugin its registry, and hand it to its category's manager.

        Raises:
            PluginLoadError: It refuses the attribute, or its hooks do not fit the contract.
        """
        self._check_class(entry, plugin)
        inject(entry, plugin, "registry", self.registry)
        manager = self.manager(entry.ref.type)

        def error_of(failure: boundary.ForeignError) -> PluginLoadError:
            manager.remove(entry.ref.name)
            return _hook_error(entry, plugin, failure)

        # Looking for hooks asks the plugin's own class.
        boundary.call_or_raise(lambda: manager.add(plugin, entry.ref.name), error_of)

    def _check_class(self, entry: Entry, plugin: PluginMetadata) -> None:
        category, metadata = entry.ref.type.spec, entry.metadata
        assert metadata is not None  # noqa: S101 for type checkers: it has been made
        members = class_members(type(plugin), category.__mro__)
        for finding in check_class(members, category, metadata, self.store.platform.name):
            hint = f"{TELL_AUTHOR}: {finding.advice}."
            error = _addressed(entry, entry.failure(PluginLoadError, finding.message, hint=hint))
            if finding.is_fatal or self.store.policy.strict:
                raise error
            entry.warnings.append(error)

    def update(self, entry: Entry) -> None:
        """Let callers of the registry find the plugin if it may be used now, and emit its state."""
        category, name = entry.ref
        usable = entry.plugin if entry.start_error is None else None
        with self._lock:
            by_name = self.plugins.setdefault(category, {})
            if usable is None:
                by_name.pop(name, None)
            elif by_name.get(name) is not usable:
                self.plugins.setdefault(category.spec, by_name)
                by_name[name] = usable
        self.store.emit_state(entry)

    def remove(self, ref: PluginRef) -> None:
        """Take a plugin out of the table and its manager."""
        with self._lock:
            self.plugins.get(ref.type, {}).pop(ref.name, None)
        self.manager(ref.type).remove(ref.name)


def _hook_error(entry: Entry, plugin: PluginMetadata, failure: boundary.ForeignError) -> PluginLoadError:
    if issubclass(type(failure.exception), (pluggy.PluginValidationError, ValueError)):
        hint = "A hook takes the arguments that its contract names, or fewer."
        message = f"its hooks do not fit the contract: {' '.join(failure.message.split())}"
    else:
        hint = "Tell the plugin's author."
        message = f"looking for its hooks failed with {failure}"
    return entry.failure(PluginHookError, message, hint=hint, plugin=plugin)


def inject(entry: Entry, plugin: PluginMetadata, name: str, value: object) -> None:
    """Set an attribute that plugins get from the platform.

    Raises:
        PluginLoadError: The plugin refuses it.
    """
    hint = f"Leave {name!r} to the platform: no property, and no __slots__ without it."
    boundary.call_or_raise(
        # Frozen attrs and dataclass plugins refuse ordinary assignment.
        lambda: object.__setattr__(plugin, name, value),
        lambda failure: entry.failure(PluginLoadError, f"its attribute {name!r} cannot be set: {failure}", hint=hint),
    )


def metadata_differences(entry: Entry) -> Sequence[PluginLoadError]:
    """Return an error for each declaration of a loaded plugin that differs from its source.

    If its module had been imported before it was upgraded or its source was changed, that is the one error.
    """
    if entry.candidate is None or entry.metadata is None:
        return ()
    source = static_metadata.read(entry.candidate)
    declared = {name: (getattr(source, name), getattr(entry.metadata, name)) for name in DECLARED}
    declared[entry.ref.type.api_attribute] = declared.pop("floe_api_version")  # as the author has written it
    differing = {name: pair for name, pair in declared.items() if pair[0] is not None and pair[0] != pair[1]}
    before, now = stale_imports.loaded_from(entry.candidate), str(entry.candidate.distribution)
    if before != now or (differing and stale_imports.is_outdated(entry.candidate)):
        loaded, installed = entry.metadata.version, source.version or entry.candidate.distribution.version
        message = f"version {loaded} is loaded, {installed} is installed"
        if before != now and loaded == installed:
            message = f"{before} is loaded, {now} is installed"
        elif loaded == installed:
            message = f"its source has changed since it was imported: {', '.join(differing)}"
        return (entry.failure(PluginLoadError, message, hint=f"Restart the process, or call replace('{entry.ref}')."),)
    if source.floe_api_version is None and static_metadata.takes_api_from_platform(entry.candidate):
        return (_api_of_platform(entry, entry.metadata.floe_api_version),)
    hint = "What the loaded plugin says is in force; tell its author."
    message = "its source declares {} {!r}, the loaded plugin says {!r}"
    return [entry.failure(PluginLoadError, message.format(name, *pair), hint=hint) for name, pair in differing.items()]


def _api_of_platform(entry: Entry, version: str) -> PluginLoadError:
    name = entry.ref.type.api_attribute
    message = f"its {name} is {name.upper()}, so that it claims to be written for whatever API is installed"
    hint = f'{TELL_AUTHOR}: write the API for which it was written, such as {name} = "{version}".'
    return _addressed(entry, entry.failure(PluginLoadError, message, hint=hint))


def _addressed(entry: Entry, error: PluginLoadError) -> PluginLoadError:
    """Return an error about a plugin's class; it speaks to the author where that is who works on the plugin here."""
    if entry.candidate is None or is_editable(entry.candidate.distribution):
        speak_to_author(error)
    return error
