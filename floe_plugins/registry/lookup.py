"""Ask a registry for plugins, with the type of each category."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, overload

from floe_plugins.core.candidate import Candidate
from floe_plugins.core.categories import derives
from floe_plugins.core.lazy import LazyModule
from floe_plugins.core.refs import PluginRef, PluginType
from floe_plugins.entries.store import EntryStore
from floe_plugins.errors import AmbiguousPluginError, PluginNotFoundError
from floe_plugins.registry.arguments import CategoryLike, CategoryOrRef, category_of, ref_of

if TYPE_CHECKING:
    # Importing pluggy, and all that this needs itself, is left to the first use.
    from floe_plugins.execution import awaiting
    from floe_plugins.hookspecs.base import PluginMetadata
    from floe_plugins.hookspecs.calls import (
        CatalogCalls,
        ComputeCalls,
        DBTCalls,
        IdentityCalls,
        IngestionCalls,
        LineageBackendCalls,
        OrchestratorCalls,
        SecretsCalls,
        SemanticLayerCalls,
        StorageCalls,
        TelemetryBackendCalls,
    )
    from floe_plugins.hookspecs.catalog import CatalogPlugin
    from floe_plugins.hookspecs.compute import ComputePlugin
    from floe_plugins.hookspecs.dbt import DBTPlugin
    from floe_plugins.hookspecs.identity import IdentityPlugin
    from floe_plugins.hookspecs.ingestion import IngestionPlugin
    from floe_plugins.hookspecs.lineage_backend import LineageBackendPlugin
    from floe_plugins.hookspecs.orchestrator import OrchestratorPlugin
    from floe_plugins.hookspecs.secrets import SecretsPlugin
    from floe_plugins.hookspecs.semantic_layer import SemanticLayerPlugin
    from floe_plugins.hookspecs.storage import StoragePlugin
    from floe_plugins.hookspecs.telemetry_backend import TelemetryBackendPlugin
    from floe_plugins.loading import plugin_manager
    from floe_plugins.registry import services

    H = TypeVar("H")

    class TypedManager(plugin_manager.CategoryManager, Generic[H]):
        """A manager whose ``hook`` has the hooks of its category, for type checkers."""

        hook: H  # type: ignore[assignment, misc] # pyright: ignore[reportIncompatibleVariableOverride]
else:
    awaiting = LazyModule("floe_plugins.execution.awaiting")

P = TypeVar("P", bound="PluginMetadata")


class Lookup:
    """The methods of a registry that return plugins and their managers."""

    __slots__ = ()

    _store: EntryStore
    _plugins: dict[Any, dict[str, Any]]

    def _services(self) -> services.PluginServices:
        raise NotImplementedError

    def candidates(self, category: CategoryLike | None = None) -> tuple[Candidate, ...]:
        """Return the installed candidates of a category, or of all, in the order of ``sys.path``. Imports nothing.

        Disabled and incompatible ones are among them, and those that are not selected; plugins that were registered
        are not.
        """
        return self._store.candidates(None if category is None else category_of(self._store.categories, category))

    @overload
    def get(self, category: Callable[..., P], name: str) -> P: ...
    @overload
    def get(self, category: Literal[PluginType.COMPUTE], name: str) -> ComputePlugin: ...
    @overload
    def get(self, category: Literal[PluginType.ORCHESTRATOR], name: str) -> OrchestratorPlugin: ...
    @overload
    def get(self, category: Literal[PluginType.CATALOG], name: str) -> CatalogPlugin: ...
    @overload
    def get(self, category: Literal[PluginType.STORAGE], name: str) -> StoragePlugin: ...
    @overload
    def get(self, category: Literal[PluginType.TELEMETRY_BACKEND], name: str) -> TelemetryBackendPlugin: ...
    @overload
    def get(self, category: Literal[PluginType.LINEAGE_BACKEND], name: str) -> LineageBackendPlugin: ...
    @overload
    def get(self, category: Literal[PluginType.DBT], name: str) -> DBTPlugin: ...
    @overload
    def get(self, category: Literal[PluginType.SEMANTIC_LAYER], name: str) -> SemanticLayerPlugin: ...
    @overload
    def get(self, category: Literal[PluginType.INGESTION], name: str) -> IngestionPlugin: ...
    @overload
    def get(self, category: Literal[PluginType.SECRETS], name: str) -> SecretsPlugin: ...
    @overload
    def get(self, category: Literal[PluginType.IDENTITY], name: str) -> IdentityPlugin: ...
    @overload
    def get(self, category: str, name: str) -> Any: ...
    @overload
    def get(self, category: str | PluginRef) -> Any: ...
    def get(self, category: CategoryOrRef, name: str | None = None) -> Any:
        """Return the plugin, loaded on first use; concurrent callers receive the same instance.

        Blocks while it is loaded, at most for the load's deadline. Texts will do, here and in all methods that take a
        category and a name: ``get("secrets", "env")``, ``get("secrets:env")``.

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
            return self._plugins[category][name]  # type: ignore[index] # pyright: ignore[reportArgumentType]
        except KeyError:
            return self._load(category, name)

    @overload
    async def aget(self, category: Callable[..., P], name: str) -> P: ...
    @overload
    async def aget(self, category: Literal[PluginType.COMPUTE], name: str) -> ComputePlugin: ...
    @overload
    async def aget(self, category: Literal[PluginType.ORCHESTRATOR], name: str) -> OrchestratorPlugin: ...
    @overload
    async def aget(self, category: Literal[PluginType.CATALOG], name: str) -> CatalogPlugin: ...
    @overload
    async def aget(self, category: Literal[PluginType.STORAGE], name: str) -> StoragePlugin: ...
    @overload
    async def aget(self, category: Literal[PluginType.TELEMETRY_BACKEND], name: str) -> TelemetryBackendPlugin: ...
    @overload
    async def aget(self, category: Literal[PluginType.LINEAGE_BACKEND], name: str) -> LineageBackendPlugin: ...
    @overload
    async def aget(self, category: Literal[PluginType.DBT], name: str) -> DBTPlugin: ...
    @overload
    async def aget(self, category: Literal[PluginType.SEMANTIC_LAYER], name: str) -> SemanticLayerPlugin: ...
    @overload
    async def aget(self, category: Literal[PluginType.INGESTION], name: str) -> IngestionPlugin: ...
    @overload
    async def aget(self, category: Literal[PluginType.SECRETS], name: str) -> SecretsPlugin: ...
    @overload
    async def aget(self, category: Literal[PluginType.IDENTITY], name: str) -> IdentityPlugin: ...
    @overload
    async def aget(self, category: str, name: str) -> Any: ...
    @overload
    async def aget(self, category: str | PluginRef) -> Any: ...
    async def aget(self, category: CategoryOrRef, name: str | None = None) -> Any:
        """``get`` for event loops: the loop goes on meanwhile, and a load whose waiter is cancelled goes on alone.

        Raises:
            PluginError: as ``get``.
        """
        try:
            return self._plugins[category][name]  # type: ignore[index] # pyright: ignore[reportArgumentType]
        except KeyError:
            return await awaiting.run(partial(self._load, category, name), is_left_behind=True)

    def _load(self, category: CategoryOrRef, name: str | None = None) -> Any:
        ref = ref_of(self._store.categories, category, name)
        plugin = self._services().load(ref)
        if isinstance(category, type) and not derives(type(plugin), category):
            message = f"the plugin of that name is no {category.__name__} but {type(plugin).__qualname__}"
            raise PluginNotFoundError(message, ref=ref)
        return plugin

    @overload
    def one(self, category: Callable[..., P]) -> P: ...
    @overload
    def one(self, category: Literal[PluginType.COMPUTE]) -> ComputePlugin: ...
    @overload
    def one(self, category: Literal[PluginType.ORCHESTRATOR]) -> OrchestratorPlugin: ...
    @overload
    def one(self, category: Literal[PluginType.CATALOG]) -> CatalogPlugin: ...
    @overload
    def one(self, category: Literal[PluginType.STORAGE]) -> StoragePlugin: ...
    @overload
    def one(self, category: Literal[PluginType.TELEMETRY_BACKEND]) -> TelemetryBackendPlugin: ...
    @overload
    def one(self, category: Literal[PluginType.LINEAGE_BACKEND]) -> LineageBackendPlugin: ...
    @overload
    def one(self, category: Literal[PluginType.DBT]) -> DBTPlugin: ...
    @overload
    def one(self, category: Literal[PluginType.SEMANTIC_LAYER]) -> SemanticLayerPlugin: ...
    @overload
    def one(self, category: Literal[PluginType.INGESTION]) -> IngestionPlugin: ...
    @overload
    def one(self, category: Literal[PluginType.SECRETS]) -> SecretsPlugin: ...
    @overload
    def one(self, category: Literal[PluginType.IDENTITY]) -> IdentityPlugin: ...
    @overload
    def one(self, category: str) -> Any: ...
    def one(self, category: CategoryLike) -> Any:
        """Return the only selected plugin of a category, loaded on first use.

        Selected are the plugins that have settings, are required, were registered or are loaded already; without a
        configuration, all that are installed. Disabled ones never are.

        Raises:
            PluginNotFoundError: none is selected.
            AmbiguousPluginError: several are; the choices are listed.
            PluginError: as ``get``.
        """
        wanted = category_of(self._store.categories, category)
        refs = self._store.selected(wanted)
        if len(refs) == 1:
            return self.get(category, refs[0].name)
        names = [str(ref) for ref in refs]
        if names:
            raise AmbiguousPluginError(
                f"several {wanted.slug} plugins are selected: {', '.join(names)}",
                choices=names,
                hint="Ask for one by name, or configure only one.",
            )
        known = sorted({str(candidate.ref) for candidate in self.candidates(wanted)})
        none = "Installed plugins are switched off." if self._store.policy.is_off else "None is installed."
        there = f"Installed, but not selected: {', '.join(known)}." if known else none
        raise PluginNotFoundError(f"no {wanted.slug} plugin is selected", suggestions=known, hint=there)

    @overload
    def list(self, category: Callable[..., P]) -> builtins.list[P]: ...
    @overload
    def list(self, category: Literal[PluginType.COMPUTE]) -> builtins.list[ComputePlugin]: ...
    @overload
    def list(self, category: Literal[PluginType.ORCHESTRATOR]) -> builtins.list[OrchestratorPlugin]: ...
    @overload
    def list(self, category: Literal[PluginType.CATALOG]) -> builtins.list[CatalogPlugin]: ...
    @overload
    def list(self, category: Literal[PluginType.STORAGE]) -> builtins.list[StoragePlugin]: ...
    @overload
    def list(self, category: Literal[PluginType.TELEMETRY_BACKEND]) -> builtins.list[TelemetryBackendPlugin]: ...
    @overload
    def list(self, category: Literal[PluginType.LINEAGE_BACKEND]) -> builtins.list[LineageBackendPlugin]: ...
    @overload
    def list(self, category: Literal[PluginType.DBT]) -> builtins.list[DBTPlugin]: ...
    @overload
    def list(self, category: Literal[PluginType.SEMANTIC_LAYER]) -> builtins.list[SemanticLayerPlugin]: ...
    @overload
    def list(self, category: Literal[PluginType.INGESTION]) -> builtins.list[IngestionPlugin]: ...
    @overload
    def list(self, category: Literal[PluginType.SECRETS]) -> builtins.list[SecretsPlugin]: ...
    @overload
    def list(self, category: Literal[PluginType.IDENTITY]) -> builtins.list[IdentityPlugin]: ...
    @overload
    def list(self, category: str | None = None) -> builtins.list[Any]: ...
    def list(self, category: CategoryLike | None = None) -> builtins.list[Any]:
        """Load the selected plugins of a category, or of all, and return them sorted by ref.

        What cannot be loaded or did not start is left out and stands in ``problems``. Blocks until all are loaded, one
        after another, each at most for its deadline. Where none is selected, the list is empty.

        Raises:
            PluginError: the first failure, where problems are strict.
        """
        refs = self._store.selected(None if category is None else category_of(self._store.categories, category))
        try:
            return [self._plugins[ref.type][ref.name] for ref in refs]
        except KeyError:  # one is not loaded, or did not start
            return self._services().load_all(refs)

    @overload
    def manager(
        self, category: Callable[..., ComputePlugin] | Literal[PluginType.COMPUTE]
    ) -> TypedManager[ComputeCalls]: ...
    @overload
    def manager(
        self, category: Callable[..., OrchestratorPlugin] | Literal[PluginType.ORCHESTRATOR]
    ) -> TypedManager[OrchestratorCalls]: ...
    @overload
    def manager(
        self, category: Callable[..., CatalogPlugin] | Literal[PluginType.CATALOG]
    ) -> TypedManager[CatalogCalls]: ...
    @overload
    def manager(
        self, category: Callable[..., StoragePlugin] | Literal[PluginType.STORAGE]
    ) -> TypedManager[StorageCalls]: ...
    @overload
    def manager(
        self, category: Callable[..., TelemetryBackendPlugin] | Literal[PluginType.TELEMETRY_BACKEND]
    ) -> TypedManager[TelemetryBackendCalls]: ...
    @overload
    def manager(
        self, category: Callable[..., LineageBackendPlugin] | Literal[PluginType.LINEAGE_BACKEND]
    ) -> TypedManager[LineageBackendCalls]: ...
    @overload
    def manager(self, category: Callable[..., DBTPlugin] | Literal[PluginType.DBT]) -> TypedManager[DBTCalls]: ...
    @overload
    def manager(
        self, category: Callable[..., SemanticLayerPlugin] | Literal[PluginType.SEMANTIC_LAYER]
    ) -> TypedManager[SemanticLayerCalls]: ...
    @overload
    def manager(
        self, category: Callable[..., IngestionPlugin] | Literal[PluginType.INGESTION]
    ) -> TypedManager[IngestionCalls]: ...
    @overload
    def manager(
        self, category: Callable[..., SecretsPlugin] | Literal[PluginType.SECRETS]
    ) -> TypedManager[SecretsCalls]: ...
    @overload
    def manager(
        self, category: Callable[..., IdentityPlugin] | Literal[PluginType.IDENTITY]
    ) -> TypedManager[IdentityCalls]: ...
    @overload
    def manager(self, category: CategoryLike) -> plugin_manager.CategoryManager: ...
    def manager(self, category: CategoryLike) -> Any:
        """Return the category's pluggy ``PluginManager``.

        The first use of its ``hook`` loads the category's selected plugins. ``hook.startup()``, ``.shutdown()`` and
        ``.health_check()`` are supervised and return one outcome per plugin; all others are pluggy's own calls, which
        run on the caller's thread, without a deadline, and raise what the first plugin to fail raises.

        Raises:
            ValueError: there is no such category.
            TypeError: a class is none of a category.
            PluginLoadError: the class of the category, which another distribution adds, cannot be imported.
        """
        return self._services().registration.manager(category_of(self._store.categories, category))
