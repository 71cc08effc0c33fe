"""Lineage backend: where run events go that say which data came from which."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from floe_plugins.hookspecs.base import PluginMetadata, hookspec


class LineageBackendPlugin(PluginMetadata):
    """One lineage backend. Events are asked of all of them; hooks are safe from several threads."""

    @hookspec
    @abstractmethod
    def emit(self, event: Mapping[str, Any]) -> None:
        """Accept an OpenLineage run event, as its JSON form.

        May send later: ``flush`` says whether it went out.

        Raises:
            ValueError: the event does not fit OpenLineage's JSON Schema; the path is named.
        """
        raise NotImplementedError

    @hookspec
    @abstractmethod
    def flush(self, deadline: float) -> bool:
        """Send what is waiting, within ``deadline`` seconds; whether all of it went out.

        What could not be sent is kept for the next try.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def namespace(self, dataset: str) -> str:
        """The OpenLineage namespace of a dataset's URI or name, by OpenLineage's naming rules.

        Asked of one plugin: the same dataset must have one name everywhere.
        """
        raise NotImplementedError
