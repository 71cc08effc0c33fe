"""Reports on starting, stopping and health checks, as frozen records."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

import attrs

from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import Stage

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup


class HealthState(str, Enum):
    """The health of a plugin or of the whole platform.

    ``DEGRADED`` is a plugin that does its work, but slower, with old data or in part: a platform with one stays ready.
    ``UNHEALTHY`` is one that cannot do its work now.

    >>> HealthState("degraded") is HealthState.DEGRADED, str(HealthState.DEGRADED)
    (True, 'degraded')
    """

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"

    __str__ = str.__str__


def _copy(details: Mapping[str, object]) -> Mapping[str, object]:
    # The plugin may change its own mapping later.
    return dict(details)


@attrs.frozen
class HealthStatus(Record):
    """The health of one plugin, as its ``health_check`` returns it.

    >>> from floe_plugins import HealthStatus
    >>> HealthStatus("degraded", "replica is behind", {"lag": 3}).to_dict()["state"]
    'degraded'

    Attributes:
        state: a ``HealthState`` or its value.
        message: one line for operators.
        details: further facts. Secrets of the plugin's configuration are masked in them.
        default: whether the status comes from the base class because the plugin has no health check. Keyword-only.
        seconds: how long the check took. Set by the registry.
        time: when the check began, in seconds since the epoch. Set by the registry.

    Raises:
        ValueError: ``state`` is not a health state.
        TypeError: ``message`` is not a string.
    """

    state: HealthState = attrs.field(converter=HealthState)
    message: str = attrs.field(default="", validator=attrs.validators.instance_of(str))
    details: Mapping[str, object] = attrs.field(factory=dict, converter=_copy)
    default: bool = attrs.field(default=False, kw_only=True)
    seconds: float | None = attrs.field(default=None, kw_only=True)
    time: float | None = attrs.field(default=None, kw_only=True)


class OutcomeState(str, Enum):
    """The result of starting, stopping or checking one plugin.

    ``TIMED_OUT`` has not ended before its deadline, and may run on. ``SKIPPED`` was not called, as its outcome's
    ``message`` explains: most often since a dependency failed.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"

    __str__ = str.__str__


@attrs.frozen(kw_only=True)
class Outcome(Record):
    """The result of starting, stopping or checking one plugin.

    >>> from floe_plugins import Outcome, OutcomeState, PluginRef, Stage
    >>> ref = PluginRef.parse("compute:duckdb")
    >>> outcome = Outcome(ref=ref, stage=Stage.START, state=OutcomeState.TIMED_OUT, message="no answer in 30 s")
    >>> outcome.ok, outcome.to_dict()["state"]
    (False, 'timed_out')

    Attributes:
        ref: the plugin.
        stage: the stage that was reached, such as ``Stage.START``.
        state: how it ended.
        message: why it failed or was skipped; empty if it succeeded.
        cause: the error. For a skipped plugin, the chain of ``__cause__`` leads to the original failure.
        distribution: name, version and location of the plugin's distribution, as text.
        required: whether the configuration lists the plugin as required.
        seconds: how long the hook took, in seconds, including repeated attempts and the pauses between them.
        load_seconds: how long loading took before; 0.0 if the plugin was loaded already.
        configure_seconds: how long configuring took before; 0.0 if that was done already.
        began: when the hook was first called, in seconds after the report began; None if it was not called.
        attempts: how often the hook was called.
        waited_for: the plugins that had to finish first.
        health: the status that a health check returned; None at other stages.
    """

    ref: PluginRef
    stage: Stage
    state: OutcomeState
    message: str = ""
    cause: BaseException | None = attrs.field(default=None, eq=False)
    distribution: str | None = None
    required: bool = False
    seconds: float = 0.0
    load_seconds: float = 0.0
    configure_seconds: float = 0.0
    began: float | None = None
    attempts: int = 0
    waited_for: tuple[PluginRef, ...] = ()
    health: HealthStatus | None = None

    @property
    def ok(self) -> bool:
        """Whether the state is ``SUCCEEDED``."""
        return self.state is OutcomeState.SUCCEEDED

    @property
    def exception(self) -> BaseException | None:
        """The exception that the plugin's code raised, if that is why it failed.

        It is foreign, unlike ``cause``: it may hold secrets, and what it does when it is shown is up to the plugin.
        So it is neither in ``to_dict()`` nor pickled.
        """
        return getattr(self.cause, "exception", None)


