"""What the rules for dbt share: a project and its database; and the rules for its nodes and its artifacts."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Collection, Generator, Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from floe_plugins.errors import PluginError
from floe_plugins.hookspecs.compute import ComputePlugin
from floe_plugins.hookspecs.dbt import DbtManifest
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples import arrow

_PARSE = """
def parse(self, project):
    with self._process_wide_lock:
        nodes = self._read(project)  # raises ValueError with dbt's own message; opens no database
    return DbtManifest(
        models=tuple(sorted(nodes.models)),
        tests=tuple(sorted(nodes.tests)),
        sources=tuple(sorted(nodes.sources)),
        depends_on={each: tuple(parents) for each, parents in nodes.parents.items()},
    )
"""
_ARTIFACTS = """
def artifacts(self, project):
    places = {name: project / "target" / f"{name}.json" for name in ("manifest", "run_results")}
    return {name: place for name, place in places.items() if place.is_file()}
"""

FILES = MappingProxyType(
    {
        # Tables: some engines, such as SQLite, do not look at what a view selects until it is read, so that a view of a
        # column that is missing does not fail.
        "dbt_project.yml": "name: conformance\nversion: '1.0'\nprofile: conformance\nmodels: {+materialized: table}\n",
        "models/orders.sql": "select 1 as id, 10 as amount union all select 2 as id, 20 as amount",
        "models/totals.sql": "select sum(amount) as total from {{ ref('orders') }}",
        "models/colours.sql": "select 'red' as name",
        "tests/orders_are_positive.sql": "select id from {{ ref('orders') }} where amount <= 0",
        "tests/totals_are_large.sql": "select total from {{ ref('totals') }} where total < 30",
    }
)
MODELS = frozenset({"orders", "totals", "colours"})
TESTS = frozenset({"orders_are_positive", "totals_are_large"})
# What has to be added to a project so that it cannot be parsed, and what the message about it has to name.
UNPARSABLE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "models/unknown_ref.sql": ("select * from {{ ref('conformance_nowhere') }}", "conformance_nowhere"),
        "models/unclosed.sql": ("select {{ ref('orders'", "unclosed"),
    }
)
_SOURCES = "sources: [{name: raw, tables: [{name: regions}]}]\n"


def names(unique_ids: Iterable[str]) -> list[str]:
    """Return the names in unique ids, such as ``model.conformance.orders``, in order."""
    return sorted([*each.split("."), "", "", ""][2] for each in unique_ids)


class DbtCase(Case):
    """What all rules for dbt work with.

    Attributes:
        files: the project: models ``orders``, ``totals`` and ``colours`` and two tests, in SQL that most engines know.
            Models are tables; a project of your own has to say so too if a view of a missing column does not fail.
        unsupported: what the plugin cannot do: ``sources``, ``incremental`` (models that keep their rows).
    """

    files: Mapping[str, str] = FILES
    unsupported: Collection[str] = ()

    def use(self, plugin: Any) -> None:
        """Parse a project, and one that cannot be parsed."""
        project = self.project("used")
        plugin.parse(project)
        plugin.artifacts(project)
        path, (text, _) = next(iter(UNPARSABLE.items()))
        bad = self.project("used_and_bad")
        self.write(bad, path, text)
        with contextlib.suppress(ValueError):
            plugin.parse(bad)

    def project(self, name: str = "project", **files: str) -> Path:
        """Write the project, with more files or other ones: ``self.project(orders="select 1 as id")`` for a model."""
        place = self.scratch / name
        models = {f"models/{model}.sql": text for model, text in files.items()}
        for path, text in {**self.files, **models}.items():
            self.write(place, path, text)
        return place

    @staticmethod
    def write(project: Path, path: str, text: str) -> None:
        """Write a file of a project."""
        file = project / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def built(self, plugin: Any, table: str) -> list[dict[str, Any]] | None:
        """Return the rows of a table of the database, None if there is none.

        By default the compute plugin on which the plugin depends reads it. Rules that need it are left out if there is
        none: override it to read the database in another way.
        """
        compute = self._compute(plugin, "it is not known how to read the database: override 'built'")
        try:
            return arrow.rows(compute.execute(f"SELECT * FROM {table}"))  # noqa: S608 a name of this module
        except Exception:  # noqa: BLE001 an engine has errors of its own
            return None

    @contextlib.contextmanager
    def disturbed(self, plugin: Any) -> Generator[None, None, None]:
        """Have another thread ask for something right after the plugin has the database released for the first time.

        By default the thread asks the compute plugin on which the plugin depends for a row, after its ``release``.
        Rules that need it are left out if there is none: override it to use the database in another way.
        """
        compute = self._compute(plugin, "there is no compute plugin of which another thread could ask something")
        release = compute.release
        asking: list[threading.Thread] = []

        def ask() -> None:
            with contextlib.suppress(Exception):  # an engine has errors of its own
                arrow.rows(compute.execute("SELECT 1 AS id"))

        def released() -> None:
            release()
            if not asking:
                asking.append(threading.Thread(target=ask, name="conformance-ask", daemon=True))
                asking[0].start()
                asking[0].join(1.0)  # it may have to wait until the plugin has done

        compute.release = released
        try:
            yield
        finally:
            del compute.release
            for thread in asking:
                thread.join(5.0)

    def _compute(self, plugin: Any, reason: str) -> Any:
        try:
            return plugin.registry.one(ComputePlugin)
        except PluginError:
            self.skip(reason)

    def held(self, plugin: Any) -> contextlib.AbstractContextManager[object]:
        """Hold the database as another process does, as long as a block lasts.

        Rules that need it are left out if it is not overridden.
        """
        del plugin
        self.skip("it is not known how another process holds the database: override 'held'")

    def _held(self, plugin: Any) -> contextlib.AbstractContextManager[object]:
        return self.block("held", plugin) or self.skip("held() returned None: no other process can hold the database")

    def refuses(self, command: str) -> None:
        """Expect a hook to raise ``ValueError`` for each project that cannot be parsed."""
        with self.started() as plugin:
            hook: Callable[[Path], Any] = getattr(plugin, command)
            with self.raises(ValueError, f"{command} of a directory without a project"):
                hook(self.scratch)
            for number, (path, (text, _)) in enumerate(UNPARSABLE.items()):
                project = self.project(f"bad_{number}")
                self.write(project, path, text)
                with self.raises(ValueError, f"{command} of a project with {path}: {text}"):
                    hook(project)


class NodeRules(DbtCase):
    """The rules for ``parse``."""

    @rule(_PARSE)
    def test_a_manifest_is_a_record_of_tuples(self) -> None:
        """``parse`` returns a ``DbtManifest``: tuples of unique ids, and a tuple for each node."""
        with self.started() as plugin:
            found = plugin.parse(self.project())
            self.expect(isinstance(found, DbtManifest), f"parse returned {shown(found)}")
            parts = [found.models, found.tests, found.sources, *found.depends_on.values()]
            wrong = [part for part in parts if type(part) is not tuple or not all(isinstance(one, str) for one in part)]
            self.expect(not wrong, f"a part of what parse returned is {shown(wrong[:1])}")

    @rule(_PARSE)
    def test_models_are_those_of_the_project(self) -> None:
        """``DbtManifest.models`` are the unique ids of the models."""
        with self.started() as plugin:
            found = names(plugin.parse(self.project()).models)
            self.expect(found == sorted(MODELS), f"of the models {sorted(MODELS)} it has {found}")

    @rule(_PARSE)
    def test_tests_are_those_of_the_project(self) -> None:
        """``DbtManifest.tests`` are the unique ids of the tests."""
        with self.started() as plugin:
            found = names(plugin.parse(self.project()).tests)
            self.expect(found == sorted(TESTS), f"of the tests {sorted(TESTS)} it has {found}")

    @rule(_PARSE)
    def test_sources_are_those_of_the_project(self) -> None:
        """``DbtManifest.sources`` are the unique ids of the sources."""
        if "sources" in self.unsupported:
            self.skip("sources are not supported")
        project = self.project(regions="select * from {{ source('raw', 'regions') }}")
        self.write(project, "models/sources.yml", _SOURCES)
        with self.started() as plugin:
            found = [each.rpartition(".")[2] for each in plugin.parse(project).sources]
            self.expect(found == ["regions"], f"of the source raw.regions it has {found}")

    @rule(_PARSE)
    def test_each_node_has_those_on_which_it_depends(self) -> None:
        """``DbtManifest.depends_on`` has, for each node, the unique ids of the nodes on which it depends."""
        wanted: dict[str, list[str]] = {each: [] for each in MODELS} | {"totals": ["orders"]}
        wanted |= {"orders_are_positive": ["orders"], "totals_are_large": ["totals"]}
        with self.started() as plugin:
            manifest = plugin.parse(self.project())
            found = {names([each])[0]: names(parents) for each, parents in manifest.depends_on.items()}
            wrong = sorted(each for each in wanted if found.get(each) != wanted[each])
            self.expect(not wrong, f"{wrong} depend on {[found.get(each) for each in wrong]}")

    @rule(_PARSE)
    def test_what_cannot_be_parsed_is_refused(self) -> None:
        """``parse`` raises ``ValueError`` if the project cannot be parsed."""
        self.refuses("parse")

    @rule(_PARSE)
    def test_the_message_is_dbts_own(self) -> None:
        """If the project cannot be parsed, the message is dbt's own: it names what is wrong."""
        with self.started() as plugin:
            for number, (path, (text, named)) in enumerate(UNPARSABLE.items()):
                project = self.project(f"bad_{number}")
                self.write(project, path, text)
                try:
                    plugin.parse(project)
                except ValueError as error:
                    if named not in str(error).replace(str(project), ""):
                        self.broken(f"for {path} the message is {shown(str(error))}", error)

    @rule(_PARSE)
    def test_parsing_does_not_use_the_database(self) -> None:
        """``parse`` does not use the database: it works while another process holds that."""
        with self.started() as plugin, self._held(plugin):
            try:
                plugin.parse(self.project())
            except Exception as error:  # noqa: BLE001 the plugin may raise anything
                self.broken(f"while another process holds the database, parse raised {error}", error)

    @rule(_PARSE)
    def test_a_project_is_read_anew(self) -> None:
        """``parse`` returns the nodes that the project has now, and those of no other project."""
        with self.started() as plugin:
            plugin.parse(self.project())
            found = names(plugin.parse(self.project(later="select 1 as id")).models)
            self.expect("later" in found, f"after a model was added it has {found}")
            found = names(plugin.parse(self.project("other")).models)
            self.expect("later" not in found, f"for another project it has {found}")

    @rule(_PARSE)
    def test_several_threads_parse(self) -> None:
        """Hooks are thread-safe: if several threads parse at once, each gets the nodes of its own project."""
        wanted = [f"conformance_{number}" for number in range(3)]
        with self.started() as plugin:
            projects = [self.project(name, **{name: "select 1 as id"}) for name in wanted]
            manifests = self.together([functools.partial(plugin.parse, project) for project in projects])
            found = [[each for each in names(manifest.models) if each in wanted] for manifest in manifests]
            self.expect(found == [[name] for name in wanted], f"of models that one project each has, they got {found}")


