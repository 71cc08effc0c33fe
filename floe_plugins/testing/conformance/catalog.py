"""The rules for catalogs."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Generator, Mapping
from typing import Any

from floe_plugins.hookspecs.catalog import TableRef
from floe_plugins.hookspecs.protocols import ArrowStream
from floe_plugins.testing.conformance.base import PluginConformance
from floe_plugins.testing.conformance.parts.catalog_tables import TableRules
from floe_plugins.testing.conformance.parts.catalog_writes import items, others
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples.arrow import OneTimeStream, columns, rows, schema_of, table

_NAMESPACE = """
def ensure_namespace(self, namespace):
    if not all(namespace.split(".")):
        raise ValueError(f"{namespace!r} is no namespace")
    with self._lock:
        is_new = namespace not in self._namespaces
        self._namespaces.add(namespace)
        return is_new
"""
_TABLE = """
def ensure_table(self, identifier, schema):
    namespace, types = self._namespace(identifier), self._types(schema)  # raise ValueError
    with self._lock:
        if namespace not in self._namespaces:
            raise LookupError(f"there is no namespace {namespace}")
        found = self._tables.setdefault(identifier, self._new(identifier, types))
        if found.types != types:  # mappings: the order of the columns is no difference
            raise ValueError(f"{identifier} has other columns: {found.types}")
        return TableRef(identifier, found.location, found.snapshot_id)
"""
_READ = """
def read(self, identifier, columns=None, limit=None):
    found = self._found(identifier)  # raises LookupError
    if not set(columns or ()) <= set(found.names) or (limit is not None and limit < 0):
        raise ValueError("a column does not exist, or the limit is negative")
    rows = self._rows(found).select(found.names if columns is None else columns)
    return rows.slice(0, limit)
"""
_LIST = """
def list_tables(self, namespace=None):
    if namespace is not None and namespace not in self._namespaces:
        raise LookupError(f"there is no namespace {namespace}")
    return tuple(sorted(each for each in self._tables if namespace in {None, each.rpartition(".")[0]}))
"""
_DROP = """
def drop_table(self, identifier, purge=False):
    self._namespace(identifier)  # raises ValueError
    with self._lock:
        return self._tables.pop(identifier, None) is not None
