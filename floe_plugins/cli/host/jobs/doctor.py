"""List all installed plugins; or load one, and start, check and stop it, and see what it does to its process."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping
from typing import Any

from floe_plugins.cli.host import footprint, process_settings
from floe_plugins.cli.host.footprint import Footprint, Snapshot
from floe_plugins.cli.host.memory_limit import MemoryLimit
from floe_plugins.cli.host.process import PROBLEMS_FOUND, Result
from floe_plugins.cli.host.session import Session
from floe_plugins.cli.host.validation import problem_of
from floe_plugins.core.event import PluginEvent
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.report import HealthState
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.discovery.load_policy import STRICT
from floe_plugins.entries.entry import Entry
from floe_plugins.errors import PluginConfigurationError, PluginError, PluginIncompatibleError
from floe_plugins.registry.facade import PluginRegistry
from floe_plugins.registry.plugin_info import PluginInfo

# Seconds for threads and files to go after a plugin was stopped.
_SETTLING = 3.0
_PAUSE = 0.05


def run(session: Session) -> Result:
    """Return all installed plugins, or what became of the one that the options name."""
    os.environ[session.platform.variable(STRICT)] = "0"  # one problem must not hide the others
    registry = session.registry()
    ref = session.options.get("ref")
    if ref is None:
        return _list(session, registry)
    return _Examination(session, registry, registry.platform.ref(ref)).run()


def _list(session: Session, registry: PluginRegistry) -> Result:
    wanted = [registry.platform.ref(text) for text in session.options.get("refs") or ()]
    infos = [registry.info(ref.type, ref.name) for ref in wanted] if wanted else registry.infos()
    of_none = [problem for problem in registry.problems if problem.stage is Stage.DISCOVER and problem.ref is None]
    document = {
        "plugins": [_listed(session, registry, info) for info in infos],
        "problems": [] if wanted else session.problems(of_none),
        "switched_off": registry.discover().switched_off,
    }
    return Result(document)


def _listed(session: Session, registry: PluginRegistry, info: PluginInfo) -> dict[str, Any]:
    """Return a plugin; with the reason, if it must not be imported."""
    facts: dict[str, Any] = {"ref": str(info.ref), "state": "", "reason": "", "problems": []}
    facts["distribution"] = None if info.distribution is None else str(info.distribution)
    if info.state is PluginState.DISABLED:
        facts["state"] = "disabled"
        facts["reason"] = _entries(registry)[info.ref].reason
    elif info.problems:
        refused = isinstance(info.problems[0].cause, PluginIncompatibleError)
        facts["state"] = "incompatible" if refused else "refused"
        facts["problems"] = session.problems(info.problems)
    return facts


class _Examination:
    """Has one plugin do what it does, under a limit of memory, and looks at the process before and after."""

    def __init__(self, session: Session, registry: PluginRegistry, ref: PluginRef) -> None:
        self.session = session
        self.registry = registry
        self.ref = ref
        self.problems: list[dict[str, Any]] = []
        self.seconds: dict[str, float] = {}
        self._before_start: Snapshot | None = None
        self._found = Footprint()
        session.observers.append(self._observe)

    def run(self) -> Result:
        _import_platform(self.registry, self.ref)
        state = "failed"
        limit = MemoryLimit(self.session.options.get("memory"))
        try:
            if self._load():
                state = "loaded"
                if self.session.options.get("start"):
                    state = "stopped" if self._start() else "failed"
        except MemoryError:
            limit.lift()
            self._problem(Problem(stage=Stage.LOAD, ref=self.ref, message="it failed with MemoryError"))
        finally:
            limit.lift()
            self.registry.shutdown()
        document = {"state": state, "problems": self.problems, "seconds": self.seconds}
        is_wrong = any(not problem["is_warning"] for problem in self.problems)
        return Result(document, PROBLEMS_FOUND if is_wrong else 0)

    def _load(self) -> bool:
        before = footprint.take()
        try:
            self.registry.get(self.ref.type, self.ref.name)
        except PluginError as error:
            self._error(error, Stage.LOAD)
            is_loaded = False
        else:
            is_loaded = True
            for problem in self.registry.info(self.ref.type, self.ref.name).problems:
                self._problem(problem, is_warning=True)
        self._report("load", before)
        return is_loaded

    def _start(self) -> bool:
        is_started = self._begin()
        if is_started:
            self._check()
        self._tell_secrets()
        before = self._before_start
        if before is not None:
            self._report("start", before)
        if is_started:
            outcome = self.registry.stop(self.ref.type, self.ref.name)
            if not outcome.ok:
                self._problem(Problem(stage=Stage.STOP, ref=self.ref, message=outcome.message, cause=outcome.cause))
        self.registry.shutdown()
        if before is not None:
            self._find_leftovers(before)
        return is_started

    def _begin(self) -> bool:
        try:
            outcome = self.registry.start(self.ref.type, self.ref.name)
        except PluginError as error:
            self._error(error, Stage.CONFIGURE)
            return False
        if not outcome.ok:
            hint = getattr(outcome.cause, "hint", "")
            self._problem(
                Problem(stage=outcome.stage, ref=self.ref, message=outcome.message, hint=hint, cause=outcome.cause)
            )
        return outcome.ok

    def _check(self) -> None:
        status = self.registry.health().statuses.get(self.ref)
        if status is not None and status.state is not HealthState.HEALTHY:
            message = f"it is {status.state}: {status.message}"
            self._problem(
                Problem(stage=Stage.CHECK, ref=self.ref, message=message),
                is_warning=status.state is HealthState.DEGRADED,
            )

    def _find_leftovers(self, before: Snapshot) -> None:
        """Find the threads and files that the plugin has not given back."""
        end = time.monotonic() + _SETTLING
        left = footprint.compare(before, footprint.take())
        while (left.threads or left.files) and time.monotonic() < end:
            time.sleep(_PAUSE)
            left = footprint.compare(before, footprint.take())
        for noun, names in (("threads", left.threads), ("open files", left.files)):
            if names:
                counted = ", ".join(f"{name} ({number})" for name, number in Counter(names).items())
                message = f"it leaves {noun} behind after its stop: {counted}"
                hint = "They stay until the process ends; tell its author to end them in shutdown()."
                self._problem(Problem(stage=Stage.STOP, ref=self.ref, message=message, hint=hint), is_warning=True)

    def _report(self, stage: str, before: Snapshot) -> None:
        """Tell the supervisor, which knows so much even if the process ends."""
        step = footprint.compare(before, footprint.take())
        for change in step.changes:
            hint = process_settings.HINTS.get(change.kind)
            if hint is not None and change not in self._found.changes:
                message = f"it changed {change.text}"
                self._problem(Problem(stage=Stage(stage), ref=self.ref, message=message, hint=hint), is_warning=True)
        self._found += step
        facts = {**self._found.to_dict(), "seconds": self.seconds, "problems": self.problems}
        self.session.report("footprint", facts)

    def _error(self, error: PluginError, stage: Stage) -> None:
        if isinstance(error, PluginConfigurationError) and error.errors:
            for issue in error.errors:
                self._problem(problem_of(issue))
            return
        known = self.registry.info(self.ref.type, self.ref.name).problems
        own = next((each for each in known if each.cause is error or each.message == error.message), None)
        self._problem(own or Problem(stage=stage, ref=self.ref, message=error.message, hint=error.hint, cause=error))

    def _problem(self, problem: Problem, *, is_warning: bool = False) -> None:
        [facts] = self.session.problems([problem])
        self.problems.append({**facts, "is_warning": is_warning})

    def _observe(self, event: PluginEvent) -> None:
        if event.ref != self.ref or event.stage is None:
            return
        if event.kind == "call_begun" and event.stage is Stage.START and self._before_start is None:
            # What it needs is started by now: what comes from here on is its own.
            self._tell_secrets()
            self._before_start = footprint.take()
        elif event.kind == "call_ended" and event.seconds is not None:
            self.seconds[str(event.stage)] = round(self.seconds.get(str(event.stage), 0.0) + event.seconds, 4)

    def _tell_secrets(self) -> None:
        """Tell the supervisor what it must not show of what the plugin prints."""
        secrets: list[str] = []
        withholds = False
        for entry in _entries(self.registry).values():
            if entry.plugin is not None:
                redactor = entry.worker.background.redactor
                secrets += [secret.text for secret in redactor.secrets]
                withholds = withholds or redactor.withholds
        self.session.report("secrets", {"texts": secrets, "withholds": withholds})


def _entries(registry: PluginRegistry) -> Mapping[PluginRef, Entry]:
    return registry._store.entries()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] no public name gives reasons and secrets


def _import_platform(registry: PluginRegistry, ref: PluginRef) -> None:
    """Import what the platform itself needs: it counts for no plugin."""
    import pydantic

    import floe_plugins
    from floe_plugins.configuration.schema import validation

    for name in dir(floe_plugins):
        getattr(floe_plugins, name)
    registry.manager(ref.type)
    registry.info(ref.type, ref.name)
    # A first model has pydantic look for plugins of its own.
    pydantic.create_model("First")
    del validation
