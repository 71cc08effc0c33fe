"""dbt: transforms tables by a dbt project."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from floe_plugins.hookspecs.base import PluginMetadata, hookspec


@attrs.frozen
class DbtManifest:
    """What a project consists of: unique ids by resource kind, and what each needs."""

    models: tuple[str, ...]
    tests: tuple[str, ...]
    sources: tuple[str, ...]
    depends_on: Mapping[str, tuple[str, ...]]


@attrs.frozen
class DbtNodeResult:
    """How one node ended.

    Attributes:
        status: dbt's own word (success, error, pass, fail, skipped ...).
        rows: of a test those that fail it, of another node those that it wrote; None where dbt does not know.
    """

    unique_id: str
    status: str
    seconds: float
    message: str = ""
    rows: int | None = None


@attrs.frozen
class DbtReport:
    """How a dbt command went, node by node."""

    ok: bool
    results: tuple[DbtNodeResult, ...]
    seconds: float


class DBTPlugin(PluginMetadata):
    """One dbt. Hooks are asked of one chosen plugin.

    They may be called from several threads, but dbt runs one command at a time in
    a process: callers wait for each other on a process-wide lock. The database of
    the compute plugin is dbt's own while ``build`` or ``test`` runs, and free afterwards.
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def parse(self, project: Path) -> DbtManifest:
        """What the project consists of, without touching the database.

        Raises:
            ValueError: the project does not parse; dbt's own message is given.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def build(
        self,
        project: Path,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        full_refresh: bool = False,  # noqa: FBT001, FBT002 pluggy passes by name
    ) -> DbtReport:
        """Run and test the selected nodes, all by default. A failing node is reported, not raised.

        Raises:
            ValueError: the project does not parse, or a part of the selection is not
                understood or names nothing; nothing was run.
            PluginUnavailableError: somebody else has the database open; nothing was run.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def test(self, project: Path, select: Sequence[str] = ()) -> DbtReport:
        """Run the tests of the selected nodes, all by default. A failing test is reported, not raised.

        Raises:
            ValueError: the project does not parse, or a part of the selection is not
                understood or names nothing; nothing was run.
            PluginUnavailableError: somebody else has the database open; nothing was run.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def artifacts(self, project: Path) -> Mapping[str, Path]:
        """The files that dbt's commands left, by dbt's names (``manifest``, ``run_results`` ...).

        Each is from the last command that writes it: ``parse`` leaves no ``run_results``.
        """
        raise NotImplementedError
