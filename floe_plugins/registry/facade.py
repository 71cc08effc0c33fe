"""The registry: one place to ask for plugins, and to start, check and stop them."""

from __future__ import annotations

import builtins
import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, overload

import attrs

from floe_plugins.configuration.loader import load
from floe_plugins.configuration.model import Configuration
from floe_plugins.core.candidate import Candidate
from floe_plugins.core.lazy import LazyModule
from floe_plugins.core.locks import forkable_lock
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef, PluginType
from floe_plugins.core.state import PluginState
from floe_plugins.discovery.load_policy import LoadPolicy
from floe_plugins.discovery.report import DiscoveryReport
from floe_plugins.entries.store import EntryStore
from floe_plugins.errors import AmbiguousPluginError, PluginNotFoundError
from floe_plugins.registry.arguments import Category, category_of, checked_timeouts, checked_workers, ref_of
from floe_plugins.registry.fork import Unusable, watch
from floe_plugins.registry.lifecycle_methods import LifecycleMethods

if TYPE_CHECKING:
    # Importing pluggy, and all that this needs itself, is left to the first use.
    from floe_plugins.core import event
    from floe_plugins.execution import awaiting
    from floe_plugins.hookspecs.base import PluginMetadata
    from floe_plugins.loading import plugin_manager
    from floe_plugins.registry import plugin_info, services
else:
    event = LazyModule("floe_plugins.core.event")
    awaiting = LazyModule("floe_plugins.execution.awaiting")
    plugin_info = LazyModule("floe_plugins.registry.plugin_info")
    plugin_manager = LazyModule("floe_plugins.loading.plugin_manager")
    services = LazyModule("floe_plugins.registry.services")

P = TypeVar("P", bound="PluginMetadata")


