"""The base class of all plugins: metadata, configuration, lifecycle and health.

An override of a hook is an implementation of it. ``hookimpl`` adds the options of pluggy:

>>> from floe_plugins import LineageBackendPlugin, hookimpl
>>> class Printer(LineageBackendPlugin):
...     name, version, floe_api_version = "printer", "1.0", "1.0"
...     @hookimpl(tryfirst=True)
...     def emit(self, event):
...         print(event["eventType"])
...     def flush(self, deadline):
...         return True
...     def namespace(self, dataset):
...         return "file"
>>> from floe_plugins import PluginRegistry
>>> registry = PluginRegistry(autoload="none", environ={})
>>> refs = registry.register(Printer)
>>> with registry:
...     results = registry.manager(LineageBackendPlugin).hook.emit(event={"eventType": "START"})
START
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, overload

from pluggy import HookimplMarker, HookspecMarker

from floe_plugins._version import FLOE_API_VERSION as FLOE_API_VERSION  # noqa: PLC0414 exported from here
from floe_plugins.core.lazy import LazyModule
from floe_plugins.core.report import HealthState, HealthStatus

if TYPE_CHECKING:
    import pydantic
else:
    pydantic = LazyModule("pydantic")

PROJECT = "floe"

hookspec = HookspecMarker(PROJECT)
"""pluggy's marker with which the category classes of floe declare hooks."""

hookimpl = HookimplMarker(PROJECT)
"""pluggy's marker for an override of a hook that needs options: ``tryfirst``, ``trylast``, ``wrapper``, ``specname``.

An override without it implements its hook as well.
"""

P = TypeVar("P", bound="PluginMetadata")
H = TypeVar("H", bound=Callable[..., Any])


def spec_options(function: object, project: str = PROJECT) -> Any:
    """Return pluggy's options of a hook that a category class of a project declares; None if it is no hook.

    The lifecycle hooks are those of this package's base class, and belong to every project.
    """
    found = getattr(function, f"{project}_spec", None)
    if found is None and getattr(function, "__module__", None) == __name__:
        found = getattr(function, f"{PROJECT}_spec", None)
    return found


def hook_names(category: type, project: str = PROJECT) -> frozenset[str]:
    """Return the names of the hooks of a category class."""
    return frozenset(name for name in dir(category) if spec_options(getattr(category, name, None), project) is not None)


LIFECYCLE_HOOKS = ("startup", "shutdown", "health_check")


def added_in(version: str) -> Callable[[H], H]:
    """Mark a hook that this API version added. A method of that name in an older plugin is its own affair."""

    def mark(function: H) -> H:
        function.floe_added_in = version  # type: ignore[attr-defined] # pyright: ignore[reportFunctionMemberAccess]
        return function

    return mark


class PluginLookup(Protocol):
    """The part of ``PluginRegistry`` that plugins use to get the plugins on which they depend.

    ``get`` returns the plugin of a category and name, ``one`` the only selected plugin of a category. A category is
    its class, its ``PluginType`` or its slug, such as ``compute``.
    """

    @overload
    def get(self, category: Callable[..., P], name: str) -> P: ...
    @overload
    def get(self, category: str, name: str) -> Any: ...
    @overload
    def one(self, category: Callable[..., P]) -> P: ...
    @overload
    def one(self, category: str) -> Any: ...


if TYPE_CHECKING:
    M = TypeVar("M", bound=pydantic.BaseModel)
    M_co = TypeVar("M_co", bound=pydantic.BaseModel, covariant=True)

    class _Configured(Protocol[M_co]):
        @property
        def config_schema(self) -> type[M_co]: ...

    class _Config:
        """What type checkers know of ``config``: it is an instance of the ``config_schema`` of the plugin's class.

        Of a class whose schema is not known it is ``Any``, as of the class of a category. A class may still annotate
        it: ``config: Settings``.
        """

        @overload
        def __get__(self, plugin: None, owner: object) -> Any: ...
        @overload
        def __get__(self, plugin: _Configured[M], owner: object) -> M: ...
        @overload
        def __get__(self, plugin: object, owner: object) -> Any: ...
        def __get__(self, plugin: Any, owner: object) -> Any: ...

        def __set__(self, plugin: object, value: Any) -> None: ...


