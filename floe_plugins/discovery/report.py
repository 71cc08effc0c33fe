"""What one scan found."""

from __future__ import annotations

import attrs

from floe_plugins.core.candidate import Candidate
from floe_plugins.core.problem import Problem
from floe_plugins.core.record import Record


@attrs.frozen(kw_only=True)
class DiscoveryReport(Record):
    """What one scan found, and how it differs from the scan before."""

    candidates: tuple[Candidate, ...] = ()
    problems: tuple[Problem, ...] = ()
    added: tuple[Candidate, ...] = ()
    removed: tuple[Candidate, ...] = ()
    changed: tuple[Candidate, ...] = ()
    seconds: float = 0.0
