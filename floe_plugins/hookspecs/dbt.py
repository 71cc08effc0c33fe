"""dbt: transforms tables with a dbt project."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from floe_plugins.hookspecs.base import PluginMetadata, hookspec


@attrs.frozen
class DbtManifest:
    """The nodes of a project.

    Attributes:
        models: the unique ids of the models.
        tests: the unique ids of the tests.
        sources: the unique ids of the sources.
        depends_on: for each node, the unique ids of the nodes on which it depends.
    """

    models: tuple[str, ...]
    tests: tuple[str, ...]
    sources: tuple[str, ...]
    depends_on: Mapping[str, tuple[str, ...]]


@attrs.frozen
class DbtNodeResult:
    """The result of one node.

    Attributes:
        status: dbt's own word for the result (success, error, pass, fail, skipped ...).
        seconds: how long the node took.
        message: dbt's message; may be empty.
        rows: for a test, the number of rows that fail it; for other nodes, the number of rows written;
            None if dbt does not report it.
    """

    unique_id: str
    status: str
    seconds: float
    message: str = ""
    rows: int | None = None


@attrs.frozen
class DbtReport:
    """The result of a dbt command.

    Attributes:
        ok: whether dbt reports success.
        results: one result per node that ran.
        seconds: how long the command took.
    """

    ok: bool
    results: tuple[DbtNodeResult, ...]
    seconds: float


class DBTPlugin(PluginMetadata):
    """The contract of dbt runners. Each call goes to one plugin.

    Hooks may be called from several threads. As dbt runs one command at a time in a
    process, callers wait for a process-wide lock. While ``build`` or ``test`` runs, dbt
    alone uses the database of the compute plugin; it is released afterwards.

    >>> from floe_plugins import DBTPlugin
    >>> def failed_nodes(dbt: DBTPlugin, project):
    ...     report = dbt.build(project, select=["staging+"])
    ...     return [result.unique_id for result in report.results if result.status in {"error", "fail"}]
    >>> sorted(DBTPlugin.__abstractmethods__)
    ['artifacts', 'build', 'parse', 'test']
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def parse(self, project: Path) -> DbtManifest:
        """Return the nodes of the project. Does not use the database.

        Raises:
            ValueError: the project cannot be parsed; the message is dbt's own.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def build(
        self,
        project: Path,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        full_refresh: bool = False,  # noqa: FBT001, FBT002 pluggy passes by name
    ) -> DbtReport:
        """Run and test the selected nodes, by default all. Failing nodes are reported, not raised.

        Raises:
            ValueError: the project cannot be parsed, or a part of the selection is invalid
                or selects nothing. No node was run.
            PluginUnavailableError: another process has the database open. No node was run.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def test(self, project: Path, select: Sequence[str] = ()) -> DbtReport:
        """Run the tests of the selected nodes, by default all. Failing tests are reported, not raised.

        Raises:
            ValueError: the project cannot be parsed, or a part of the selection is invalid
                or selects nothing. No node was run.
            PluginUnavailableError: another process has the database open. No node was run.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def artifacts(self, project: Path) -> Mapping[str, Path]:
        """Return the files that dbt wrote, by dbt's names (``manifest``, ``run_results`` ...).

        Each file is from the last command that writes it: ``parse`` writes no ``run_results``.
        """