@attrs.frozen(kw_only=True)
class LifecycleReport(Record):
    """The result of starting or stopping several plugins.

    >>> from floe_plugins import LifecycleReport, Outcome, OutcomeState, PluginRef, Stage
    >>> ref = PluginRef.parse("compute:duckdb")
    >>> report = LifecycleReport(outcomes=(Outcome(ref=ref, stage=Stage.START, state=OutcomeState.SUCCEEDED),))
    >>> report.ok, report.failed, report.skipped
    (True, (), ())
    >>> report.raise_for_failures()

    Attributes:
        outcomes: one per plugin; each plugin comes after the plugins that it waited for.
        seconds: how long everything took, including loading and configuring.
        load_seconds: the part of it that loading took.
        configure_seconds: the part of it that configuring took.
        time: when it began, in seconds since the epoch.
    """

    outcomes: tuple[Outcome, ...] = ()
    seconds: float = 0.0
    load_seconds: float = 0.0
    configure_seconds: float = 0.0
    time: float = attrs.field(factory=time.time)

    @property
    def ok(self) -> bool:
        """Whether all plugins succeeded: none failed, timed out or was skipped."""
        return all(outcome.ok for outcome in self.outcomes)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """The outcomes of plugins that failed or timed out."""
        return tuple(o for o in self.outcomes if o.state in {OutcomeState.FAILED, OutcomeState.TIMED_OUT})

    @property
    def skipped(self) -> tuple[Outcome, ...]:
        """The outcomes of plugins that were not started because a dependency failed or is missing."""
        return tuple(o for o in self.outcomes if o.state is OutcomeState.SKIPPED)

    def raise_for_failures(self, *, required: bool = False) -> None:
        """Raise the failures, if there are any.

        Plugins that were skipped because another one failed are not counted as failures of their own. With
        ``required``, only what kept required plugins from succeeding counts, and one that was skipped because of
        a plugin that is not required is raised itself.

        Raises:
            PluginError: one plugin failed.
            ExceptionGroup: several plugins failed. On Python 3.10 it is the class of
                the ``exceptiongroup`` backport.
        """
        failed = [o.cause for o in self.failed if isinstance(o.cause, Exception) and (o.required or not required)]
        skipped = [o.cause for o in self.skipped if isinstance(o.cause, Exception) and (o.required or not required)]
        if required:
            reported = {id(error) for error in (*failed, *skipped)}
            roots = [error for error in skipped if not any(id(each) in reported for each in _causes(error))]
        else:
            roots = [error for error in skipped if error.__cause__ is None]
        causes = [*failed, *roots]
        if len(causes) == 1:
            raise causes[0]
        if causes:
            raise ExceptionGroup(f"{len(causes)} plugins failed", causes)

    def to_dict(self) -> dict[str, Any]:
        """Return ``ok`` and all fields as JSON data."""
        return {"ok": self.ok, **super().to_dict()}


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    following = error.__cause__
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__


@attrs.frozen(kw_only=True)
class HealthReport(Record):
    """The health of the selected and required plugins, and the overall state.

    >>> from floe_plugins import HealthReport, HealthState, HealthStatus, PluginRef
    >>> status = HealthStatus("unhealthy", "no answer in 5 s")
    >>> report = HealthReport(state=HealthState.DEGRADED, statuses={PluginRef.parse("compute:duckdb"): status})
    >>> [str(ref) for ref, each in report.statuses.items() if each.state != "healthy"]
    ['compute:duckdb']

    Attributes:
        state: the worst state of all required plugins; a required plugin that is missing is unhealthy. An
            unhealthy plugin that is not required makes the platform degraded.
        statuses: the status of each plugin; one that is not started is unhealthy, with its state as the message.
        seconds: how long all checks together took.
        time: when the checks began, in seconds since the epoch.
    """

    state: HealthState
    statuses: Mapping[PluginRef, HealthStatus]
    seconds: float = 0.0
    time: float = attrs.field(factory=time.time)
