"""The report of one scan for installed plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from floe_plugins.core.candidate import Candidate
from floe_plugins.core.lazy import LazyModule
from floe_plugins.core.problem import Problem
from floe_plugins.core.record import Record

if TYPE_CHECKING:
    # Making its class is left to the first plugin that is outdated.
    from floe_plugins.core import outdated_plugin
else:
    outdated_plugin = LazyModule("floe_plugins.core.outdated_plugin")


@attrs.frozen(kw_only=True)
class DiscoveryReport(Record):
    """The result of one scan, and how it differs from the previous scan.

    >>> from floe_plugins import PluginRegistry
    >>> report = PluginRegistry(path=[], environ={}).discover()
    >>> report.candidates, report.problems
    ((), ())

    Attributes:
        candidates: all installed plugins, in the order of ``sys.path``.
        problems: distributions and entry points that cannot be used, and duplicates.
        added: the candidates that the previous scan did not find; all of them after the first scan.
        removed: the candidates that only the previous scan found.
        changed: the candidates whose value, version or location changed, as they are now.
        outdated: the plugins that are loaded, and were upgraded or uninstalled meanwhile. What is loaded stays.
        seconds: how long the scan took.
        switched_off: whether installed plugins are switched off, so that nothing was looked for.
    """

    candidates: tuple[Candidate, ...] = ()
    problems: tuple[Problem, ...] = ()
    added: tuple[Candidate, ...] = ()
    removed: tuple[Candidate, ...] = ()
    changed: tuple[Candidate, ...] = ()
    outdated: tuple[outdated_plugin.OutdatedPlugin, ...] = ()
    seconds: float = 0.0
    switched_off: bool = False