class PluginMetadata(ABC):
    """The base class of all category classes: the metadata that plugins declare, and the lifecycle hooks.

    A plugin derives from the class of its category and overrides its abstract hooks.
    ``hookimpl`` adds pluggy's options to an override. The class is called without
    arguments; ``self.config`` is set before ``startup`` is called.

    >>> import pydantic
    >>> from floe_plugins import HealthState, HealthStatus, SecretsPlugin
    >>> class Settings(pydantic.BaseModel):
    ...     entries: dict[str, str] = {}
    >>> class MappingSecrets(SecretsPlugin):
    ...     name = "mapping"
    ...     version = "1.0"
    ...     floe_api_version = "1.0"
    ...     config_schema = Settings
    ...
    ...     def health_check(self):
    ...         return HealthStatus(HealthState.HEALTHY, f"{len(self.config.entries)} secrets")
    ...     def get_secret(self, key):
    ...         value = self.config.entries.get(key)
    ...         return None if value is None else pydantic.SecretStr(value)
    ...     def secret_names(self, prefix=""):
    ...         return tuple(sorted(key for key in self.config.entries if key.startswith(prefix)))
    ...     def put_secret(self, key, value):
    ...         self.config.entries[key] = value.get_secret_value()
    >>> from floe_plugins import PluginRegistry
    >>> config = {"plugins": {"secrets": {"mapping": {"entries": {"token": "s3cret"}}}}}
    >>> registry = PluginRegistry(config, autoload="none", environ={})
    >>> refs = registry.register(MappingSecrets)
    >>> with registry:
    ...     registry.get(SecretsPlugin, "mapping").get_secret("token")
    SecretStr('**********')

    Attributes:
        name: the name of the entry point.
        version: the version of the plugin (PEP 440).
        floe_api_version: the ``FLOE_API_VERSION`` for which the plugin was written, such as ``"1.0"``.
        description: one line for operators.
        dependencies: the plugins that must be started first: refs with an optional version
            specifier (``"compute:duckdb>=1.2"``), categories (``"compute"``) or bare names.
        optional_dependencies: the same, for plugins that are only used if they are present.
        config_schema: a pydantic model, or None if the plugin has no configuration.
        config_version: the version of ``config_schema``. Increase it when the schema changes
            shape, and override ``migrate_config`` to convert older configuration.
        timeouts: timeouts in seconds for ``configure``, ``startup``, ``shutdown`` and ``health``.
            They override the timeouts configured for all plugins, and are overridden by those
            configured for this plugin.
        caller_thread: whether to call the lifecycle hooks on the thread that starts the platform,
            for engines that require the main thread. The timeouts cannot be enforced then.
        registry: the registry that loaded the plugin. Set before ``startup``.
        config: the validated instance of ``config_schema``, which type checkers know; None without a schema, and before
            the plugin is configured.
    """

    name: str
    version: str
    floe_api_version: str
    description: str = ""
    dependencies: Sequence[str] = ()
    optional_dependencies: Sequence[str] = ()
    config_schema: type[pydantic.BaseModel] | None = None
    config_version: int = 1
    timeouts: Mapping[str, float] = {}
    caller_thread: ClassVar[bool] = False

    if TYPE_CHECKING:
        # Only type checkers see these: a plugin that is a pydantic model has no fields for them.
        registry: PluginLookup
        config = _Config()
    else:
        config = None

    @classmethod
    def migrate_config(cls, old_version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Return ``data``, a configuration of ``old_version``, converted to ``old_version + 1``.

        Called once per version until ``config_version`` is reached. ``data`` is a copy, which may be changed.

        Raises:
            NotImplementedError: configuration of that version cannot be converted.
        """
        raise NotImplementedError(f"no migration from configuration version {old_version}")

    @hookspec
    def startup(self) -> Awaitable[None] | None:
        """Open connections and other resources. Dependencies are started, and ``self.config`` is set.

        Called on a thread of the plugin's own, with the timeout ``startup``. May be ``async def``.

        Raises:
            PluginUnavailableError: a service is down. The call is repeated until the timeout has passed.
        """

    @hookspec
    def shutdown(self) -> Awaitable[None] | None:
        """Release all resources. The plugins that depend on this one have stopped.

        Called on the thread of ``startup``, with the timeout ``shutdown``, also
        if ``startup`` returned after its timeout. May be ``async def``.
        """

    @hookspec
    def health_check(self) -> Awaitable[HealthStatus] | HealthStatus:
        """Return whether the plugin can do its work now.

        Called on the thread of ``startup``, with the timeout ``health``, which is
        5 seconds by default. May be ``async def``.
        """
        return HealthStatus(HealthState.HEALTHY, "no health check of its own", default=True)
