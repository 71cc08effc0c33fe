"""The entry of one plugin in its registry, from discovery to stop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from floe_plugins.core.candidate import Candidate
from floe_plugins.core.locks import forkable_lock
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.errors import (
    CircularDependencyError,
    DuplicatePluginError,
    MissingDependencyError,
    PluginConfigurationError,
    PluginError,
    PluginShutdownError,
    PluginStartupError,
    PluginTimeoutError,
    PluginUnavailableError,
)

if TYPE_CHECKING:
    # Importing pluggy, and what threads need, is left to the first load.
    from floe_plugins.execution.worker import Worker
    from floe_plugins.hookspecs.base import PluginMetadata
    from floe_plugins.inspection.runtime_metadata import RuntimeMetadata
    from floe_plugins.inspection.static_metadata import StaticMetadata


# What a plugin's class declares, and its source may say literally.
DECLARED = ("version", "floe_api_version", "description", "dependencies", "optional_dependencies")

E = TypeVar("E", bound=PluginError)

_lock = forkable_lock()


class Entry:
    """One ref's place in the registry.

    Its state changes under the store's lock while it is loaded, and under the coordinator's later; anybody may read it.
    A refresh may put another entry in its place, unless its plugin is loaded.

    Attributes:
        ref: The plugin's ref.
        state: Its state now.
        candidate: Where it comes from; None for a plugin that was registered by hand.
        plugin: The loaded instance.
        metadata: What it declares; None before it is loaded.
        error: Why it failed or was skipped.
        required: Whether the configuration calls it required.
        reason: Why it is disabled.
        model: Its validated configuration, whose secrets its redactor has to know first.
        overrides: Configuration given by argument, which wins over all other.
        warnings: Errors that do not keep it from working.
        check: Its latest health check, under way or done.
        load_seconds: How long its load took, in seconds; 0.0 before.
        configure_seconds: How long its configuration took, in seconds; 0.0 before.
    """

    # Written out: having attrs make it would take as long as making it five hundred times.
    def __init__(  # noqa: PLR0913 all but the first are keyword-only
        self,
        ref: PluginRef,
        *,
        candidate: Candidate | None = None,
        plugin: PluginMetadata | None = None,
        metadata: RuntimeMetadata | None = None,
        state: PluginState = PluginState.DISCOVERED,
        error: PluginError | None = None,
        required: bool = False,
        reason: str = "",
    ) -> None:
        self.ref = ref
        self.candidate = candidate
        self.plugin = plugin
        self.metadata = metadata
        self.state = state
        self.error = error
        self.required = required
        self.reason = reason
        self.model: Any = None
        self.overrides: Mapping[str, Any] | None = None
        self.warnings: list[PluginError] = []
        self.check: Any = None
        self.load_seconds = 0.0
        self.configure_seconds = 0.0
        self._worker: Worker | None = None

    @property
    def worker(self) -> Worker:
        """The thread of its hooks; made when first asked for, the same at every call."""
        if self._worker is None:
            from floe_plugins.execution.worker import Worker

            with _lock:
                if self._worker is None:
                    self._worker = Worker(str(self.ref))
        return self._worker

    def release_thread(self) -> None:
        """End its thread, if it has one, after the queued calls; a later call starts a new one."""
        if self._worker is not None:
            self._worker.close()

    def forget_thread(self) -> None:
        """Forget its thread, which a forked child does not have."""
        if self._worker is not None:
            self._worker.forget_thread()
        self.check = None

    @property
    def busy(self) -> bool:
        """Whether its code is running on its thread now."""
        return self._worker is not None and self._worker.busy

    @property
    def distribution(self) -> str | None:
        """The distribution it comes from, as text for messages."""
        return str(self.candidate.distribution) if self.candidate else None

    def failure(self, kind: type[E], message: str, **facts: Any) -> E:
        """Return an error about this plugin."""
        return kind(message, ref=self.ref, distribution=self.distribution, **facts)

    def timed_out(self, stage: Stage, seconds: float, message: str, hint: str) -> PluginTimeoutError:
        """Return the error that a stage of this plugin took more than ``seconds``."""
        return self.failure(PluginTimeoutError, message, hint=hint, seconds=seconds, stage=str(stage))

    @property
    def runs_on_caller(self) -> bool:
        """Whether it wants its lifecycle hooks on the thread that asks."""
        return self.metadata is not None and self.metadata.caller_thread

    @property
    def declared(self) -> RuntimeMetadata | StaticMetadata:
        """The metadata of the loaded plugin, or else of its source, without loading it."""
        from floe_plugins.inspection import static_metadata

        if self.metadata is not None and (self.plugin is not None or self.candidate is None):
            return self.metadata
        return static_metadata.UNKNOWN if self.candidate is None else static_metadata.read(self.candidate)

    @property
    def start_error(self) -> PluginError | None:
        """The error that kept it from starting once it was loaded; None if it may be used, or was never started."""
        if self.plugin is None or self.state not in {PluginState.FAILED, PluginState.SKIPPED} or self.error is None:
            return None
        return None if stage_of(self.error) is Stage.STOP else self.error

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Its error and warnings."""
        return tuple(self.problem(error) for error in (self.error, *self.warnings) if error is not None)

    def problem(self, error: PluginError) -> Problem:
        """Return an error about this plugin as a problem."""
        # A duplicate has several distributions.
        origin = error.distribution if isinstance(error, DuplicatePluginError) else self.distribution
        return problem_of(error, ref=self.ref, distribution=origin)


_STAGES: Mapping[type[PluginError], Stage] = {
    DuplicatePluginError: Stage.DISCOVER,
    PluginConfigurationError: Stage.CONFIGURE,
    MissingDependencyError: Stage.RESOLVE,
    CircularDependencyError: Stage.RESOLVE,
    PluginStartupError: Stage.START,
    PluginUnavailableError: Stage.START,
    PluginShutdownError: Stage.STOP,
}


def stage_of(error: PluginError) -> Stage:
    """Return the stage that an error belongs to.

    >>> str(stage_of(PluginStartupError("refused"))), str(stage_of(PluginTimeoutError("late", stage="check")))
    ('start', 'check')
    """
    return Stage(error.stage) if isinstance(error, PluginTimeoutError) else _STAGES.get(type(error), Stage.LOAD)


def problem_of(error: PluginError, **facts: Any) -> Problem:
    """Return an error as a problem; ``facts`` win over what it says itself.

    >>> print(problem_of(PluginShutdownError("shutdown raised OSError", hint="Look for open files")))
    stop: shutdown raised OSError. Look for open files
    """
    known: dict[str, Any] = {name: getattr(error, name) for name in ("message", "ref", "distribution", "hint")}
    known |= {"stage": stage_of(error), "cause": error, **facts}
    return Problem(**known)


def taken(entry: Entry) -> DuplicatePluginError:
    """Return the error of registering another plugin of the same ref by hand."""
    origin = entry.distribution or "registered by hand"
    return DuplicatePluginError(
        f"a plugin of that type and name is there already ({origin})",
        ref=entry.ref,
        claimants=(origin,),
        hint="Unregister or disable one of them, or give yours another name.",
    )


def shadowed(installed: Entry) -> Problem:
    """Return the problem of an installed plugin, one of whose ref was registered by hand before."""
    return Problem(
        stage=Stage.DISCOVER,
        ref=installed.ref,
        distribution=installed.distribution,
        message="a plugin of that type and name was registered by hand before; the installed one is left out",
        hint="Unregister the one or disable the other.",
    )
