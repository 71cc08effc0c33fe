"""What starting, stopping and checking came to, as frozen records."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import Stage

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup


class HealthState(str, Enum):
    """How a plugin, or the platform, is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"

    __str__ = str.__str__


def _kept(details: Mapping[str, object]) -> Mapping[str, object]:
    # A copy, since the plugin may go on changing its own.
    return dict(details)


@attrs.frozen
class HealthStatus(Record):
    """One plugin's health.

    Attributes:
        default: the plugin has no health check of its own.
        seconds: how long the check took.
        time: when it was asked, in seconds since the epoch.
    """

    state: HealthState = attrs.field(converter=HealthState)
    message: str = attrs.field(default="", validator=attrs.validators.instance_of(str))
    details: Mapping[str, object] = attrs.field(factory=dict, converter=_kept)
    default: bool = attrs.field(default=False, kw_only=True)
    seconds: float | None = attrs.field(default=None, kw_only=True)
    time: float | None = attrs.field(default=None, kw_only=True)


class OutcomeState(str, Enum):
    """What one hook call on one plugin came to."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"

    __str__ = str.__str__


@attrs.frozen(kw_only=True)
class Outcome(Record):
    """What starting, stopping or checking one plugin came to.

    Attributes:
        seconds: how long the hook took, with all its tries; ``load_seconds`` and
            ``configure_seconds`` are what came before it.
        began: when the hook began, in seconds after the report did; None if it was not called.
        tries: how often the hook was called.
        cause: the error. Of a skipped plugin, its chain of ``__cause__`` leads to the root, as ``message`` does.
        needs: the plugins that it waited for.
        required: whether the configuration calls the plugin required.
        health: what a health check said.
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
        """Whether the call succeeded."""
        return self.state is OutcomeState.SUCCEEDED


@attrs.frozen(kw_only=True)
class LifecycleReport(Record):
    """What a start or a stop of several plugins came to, each after what it waited for.

    Attributes:
        seconds: how long it all took; loading and configuring, which come first, are part of it.
        time: when it began, in seconds since the epoch.
    """

    outcomes: tuple[Outcome, ...] = ()
    seconds: float = 0.0
    load_seconds: float = 0.0
    configure_seconds: float = 0.0
    time: float = attrs.field(factory=time.time)

    @property
    def ok(self) -> bool:
        """Whether nothing failed and nothing was skipped."""
        return all(outcome.ok for outcome in self.outcomes)

    @property
    def failed(self) -> tuple[Outcome, ...]:
        """What failed or timed out by itself."""
        return tuple(o for o in self.outcomes if o.state in {OutcomeState.FAILED, OutcomeState.TIMED_OUT})

    @property
    def skipped(self) -> tuple[Outcome, ...]:
        """What was not tried because something it needs failed or is missing."""
        return tuple(o for o in self.outcomes if o.state is OutcomeState.SKIPPED)

    def raise_for_failures(self) -> None:
        """Do nothing if all went well; what was skipped for another's failure adds nothing to it.

        Raises:
            PluginError: the one failure there is.
            ExceptionGroup: the failures, if there are several (of the ``exceptiongroup``
                backport on Python 3.10).
        """
        roots = [o for o in self.skipped if o.cause is not None and o.cause.__cause__ is None]
        causes = [o.cause for o in (*self.failed, *roots) if isinstance(o.cause, Exception)]
        if len(causes) == 1:
            raise causes[0]
        if causes:
            message = f"{len(causes)} plugins failed"
            raise ExceptionGroup(message, causes)

    def to_dict(self) -> dict[str, Any]:
        """The outcomes and whether all went well, as JSON can hold them."""
        return {"ok": self.ok, **super().to_dict()}


@attrs.frozen(kw_only=True)
class HealthReport(Record):
    """The health of all started plugins, and the overall state.

    Attributes:
        state: the worst of the required plugins; optional ones can only degrade.
        time: when it was asked, in seconds since the epoch.
    """

    state: HealthState
    statuses: Mapping[PluginRef, HealthStatus]
    seconds: float = 0.0
    time: float = attrs.field(factory=time.time)
