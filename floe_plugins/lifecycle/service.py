"""Start plugins in the order of their dependencies, stop them in reverse, and check them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager

import attrs

from floe_plugins.core.categories import Category
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import HealthReport, LifecycleReport, Outcome, OutcomeState
from floe_plugins.core.state import Stage
from floe_plugins.dependencies.resolver import resolve
from floe_plugins.entries.entry import Entry
from floe_plugins.errors import PluginError, PluginStartupError
from floe_plugins.execution.shield import Request
from floe_plugins.lifecycle import health
from floe_plugins.lifecycle.coordinator import RefusedError, log_outcome
from floe_plugins.lifecycle.parts import Parts, outcome_of
from floe_plugins.lifecycle.start import start
from floe_plugins.lifecycle.stop import stop
from floe_plugins.loading.loader import SupersededError


@attrs.frozen(eq=False)
class Lifecycle:
    """Start, stop and health of one registry's plugins. Safe from any thread, and from plugin code.

    Starting and stopping wait for each other; whoever wants what another thread is already doing waits for that.
    """

    parts: Parts

    def resolve(self, refs: Iterable[PluginRef], *, plan: bool) -> tuple[PluginRef, ...]:
        """Return the start order of ``refs`` and all that they depend on.

        Plugins that are not loaded are loaded for it. With ``plan`` nothing is loaded, and a plugin whose
        dependencies only it can tell counts as having none.

        Raises:
            MissingDependencyError: A plugin depends on one that is not there.
            CircularDependencyError: Plugins depend on each other.
            PluginError: A plugin cannot be loaded.
        """

        def load(entries: Iterable[Entry]) -> None:
            for entry in entries:
                if not plan and entry.plugin is None:
                    self.parts.loader.load(entry)

        refs = tuple(refs)
        while True:
            try:
                found = resolve(
                    self.parts.store.entries(), self.parts.store.selected(), refs, load, self.parts.store.categories
                )
            except SupersededError:
                continue  # a refresh has replaced an entry meanwhile
            found.raise_for_errors()
            return found.order

    def check_startable(self, refs: Iterable[PluginRef]) -> None:
        """Do nothing if the dependencies of ``refs`` are there; those of other plugins do not count.

        Raises:
            MissingDependencyError: One of them depends on a plugin that is not there.
            CircularDependencyError: One of them depends on itself.
        """
        refs = frozenset(refs)
        store = self.parts.store
        found = resolve(store.entries(), store.selected(), refs, categories=store.categories)
        found.raise_for_errors(refs)

    def startup(self, refs: Iterable[PluginRef] | None = None, *, category: Category | None = None) -> LifecycleReport:
        """Load, configure and start ``refs`` (None: the selected plugins) and all that they depend on.

        Failures are isolated: each plugin has its outcome in the report, and with ``refs`` None each required plugin
        (of ``category``) that is missing. Blocks until all have one, at the latest at their deadlines.

        Raises:
            PluginConfigurationError: The operator's configuration is invalid; nothing was started.
            PluginError: The first failure, where problems are strict; what this call had started is stopped again.
            KeyboardInterrupt: Interrupted; the plugins that this call had started are stopped again.
        """
        wanted = tuple(self.parts.store.selected(category) if refs is None else refs)
        missing = self._missing(category) if refs is None else ()
        started: list[PluginRef] = []

        def work(request: Request[LifecycleReport]) -> LifecycleReport:
            nonlocal started
            with self.parts.coordinator.operation(Stage.START, request) as operation:
                started = operation.started
                with self.parts.store.events.stage(Stage.START):
                    return start(self.parts, operation, wanted)

        try:
            for outcome in missing:
                log_outcome(outcome)
                self.parts.store.raise_if_strict([outcome.cause])
            report = Request(work, undo=lambda: self.shutdown(started)).run()
            report = attrs.evolve(report, outcomes=(*missing, *report.outcomes))
            self.parts.store.raise_if_strict(outcome.cause for outcome in (*report.failed, *report.skipped))
        except RefusedError:
            return self._refused(wanted, Stage.START, "plugins are being stopped, and the call comes from one of them")
        except (KeyboardInterrupt, PluginError) as error:
            if started or isinstance(error, KeyboardInterrupt):
                self.shutdown(started)
            raise
        return report

    def start_required(self) -> LifecycleReport:
        """Start the selected plugins; if a required one does not start, stop them all again.

        Raises:
            PluginError: A required plugin failed, was skipped or is missing; or as ``startup``.
            ExceptionGroup: Several did.
        """
        report = self.startup()
        failed = [outcome for outcome in report.outcomes if outcome.required and not outcome.ok]
        if not failed:
            return report
        self.shutdown()
        report.raise_for_failures(required=True)
        first = failed[0]  # skipped, and no error says why
        raise PluginStartupError(first.message, ref=first.ref, distribution=first.distribution)

    def _missing(self, category: Category | None) -> tuple[Outcome, ...]:
        return tuple(
            Outcome(
                ref=ref,
                stage=Stage.RESOLVE,
                state=OutcomeState.FAILED,
                message=error.message,
                cause=error,
                distribution=error.distribution,
                required=True,
            )
            for ref, error in self.parts.store.missing(category).items()
        )

    def start(self, ref: PluginRef) -> Outcome:
        """Start one plugin and all that it depends on; a failed load is tried again.

        Raises:
            PluginNotFoundError: There is no such plugin, or it is disabled.
        """
        self.parts.coordinator.retry_load(self.parts.store.entry(ref))
        return self._of(ref, self.startup((ref,)))

    def stop(self, ref: PluginRef) -> Outcome:
        """Stop one plugin, after all that depend on it.

        Raises:
            PluginNotFoundError: There is no such plugin.
        """
        entry = self.parts.store.entry(ref)
        report = self.shutdown((ref,))
        if report.outcomes:
            return self._of(ref, report)
        return outcome_of(entry, Stage.STOP, OutcomeState.SUCCEEDED, f"it is not started, but {entry.state}")

    def shutdown(self, refs: Iterable[PluginRef] | None = None) -> LifecycleReport:
        """Stop the running plugins (of ``refs``), each after all that depend on it.

        The report has an outcome for each plugin that was started. Starts that are under way are waited for, and no
        others begin. May be repeated; raises nothing but KeyboardInterrupt.
        """
        wanted = None if refs is None else tuple(refs)

        def work(request: Request[LifecycleReport]) -> LifecycleReport:
            everything = wanted is None
            with self.parts.coordinator.operation(Stage.STOP, request, everything=everything) as operation:
                with self.parts.store.events.stage(Stage.STOP):
                    report = stop(self.parts, operation, wanted)
                if everything:
                    for entry in self.parts.store.entries().values():
                        entry.release_thread()
                return report

        try:
            return Request(work).run()
        except RefusedError:
            refused = self.parts.coordinator.running() if wanted is None else wanted
            return self._refused(refused, Stage.STOP, "plugins are being started, and the call comes from one of them")

    def excluded(self, entry: Entry) -> AbstractContextManager[None]:
        """Within the block, nobody starts or stops the plugin; waits for who does.

        Raises:
            PluginError: The plugin's own code asks for it during its start or stop, or that does not end.
        """
        store = self.parts.store
        timeout = store.timeout(entry, Stage.START) + store.timeout(entry, Stage.STOP)
        return self.parts.coordinator.excluded(entry, timeout)

    def health(
        self,
        timeout: float | None = None,
        *,
        max_age: float = 0.0,
        category: Category | None = None,
        without: Collection[str] = (),
    ) -> HealthReport:
        """Return the health of the selected plugins (of a category), asked all at once, within ``timeout`` seconds.

        A required plugin that is missing is unhealthy. The names ``without`` are left out.
        """
        refs = [ref for ref in self.parts.store.selected(category) if ref.name not in without]
        missing = self.parts.store.missing(category)

        def work(request: Request[HealthReport]) -> HealthReport:
            return health.check(self.parts, request, refs, timeout, max_age=max_age, missing=missing)

        return Request(work).run()

    def supervise(self, category: Category, hook_name: str, without: Collection[str]) -> tuple[Outcome, ...]:
        """Call a lifecycle hook on each selected plugin of a category, but those of some names, each on its own."""
        refs = [ref for ref in self.parts.store.selected(category) if ref.name not in without]
        if hook_name == "startup":
            return self.startup(refs if without else None, category=category).outcomes
        if hook_name == "shutdown":
            return self.shutdown(refs).outcomes
        report = self.health(category=category, without=without)
        return health.outcomes(report, self.parts.store.configuration.required)

    def _refused(self, refs: Iterable[PluginRef], stage: Stage, message: str) -> LifecycleReport:
        entries = self.parts.store.entries()
        there = (entries[ref] for ref in refs if ref in entries)
        return LifecycleReport(outcomes=tuple(outcome_of(each, stage, OutcomeState.SKIPPED, message) for each in there))

    @staticmethod
    def _of(ref: PluginRef, report: LifecycleReport) -> Outcome:
        return next(outcome for outcome in report.outcomes if outcome.ref == ref)
