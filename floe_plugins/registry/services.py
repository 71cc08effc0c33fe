"""Joins the parts that run plugin code: loading, configuration, the category managers, lifecycle and health."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import attrs

from floe_plugins import configuration
from floe_plugins.configuration import BROKEN_SCHEMA
from floe_plugins.configuration.redaction import redact
from floe_plugins.core.candidate import Distribution
from floe_plugins.core.refs import PluginRef, PluginType, is_name
from floe_plugins.core.report import Outcome
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.core.timeouts import DEFAULT_TIMEOUTS, TIMEOUT_OF_STAGE
from floe_plugins.errors import PluginConfigurationError, PluginError, PluginLoadError
from floe_plugins.execution.entry import Entry, problem_of
from floe_plugins.hookspecs.base import PluginLookup, PluginMetadata
from floe_plugins.inspection import static_metadata
from floe_plugins.lifecycle import health
from floe_plugins.lifecycle.service import Lifecycle
from floe_plugins.loading import importer, registration
from floe_plugins.loading.loader import Loader
from floe_plugins.loading.plugin_manager import CategoryManager
from floe_plugins.registry.entry_store import EntryStore

Plugins = dict[Any, dict[str, Any]]


@attrs.define(eq=False)
class PluginServices:
    """Serves the lifecycle and the category managers of one registry. Safe from several threads.

    Attributes:
        plugins: the loaded plugins by category (as ``PluginType`` or class) and name.
        lending: while it is entered, ``get_registry()`` gives this registry.
    """

    registry: PluginLookup
    store: EntryStore
    plugins: Plugins
    as_current: Callable[[], AbstractContextManager[object]]
    loader: Loader = attrs.field(init=False)
    lifecycle: Lifecycle = attrs.field(init=False)
    _managers: dict[PluginType, CategoryManager] = attrs.field(factory=dict, init=False)
    _lock: threading.RLock = attrs.field(factory=threading.RLock, init=False)

    def __attrs_post_init__(self) -> None:
        self.loader = Loader(self._build, self._admit, lambda entry: self.timeout(entry, Stage.LOAD))
        self.lifecycle = Lifecycle(self)

    # Loading

    def manager(self, category: PluginType) -> CategoryManager:
        """The category's plugin manager; the same at every call."""
        with self._lock:
            found = self._managers.get(category)
            if found is None:
                found = self._managers[category] = CategoryManager(category, self)
            return found

    def load(self, entry: Entry) -> PluginMetadata:
        """The entry's plugin; a failure is logged once and kept.

        Raises:
            PluginError: it cannot be loaded.
        """
        fresh = entry.error is None
        try:
            return self.loader.load(entry)
        except PluginError as error:
            if fresh and entry.error is error:
                self.store.log(problem_of(error, entry))
            raise

    def _build(self, entry: Entry) -> PluginMetadata:
        if entry.candidate is None:
            raise PluginLoadError("it was registered by hand and is gone", ref=entry.ref)
        with self.as_current():
            made = importer.import_plugin(entry.candidate)
        entry.metadata = made.metadata
        plugin: PluginMetadata = made.plugin
        return plugin

    def _admit(self, entry: Entry, plugin: PluginMetadata) -> None:
        warnings = registration.metadata_differences(entry)
        registration.inject(entry, plugin, "registry", self.registry)
        try:
            self.manager(entry.ref.type).add(plugin, entry.ref.name)
        except Exception as error:
            self.manager(entry.ref.type).remove(entry.ref.name)
            raise registration.hook_validation_error(entry, error) from error
        entry.warnings.extend(warnings)
        self._show(entry.ref, plugin)

    def _show(self, ref: PluginRef, plugin: PluginMetadata) -> None:
        with self._lock:
            by_name = self.plugins.setdefault(ref.type, {})
            self.plugins.setdefault(ref.type.spec, by_name)
            by_name[ref.name] = plugin

    def register(self, *plugins: Any) -> tuple[PluginRef, ...]:
        """Check plugins and take them in, all or none."""
        entries = [self._entry_of(found) for found in plugins]
        self.store.add(entries)
        refs = tuple(entry.ref for entry in entries)
        try:
            for entry in entries:
                plugin = entry.plugin
                assert plugin is not None  # noqa: S101 for type checkers: _entry_of set it
                self._admit(entry, plugin)
            # What declares no needs lacks nothing, and no circle goes through it.
            if any(any(self.dependencies(entry) or ()) for entry in entries):
                self.lifecycle.check_startable(refs)
        except BaseException:
            for entry in entries:
                self._remove(entry.ref)
            raise
        return refs

    def _entry_of(self, found: Any) -> Entry:
        cls = found if isinstance(found, type) else type(found)
        try:
            category = PluginType.of(cls)
        except TypeError as error:
            raise PluginLoadError(str(error)) from None
        with self.as_current():
            plugin, metadata = importer.instantiate(found, None, None, category.spec)
        if not is_name(metadata.name):
            message = f"{metadata.name!r} cannot name a plugin"
            raise PluginLoadError(message, hint="Use lower-case letters, digits, '-' and '_'.")
        ref = PluginRef(category, metadata.name)
        return Entry(ref, plugin=plugin, metadata=metadata, state=PluginState.LOADED)

    def unregister(self, category: PluginType, name: str) -> Any:
        """Stop a plugin and what needs it, forget it, and return it; None if it is not loaded."""
        ref = PluginRef(category, name)
        entry = self.store.entry(ref)
        if entry.state is PluginState.STARTED:
            self.lifecycle.stop(ref)
        plugin = entry.plugin
        self._remove(ref)
        entry.worker.close()
        return plugin

    def _remove(self, ref: PluginRef) -> None:
        with self._lock:
            self.plugins.get(ref.type, {}).pop(ref.name, None)
        self.manager(ref.type).remove(ref.name)
        self.store.remove(ref)

    def load_selected(self, category: PluginType) -> None:
        """Load the selected plugins of a category; failures become problems."""
        self.load_entry_points(category, None)

    def load_entry_points(self, category: PluginType, name: str | None) -> int:
        """Load the selected plugins of a category, or one of them, and count the new ones."""
        count = 0
        for ref in self.store.selected(category):
            entry = self.store.entries()[ref]
            if entry.plugin is None and name in {None, ref.name}:
                count += self.try_load(entry)
        return count

    def try_load(self, entry: Entry) -> bool:
        """Load an entry if that is possible; whether it was.

        Raises:
            PluginError: loading failed, and problems are strict.
        """
        try:
            self.load(entry)
        except PluginError:
            if self.store.policy.strict:
                raise
            # Kept as the entry's error, logged, and listed among the problems.
            return False
        return True

    def block(self, category: PluginType, name: str, blocked: bool) -> None:  # noqa: FBT001 one of two states
        """Keep a plugin from being loaded, or allow it again."""
        self.store.block(PluginRef(category, name), blocked=blocked)

    def distribution(self, category: PluginType, name: str) -> Distribution | None:
        """The distribution that a plugin comes from."""
        entry = self.store.entries().get(PluginRef(category, name))
        return entry.candidate.distribution if entry and entry.candidate else None

    def load_again(self) -> None:
        """Let the managers load what has been selected since."""
        with self._lock:
            for manager in self._managers.values():
                manager.load_again()

    # Configuration

    def configure(self, entry: Entry) -> None:
        """Validate a loaded plugin's configuration and hand it over.

        Raises:
            PluginConfigurationError: it is wrong.
        """
        plugin = self.load(entry)
        settings = self.store.configuration
        if inspect.getattr_static(plugin, "config_schema", None) is None and not _said(settings, entry):
            # Most plugins without a schema are not configured either: they need no pydantic.
            return
        model, issues = configuration.validate_and_log(settings, entry.ref, plugin, entry.distribution, entry.overrides)
        configuration.raise_issues(issues)
        registration.inject(entry, plugin, "config", model)
        entry.model = model

    def override(self, entry: Entry, mapping: Mapping[str, Any]) -> Any:
        """Configure a plugin by argument and return the validated model.

        Raises:
            PluginConfigurationError: it is wrong, or the plugin is started.
        """
        if entry.state is PluginState.STARTED:
            raise PluginConfigurationError(
                "it is started with the configuration it has",
                ref=entry.ref,
                distribution=entry.distribution,
                hint="Stop it, configure it and start it again.",
            )
        before = entry.overrides
        entry.overrides = dict(mapping)
        try:
            self.configure(entry)
        except PluginError:
            entry.overrides = before
            raise
        return entry.model

    def review(self, errors: Mapping[PluginRef, PluginError]) -> None:
        """Refuse to start anything with what the operator has to mend; a broken schema fails its own plugin alone.

        Raises:
            PluginConfigurationError: with every mistake of all plugins.
        """
        settings = self.store.configuration
        found = [
            issue for error in errors.values() if isinstance(error, PluginConfigurationError) for issue in error.errors
        ]
        mentioned = attrs.evolve(settings, required=())
        configuration.raise_issues(
            [
                *settings.issues,
                *configuration.not_installed(mentioned, self.store.entries()),
                *(issue for issue in found if issue.rule != BROKEN_SCHEMA),
            ]
        )

    def redact(self, entry: Entry, said: Any) -> Any:
        """What a plugin said, in an error or a status, without the secrets of its configuration."""
        return redact(said, entry.model)

    # Lifecycle and health

    @property
    def workers(self) -> int:
        """How many plugins are started or stopped side by side."""
        return self.store.configuration.workers or 16

    def entries(self) -> Mapping[PluginRef, Entry]:
        """All entries now."""
        return self.store.entries()

    def selected(self) -> Sequence[PluginRef]:
        """The refs that the platform is to run."""
        return self.store.selected()

    def hook(self, entry: Entry, name: str) -> Callable[[], Any]:
        """A loaded plugin's function for a lifecycle hook."""
        return self.manager(entry.ref.type).implementation(self.load(entry), name)

    def timeout(self, entry: Entry, stage: Stage) -> float | None:
        """The deadline of a stage in seconds: as configured, else as the class says, else the default."""
        name = TIMEOUT_OF_STAGE[stage]
        settings = self.store.configuration
        for source in (
            settings.plugin_timeouts.get(entry.ref, {}),
            getattr(entry.plugin, "timeouts", None) or {},
            settings.timeouts,
            DEFAULT_TIMEOUTS,
        ):
            if name in source:
                return float(source[name])
        return None

    def dependencies(self, entry: Entry) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """What a plugin needs, and what it uses if present, without loading it; None if that needs loading."""
        if entry.plugin is not None and entry.metadata is not None:
            return entry.metadata.dependencies, entry.metadata.optional_dependencies
        if entry.candidate is None:
            return None
        source = static_metadata.read(entry.candidate)
        if source.dependencies is None or source.optional_dependencies is None:
            return None
        return source.dependencies, source.optional_dependencies

    def supervise(self, category: PluginType, hook_name: str) -> Sequence[Outcome]:
        """Call a lifecycle hook on each plugin of a category on its own."""
        refs = self.store.selected(category)
        if hook_name == "startup":
            return self.lifecycle.startup(refs).outcomes
        if hook_name == "shutdown":
            return self.lifecycle.shutdown(refs).outcomes
        return health.outcomes(health.check(self, refs))


def _said(settings: configuration.Configuration, entry: Entry) -> bool:
    said = settings.settings(entry.ref)
    return bool(said.table or said.variables or said.config_version or entry.overrides)
