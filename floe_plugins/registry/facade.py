"""The registry: one place to ask for plugins, and to start, check and stop them."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import attrs

from floe_plugins.configuration.loader import load
from floe_plugins.configuration.model import Configuration
from floe_plugins.core.categories import Category
from floe_plugins.core.lazy import LazyModule
from floe_plugins.core.locks import forkable_lock
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState
from floe_plugins.discovery import scanner
from floe_plugins.discovery.load_policy import LoadPolicy
from floe_plugins.discovery.report import DiscoveryReport
from floe_plugins.entries.events import Subscription
from floe_plugins.entries.store import EntryStore
from floe_plugins.registry.arguments import CategoryLike, CategoryOrRef, category_of, ref_of, with_arguments
from floe_plugins.registry.fork import Unusable, watch
from floe_plugins.registry.lifecycle_methods import LifecycleMethods
from floe_plugins.registry.lookup import Lookup

if TYPE_CHECKING:
    # Importing pluggy, and all that this needs itself, is left to the first use.
    from floe_plugins.core import event
    from floe_plugins.registry import plugin_info, services
else:
    event = LazyModule("floe_plugins.core.event")
    plugin_info = LazyModule("floe_plugins.registry.plugin_info")
    services = LazyModule("floe_plugins.registry.services")


@attrs.define(eq=False, init=False)
class PluginRegistry(Lookup, LifecycleMethods):
    """Discovers, loads, configures, starts, checks and stops plugins.

    Every method may be called from any thread, and from plugin code. Discovery happens on first use; a plugin is loaded
    when it is first asked for. As a context manager it starts the selected plugins and stops them at the end; if a
    required one does not start, it stops the others and raises, as ``raise_for_failures`` does.

    Making one reads the configuration and imports no plugin. What is wrong in the file's values is raised by
    ``startup``, and stands in ``configuration.issues`` until then. In a forked child, one in which plugins were started
    raises ``PluginError`` at every use.

    >>> from floe_plugins import PluginRegistry, SecretsPlugin
    >>> class Fixed(SecretsPlugin):
    ...     name, version, floe_api_version = "fixed", "1.0", "1.0"
    ...     def get_secret(self, key): ...
    ...     def secret_names(self, prefix=""): return ("token",)
    ...     def put_secret(self, key, value): ...
    >>> registry = PluginRegistry({"plugins": {}}, autoload="none", environ={})
    >>> [str(ref) for ref in registry.register(Fixed)]
    ['secrets:fixed']
    >>> with registry:
    ...     print(registry.one(SecretsPlugin).secret_names(), registry.state("secrets:fixed"))
    ('token',) started
    >>> print(registry.state("secrets:fixed"))
    stopped

    Args:
        config: a file, a mapping or a ``Configuration``; without one, only the environment counts.
        autoload: which installed plugins are selected: "all", "configured" (those with settings, and the required ones;
            what they need is started with them) or "none"; wins over environment and configuration. By default
            "configured" with a file or a mapping, and "all" without.
        disable: refs, categories and distributions (``distribution:NAME``) to leave out, in addition.
        only: the distributions that plugins may come from.
        required: refs that must run, in addition.
        timeouts: deadlines in seconds by stage (load, configure, startup, shutdown, health).
        workers: how many plugins start or stop side by side; 1 means one after another.
        path: directories to search instead of ``sys.path``.
        environ: variables to read instead of ``os.environ``.
        categories: categories beside those of the platform.
        platform: whose plugins they are.

    Raises:
        PluginConfigurationError: the configuration cannot be read.
        ValueError: two categories have one slug, group or class.
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
        categories: Iterable[Category] = (),
        platform: Platform = FLOE,
    ) -> None:
        if not isinstance(platform, Platform):  # pyright: ignore[reportUnnecessaryIsInstance] callers may have no types
            raise TypeError(f"expected a Platform, not {platform!r}")
        environ = os.environ if environ is None else environ
        base = platform.with_categories(categories) if (categories := tuple(categories)) else platform
        platform = base.looking_for(lambda: scanner.installed_categories(base, path))
        settings = load(config, environ=environ, collect=True, platform=platform)
        given = [platform.ref(str(ref)) for ref in required]
        settings = with_arguments(settings, required=given, timeouts=timeouts, workers=workers)
        self._plugins = {}
        self._made_services = None
        self._lock = forkable_lock()
        loading = LoadPolicy.create(autoload=autoload, disable=disable, only=only, platform=platform)
        configured = LoadPolicy.from_configuration(settings.autoload, settings.disable, settings.only, platform)
        policy = loading.merged(LoadPolicy.from_environ(environ, platform)).merged(configured)
        self._store = EntryStore(settings, policy, path, platform)
        watch(self, PluginRegistry._after_fork)

    def _after_fork(self) -> None:
        """Forget the parent's threads in a forked child; where plugins were started, refuse all use."""
        made = self._made_services
        if made is not None and made.coordinator.is_active:
            unusable: Any = Unusable(os.getppid())
            self._store = self._plugins = self._made_services = unusable
            return
        self._store.forget_threads()
        if made is not None:
            made.loader.forget_loads()

    def _ref(self, category: CategoryOrRef, name: str | None = None) -> PluginRef:
        return ref_of(self._store.categories, category, name)

    def _services(self) -> services.PluginServices:
        with self._lock:
            if self._made_services is None:
                # Everything that needs pluggy or runs plugin code is imported here, when first needed.
                self._made_services = services.PluginServices(self, self._store, self._plugins)  # type: ignore[arg-type] # mypy compares overloads one by one
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
        """Return what is installed; scan for it at the first use, and again with ``refresh``.

        Nothing is imported. A refresh lets Python see new modules and failed loads be tried again; what is loaded
        stays. Callers on other threads wait for the one scan. What cannot be read is among ``problems`` of the report.

        >>> report = PluginRegistry(path=[], environ={}).discover()
        >>> report.candidates, report.added, report.switched_off
        ((), (), False)

        Raises:
            PluginError: the first problem, where problems are strict.
        """
        report = self._store.discover(refresh=refresh)
        if refresh and self._made_services is not None:
            self._made_services.registration.load_again()
        return report

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All problems known, each with the plugin and distribution that it concerns; those of plugins by ref."""
        self._store.discover()
        return self._store.problems()

    @property
    def platform(self) -> Platform:
        """The platform whose plugins they are, with the categories that were added to it."""
        return self._store.platform

    @property
    def configuration(self) -> Configuration:
        """The configuration in force."""
        return self._store.configuration

    def register(self, *plugins: Any) -> tuple[PluginRef, ...]:
        """Take in plugins that are not installed: instances, or classes, which are called. All or none.

        A class is called on a thread of its own, at most for the load's deadline. What is registered is selected, and
        is not started: ``startup`` and ``start`` do that, also while others run. Their refs are returned, in the order
        of ``plugins``.

        Raises:
            DuplicatePluginError: a plugin of that type and name is there.
            PluginIncompatibleError: made for another API version.
            PluginLoadError: not a plugin.
            PluginTimeoutError: calling the class took too long.
            MissingDependencyError: needs what is neither there nor among ``plugins``.
            CircularDependencyError: they need each other.
        """
        return self._services().register(*plugins)

    def unregister(self, category: CategoryOrRef, name: str | None = None) -> Any:
        """Forget a plugin and return it, stopped; an installed one is loaded anew when asked for.

        Those that depend on it are stopped first, and stay stopped. Blocks until nobody starts it and it has stopped,
        at most for its deadlines. None is returned of a plugin that was never loaded.

        Raises:
            PluginNotFoundError: there is none.
        """
        return self._services().unregister(self._ref(category, name))

    def info(self, category: CategoryOrRef, name: str | None = None) -> plugin_info.PluginInfo:
        """Return the facts known about a plugin now. Imports nothing.

        Until it is loaded, they are those that its source states literally.

        Raises:
            PluginNotFoundError: there is none.
        """
        return plugin_info.describe(self._store.known_entry(self._ref(category, name)), self.platform)

    def infos(self, category: CategoryLike | None = None) -> tuple[plugin_info.PluginInfo, ...]:
        """Return the facts known about all plugins, sorted, disabled and broken ones included. Imports nothing."""
        wanted = None if category is None else category_of(self._store.categories, category)
        entries = sorted(self._store.entries().items())
        return tuple(plugin_info.describe(entry, self.platform) for ref, entry in entries if wanted in {None, ref.type})

    def state(self, category: CategoryOrRef, name: str | None = None) -> PluginState:
        """Return the state of a plugin at this moment; another thread may change it at once. Waits for a scan alone.

        Raises:
            PluginNotFoundError: there is none.
        """
        return self._store.known_entry(self._ref(category, name)).state

    @overload
    def configure(self, category: CategoryLike, name: str, mapping: Mapping[str, Any]) -> Any: ...
    @overload
    def configure(self, category: str | PluginRef, name: Mapping[str, Any]) -> Any: ...
    def configure(
        self, category: CategoryOrRef, name: str | Mapping[str, Any], mapping: Mapping[str, Any] | None = None
    ) -> Any:
        """Configure a plugin by argument, loading it, and return the validated model; None without a schema.

        The mapping wins over environment and file; what it leaves out comes from there. The plugin keeps it for all
        later starts. Its schema runs on the plugin's own thread, at most for the deadline of ``configure``.

        Raises:
            PluginConfigurationError: it is wrong, or the plugin is started.
            PluginTimeoutError: its schema did not end before its deadline.
            PluginError: as ``get``.
        """
        if isinstance(name, str):
            return self._services().configure(self._ref(category, name), mapping)
        if mapping is not None:
            raise TypeError("expected a category, a name and a mapping, or a ref and a mapping")
        return self._services().configure(self._ref(category), name)

    def config(self, category: CategoryOrRef, name: str | None = None) -> Any:
        """Return a plugin's validated configuration, loading the plugin; None without a schema.

        It is validated at the first use, on the plugin's own thread, at most for the deadline of ``configure``; after
        that, everybody gets the same model.

        Raises:
            PluginConfigurationError: it is wrong.
            PluginTimeoutError: its schema did not end before its deadline.
            PluginError: as ``get``.
        """
        return self._services().config(self._ref(category, name))

    def resolve(self, *, plan: bool = False) -> tuple[PluginRef, ...]:
        """Return the order in which the selected plugins and their dependencies are started.

        Plugins are loaded for it, and not configured. With ``plan`` nothing is loaded: what a plugin needs is read from
        its source where it stands there literally.

        >>> from floe_plugins import LineageBackendPlugin
        >>> class Sink(LineageBackendPlugin):
        ...     version, floe_api_version = "1.0", "1.0"
        ...     def emit(self, event): ...
        ...     def flush(self, deadline): return True
        ...     def namespace(self, dataset): return "file"
        >>> class First(Sink): name = "first"
        >>> class Alpha(Sink): name, dependencies = "alpha", ("lineage_backend:first",)
        >>> registry = PluginRegistry(autoload="none", environ={})
        >>> refs = registry.register(Alpha, First)
        >>> print(*registry.resolve())
        lineage_backend:first lineage_backend:alpha

        Raises:
            MissingDependencyError: a plugin needs what is not there.
            CircularDependencyError: plugins need each other.
            PluginError: a plugin cannot be loaded. Of several errors the first is raised, a missing dependency before a
                cycle.
        """
        return self._services().lifecycle.resolve(self._store.selected(), plan=plan)

    def subscribe(self, callback: Callable[[event.PluginEvent], object]) -> Subscription:
        """Call ``callback`` with each event of a plugin: calls of its code, changes of state, retries, problems.

        It is called in order, on a thread of its own: one that raises or blocks harms nobody. One that is 10,000
        events behind loses the oldest. Calling what is returned ends the subscription; its ``wait()`` waits until the
        callback has been given all that has happened.

        >>> registry, kinds = PluginRegistry(autoload="none", environ={}), []
        >>> subscription = registry.subscribe(lambda event: kinds.append(event.kind))
        >>> with registry:
        ...     pass
        >>> subscription.wait(10), kinds[-2:]
        (True, ['stage_begun', 'stage_ended'])
        >>> subscription()

        Raises:
            TypeError: ``callback`` cannot be called, or is ``async def``: no event loop runs on that thread.
        """
        return self._store.events.subscribe(callback)

    @property
    def busy(self) -> tuple[PluginRef, ...]:
        """The plugins whose code is running on their own threads now, overdue calls among it."""
        return tuple(ref for ref, entry in sorted(self._store.entries().items()) if entry.busy)