@attrs.define(eq=False, init=False)
class PluginRegistry(LifecycleMethods):
    """Discovers, loads, configures, starts, checks and stops plugins.

    Every method may be called from any thread, and from plugin code. Discovery happens on first use; a plugin is loaded
    when it is first asked for. As a context manager it starts the selected plugins and stops them at the end; if a
    required one does not start, it stops the others and raises, as ``raise_for_failures`` does.

    Args:
        config: a file, a mapping or a ``Configuration``; without one, only the environment counts.
        autoload: "all", "configured" or "none"; wins over configuration and environment.
        disable: refs, categories and distributions (``distribution:NAME``) to leave out, in addition.
        only: the distributions that plugins may come from.
        required: refs that must run, in addition.
        timeouts: deadlines in seconds by stage (load, configure, startup, shutdown, health).
        workers: how many plugins start or stop side by side; 1 means one after another.
        path: directories to search instead of ``sys.path``.
        environ: variables to read instead of ``os.environ``.

    Raises:
        PluginConfigurationError: the configuration cannot be read.
    """

    _store: EntryStore
    _plugins: dict[Any, dict[str, Any]]
    _made_services: services.PluginServices | None
    _lock: Any

    def __init__(  # noqa: PLR0913 all but the first are keyword-only switches
        self,
        config: str | os.PathLike[str] | Mapping[str, Any] | Configuration | None = None,
        *,
        autoload: str | None = None,
        disable: Iterable[str] = (),
        only: Iterable[str] | None = None,
        required: Iterable[str | PluginRef] = (),
        timeouts: Mapping[str, float] | None = None,
        workers: int | None = None,
        path: Sequence[object] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        environ = os.environ if environ is None else environ
        settings = load(config, environ=environ, collect=True)
        settings = attrs.evolve(
            settings,
            required=tuple(dict.fromkeys((*settings.required, *(PluginRef.parse(str(ref)) for ref in required)))),
            timeouts={**settings.timeouts, **checked_timeouts(timeouts or {})},
            workers=settings.workers if workers is None else checked_workers(workers),
        )
        self._plugins = {}
        self._made_services = None
        self._lock = forkable_lock()
        loading = LoadPolicy.create(autoload=autoload, disable=disable, only=only)
        configured = LoadPolicy.from_configuration(settings.autoload, settings.disable, settings.only)
        self._store = EntryStore(settings, loading.merged(LoadPolicy.from_environ(environ)).merged(configured), path)

        watch(self, PluginRegistry._after_fork)

    def _after_fork(self) -> None:
        """In a forked child: forget the threads of the parent, or refuse all use where plugins were started."""
        made = self._made_services
        if made is not None and made.coordinator.is_active:
            unusable: Any = Unusable(os.getppid())
            self._store = self._plugins = self._made_services = unusable
            return
        self._store.forget_threads()
        if made is not None:
            made.loader.forget_loads()

    def _services(self) -> services.PluginServices:
        with self._lock:
            if self._made_services is None:
                # Everything that needs pluggy or runs plugin code is imported here, when first needed.
                self._made_services = services.PluginServices(self, self._store, self._plugins)
            return self._made_services

    def __del__(self) -> None:
        made = getattr(self, "_made_services", None)
        if made is not None and not isinstance(made, Unusable) and made.coordinator.running():
            warnings.warn("a PluginRegistry was forgotten while its plugins run", ResourceWarning, 2, source=self)

    def __repr__(self) -> str:
        if isinstance(self._store, Unusable):
            return f"<{type(self).__name__} of the parent process>"
        return f"<{type(self).__name__} with {self._store.known()} plugins>"

    def discover(self, *, refresh: bool = False) -> DiscoveryReport:
        """What is installed; scanned at the first use, and again with ``refresh``.

        Nothing is imported. A refresh lets Python see new modules and failed loads be tried again; what is loaded
        stays.

        Raises:
            PluginError: the first problem, where problems are strict.
        """
        report = self._store.discover(refresh=refresh)
        if refresh and self._made_services is not None:
            self._made_services.registration.load_again()
        return report

    def candidates(self, category: Category | None = None) -> tuple[Candidate, ...]:
        """What is installed in a category, or in all; nothing is imported."""
        return self._store.candidates(None if category is None else category_of(category))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All that is known not to work, and whose it is."""
        self._store.discover()
        return self._store.problems()

    @property
    def configuration(self) -> Configuration:
        """The configuration in force."""
        return self._store.configuration

    def register(self, *plugins: Any) -> tuple[PluginRef, ...]:
        """Take in plugins that are not installed: instances, or classes, which are called. All or none.

        A class is called on a thread of its own, at most for the load's deadline.

        Raises:
            DuplicatePluginError: a plugin of that type and name is there.
            PluginIncompatibleError: made for another API version.
            PluginLoadError: not a plugin.
            MissingDependencyError: needs what is neither there nor among ``plugins``.
            CircularDependencyError: they need each other.
        """
        return self._services().register(*plugins)

    def unregister(self, category: Category, name: str) -> Any:
        """Forget a plugin and return it, stopped; an installed one is loaded anew when asked for.

        Raises:
            PluginNotFoundError: there is none.
        """
        return self._services().unregister(ref_of(category, name))

    @overload
    def get(self, category: Callable[..., P], name: str) -> P: ...
    @overload
    def get(self, category: PluginType, name: str) -> Any: ...
    def get(self, category: Category, name: str) -> Any:
        """The plugin, loaded on first use; concurrent callers receive the same instance.

        Blocks while it is loaded, at most for the load's deadline.

        Raises:
            PluginNotFoundError: nothing of that type and name is installed, or it is disabled.
            DuplicatePluginError: several distributions offer it.
            PluginIncompatibleError: made for another API version.
            PluginLoadError: it cannot be imported or made, or is not what it should be.
            PluginStartupError: it failed to start; ``start`` tries again.
            PluginConfigurationError: it did not start because its configuration is wrong.
            MissingDependencyError: it did not start because of another plugin.
            PluginTimeoutError: loading or starting took too long.
        """
        try:
            return self._plugins[category][name]
        except KeyError:
            return self._load(category, name)

    @overload
    async def aget(self, category: Callable[..., P], name: str) -> P: ...
    @overload
    async def aget(self, category: PluginType, name: str) -> Any: ...
    async def aget(self, category: Category, name: str) -> Any:
        """``get`` for event loops: the loop goes on meanwhile, and a load whose waiter is cancelled goes on alone."""
        try:
            return self._plugins[category][name]
        except KeyError:
            return await awaiting.run(partial(self._load, category, name), is_left_behind=True)

    def _load(self, category: Category, name: str) -> Any:
        ref = ref_of(category, name)
        plugin = self._services().load(ref)
        if isinstance(category, type) and not issubclass(type(plugin), category):
            message = f"the plugin of that name is no {category.__name__} but {type(plugin).__qualname__}"
            raise PluginNotFoundError(message, ref=ref)
        return plugin

    @overload
    def one(self, category: Callable[..., P]) -> P: ...
    @overload
    def one(self, category: PluginType) -> Any: ...
    def one(self, category: Category) -> Any:
        """The only selected plugin of a category, loaded on first use.

        Raises:
            PluginNotFoundError: none is selected.
            AmbiguousPluginError: several are; the choices are listed.
            PluginError: as ``get``.
        """
        kind = category_of(category)
        refs = self._store.selected(kind)
        if len(refs) == 1:
            return self.get(category, refs[0].name)
        names = [str(ref) for ref in refs]
        if names:
            raise AmbiguousPluginError(
                f"several {kind.slug} plugins are selected: {', '.join(names)}",
                choices=names,
                hint="Ask for one by name, or configure only one.",
            )
        known = sorted({str(candidate.ref) for candidate in self.candidates(kind)})
        none = "Installed plugins are switched off." if self._store.policy.is_off else "None is installed."
        there = f"Installed, but not selected: {', '.join(known)}." if known else none
        raise PluginNotFoundError(f"no {kind.slug} plugin is selected", suggestions=known, hint=there)

    def list(self, category: Category | None = None) -> builtins.list[Any]:
        """The selected plugins of a category, or of all, by ref; loads them.

        What cannot be loaded or did not start is left out and stands in ``problems``.

        Raises:
            PluginError: the first failure, where problems are strict.
        """
        refs = self._store.selected(None if category is None else category_of(category))
        return self._services().load_all(refs)

    def info(self, category: Category, name: str) -> plugin_info.PluginInfo:
        """What is known of a plugin now; nothing is imported.

        Raises:
            PluginNotFoundError: there is none.
        """
        return plugin_info.describe(self._store.known_entry(ref_of(category, name)))

    def infos(self, category: Category | None = None) -> tuple[plugin_info.PluginInfo, ...]:
        """What is known of every plugin, by ref, the disabled and the broken ones too; nothing is imported."""
        kind = None if category is None else category_of(category)
        entries = sorted(self._store.entries().items())
        return tuple(plugin_info.describe(entry) for ref, entry in entries if kind in {None, ref.type})

    def state(self, category: Category, name: str) -> PluginState:
        """The state that a plugin is in.

        Raises:
            PluginNotFoundError: there is none.
        """
        return self._store.known_entry(ref_of(category, name)).state

    def configure(self, category: Category, name: str, mapping: Mapping[str, Any]) -> Any:
        """Configure a plugin by argument, loading it, and return the validated model; None without a schema.

        The mapping wins over environment and file; what it leaves out comes from there.

        Raises:
            PluginConfigurationError: it is wrong, or the plugin is started.
            PluginTimeoutError: its schema did not end before its deadline.
            PluginError: as ``get``.
        """
        return self._services().configure(ref_of(category, name), mapping)

    def config(self, category: Category, name: str) -> Any:
        """A plugin's validated configuration, loading it; None without a schema.

        Raises:
            PluginConfigurationError: it is wrong.
            PluginError: as ``get``.
        """
        return self._services().config(ref_of(category, name))

    def resolve(self, *, plan: bool = False) -> tuple[PluginRef, ...]:
        """The order in which the selected plugins, and what they need, are started.

        With ``plan`` nothing is loaded: what a plugin needs is read from its source where it stands there literally.

        Raises:
            MissingDependencyError: a plugin needs what is not there.
            CircularDependencyError: plugins need each other.
        """
        return self._services().lifecycle.resolve(self._store.selected(), plan=plan)

    def subscribe(self, callback: Callable[[event.PluginEvent], object]) -> Callable[[], None]:
        """Call ``callback`` with each event of a plugin: calls of its code, changes of state, retries, problems.

        It is called in order, on a thread of its own: one that raises or blocks harms nobody. One that is 10,000
        events behind loses the oldest. The function that is returned ends the subscription.
        """
        return self._store.events.subscribe(callback)

    @property
    def busy(self) -> tuple[PluginRef, ...]:
        """The plugins whose code is running on their own threads now, overdue calls among it."""
        return tuple(ref for ref, entry in sorted(self._store.entries().items()) if entry.busy)

    def manager(self, category: Category) -> plugin_manager.CategoryManager:
        """The category's pluggy ``PluginManager``.

        The first use of its ``hook`` loads the category's selected plugins. ``hook.startup()``, ``.shutdown()`` and
        ``.health_check()`` are supervised and return one outcome per plugin; all others are pluggy's own calls.
        """
        return self._services().registration.manager(category_of(category))