"""


class CatalogConformance(TableRules, PluginConformance):
    """The rules for ``CatalogPlugin``.

    >>> from floe_plugins.testing import CatalogConformance
    >>> class TestAcme(CatalogConformance):
    ...     plugin = ...  # your class
    ...     namespace = "scratch.conformance"
    ...     def settings(self):
    ...         return {"uri": f"sqlite:///{self.scratch / 'catalog.db'}"}

    Attributes:
        namespace: the namespace that is made. Neither it nor a table in it is there before a rule.
        persistent: whether tables are still there when the plugin is started again.
    """

    @rule(_NAMESPACE)
    def test_making_a_namespace_says_whether_it_is_new(self) -> None:
        """``ensure_namespace`` returns whether the namespace was created."""
        with self.started() as plugin:
            found = [plugin.ensure_namespace(self.namespace) for _ in range(3)]
            right = all(type(each) is bool for each in found) and found == [True, False, False]
            self.expect(right, f"ensure_namespace() of one that is missing, and twice again, returned {shown(found)}")

    @rule(_NAMESPACE)
    def test_a_namespace_that_is_there_is_kept(self) -> None:
        """``ensure_namespace`` changes nothing if the namespace exists."""
        with self.made() as plugin:
            plugin.append(self.identifier, items(1))
            plugin.ensure_namespace(self.namespace)
            listed = plugin.list_tables(self.namespace)
            self.expect(self.identifier in listed, f"after ensure_namespace() it has the tables {shown(listed)}")

    @rule(_NAMESPACE)
    def test_a_namespace_may_be_in_another(self) -> None:
        """An identifier is one or more namespaces and a name, joined by dots."""
        with self.made() as plugin:
            inner = f"{self.namespace}.inner.deep"
            for namespace in (f"{self.namespace}.inner", inner):
                plugin.ensure_namespace(namespace)
            found = plugin.ensure_table(f"{inner}.items", schema_of(items(0))).identifier
            self.expect(found == f"{inner}.items", f"ensure_table('{inner}.items') returned {shown(found)}")

    @rule(_NAMESPACE)
    def test_bad_namespaces_are_refused(self) -> None:
        """``ensure_namespace`` raises ``ValueError`` for an invalid identifier."""
        self.refuses("ensure_namespace", ("", ".", f"{self.namespace}.", f".{self.namespace}", "a..b"))

    @rule(_TABLE)
    def test_bad_identifiers_are_not_made(self) -> None:
        """``ensure_table`` raises ``ValueError`` for an invalid identifier."""
        self.refuses("ensure_table", self.bad_tables, schema_of(items(0)))

    @rule(_READ)
    def test_bad_identifiers_are_not_read(self) -> None:
        """``read`` raises ``ValueError`` for an invalid identifier."""
        self.refuses("read", self.bad_tables)

    @rule(_DROP)
    def test_bad_identifiers_are_not_dropped(self) -> None:
        """``drop_table`` raises ``ValueError`` for an invalid identifier."""
        self.refuses("drop_table", self.bad_tables)

    @rule(_TABLE)
    def test_a_table_has_a_location(self) -> None:
        """``ensure_table`` returns a ``TableRef``: its identifier, and the URI of the directory of its files."""
        with self.made() as plugin:
            found = plugin.ensure_table(self.identifier, schema_of(items(0)))
            self.expect(isinstance(found, TableRef), f"ensure_table() returned {shown(found)}")
            self.expect(found.identifier == self.identifier, f"the identifier is {shown(found.identifier)}")
            right = isinstance(found.location, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", found.location)
            self.expect(right, f"the location is {shown(found.location)}")

    @rule(_TABLE)
    def test_properties_are_texts(self) -> None:
        """The properties that the catalog stores with a table are a mapping of strings."""
        with self.made() as plugin:
            found = plugin.ensure_table(self.identifier, schema_of(items(0))).properties
            right = isinstance(found, Mapping) and all(isinstance(each, str) for pair in found.items() for each in pair)
            self.expect(right, f"the properties are {shown(found)}")

    @rule(_TABLE)
    def test_a_new_table_has_no_snapshot(self) -> None:
        """``snapshot_id`` is None if nothing has been written yet."""
        with self.made() as plugin:
            found = plugin.ensure_table(self.identifier, schema_of(items(0))).snapshot_id
            self.expect(found is None, f"the snapshot_id of a new table is {shown(found)}")

    @rule(_TABLE)
    def test_a_table_has_its_current_snapshot(self) -> None:
        """``snapshot_id`` is the current snapshot: the one that the last write returned."""
        with self.made() as plugin:
            for hook in ("append", "replace"):
                wanted = getattr(plugin, hook)(self.identifier, items(1))
                found = plugin.ensure_table(self.identifier, schema_of(items(0))).snapshot_id
                self.expect(found == wanted, f"{hook}() returned {shown(wanted)}, and snapshot_id is {shown(found)}")

    @rule(_TABLE)
    def test_a_table_that_is_there_is_kept(self) -> None:
        """``ensure_table`` returns the table if it exists, with its rows."""
        with self.made() as plugin:
            plugin.append(self.identifier, items(1))
            plugin.ensure_table(self.identifier, schema_of(items(0)))
            found = self.numbers(plugin)
            self.expect(found == [1], f"after ensure_table() of a table with the row 1, it has {found}")

    @rule(_TABLE)
    def test_the_order_of_columns_is_no_difference(self) -> None:
        """Schemas that differ only in the order of their columns are equal."""
        with self.made() as plugin:
            found = plugin.ensure_table(self.identifier, schema_of(table({"t": ["a"], "n": [1]})))
            self.expect(found.identifier == self.identifier, f"ensure_table() returned {shown(found)}")

    @rule(_TABLE)
    def test_a_schema_may_be_that_of_a_stream(self) -> None:
        """The schema may be that of a stream. Its rows are not written."""
        with self.made() as plugin:
            name = f"{self.namespace}.streamed"
            plugin.ensure_table(name, OneTimeStream(items(1, 2)))
            found = rows(plugin.read(name))
            self.expect(not found, f"after ensure_table() with a stream, the table has {shown(found)}")

    @rule(_TABLE)
    def test_a_table_without_its_namespace_is_refused(self) -> None:
        """``ensure_table`` raises ``LookupError`` if the namespace does not exist."""
        with self.started() as plugin, self.raises(LookupError, "ensure_table() in a namespace that is missing"):
            plugin.ensure_table(f"{self.namespace}.items", schema_of(items(0)))

    @rule(_TABLE)
    def test_another_schema_is_refused(self) -> None:
        """``ensure_table`` raises ``ValueError`` if the table exists with another schema."""
        with self.made() as plugin:
            for name, data in {**others(), "a column less": table({"n": [1]})}.items():
                with self.raises(ValueError, f"ensure_table() with {name}"):
                    plugin.ensure_table(self.identifier, schema_of(data))

    @rule(_READ)
    def test_what_is_read_is_an_arrow_stream(self) -> None:
        """``read`` returns an ``ArrowStream``: an object with ``__arrow_c_stream__``."""
        with self.made() as plugin:
            plugin.append(self.identifier, items(1, 2))
            for arguments in ((), (["t"],), (["t"], 1)):
                found = plugin.read(self.identifier, *arguments)
                self.expect(isinstance(found, ArrowStream), f"read() returned an object of {type(found).__name__}")

    @rule(_READ)
    def test_values_and_nulls_are_kept(self) -> None:
        """``read`` returns the rows of the current snapshot, with their values and nulls, of any type."""
        data: dict[str, list[Any]] = {"i": [1, None], "f": [0.5, None], "t": ["ü", None], "b": [True, None]}
        with self.made() as plugin:
            name = f"{self.namespace}.types"
            plugin.ensure_table(name, schema_of(table(data)))
            plugin.append(name, table(data))
            found = sorted(rows(plugin.read(name)), key=lambda row: row["f"] is None)
            wanted = [{column: values[place] for column, values in data.items()} for place in (0, 1)]
            self.expect(found == wanted, f"{shown(wanted)} came back as {shown(found)}")

    @rule(_READ)
    def test_an_empty_table_has_its_columns(self) -> None:
        """``read`` returns all columns, also of a table without rows."""
        with self.made() as plugin:
            found = columns(plugin.read(self.identifier))
            self.expect(found == ["n", "t"], f"an empty table with the columns n and t has {shown(found)}")

    @rule(_READ)
    def test_columns_are_read_in_their_order(self) -> None:
        """``read`` returns ``columns`` in their order, and no others."""
        with self.made() as plugin:
            plugin.append(self.identifier, items(1))
            for wanted in (["t"], ["t", "n"]):
                found = columns(plugin.read(self.identifier, wanted))
                self.expect(found == wanted, f"read(..., {wanted}) has the columns {shown(found)}")

    @rule(_READ)
    def test_a_limit_is_kept(self) -> None:
        """``read`` returns as many rows as ``limit`` allows, of those that there are."""
        with self.made() as plugin:
            plugin.append(self.identifier, items(1, 2))
            plugin.append(self.identifier, items(3))
            found = [len(rows(plugin.read(self.identifier, None, limit))) for limit in (0, 1, 3, 9)]
            self.expect(found == [0, 1, 3, 3], f"of 3 rows, the limits 0, 1, 3 and 9 gave {found}")

    @rule(_READ)
    def test_negative_limits_are_refused(self) -> None:
        """``read`` raises ``ValueError`` if ``limit`` is negative."""
        with self.made() as plugin, self.raises(ValueError, "read(..., limit=-1)"):
            plugin.read(self.identifier, None, -1)

    @rule(_READ)
    def test_unknown_columns_are_refused(self) -> None:
        """``read`` raises ``ValueError`` if a column does not exist."""
        with self.made() as plugin, self.raises(ValueError, "read(..., ['n', 'missing'])"):
            plugin.read(self.identifier, ["n", "missing"])

    @rule(_READ)
    def test_a_missing_table_is_not_read(self) -> None:
        """``read`` raises ``LookupError`` if the table does not exist."""
        with self.made() as plugin, self.raises(LookupError, "read() of a table that is missing"):
            plugin.read(f"{self.namespace}.missing")

    @contextlib.contextmanager
    def several(self) -> Generator[tuple[Any, list[str]], None, None]:
        """Give the plugin, and the identifiers of the tables that are directly in the namespace, sorted."""
        with self.made() as plugin:
            plugin.ensure_namespace(f"{self.namespace}.items")
            names = [self.identifier, *(f"{self.namespace}.{name}" for name in ("zebra", "apple"))]
            for name in (*names, f"{self.namespace}.items.inner"):
                plugin.ensure_table(name, schema_of(items(0)))
            yield plugin, sorted(names)

    @rule(_LIST)
    def test_a_list_is_a_tuple_of_texts(self) -> None:
        """``list_tables`` returns a tuple of identifiers."""
        with self.several() as (plugin, _):
            for found in (plugin.list_tables(), plugin.list_tables(self.namespace)):
                right = type(found) is tuple and all(isinstance(each, str) for each in found)
                self.expect(right, f"list_tables() returned {shown(found)}")

    @rule(_LIST)
    def test_a_list_is_sorted(self) -> None:
        """``list_tables`` returns the identifiers sorted."""
        with self.several() as (plugin, _):
            found = plugin.list_tables()
            self.expect([*found] == sorted(found), f"list_tables() returned {shown(found)}")

    @rule(_LIST)
    def test_all_tables_are_listed(self) -> None:
        """``list_tables`` returns the identifiers of all tables, of all namespaces, each once."""
        with self.several() as (plugin, names):
            wanted = sorted([*names, f"{self.namespace}.items.inner"])
            found = sorted(each for each in plugin.list_tables() if each.startswith(f"{self.namespace}."))
            self.expect(found == wanted, f"of {shown(wanted)}, list_tables() has {shown(found)}")

    @rule(_LIST)
    def test_tables_directly_in_a_namespace_are_listed(self) -> None:
        """``list_tables`` of a namespace returns the tables directly in it, and not those in namespaces in it."""
        with self.several() as (plugin, names):
            found = sorted(plugin.list_tables(self.namespace))
            self.expect(found == names, f"of {shown(names)}, list_tables({self.namespace!r}) has {shown(found)}")

    @rule(_LIST)
    def test_a_missing_namespace_is_not_listed(self) -> None:
        """``list_tables`` raises ``LookupError`` if the namespace does not exist."""
        with self.made() as plugin, self.raises(LookupError, "list_tables() of a namespace that is missing"):
            plugin.list_tables(f"{self.namespace}_missing")

    @rule(_DROP)
    def test_dropping_says_whether_it_existed(self) -> None:
        """``drop_table`` returns whether the table existed."""
        with self.made() as plugin:
            found = [plugin.drop_table(self.identifier), plugin.drop_table(self.identifier)]
            right = all(type(each) is bool for each in found) and found == [True, False]
            self.expect(right, f"drop_table() of a table, and again, returned {shown(found)}")

    @rule(_DROP)
    def test_a_dropped_table_is_gone(self) -> None:
        """``drop_table`` removes the table, with ``purge`` and without."""
        with self.made() as plugin:
            for purge in (False, True):
                plugin.ensure_table(self.identifier, schema_of(items(0)))
                plugin.drop_table(self.identifier, purge)
                listed = plugin.list_tables(self.namespace)
                self.expect(self.identifier not in listed, f"after drop_table(..., {purge}), it is in list_tables()")

    @rule(_DROP)
    def test_dropping_leaves_the_others(self) -> None:
        """``drop_table`` removes one table, and none whose identifier only begins with the same text."""
        with self.several() as (plugin, names):
            plugin.drop_table(self.identifier, purge=True)
            left = {*plugin.list_tables(self.namespace), *plugin.list_tables(f"{self.namespace}.items")}
            lost = {*names, f"{self.namespace}.items.inner"} - {self.identifier, *left}
            self.expect(not lost, f"drop_table({self.identifier!r}) removed {shown(sorted(lost))}")

    @rule(_DROP)
    def test_a_dropped_table_can_be_made_anew(self) -> None:
        """A table that was dropped can be made anew, with other columns and without the old rows."""
        with self.made() as plugin:
            plugin.append(self.identifier, items(1))
            plugin.drop_table(self.identifier, purge=True)
            plugin.ensure_table(self.identifier, schema_of(table({"other": ["x"]})))
            found = rows(plugin.read(self.identifier))
            self.expect(not found, f"a table that was dropped and made anew has {shown(found)}")

    @rule(_NAMESPACE)
    def test_one_of_several_makes_a_namespace(self) -> None:
        """Hooks are thread-safe: of several threads that make a namespace, one has created it."""
        with self.started() as plugin:
            found = self.together([functools.partial(plugin.ensure_namespace, self.namespace)] * 4)
            self.expect(sum(found) == 1, f"ensure_namespace() of 4 threads returned {found}")

    @rule(_TABLE)
    def test_several_threads_make_a_table(self) -> None:
        """Hooks are thread-safe: if several threads make a table at once, each gets it."""
        with self.made() as plugin:
            name = f"{self.namespace}.together"
            found = self.together([functools.partial(plugin.ensure_table, name, schema_of(items(0)))] * 4)
            self.expect(len({each.location for each in found}) == 1, f"4 threads got the tables {shown(found)}")

    @rule(_TABLE)
    def test_tables_survive_a_restart(self) -> None:
        """Tables and their rows are still there when the plugin was stopped and is started again."""
        if not self.persistent:
            self.skip("persistent is False: set it to True if tables outlive a restart")
        with self.made() as plugin:
            plugin.append(self.identifier, items(7))
        with self.started() as plugin:
            try:
                found = self.numbers(plugin)
            except LookupError as error:
                self.broken("after a restart, the table is gone; persistent = False if that is meant", error)
            self.expect(found == [7], f"after a restart, a table with the row 7 has {found}")
