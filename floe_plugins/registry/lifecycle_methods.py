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
        latest at its deadline: 30 seconds for each of load, configure and startup, where nothing else is configured. A
        required plugin that is not there, or disabled, has failed. What runs already is in the report as succeeded.

        >>> from floe_plugins import PluginRegistry, SecretsPlugin
        >>> class Down(SecretsPlugin):
        ...     name, version, floe_api_version = "down", "1.0", "1.0"
        ...     def startup(self): raise ConnectionError("refused")
        ...     def get_secret(self, key): ...
        ...     def secret_names(self, prefix=""): ...
        ...     def put_secret(self, key, value): ...
        >>> registry = PluginRegistry(autoload="none", environ={})
        >>> refs = registry.register(Down)
        >>> for outcome in registry.startup().failed:
        ...     print(outcome.ref, outcome.state, outcome.message)
        secrets:down failed startup raised ConnectionError: refused

        Raises:
            PluginConfigurationError: configuration is wrong; nothing was started.
            PluginError: the first failure, where problems are strict; nothing stays started.
            KeyboardInterrupt: interrupted; what this call had started is stopped.
        """
        return self._services().lifecycle.startup()

    def start(self, category: CategoryOrRef, name: str | None = None) -> report.Outcome:
        """Start one plugin and what it needs; what failed before is tried again.

        Blocks as ``startup``. A failure is the outcome's ``state``, ``message`` and ``cause``, and not raised; of a
        plugin that runs, the outcome is a success.

        Raises:
            PluginNotFoundError: there is none, or it is disabled.
            PluginConfigurationError: its configuration, or that of one it needs, is wrong.
            PluginError: the first failure, where problems are strict.
        """
        return self._services().lifecycle.start(self._ref(category, name))

    def stop(self, category: CategoryOrRef, name: str | None = None) -> report.Outcome:
        """Stop one plugin, after all that need it.

        Blocks for at most the deadline of ``shutdown`` of each, 30 seconds by default. A failure is the outcome's, and
        not raised; a plugin that does not run is a success whose message says so.

        Raises:
            PluginNotFoundError: there is none.
        """
        return self._services().lifecycle.stop(self._ref(category, name))

    def replace(self, category: CategoryOrRef, name: str | None = None) -> report.LifecycleReport:
        """Stop a plugin, load it anew from what is installed now, and start again what was stopped for that.

        For a plugin that was upgraded while it ran. Its modules are unloaded, unless another module has anything of
        them, or another plugin comes from them: then nothing is done. The report is that of the starts; it is empty if
        nothing was running. Who asks for the plugin meanwhile waits for the new one.

        Raises:
            PluginNotFoundError: there is none.
            PluginLoadError: it cannot be replaced while the process runs; the message says why.
            PluginError: it did not stop, or the new one cannot be loaded.
        """
        return self._services().replace(self._ref(category, name))

    def shutdown(self) -> report.LifecycleReport:
        """Stop what runs, each plugin after all that need it; never raises, and may be repeated.

        Blocks until each has stopped, at the latest at its deadline, 30 seconds by default; ``shutdown_total`` in the
        configuration limits the whole. What cannot be stopped is in ``failed`` of the report, which has an outcome for
        each plugin that ran. Plugins that are being started on another thread are waited for, and then stopped. Only
        ``KeyboardInterrupt`` passes: the plugins whose turn had not come then run on.
        """
        return self._services().lifecycle.shutdown()

    def health(self, timeout: float | None = None, *, max_age: float = 0.0) -> report.HealthReport:
        """The health of the selected and required plugins, asked all at once, in ``timeout`` seconds (5 by default).

        For those who ask often, answers of up to ``max_age`` seconds ago will do; each status has its time. A plugin
        that is not started, raises, or does not answer in time is unhealthy, and its message says why: none of it is
        raised. Who asks while a check of a plugin is under way shares its answer.

        >>> from floe_plugins import PluginRegistry
        >>> with PluginRegistry(autoload="none", environ={}) as registry:
        ...     report = registry.health(timeout=2, max_age=10)
        >>> print(report.state, report.statuses)
        healthy {}

        Raises:
            ValueError: ``timeout`` is not a number of seconds above 0.
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
        """``start``, awaited; cancelled as ``astartup``.

        Raises:
            PluginError: as ``start``.
        """
        return await awaiting.run(partial(self.start, category, name))

    async def astop(self, category: CategoryOrRef, name: str | None = None) -> report.Outcome:
        """``stop``, awaited; when cancelled, no other plugin begins to stop.

        Raises:
            PluginNotFoundError: there is none.
        """
        return await awaiting.run(partial(self.stop, category, name))

    async def ashutdown(self) -> report.LifecycleReport:
        """``shutdown``, awaited; when cancelled, no other plugin begins to stop."""
        return await awaiting.run(self.shutdown)

    async def ahealth(self, timeout: float | None = None, *, max_age: float = 0.0) -> report.HealthReport:
        """``health``, awaited; checks that are under way when it is cancelled end by themselves."""
        return await awaiting.run(partial(self.health, timeout, max_age=max_age))
