"""Lineage backend: receives events about which data was made from which."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from floe_plugins.hookspecs.base import PluginMetadata, added_in, hookspec


@attrs.frozen
class ParentRun:
    """The run that another one is part of.

    >>> from floe_plugins.hookspecs import ParentRun
    >>> ParentRun("01932f6e-5c8e-7a9f-8d7e-2f3b4c5d6e7f", "floe", "nightly").job
    'nightly'

    Attributes:
        run_id: its UUID.
        namespace: the namespace of its job.
        job: the name of its job.
    """

    run_id: str
    namespace: str
    job: str


class LineageBackendPlugin(PluginMetadata):
    """The contract of lineage backends. Hooks must be thread-safe.

    ``emit``, ``emit_dbt`` and ``flush`` go to all plugins.

    >>> from floe_plugins import LineageBackendPlugin, PluginRegistry
    >>> class Printer(LineageBackendPlugin):
    ...     name, version, floe_api_version = "printer", "1.0", "1.0"
    ...     def emit(self, event):
    ...         print(event["eventType"], event["job"]["name"])
    ...     def flush(self, deadline):
    ...         return True
    ...     def namespace(self, dataset):
    ...         return dataset.partition("://")[0]
    >>> registry = PluginRegistry(autoload="none", environ={})
    >>> refs = registry.register(Printer)
    >>> with registry:
    ...     event = {"eventType": "COMPLETE", "job": {"namespace": "floe", "name": "orders"}}
    ...     results = registry.manager(LineageBackendPlugin).hook.emit(event=event)
    COMPLETE orders
    """

    @hookspec
    @abstractmethod
    def emit(self, event: Mapping[str, Any]) -> None:
        """Accept an OpenLineage run event in its JSON form.

        The event may be sent later; ``flush`` waits for it. A backend that keeps events on disk has
        written the event there before it returns, so that it survives the end of the process.

        Raises:
            ValueError: the event does not match OpenLineage's JSON Schema; the message gives the path.
        """

    @hookspec
    @abstractmethod
    def flush(self, deadline: float) -> bool:
        """Send all waiting events within ``deadline`` seconds. Return whether all were sent, as soon as they were.

        Events that could not be sent are kept for the next attempt.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def namespace(self, dataset: str) -> str:
        """Return the OpenLineage namespace of a dataset, given its URI or name.

        Only one plugin is called, so that a dataset has the same name everywhere.
        """

    @added_in("1.1")
    @hookspec
    def emit_dbt(self, artifacts: Mapping[str, Path], parent: ParentRun | None = None) -> int:
        """Accept the nodes of the last dbt command as runs of their own, as ``DBTPlugin.artifacts`` gives its files.

        Since API 1.1.

        The models, seeds, snapshots and sources become datasets, with their columns. Each node that ran becomes a run
        with a start and an end, part of ``parent`` if there is one. Return the number of events; 0 if the plugin makes
        none of dbt's artifacts, which is the default.

        Raises:
            ValueError: an artifact is missing, or is not what dbt writes. No event was accepted.
        """
        del artifacts, parent
        return 0
