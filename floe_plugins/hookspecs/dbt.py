"""dbt: transforms tables with a dbt project."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import attrs

from floe_plugins.core.lazy import LazyModule
from floe_plugins.errors import UnsupportedOperationError
from floe_plugins.hookspecs.base import PluginMetadata, added_in, hookspec
from floe_plugins.hookspecs.running import InThread, Running

if TYPE_CHECKING:
    import pydantic
else:
    pydantic = LazyModule("pydantic")

DbtVerb = Literal["build", "run", "test", "seed", "snapshot", "retry"]


def _parts(parts: Iterable[str]) -> tuple[str, ...]:
    # mypy cannot infer the argument type of ``tuple`` as a converter.
    return tuple(parts)


@attrs.frozen
class DbtManifest:
    """The nodes of a project. A unique id is dbt's own, such as ``model.shop.orders``.

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
        unique_id: dbt's id of the node, as in ``DbtManifest``.
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


@attrs.frozen
class DbtCommand:
    """A dbt command and what holds for it alone.

    >>> from floe_plugins.hookspecs import DbtCommand
    >>> DbtCommand("run", select=["staging+"], threads=4).select
    ('staging+',)

    Attributes:
        verb: what dbt does. ``retry`` repeats the last command of the project from the nodes that failed, and takes
            nothing else but ``threads`` and ``environment``.
        select: which nodes; all by default.
        exclude: which nodes not.
        full_refresh: whether incremental models are built anew.
        threads: how many nodes run at once; the adapter's own number by default.
        environment: variables for ``env_var()`` in the project, beside those of this process.
    """

    verb: DbtVerb = "build"
    select: tuple[str, ...] = attrs.field(default=(), converter=_parts)
    exclude: tuple[str, ...] = attrs.field(default=(), converter=_parts)
    full_refresh: bool = False
    threads: int | None = None
    environment: Mapping[str, str | pydantic.SecretStr] = attrs.field(factory=dict, repr=False)


@attrs.frozen
class DbtEvent:
    """Something that dbt tells while it works.

    Attributes:
        name: dbt's name for the kind of event, such as ``LogStartLine``.
        level: ``info``, ``warn`` or ``error``.
        message: dbt's message.
        unique_id: the node, if it concerns one.
        status: dbt's own word for the state of the node; may be empty.
    """

    name: str
    level: str
    message: str
    unique_id: str = ""
    status: str = ""


DbtRun = Running[DbtReport]


class DBTPlugin(PluginMetadata):
    """The contract of dbt runners. Each call goes to one plugin.

    Hooks may be called from several threads. As dbt runs one command at a time in a
    process, callers of all hooks but ``submit`` wait for a process-wide lock. While ``build``
    or ``test`` runs, dbt alone uses the database of the compute plugin; it is released afterwards.
    A command does not fail because another thread uses the compute plugin once just as it begins.

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
        After ``build(project)`` it is something like ``{"manifest": project / "target/manifest.json", "run_results":
        project / "target/run_results.json"}``; a file that is not there is left out, and before any command all are.
        """

    @added_in("1.1")
    @hookspec(firstresult=True)
    def submit(self, project: Path, command: DbtCommand, on_event: Callable[[DbtEvent], None] | None = None) -> DbtRun:
        """Begin a dbt command, and return while it runs.

        Since API 1.1.

        The errors of ``build`` are raised by ``result``. Commands run side by side, unless the database lets only one
        in: then one waits for the other, and ``cancel`` also ends one that waits. ``on_event`` is called on a thread
        of the plugin, with one event at a time, before ``result`` returns; an error that it raises ends the command.

        By default ``build`` and ``test`` run on a thread, without events, and cannot be cancelled.

        Raises:
            ValueError: the command has parts that its verb does not take.
            UnsupportedOperationError: the plugin cannot do what the command asks for.
        """
        if command.verb not in {"build", "test"}:
            raise UnsupportedOperationError(f"dbt:{self.name} cannot run {command.verb!r}", hint="Use build or test")
        plain = DbtCommand(command.verb, command.select, command.exclude, command.full_refresh)
        if command != plain or on_event is not None:
            raise UnsupportedOperationError(
                f"dbt:{self.name} cannot run {command.verb!r} with events, threads or an environment",
                hint="Leave them out",
            )
        if command.verb == "test" and (command.exclude or command.full_refresh):
            raise ValueError("'test' takes a selection, and nothing else")

        def run() -> DbtReport:
            if command.verb == "test":
                return self.test(project, command.select)
            return self.build(project, command.select, command.exclude, command.full_refresh)

        return InThread(run, f"{command.verb} of dbt:{self.name}")
