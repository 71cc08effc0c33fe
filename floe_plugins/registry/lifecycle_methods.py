"""Start, stop and check the plugins of a registry, from threads and from event loops."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from floe_plugins.core.lazy import LazyModule
from floe_plugins.core.refs import PluginRef
from floe_plugins.registry.arguments import CategoryOrRef

if TYPE_CHECKING:
    # What runs plugins, and asyncio, are left to the first use.
    from floe_plugins.core import report
    from floe_plugins.execution import awaiting
    from floe_plugins.registry import services
else:
    report = LazyModule("floe_plugins.core.report")
    services = LazyModule("floe_plugins.registry.services")
    awaiting = LazyModule("floe_plugins.execution.awaiting")

S = TypeVar("S", bound="LifecycleMethods")


class LifecycleMethods:
    """The methods of a registry that call its plugins' lifecycle hooks.

    Each ``a...`` method is its namesake for event loops: it blocks no loop, and plugins run on their own threads as
    ever. Hooks of plugins with ``caller_thread = True`` run on the loop's thread, which they hold up.
    """

    __slots__ = ()

    def _services(self) -> services.PluginServices:
        raise NotImplementedError

    def _ref(self, category: CategoryOrRef, name: str | None = None) -> PluginRef:
        raise NotImplementedError

    def __enter__(self: S) -> S:  # noqa: PYI019 Self is not in typing on 3.10
        self._services().lifecycle.start_required()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.shutdown()

    def startup(self) -> report.LifecycleReport:
        """Load, configure and start the selected plugins and what they need; failures are isolated.

        Every configuration is validated before the first plugin starts. Blocks until each has started or failed, at the
        latest at its deadline. A required plugin that is not there, or disabled, has failed.

        Raises:
            PluginConfigurationError: configuration is wrong; nothing was started.
            PluginError: the first failure, where problems are strict; nothing stays started.
        """
        return self._services().lifecycle.startup()

    def start(self, category: CategoryOrRef, name: str | None = None) -> report.Outcome:
        """Start one plugin and what it needs; what failed before is tried again.

        Raises:
            PluginNotFoundError: there is none.
        """
        return self._services().lifecycle.start(self._ref(category, name))

    def stop(self, category: CategoryOrRef, name: str | None = None) -> report.Outcome:
        """Stop one plugin, after all that need it.

        Raises:
            PluginNotFoundError: there is none.
        """
        return self._services().lifecycle.stop(self._ref(category, name))

    def replace(self, category: CategoryOrRef, name: str | None = None) -> report.LifecycleReport:
        """Stop a plugin, load it anew from what is installed now, and start again what was stopped for that.

        For a plugin that was upgraded while it ran. Its modules are unloaded, unless another module has anything of
        them, or another plugin comes from them: then nothing is done.

        Raises:
            PluginNotFoundError: there is none.
            PluginLoadError: it cannot be replaced while the process runs; the message says why.
            PluginError: it did not stop, or the new one cannot be loaded.
        """
        return self._services().replace(self._ref(category, name))

    def shutdown(self) -> report.LifecycleReport:
        """Stop what runs, each plugin after all that need it; never raises, and may be repeated."""
        return self._services().lifecycle.shutdown()

    def health(self, timeout: float | None = None, *, max_age: float = 0.0) -> report.HealthReport:
        """The health of the selected and required plugins, asked all at once, in ``timeout`` seconds (5 by default).

        For those who ask often, answers of up to ``max_age`` seconds ago will do; each status has its time.
        """
        return self._services().lifecycle.health(timeout, max_age=max_age)

    async def __aenter__(self: S) -> S:  # noqa: PYI019 Self is not in typing on 3.10
        await awaiting.run(self._services().lifecycle.start_required)
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self.ashutdown()

    async def astartup(self) -> report.LifecycleReport:
        """``startup``, awaited.

        Raises:
            PluginError: as ``startup``.
            asyncio.CancelledError: cancelled; what this call had started is stopped, as after Ctrl-C.
        """
        return await awaiting.run(self.startup)

    async def astart(self, category: CategoryOrRef, name: str | None = None) -> report.Outcome:
        """``start``, awaited; cancelled as ``astartup``."""
        return await awaiting.run(partial(self.start, category, name))

    async def astop(self, category: CategoryOrRef, name: str | None = None) -> report.Outcome:
        """``stop``, awaited; when cancelled, no other plugin begins to stop."""
        return await awaiting.run(partial(self.stop, category, name))

    async def ashutdown(self) -> report.LifecycleReport:
        """``shutdown``, awaited; when cancelled, no other plugin begins to stop."""
        return await awaiting.run(self.shutdown)

    async def ahealth(self, timeout: float | None = None, *, max_age: float = 0.0) -> report.HealthReport:
        """``health``, awaited; checks that are under way when it is cancelled end by themselves."""
        return await awaiting.run(partial(self.health, timeout, max_age=max_age))
