"""Join the parts of one registry that run plugin code."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import takewhile
from types import ModuleType
from typing import Any, TypeVar

from floe_plugins.core.categories import Category, is_name
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import LifecycleReport
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.core.timeouts import DEFAULT_TIMEOUTS
from floe_plugins.entries.entry import Entry
from floe_plugins.entries.store import EntryStore
from floe_plugins.errors import PluginError, PluginLoadError, PluginTimeoutError
from floe_plugins.execution.plugin_code import plugin_code
from floe_plugins.execution.shield import Request
from floe_plugins.execution.worker import Worker
from floe_plugins.hookspecs.base import PluginLookup, PluginMetadata
from floe_plugins.lifecycle.coordinator import Coordinator
from floe_plugins.lifecycle.parts import Parts
from floe_plugins.lifecycle.service import Lifecycle
from floe_plugins.loading import unloading
from floe_plugins.loading.configurer import Configurer
from floe_plugins.loading.importer import about, category_class, instantiate
from floe_plugins.loading.loader import Loader, SupersededError
from floe_plugins.loading.plugin_manager import CategoryManager
from floe_plugins.loading.registration import Plugins, Registration

R = TypeVar("R")


class PluginServices:
    """Loads, registers, configures and runs the plugins of one registry. Safe from several threads.

    Args:
        registry: The registry.
        store: Its entries.
        plugins: The loaded plugins by category (as ``Category`` or class) and name, to be kept up to date.
    """

    def __init__(self, registry: PluginLookup, store: EntryStore, plugins: Plugins) -> None:
        self.store = store
        self.registry = registry
        self.registration = Registration(registry, store, plugins, self._new_manager)
        self.loader = Loader(store, self.registration)
        self.configurer = Configurer(store, self.loader)
        self.coordinator = Coordinator(registry, self.registration.update)
        self.lifecycle = Lifecycle(Parts(store, self.registration, self.loader, self.configurer, self.coordinator))

    def _new_manager(self, category: Category) -> CategoryManager:
        return CategoryManager(
            category,
            self.store,
            load=self.try_load,
            supervise=self.lifecycle.supervise,
            register=self.register,
            unregister=self.unregister,
        )

    def load(self, ref: PluginRef) -> PluginMetadata:
        """Return the plugin of a ref; a failure is logged once and kept.

        Raises:
            PluginError: There is none, it cannot be loaded, or it did not start. During its start it is returned.
        """
        return self.with_entry(ref, self._load)

    def _load(self, entry: Entry) -> PluginMetadata:
        fresh = entry.error is None
        try:
            plugin = self.loader.load(entry)
        except PluginError as error:
            if fresh and entry.error is error:
                self.store.log(entry.problem(error))
            raise
        if entry.start_error is not None and not entry.worker.is_current_thread:
            raise entry.start_error.with_traceback(None)
        return plugin

    def with_entry(self, ref: PluginRef, function: Callable[[Entry], R]) -> R:
        """Call ``function`` with the entry of a ref; again with the new one, if it was replaced meanwhile.

        Raises:
            PluginError: There is none, or ``function`` raised it.
        """
        while True:
            try:
                return function(self.store.entry(ref))
            except SupersededError:
                continue  # a refresh, or another thread's unregister()

    def try_load(self, ref: PluginRef) -> PluginMetadata | None:
        """Return the plugin of a ref, or None if it cannot be loaded; the failure becomes a problem.

        Raises:
            PluginError: Loading failed, and problems are strict.
        """
        try:
            return self.load(ref)
        except PluginError:
            if self.store.policy.strict:
                raise
            # Kept as the entry's error, logged, and listed among the problems.
            return None

    def load_all(self, refs: Iterable[PluginRef]) -> list[PluginMetadata]:
        """Return the plugins of ``refs`` that can be loaded; the failures become problems.

        Raises:
            PluginError: The first failure, where problems are strict.
        """

        def work(request: Request[list[PluginMetadata]]) -> list[PluginMetadata]:
            # Once interrupted, nobody waits for the rest.
            wanted = takewhile(lambda _: not request.interrupted.done(), refs)
            return [plugin for ref in wanted if (plugin := self.try_load(ref)) is not None]

        return Request(work, is_left_behind=True).run()

    def configure(self, ref: PluginRef, mapping: Mapping[str, Any] | None) -> Any:
        """Configure a plugin by argument and return the validated model.

        Raises:
            PluginError: It is invalid, or the plugin is started or cannot be loaded.
        """

        def override(entry: Entry) -> Any:
            model = self.configurer.override(entry, mapping)
            self.coordinator.configured(entry)
            return model

        return self.with_entry(ref, override)

    def config(self, ref: PluginRef) -> Any:
        """Return the validated configuration of a plugin.

        Raises:
            PluginError: It is invalid, or the plugin cannot be loaded.
        """

        def model(entry: Entry) -> Any:
            if entry.model is None:
                self.configurer.configure_on_own_thread(entry)
                if entry.state is PluginState.LOADED:
                    self.coordinator.configured(entry)
            return entry.model

        return self.with_entry(ref, model)

    def register(self, *plugins: Any) -> tuple[PluginRef, ...]:
        """Check plugins and take them in, all or none."""
        entries = [self._made_in_time(found) for found in plugins]
        self.store.add(entries)
        refs = tuple(entry.ref for entry in entries)
        try:
            for entry in entries:
                plugin = entry.plugin
                assert plugin is not None  # noqa: S101 for type checkers: _entry_of set it
                self.registration.admit(entry, plugin)
                self.registration.update(entry)
            # A plugin without dependencies lacks nothing, and no cycle goes through it.
            if any(each.declared.dependencies or each.declared.optional_dependencies for each in entries):
                self.lifecycle.check_startable(refs)
        except BaseException:
            for entry in entries:
                self._remove(entry.ref)
            raise
        return refs

    def _made_in_time(self, found: Any) -> Entry:
        """Return the entry of a plugin; a class is called on a thread of its own, under the deadline of loading."""
        if not isinstance(found, type) or Worker.current() is not None:
            # An instance is its caller's own; and a plugin that registers others has a deadline itself.
            return self._entry_of(found)
        worker = Worker(f"register {type.__getattribute__(found, '__qualname__')}")
        seconds = self.store.configuration.timeouts.get("load", DEFAULT_TIMEOUTS["load"])
        call = worker.submit(partial(self._entry_of, found))
        try:
            if call.wait(seconds) or not call.detach():
                return call.result()
        finally:
            worker.close()
        message = f"it was not made within {seconds:g} s"
        hint = "Find out what its __init__, or a property such as its name, waits for, or raise timeouts.load."
        with about(_ref_of(self.store.categories.of(found), found, found), None, found):
            raise PluginTimeoutError(message, hint=hint, seconds=seconds, stage=str(Stage.LOAD))

    def _entry_of(self, found: Any) -> Entry:
        cls = found if isinstance(found, type) else type(found)
        try:
            category = self.store.categories.of(cls)
        except TypeError as error:
            raise PluginLoadError(str(error)) from None
        with plugin_code(self.registry), about(_ref_of(category, found, cls), None, cls):
            check = self.registration.manager(category).check
            expected = category_class(category)
            plugin, metadata = instantiate(found, expected, check_hooks=check, platform=self.store.platform)
            if not is_name(metadata.name):
                hint = "Use lower-case letters, digits, '-' and '_'."
                raise PluginLoadError(f"{metadata.name!r} cannot name a plugin", hint=hint)
        return Entry(PluginRef(category, metadata.name), plugin=plugin, metadata=metadata, state=PluginState.LOADED)

    def unregister(self, ref: PluginRef) -> Any:
        """Stop a plugin and its dependents, take it out, and return it; None if it is not loaded."""
        return self.with_entry(ref, self._unregister)

    def _unregister(self, entry: Entry) -> Any:
        self.lifecycle.stop(entry.ref)
        self._take_out(entry, {})
        return entry.plugin

    def replace(self, ref: PluginRef) -> LifecycleReport:
        """Load an installed plugin anew, from what is installed now, and start again what was stopped for that.

        Raises:
            PluginLoadError: Its modules cannot be unloaded; nothing was done.
            PluginError: It did not stop, or it is loaded no longer and the new one cannot be.
        """
        found = self.store.discover(refresh=True)
        gone = frozenset(outdated.ref for outdated in found.outdated if outdated.installed is None)

        def replace(entry: Entry) -> LifecycleReport:
            own = {} if entry.candidate is None else unloading.own_modules(entry.candidate)
            reason = "it is no longer installed" if ref in gone else self._obstacle(entry, own)
            if reason is not None:
                hint = "Restart the process to run what is installed."
                raise entry.failure(PluginLoadError, f"it cannot be replaced: {reason}", hint=hint)
            running = self.coordinator.running()
            stopped = self.lifecycle.shutdown((ref,))
            stopped.raise_for_failures()
            # Whoever asks for the plugin after its modules are gone waits for the lock, and gets the new one.
            self._take_out(entry, own)
            self.load(ref)
            return self.lifecycle.startup([outcome.ref for outcome in stopped.outcomes if outcome.ref in running])

        return self.with_entry(ref, replace)

    def _obstacle(self, entry: Entry, own: Mapping[str, ModuleType]) -> str | None:
        if entry.plugin is None:
            return None
        if entry.candidate is None:
            return "it was registered by hand"
        for other in self.store.entries().values():
            if other.ref != entry.ref and other.plugin is not None and unloading.comes_from(other.plugin, own):
                return f"{other.ref} comes from the same modules"
        return unloading.obstacle(own)

    def _take_out(self, entry: Entry, own: Mapping[str, ModuleType]) -> None:
        with self.lifecycle.excluded(entry), self.store.lock:
            if not self.store.is_current(entry):
                raise SupersededError
            unloading.unload(own)
            self._remove(entry.ref)
        entry.release_thread()

    def _remove(self, ref: PluginRef) -> None:
        with self.store.lock:
            self.store.remove(ref)
            self.registration.remove(ref)


def _ref_of(category: Category, found: Any, cls: type) -> PluginRef | None:
    """Return the ref that an instance or its class declares plainly, for errors."""
    name = next((base.__dict__["name"] for base in cls.__mro__ if "name" in base.__dict__), None)
    if found is not cls:
        with suppress(Exception):  # it may have no __dict__, or one of its own making
            name = object.__getattribute__(found, "__dict__").get("name", name)
    return PluginRef(category, name) if type(name) is str and is_name(name) else None