class ArtifactRules(DbtCase):
    """The rules for ``artifacts``."""

    @rule(_ARTIFACTS)
    def test_without_a_command_there_are_no_artifacts(self) -> None:
        """``artifacts`` returns files that dbt wrote: none of a project on which no command ran."""
        with self.started() as plugin:
            found = plugin.artifacts(self.project())
            self.expect(isinstance(found, Mapping) and not found, f"artifacts returned {shown(found)}")

    @rule(_ARTIFACTS)
    def test_artifacts_are_files(self) -> None:
        """``artifacts`` returns the path of each file that dbt wrote, by dbt's names."""
        with self.started() as plugin:
            project = self.project()
            plugin.build(project)
            found = plugin.artifacts(project)
            lacks = {"manifest", "run_results"} - set(found)
            self.expect(not lacks, f"after build there is no {sorted(lacks)}")
            wrong = {name: path for name, path in found.items() if not isinstance(path, Path) or not path.is_file()}
            self.expect(not wrong, f"these are no paths of files: {shown(wrong)}")

    @rule(_ARTIFACTS)
    def test_parsing_writes_no_results(self) -> None:
        """Each artifact is from the last command that writes it: ``parse`` writes no ``run_results``."""
        with self.started() as plugin:
            project = self.project()
            plugin.parse(project)
            found = sorted(plugin.artifacts(project))
            self.expect("run_results" not in found, f"after parse alone there are {found}")

    @rule(_ARTIFACTS)
    def test_results_are_those_of_the_last_command(self) -> None:
        """Each artifact is from the last command that writes it: ``run_results`` is that of the last ``build``."""
        with self.started() as plugin:
            project = self.project()
            plugin.build(project, ["orders"])
            plugin.build(project, ["colours"])
            path = plugin.artifacts(project).get("run_results")
            text = "" if path is None else path.read_text(encoding="utf-8")
            self.expect("model.conformance.colours" in text, "after build of 'colours' run_results does not have it")
