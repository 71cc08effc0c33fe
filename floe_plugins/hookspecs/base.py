"""The base class of all plugins: metadata, configuration, lifecycle and health."""

from __future__ import annotations

from abc import ABC
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, overload

from pluggy import HookimplMarker, HookspecMarker

from floe_plugins._version import FLOE_API_VERSION as FLOE_API_VERSION  # noqa: PLC0414 named here for all others
from floe_plugins.core.lazy import LazyModule
from floe_plugins.core.refs import PluginType
from floe_plugins.core.report import HealthState, HealthStatus

if TYPE_CHECKING:
    import pydantic
else:
    pydantic = LazyModule("pydantic")

PROJECT = "floe"

hookspec = HookspecMarker(PROJECT)
hookimpl = HookimplMarker(PROJECT)

P = TypeVar("P", bound="PluginMetadata")

LIFECYCLE_HOOKS = ("startup", "shutdown", "health_check")


class PluginLookup(Protocol):
    """The part of the registry that a plugin uses to reach the plugins it depends on."""

    @overload
    def get(self, category: Callable[..., P], name: str) -> P: ...
    @overload
    def get(self, category: PluginType, name: str) -> Any: ...
    @overload
    def one(self, category: Callable[..., P]) -> P: ...
    @overload
    def one(self, category: PluginType) -> Any: ...


class PluginMetadata(ABC):
    """What every plugin declares, and the hooks that every plugin has.

    A plugin derives from the class of its category, which derives from this one,
    and overrides what it needs. An override of a hook is an implementation;
    ``@hookimpl(...)`` adds pluggy's options. The class takes no arguments:
    configuration arrives as ``self.config`` before ``startup``.

    Attributes:
        name: the entry point's name.
        version: the plugin's own version (PEP 440).
        floe_api_version: the ``FLOE_API_VERSION`` that the plugin was written for, such as "1.0".
        description: one line for operators.
        dependencies: what must be started before: refs with an optional version
            specifier (``"compute:duckdb>=1.2"``), a category (``"compute"``) or a bare name.
        optional_dependencies: the same, but only where present.
        config_schema: a pydantic model, or None for a plugin without configuration.
        config_version: raise it when ``config_schema`` changes shape, and say in
            ``migrate_config`` how older configuration becomes the new one.
        timeouts: deadlines in seconds for ``configure``, ``startup``, ``shutdown`` and ``health``
            that this plugin needs. They win over those configured for all plugins; one
            configured for this plugin wins over them.
        caller_thread: run the lifecycle hooks on the thread that starts the platform,
            for engines that insist on the main thread. There is no hard deadline then.
        registry: the registry that loaded this plugin.
        config: the validated instance of ``config_schema``; annotate it in your class.
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

    registry: PluginLookup
    config: Any = None

    @classmethod
    def migrate_config(cls, old_version: int, data: dict[str, Any]) -> dict[str, Any]:
        """Configuration of ``old_version`` in the form of ``old_version + 1``.

        Called once per step until ``config_version`` is reached, with a copy.

        Raises:
            NotImplementedError: no step from that version is known.
        """
        message = f"no step from configuration version {old_version}"
        raise NotImplementedError(message)

    @hookspec
    def startup(self) -> Awaitable[None] | None:
        """Open what the plugin needs; its dependencies are started, ``self.config`` is set.

        Runs on the plugin's own thread under a deadline. May be ``async def``.

        Raises:
            PluginUnavailableError: a service is down; the call is repeated within the deadline.
        """

    @hookspec
    def shutdown(self) -> Awaitable[None] | None:
        """Release everything; whatever needs this plugin has stopped.

        Runs on the plugin's own thread under a deadline, and also after a
        ``startup`` that finished too late. May be ``async def``.
        """

    @hookspec
    def health_check(self) -> Awaitable[HealthStatus] | HealthStatus:
        """Report whether the plugin can do its work now, within seconds.

        Runs on the plugin's own thread. May be ``async def``.
        """
        return HealthStatus(HealthState.HEALTHY, "no health check of its own", default=True)
