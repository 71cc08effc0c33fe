"""The pluggy ``PluginManager`` of one category, whose class is the hookspec."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any, cast

import pluggy
from pluggy._callers import _multicall
from pluggy._hooks import _SubsetHookCaller

from floe_plugins.core.categories import Category
from floe_plugins.core.locks import forkable_lock
from floe_plugins.core.refs import PluginRef
from floe_plugins.entries.store import EntryStore
from floe_plugins.hookspecs.base import LIFECYCLE_HOOKS, PluginMetadata, spec_options
from floe_plugins.inspection.runtime_metadata import read_attribute
from floe_plugins.loading.implementations import (
    NO_OPTIONS,
    Implementation,
    PluginHookError,
    errors,
    find,
    is_method,
    is_newer,
    method_of,
)
from floe_plugins.loading.importer import category_class
from floe_plugins.loading.pluggy_parts import Depth, IdentitySet, PluginsByName, QuickHookCaller, Subset

if TYPE_CHECKING:
    import importlib.metadata

    from floe_plugins.core.report import Outcome


class CategoryManager(pluggy.PluginManager):
    """A ``pluggy.PluginManager`` for one category of one registry. Safe from several threads.

    An override of a hook is an implementation, with or without ``@hookimpl``. The first use of ``hook`` loads the
    selected plugins of the category. The lifecycle hooks are supervised and return one outcome per plugin; all other
    hooks are pluggy's own calls. Plugins are compared by identity, so that those which define ``__eq__`` work.
    """

    def __init__(  # noqa: PLR0913 all but the first two are keyword-only
        self,
        category: Category,
        store: EntryStore,
        *,
        load: Callable[[PluginRef], object],
        supervise: Callable[[Category, str, Collection[str]], Sequence[Outcome]],
        register: Callable[[Any], tuple[PluginRef, ...]],
        unregister: Callable[[PluginRef], Any],
    ) -> None:
        """Make the manager of a category.

        Args:
            category: Its category.
            store: The entries of the registry that it belongs to.
            load: Returns the plugin of a ref; None if it cannot be loaded.
            supervise: Calls a lifecycle hook on each selected plugin of a category but those of some names.
            register: Checks plugins and takes them in.
            unregister: Stops a plugin, takes it out, and returns it.
        """
        super().__init__(store.platform.name)
        # pluggy compares plugins with ==; a plugin's own __eq__ must not decide who is registered.
        self._name2plugin = PluginsByName()  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
        self._category = category
        self._store = store
        self._load = load
        self._supervise_plugins = supervise
        self._register = register
        self._unregister = unregister
        self._lock = forkable_lock()
        self._without_loading = Depth()
        self._read: tuple[object, Mapping[str, Implementation]] = (None, {})
        spec = category_class(category)
        self._bases = spec.__mro__
        self.add_hookspecs(spec)
        # The lifecycle hooks have a chain of monitors of their own, which ends at the registry and not at the plugins.
        self._lifecycle = pluggy.PluginManager(self.project_name)
        self._lifecycle._inner_hookexec = self._supervise  # type: ignore[assignment] # noqa: SLF001
        for name in LIFECYCLE_HOOKS:
            options = self.parse_hookspec_opts(spec, name)
            setattr(self.hook, name, pluggy.HookCaller(name, self._lifecycle._hookexec, spec, options))  # noqa: SLF001
        self._inherited: dict[str, Any] = {name: inspect.getattr_static(spec, name) for name in vars(self.hook)}
        # An older plugin does not know of these hooks, and one that does may leave them out.
        self._defaults = [name for name, member in self._inherited.items() if hasattr(member, "floe_added_in")]
        for caller in vars(self.hook).values():
            caller.__class__ = QuickHookCaller
        self._relay: pluggy.HookRelay = self.__dict__.pop("hook")

    def _supervise(
        self, hook_name: str, methods: Sequence[pluggy.HookImpl], kwargs: Mapping[str, object], _firstresult: object
    ) -> list[object]:
        if kwargs:
            raise TypeError(f"the hook {hook_name!r} has no arguments, and was called with {', '.join(kwargs)}")
        extra = [method for method in methods if method.plugin is None]
        results = cast("list[object]", _multicall(hook_name, extra, kwargs, firstresult=False))
        without = methods.left_out if isinstance(methods, Subset) else ()
        names = frozenset(filter(None, map(self.get_name, without)))
        return [*results, *self._supervise_plugins(self._category, hook_name, names)]

    # pluggy keeps its relay in the instance under this name. It is taken out until the plugins are loaded, so that
    # only the first use comes here.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name != "hook" or "_relay" not in self.__dict__:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            if not self._without_loading.depth:
                with self._without_loading:
                    self._load_selected(None)
                self.__dict__["hook"] = self._relay
            return self._relay

    def load_again(self) -> None:
        """Let the next use of ``hook`` load the plugins that were selected meanwhile."""
        self.__dict__.pop("hook", None)

    def _load_selected(self, name: str | None) -> int:
        """Load the selected plugins, or the one of that name, and count the new ones; failures become problems."""
        entries = self._store.entries()
        selected = [ref for ref in self._store.selected(self._category) if name in {None, ref.name}]
        return sum(self._load(ref) is not None for ref in selected if entries[ref].plugin is None)

    def check(self, plugin: PluginMetadata) -> None:
        """Do nothing if the plugin's hooks can be called.

        Raises:
            PluginHookError: They cannot.
        """
        found = self._implementations(plugin)
        hooks = [name for name, caller in vars(self._relay).items() if caller.has_spec()]
        for message in errors(found.values(), hooks, self._category.spec_name[1]):
            raise PluginHookError(message, plugin=plugin, hint="Tell the plugin's author.")
        self._read = plugin, found

    def add(self, plugin: PluginMetadata, name: str) -> None:
        """Register a checked plugin.

        Raises:
            pluggy.PluginValidationError: A hook's arguments do not fit the contract.
            ValueError: The name is taken, or the plugin is registered under another name.
        """
        with self._lock, self._without_loading:
            # pluggy asks for each attribute of a plugin by itself; reading all of them at once is much cheaper.
            self._read = plugin, self._implementations(plugin)
            try:
                super().register(plugin, name)
                self._add_defaults(plugin, name)
            finally:
                self._read = None, {}

    def _add_defaults(self, plugin: PluginMetadata, name: str) -> None:
        taken = {each.hook for each in self._read[1].values()}
        for hook in self._defaults:
            if hook not in taken:
                # Not looked up in the plugin, where an older one may have something else under this name.
                function = MethodType(self._inherited[hook], plugin)
                impl = pluggy.HookImpl(plugin, name, function, NO_OPTIONS.copy())
                getattr(self._relay, hook)._add_hookimpl(impl)  # noqa: SLF001

    def _implementations(self, plugin: object) -> Mapping[str, Implementation]:
        known, found = self._read
        if known is plugin and plugin is not None:
            return found
        mark = f"{self.project_name}_impl"
        every = {each.name: each for each in find(plugin, self._bases, self._inherited, mark)}
        for hook in self._defaults:
            own = every.get(hook)
            if own is None or own.is_marked:
                continue
            if is_newer(self._inherited[hook], read_attribute(plugin, self._category.api_attribute)):
                del every[hook]
        return every

    def remove(self, name: str) -> None:
        """Remove the plugin of that name, if there is one."""
        with self._lock:
            plugin = self._name2plugin.pop(name, None)
            for caller in vars(self._relay).values():
                caller._hookimpls[:] = [impl for impl in caller._hookimpls if impl.plugin is not plugin]  # noqa: SLF001

    def implementation(self, plugin: PluginMetadata, hook_name: str) -> Callable[[], Any]:
        """Return a function that calls a plugin's lifecycle hook: its own, or the base's default.

        None of its code runs before that is called.
        """
        inherited = self._inherited[hook_name]
        if inspect.getattr_static(plugin, hook_name) is not inherited:
            return method_of(plugin, hook_name)
        # It may have one under another name, with ``specname``.
        impls: Iterable[pluggy.HookImpl] = getattr(self._relay, hook_name).get_hookimpls()
        own = (impl.function for impl in impls if impl.plugin is plugin)
        return next(own, MethodType(inherited, plugin))

    def register(self, plugin: Any, name: str | None = None) -> str | None:
        """Check and register a plugin, as ``PluginRegistry.register`` does.

        Raises:
            PluginError: As ``PluginRegistry.register``.
            ValueError: ``name`` is not the plugin's own.
        """
        if plugin is None:
            return None
        found = read_attribute(plugin, "name")
        own = str.__str__(found) if issubclass(type(found), str) else None
        if name not in {None, own}:
            raise ValueError(f"a plugin is registered under its own name, which is {own!r} and not {name!r}")
        if own is not None and self.is_blocked(own):
            return None
        (ref,) = self._register(plugin)
        return ref.name

    def unregister(self, plugin: Any = None, name: str | None = None) -> Any:
        """Unregister a plugin, given itself or its name, and return it; None if nothing has that name.

        As in pluggy, a name that nobody has, given together with a plugin that is not there, is passed over.

        Raises:
            AssertionError: The plugin is not registered, or neither is given.
            ValueError: The plugin has another name, or the name another plugin.
        """
        if name is None:
            if plugin is None:
                raise AssertionError("one of name or plugin needs to be specified")
            name = self.get_name(plugin)
            if name is None:
                raise AssertionError("plugin is not registered")
        found = self.get_plugin(name)
        if found is None and (plugin is None or self.get_name(plugin) is None):
            return plugin
        if plugin is not None and found is not plugin:
            there = "is another plugin's" if found is not None else "is no plugin's"
            raise ValueError(f"the name and the plugin do not agree: the name {name!r} {there}")
        return self._unregister(PluginRef(self._category, name))

    def set_blocked(self, name: str) -> None:
        """Unregister the plugin of that name, and keep it from being loaded again.

        Blocks until it has stopped, as ``PluginRegistry.unregister`` does.
        """
        self.unregister(name=name)
        self._name2plugin[name] = None
        self._store.block(PluginRef(self._category, name), blocked=True)

    def unblock(self, name: str) -> bool:
        """Allow a blocked name again, and return whether it was blocked."""
        unblocked = super().unblock(name)
        if unblocked:
            self._store.block(PluginRef(self._category, name), blocked=False)
        return unblocked

    def load_setuptools_entrypoints(self, group: str, name: str | None = None) -> int:
        """Load the category's plugins through discovery and the version gate, and return the number of new ones.

        A plugin that cannot be loaded becomes a problem of the registry; the others load.

        Raises:
            ValueError: ``group`` is not this category's.
        """
        if group != self._category.group:
            raise ValueError(f"this manager holds {self._category.group!r}, not {group!r}")
        return self._load_selected(name)

    def parse_hookspec_opts(self, module_or_class: Any, name: str) -> pluggy.HookspecOpts | None:
        """Return the options of a hook that a category class declares, or inherits from the base of all."""
        if isinstance(inspect.getattr_static(module_or_class, name, None), property):
            return None  # to get its value would run its code
        options: pluggy.HookspecOpts | None = spec_options(getattr(module_or_class, name, None), self.project_name)
        return options

    def parse_hookimpl_opts(self, plugin: Any, name: str) -> pluggy.HookimplOpts | None:
        """Return the options of an implementation; None for an inherited attribute and for what is no hook."""
        known, implementations = self._read
        if known is not plugin:
            implementations = self._implementations(plugin)
        found = implementations.get(name)
        # A lifecycle hook that is no method is looked up when it is called.
        return found.options if found is not None and is_method(found) else None

    def get_plugins(self) -> Any:
        """Return all plugins as a set; if one has its own ``__eq__``, as an ``IdentitySet``."""
        plugins = [plugin for plugin in self._name2plugin.values() if plugin is not None]
        compares = any(type(plugin).__hash__ is not object.__hash__ for plugin in plugins)
        return IdentitySet(plugins) if compares else set(plugins)

    def is_registered(self, plugin: Any) -> bool:
        """Whether this very plugin is registered."""
        return self.get_name(plugin) is not None

    def get_name(self, plugin: Any) -> str | None:
        """Return the name under which this very plugin is registered; None if it is not."""
        if plugin is None:
            return None
        return next((name for name, other in list(self._name2plugin.items()) if other is plugin), None)

    def subset_hook_caller(self, name: str, remove_plugins: Iterable[Any]) -> pluggy.HookCaller:
        """Return a caller of the hook that leaves some plugins out.

        Of the lifecycle hooks, ``startup`` still starts what the others need, and ``shutdown`` stops what needs them.
        """
        original: pluggy.HookCaller = getattr(self.hook, name)
        left_out = IdentitySet(remove_plugins)
        caller = _SubsetHookCaller(original, left_out)
        if name in LIFECYCLE_HOOKS:
            execute = self._lifecycle._hookexec  # noqa: SLF001
            caller._hookexec = lambda name, methods, *rest: execute(name, Subset(methods, left_out), *rest)  # type: ignore[misc] # noqa: SLF001
        return caller

    def add_hookspecs(self, module_or_class: Any) -> None:
        """Add hooks; the plugins that are loaded from now on may implement them."""
        with self._lock, self._without_loading:
            super().add_hookspecs(module_or_class)

    def add_hookcall_monitoring(self, before: Any, after: Any) -> Callable[[], None]:
        """Call ``before`` and ``after`` with each call of a hook, and return a function that ends that.

        Calls of lifecycle hooks are ``hook.startup()`` and the like; what the registry does itself goes to
        those who ``subscribe`` to it.
        """
        undos = self._lifecycle.add_hookcall_monitoring(before, after), super().add_hookcall_monitoring(before, after)

        def undo() -> None:
            for each in undos:
                each()

        return undo

    def list_plugin_distributions(self) -> list[tuple[Any, importlib.metadata.Distribution]]:
        """Return each plugin of an installed distribution, with the distribution."""
        import importlib.metadata

        entries = self._store.entries()
        found = ((plugin, entries.get(PluginRef(self._category, name))) for name, plugin in self.list_name_plugin())
        return [
            (plugin, importlib.metadata.Distribution.at(entry.candidate.distribution.path))
            for plugin, entry in found
            if plugin is not None and entry is not None and entry.candidate is not None
        ]

    def list_plugin_distinfo(self) -> Any:
        """Return ``list_plugin_distributions()`` in pluggy's older form."""
        from pluggy._compat import DistFacade

        return [(plugin, DistFacade(found)) for plugin, found in self.list_plugin_distributions()]
