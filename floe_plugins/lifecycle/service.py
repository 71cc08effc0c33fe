"""Starts plugins in the order of their dependencies and stops them in reverse."""

from __future__ import annotations

from collections.abc import Iterable

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import LifecycleReport, Outcome, OutcomeState
from floe_plugins.core.state import Stage
from floe_plugins.dependencies.resolver import resolve
from floe_plugins.errors import PluginNotFoundError
from floe_plugins.execution.entry import Entry
from floe_plugins.lifecycle.coordinator import Action, Coordinator, RefusedError
from floe_plugins.lifecycle.start import start
from floe_plugins.lifecycle.stop import stop
from floe_plugins.lifecycle.supervision import Host

__all__ = ["Host", "Lifecycle"]


class Lifecycle:
    """Start and stop of one registry's plugins. Safe from any thread, and from plugin code.

    Starting and stopping wait for each other; who wants what another thread is
    already doing waits for that.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._coordinator = Coordinator()

    @property
    def running(self) -> tuple[PluginRef, ...]:
        """The started plugins, in the order in which they started."""
        return tuple(self._coordinator.running())

    def resolve(self, refs: Iterable[PluginRef], *, plan: bool = False) -> tuple[PluginRef, ...]:
        """The start order of ``refs`` and all that they need.

        What is not loaded is loaded for it; with ``plan`` nothing is, and a plugin
        whose dependencies only it can tell counts as having none.

        Raises:
            MissingDependencyError: a plugin needs what is not there.
            CircularDependencyError: plugins need each other.
            PluginError: a plugin cannot be loaded.
        """

        def load(entries: Iterable[Entry]) -> None:
            for entry in entries:
                if entry.plugin is None:
                    self._host.load(entry)

        found = resolve(self._host, refs) if plan else resolve(self._host, refs, load)
        found.raise_for_errors()
        return found.order

    def check_startable(self, refs: Iterable[PluginRef]) -> None:
        """Do nothing if ``refs`` are declared so that they can start; what others lack does not count.

        Raises:
            MissingDependencyError: one of them needs what is not there.
            CircularDependencyError: one of them needs itself.
        """
        refs = frozenset(refs)
        resolve(self._host, refs).raise_for_errors(refs)

    def startup(self, refs: Iterable[PluginRef] | None = None) -> LifecycleReport:
        """Load, configure and start ``refs`` (None: the selected plugins) and what they need.

        Failures are isolated: each plugin has its outcome in the report. Blocks until
        all have one, at the latest at their deadlines.

        Raises:
            PluginConfigurationError: the operator's configuration is wrong; nothing was started.
            KeyboardInterrupt: interrupted; what this call had started is stopped again.
        """
        wanted = tuple(self._host.selected() if refs is None else refs)
        started: list[PluginRef] = []
        try:
            with self._coordinator.operation(Action.START) as operation:
                started = operation.started
                return start(self._host, self._coordinator, operation, wanted)
        except RefusedError:
            return self._refused(wanted, Stage.START, "plugins are being stopped, and the call comes from one of them")
        except KeyboardInterrupt:
            self.shutdown(started)
            raise

    def start(self, ref: PluginRef) -> Outcome:
        """Start one plugin and what it needs; what failed to load before is tried again.

        Raises:
            PluginNotFoundError: there is no such plugin, or it is disabled.
        """
        entry = self._entry(ref)
        self._coordinator.retry_load(entry)
        return self._of(ref, self.startup((ref,)))

    def stop(self, ref: PluginRef) -> Outcome:
        """Stop one plugin, after all that cannot do without it.

        Raises:
            PluginNotFoundError: there is no such plugin.
        """
        entry = self._entry(ref)
        report = self.shutdown((ref,))
        if report.outcomes:
            return self._of(ref, report)
        return self._outcome(entry, Stage.STOP, OutcomeState.SUCCEEDED, f"it is not started, but {entry.state}")

    def shutdown(self, refs: Iterable[PluginRef] | None = None) -> LifecycleReport:
        """Stop what runs (of ``refs``), each plugin after all that need it.

        The report has an outcome for each plugin that was started. Starts that are
        under way are waited for, and no others begin. May be repeated; never raises,
        but for KeyboardInterrupt.
        """
        try:
            with (
                self._coordinator.ending(everything=refs is None),
                self._coordinator.operation(Action.STOP) as operation,
            ):
                report = stop(self._host, self._coordinator, operation, refs)
                if refs is None:
                    self._release_threads()
                return report
        except RefusedError:
            wanted = self.running if refs is None else tuple(refs)
            return self._refused(wanted, Stage.STOP, "plugins are being started, and the call comes from one of them")

    def _release_threads(self) -> None:
        for entry in self._host.entries().values():
            entry.worker.close()

    def _entry(self, ref: PluginRef) -> Entry:
        entry = self._host.entries().get(ref)
        if entry is None:
            raise PluginNotFoundError("no such plugin is installed or registered", ref=ref)
        return entry

    def _refused(self, refs: Iterable[PluginRef], stage: Stage, message: str) -> LifecycleReport:
        entries = self._host.entries()
        return LifecycleReport(
            outcomes=tuple(
                self._outcome(entries[ref], stage, OutcomeState.SKIPPED, message) for ref in refs if ref in entries
            )
        )

    @staticmethod
    def _outcome(entry: Entry, stage: Stage, state: OutcomeState, message: str) -> Outcome:
        return Outcome(
            ref=entry.ref,
            stage=stage,
            state=state,
            message=message,
            distribution=entry.distribution,
            required=entry.required,
        )

    @staticmethod
    def _of(ref: PluginRef, report: LifecycleReport) -> Outcome:
        return next(outcome for outcome in report.outcomes if outcome.ref == ref)
