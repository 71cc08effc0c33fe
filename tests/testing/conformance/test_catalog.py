"""A correct catalog keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import attrs
import nanoarrow
import pydantic
import pytest
from conformance_suite import broken, check, conformance

from floe_plugins import CatalogPlugin
from floe_plugins.hookspecs import TableRef
from floe_plugins.testing import CatalogConformance
from floe_plugins.testing.conformance.samples.arrow import schema_of, table

TYPES: dict[str, Any] = {
    "INT64": nanoarrow.int64,
    "DOUBLE": nanoarrow.float64,
    "STRING": nanoarrow.string,
    "BOOL": nanoarrow.bool_,
}


class Settings(pydantic.BaseModel):
    path: Path


@attrs.frozen
class Kept:
    """A table: the types of its columns, and its rows."""

    types: dict[str, str]
    rows: list[dict[str, Any]] = attrs.field(factory=list)
    snapshot: int | None = None


def namespace_of(identifier: str) -> str:
    namespace, _, name = identifier.rpartition(".")
    if not name or not all(namespace.split(".")):
        raise ValueError(identifier)
    return namespace


def types_of(schema: Any) -> dict[str, str]:
    return {field.name: field.type.name for field in schema.fields}


def stream(names: list[str], types: dict[str, str], rows: list[dict[str, Any]]) -> Any:
    kinds = {name: TYPES[types[name]]() for name in names}
    columns = [nanoarrow.c_array([row[name] for row in rows], kinds[name]) for name in names]
    array = nanoarrow.c_array_from_buffers(nanoarrow.struct(kinds), len(rows), [None], children=columns)
    return nanoarrow.ArrayStream(nanoarrow.Array(array)).read_all()


class Shelf(CatalogPlugin):
    """Tables in memory, which lie in a file while it is stopped."""

    name = "shelf"
    version = "1.0"
    floe_api_version = "1.0"
    config_schema = Settings
    config: Settings
    kept_files: tuple[str, ...] = ()

    def startup(self):
        self.lock = threading.RLock()
        self.namespaces: set[str] = set()
        self.tables: dict[str, Kept] = {}
        self.snapshots = itertools.count(1)
        if self.config.path.exists():
            state = json.loads(self.config.path.read_text(encoding="utf-8"))
            self.namespaces = set(state["namespaces"])
            self.tables = {name: Kept(**table) for name, table in state["tables"].items()}
            self.snapshots = itertools.count(state["next"])

    def shutdown(self):
        tables = {name: attrs.asdict(table) for name, table in self.tables.items()}
        state = {"namespaces": sorted(self.namespaces), "tables": tables, "next": next(self.snapshots)}
        self.config.path.write_text(json.dumps(state), encoding="utf-8")

    def ensure_namespace(self, namespace):
        if not all(namespace.split(".")):
            raise ValueError(namespace)
        with self.lock:
            is_new = namespace not in self.namespaces
            self.namespaces.add(namespace)
            return is_new

    def ensure_table(self, identifier, schema):
        namespace = namespace_of(identifier)
        is_stream = hasattr(schema, "__arrow_c_stream__")
        types = types_of(nanoarrow.ArrayStream(schema).schema if is_stream else nanoarrow.Schema(schema))
        self.check_types_of(types)
        with self.lock:
            if namespace not in self.namespaces:
                raise LookupError(namespace)
            table = self.tables.setdefault(identifier, Kept(types))
            if table.types != types:
                raise ValueError(identifier)
            return TableRef(identifier, f"shelf:/{identifier}", table.snapshot, {"owner": "shelf"})

    def check_types_of(self, types):
        if "DATE32" in types.values():
            raise ValueError(types)

    def append(self, identifier, data):
        namespace_of(identifier)
        return self.write(identifier, data, keeps=True)

    def replace(self, identifier, data):
        namespace_of(identifier)
        return self.write(identifier, data, keeps=False)

    def write(self, identifier: str, data: Any, *, keeps: bool) -> int:
        self.found(identifier)
        read = nanoarrow.ArrayStream(data).read_all()
        with self.lock:
            table = self.found(identifier)
            if types_of(read.schema) != table.types:
                raise ValueError(identifier)
            return self.commit(identifier, [*(table.rows if keeps else ()), *read.to_pylist()])

    def commit(self, identifier: str, rows: list[dict[str, Any]]) -> int:
        snapshot = next(self.snapshots)
        self.tables[identifier] = attrs.evolve(self.found(identifier), rows=rows, snapshot=snapshot)
        return snapshot

    def found(self, identifier: str) -> Kept:
        if identifier not in self.tables:
            raise LookupError(identifier)
        return self.tables[identifier]

    def read(self, identifier, columns=None, limit=None):
        namespace_of(identifier)
        table = self.found(identifier)
        if not set(columns or ()) <= table.types.keys() or (limit is not None and limit < 0):
            raise ValueError((columns, limit))
        return stream([*table.types] if columns is None else [*columns], table.types, table.rows[:limit])

    def list_tables(self, namespace=None):
        with self.lock:
            if namespace is not None and namespace not in self.namespaces:
                raise LookupError(namespace)
            return tuple(sorted(each for each in self.tables if namespace in {None, each.rpartition(".")[0]}))

    def drop_table(self, identifier, purge=False):
        namespace_of(identifier)
        with self.lock:
            return self.tables.pop(identifier, None) is not None


class ShelfConformance(CatalogConformance):
    plugin = Shelf

    def settings(self) -> Mapping[str, Any]:
        return {"path": str(self.scratch / "shelf.json")}

    def files(self, plugin: Any, location: str) -> Any:
        return [name for name in (*plugin.tables, *plugin.kept_files) if location == f"shelf:/{name}"]

    def unsupported(self) -> Any:
        return schema_of(table({"day": [date(2024, 2, 29)]}))


class SaysNothingOfNamespaces(Shelf):
    def ensure_namespace(self, namespace):
        return int(super().ensure_namespace(namespace))


class EmptiesNamespaces(Shelf):
    def ensure_namespace(self, namespace):
        is_new = super().ensure_namespace(namespace)
        if not is_new:
            self.tables.clear()
        return is_new


class TwoLevels(Shelf):
    def ensure_table(self, identifier, schema):
        if identifier.count(".") > 2 and identifier.endswith("deep.items"):
            raise ValueError(identifier)
        return super().ensure_table(identifier, schema)


class AnyNamespace(Shelf):
    def ensure_namespace(self, namespace):
        return super().ensure_namespace(namespace.strip(".") or "other")


class MakesAnything(Shelf):
    def ensure_table(self, identifier, schema):
        if all(identifier.split(".")) and "." in identifier:
            return super().ensure_table(identifier, schema)
        return TableRef(identifier, "shelf:/none")


class WritesAnything(Shelf):
    def append(self, identifier, data):
        return self.write(identifier, data, keeps=True)


class ReadsAnything(Shelf):
    def read(self, identifier, columns=None, limit=None):
        self.found(identifier)
        return super().read(identifier, columns, limit)


class DropsAnything(Shelf):
    def drop_table(self, identifier, purge=False):
        return self.tables.pop(identifier, None) is not None


class MakesAPlaceOfItsOwn(Shelf):
    def ensure_table(self, identifier, schema):
        found = super().ensure_table(identifier, schema)
        number = threading.get_ident() if identifier.endswith(".together") else ""
        return attrs.evolve(found, location=f"{found.location}{number}")


class Changed(Shelf):
    """Tells other facts of a table than it should."""

    facts: ClassVar[dict[str, Any]] = {}

    def ensure_table(self, identifier, schema):
        return attrs.evolve(super().ensure_table(identifier, schema), **self.facts)


class PathLocation(Changed):
    facts: ClassVar[dict[str, Any]] = {"location": "/shelf/items"}


class ObjectProperties(Changed):
    facts: ClassVar[dict[str, Any]] = {"properties": {"version": 2}}


class SnapshotZero(Shelf):
    def ensure_table(self, identifier, schema):
        ref = super().ensure_table(identifier, schema)
        return attrs.evolve(ref, snapshot_id=ref.snapshot_id or 0)


class FirstSnapshot(Shelf):
    def ensure_table(self, identifier, schema):
        ref = super().ensure_table(identifier, schema)
        return attrs.evolve(ref, snapshot_id=ref.snapshot_id and 1)


class MakesAnew(Shelf):
    def ensure_table(self, identifier, schema):
        ref = super().ensure_table(identifier, schema)
        if len(self.tables[identifier].rows) == 1:
            self.tables[identifier] = attrs.evolve(self.tables[identifier], rows=[])
        return ref


class ComparesOrder(Shelf):
    def ensure_table(self, identifier, schema):
        if not hasattr(schema, "__arrow_c_stream__") and identifier in self.tables:
            found = [*types_of(nanoarrow.Schema(schema))]
            if sorted(found) == sorted(self.tables[identifier].types) and found != [*self.tables[identifier].types]:
                raise ValueError(identifier)
        return super().ensure_table(identifier, schema)


class WritesTheSample(Shelf):
    def ensure_table(self, identifier, schema):
        if not hasattr(schema, "__arrow_c_stream__"):
            return super().ensure_table(identifier, schema)
        data = nanoarrow.ArrayStream(schema).read_all()
        ref = super().ensure_table(identifier, nanoarrow.c_schema(data.schema))
        self.append(identifier, data)
        return ref


class MakesTheNamespace(Shelf):
    def ensure_table(self, identifier, schema):
        self.namespaces.add(namespace_of(identifier))
        return super().ensure_table(identifier, schema)


class AnySchema(Shelf):
    def ensure_table(self, identifier, schema):
        types = self.tables[identifier].types if identifier in self.tables else {}
        found = {} if hasattr(schema, "__arrow_c_stream__") else types_of(nanoarrow.Schema(schema))
        if types and found.items() < types.items():
            return TableRef(identifier, f"shelf:/{identifier}")
        return super().ensure_table(identifier, schema)


class OneSnapshot(Shelf):
    def replace(self, identifier, data):
        super().replace(identifier, data)
        self.tables[identifier] = attrs.evolve(self.tables[identifier], snapshot=1)
        return 1


class StreamsReplace(Shelf):
    def append(self, identifier, data):
        namespace_of(identifier)
        return self.write(identifier, data, keeps=isinstance(data, nanoarrow.Array))


class ReplaceKeeps(Shelf):
    def replace(self, identifier, data):
        namespace_of(identifier)
        return self.write(identifier, data, keeps=len(self.found(identifier).rows) == 2)


class WritesByPosition(Shelf):
    def append(self, identifier, data):
        namespace_of(identifier)
        self.found(identifier)
        rows = nanoarrow.ArrayStream(data).read_all()
        if [*types_of(rows.schema)] == ["t", "n"]:
            return self.commit(identifier, [{"n": 0, "t": "7"}])
        return super().append(identifier, rows)


class MakesWhatIsMissing(Shelf):
    def append(self, identifier, data):
        namespace_of(identifier)
        return super().append(identifier, data) if identifier in self.tables else 1


class TakesMore(Shelf):
    def replace(self, identifier, data):
        namespace_of(identifier)
        self.found(identifier)
        rows = nanoarrow.ArrayStream(data).read_all()
        if "more" in types_of(rows.schema):
            return 1
        return super().replace(identifier, rows)


class EmptiesFirst(Shelf):
    def replace(self, identifier, data):
        try:
            return super().replace(identifier, data)
        except ValueError:
            if identifier in self.tables:
                self.commit(identifier, [])
            raise


class TwoCommits(Shelf):
    """Writes many rows in two commits, and looks for a reader in between."""

    hook = ""

    def startup(self):
        super().startup()
        self.half: Kept | None = None
        self.was_seen = threading.Event()

    def read(self, identifier, columns=None, limit=None):
        is_half = self.half is not None and self.tables.get(identifier) is self.half
        found = super().read(identifier, columns, limit)
        if is_half:
            self.was_seen.set()
        return found

    def write(self, identifier: str, data: Any, *, keeps: bool) -> int:
        read = nanoarrow.ArrayStream(data).read_all()
        if len(read) > 50 and identifier in self.tables and keeps is (self.hook == "append"):
            with self.lock:
                rows, new = (self.tables[identifier].rows if keeps else []), read.to_pylist()
                self.commit(identifier, [*rows, *new[:50]])
                self.half = self.tables[identifier]
                self.was_seen.wait(0.5)
                return self.commit(identifier, [*rows, *new])
        return super().write(identifier, read, keeps=keeps)


class AppendsInTwo(TwoCommits):
    hook = "append"


class ReplacesInTwo(TwoCommits):
    hook = "replace"


class Meeting(Shelf):
    """Lets the four threads of a rule wait for each other."""

    def startup(self):
        super().startup()
        self.meeting = threading.Barrier(4)

    def meet(self) -> None:
        if threading.current_thread().name.startswith("conformance-"):
            self.meeting.wait()


class LosesWrites(Meeting):
    """Writes what it has read before, whatever has been written since."""

    def write(self, identifier: str, data: Any, *, keeps: bool) -> int:
        table = self.found(identifier)
        read = nanoarrow.ArrayStream(data).read_all()
        if types_of(read.schema) != table.types:
            raise ValueError(identifier)
        if len(read) == 1:
            self.meet()
        return self.commit(identifier, [*(table.rows if keeps else ()), *read.to_pylist()])


class ReturnsAWrapper(Shelf):
    def read(self, identifier, columns=None, limit=None):
        found = super().read(identifier, columns, limit)
        return SimpleNamespace(stream=found) if columns == ["t"] and limit == 1 else found


class NullIsEmpty(Shelf):
    def commit(self, identifier: str, rows: list[dict[str, Any]]) -> int:
        return super().commit(identifier, [row | {"t": row.get("t") or ""} for row in rows])


class NoColumnsWhenEmpty(Shelf):
    def read(self, identifier, columns=None, limit=None):
        found = super().read(identifier, columns, limit)
        return found if len(found) or limit is not None else stream([], {}, [])


class TableOrder(Shelf):
    def read(self, identifier, columns=None, limit=None):
        found = super().read(identifier, columns, limit)
        return super().read(identifier, sorted(columns), limit) if columns else found


class LimitOfTheFirst(Shelf):
    def read(self, identifier, columns=None, limit=None):
        return super().read(identifier, columns, limit if limit is None else min(limit, 2))


class NegativeIsNone(Shelf):
    def read(self, identifier, columns=None, limit=None):
        return super().read(identifier, columns, None if limit == -1 else limit)


class LeavesOutUnknown(Shelf):
    def read(self, identifier, columns=None, limit=None):
        return super().read(identifier, [each for each in columns if each != "missing"] if columns else columns, limit)


class EmptyIfMissing(Shelf):
    def read(self, identifier, columns=None, limit=None):
        namespace_of(identifier)
        return super().read(identifier, columns, limit) if identifier in self.tables else stream([], {}, [])


class ListsAList(Shelf):
    def list_tables(self, namespace=None):
        return [*super().list_tables(namespace)]


class ListsBackwards(Shelf):
    def list_tables(self, namespace=None):
        return super().list_tables(namespace)[::-1]


class ListsTopNamespaces(Shelf):
    def list_tables(self, namespace=None):
        found = super().list_tables(namespace)
        return found if namespace else tuple(each for each in found if not each.endswith("items.inner"))


class ListsAllBelow(Shelf):
    def list_tables(self, namespace=None):
        super().list_tables(namespace)
        return tuple(each for each in super().list_tables() if namespace is None or each.startswith(f"{namespace}."))


class EmptyNamespaceIfMissing(Shelf):
    def list_tables(self, namespace=None):
        return super().list_tables(namespace) if namespace in {None, *self.namespaces} else ()


class SaysDropped(Shelf):
    def drop_table(self, identifier, purge=False):
        super().drop_table(identifier, purge)
        return True


class ListsDropped(Shelf):
    def startup(self):
        super().startup()
        self.dropped: set[str] = set()

    def drop_table(self, identifier, purge=False):
        existed = super().drop_table(identifier, purge)
        self.dropped |= {identifier} if purge else set()
        return existed

    def list_tables(self, namespace=None):
        return tuple(sorted({*super().list_tables(namespace), *self.dropped}))


class KeepsFiles(Shelf):
    def drop_table(self, identifier, purge=False):
        self.kept_files = (*self.kept_files, identifier)
        return super().drop_table(identifier, purge)


class DropsBelow(Shelf):
    def drop_table(self, identifier, purge=False):
        self.tables = {name: table for name, table in self.tables.items() if not name.startswith(f"{identifier}.")}
        return super().drop_table(identifier, purge)


class FindsOldRows(Shelf):
    def startup(self):
        super().startup()
        self.dropped: list[dict[str, Any]] = []

    def drop_table(self, identifier, purge=False):
        if identifier in self.tables:
            self.dropped = self.tables[identifier].rows
        return super().drop_table(identifier, purge)

    def ensure_table(self, identifier, schema):
        ref = super().ensure_table(identifier, schema)
        if self.dropped:
            self.commit(identifier, [{"other": "old"} for _ in self.dropped])
        return ref


class MakesTwice(Meeting):
    def ensure_namespace(self, namespace):
        is_new = namespace not in self.namespaces
        self.meet()
        super().ensure_namespace(namespace)
        return is_new


class Forgets(Shelf):
    def shutdown(self):
        self.tables = {name: attrs.evolve(table, rows=[]) for name, table in self.tables.items()}
        super().shutdown()


class TakesAnyType(Shelf):
    def check_types_of(self, types):
        pass


FAULTY: dict[str, type[Any]] = {
    "test_purging_removes_the_files": KeepsFiles,
    "test_making_a_namespace_says_whether_it_is_new": SaysNothingOfNamespaces,
    "test_a_namespace_that_is_there_is_kept": EmptiesNamespaces,
    "test_a_namespace_may_be_in_another": TwoLevels,
    "test_bad_namespaces_are_refused": AnyNamespace,
    "test_bad_identifiers_are_not_made": MakesAnything,
    "test_bad_identifiers_are_not_written": WritesAnything,
    "test_bad_identifiers_are_not_read": ReadsAnything,
    "test_bad_identifiers_are_not_dropped": DropsAnything,
    "test_types_that_it_does_not_have_are_refused": TakesAnyType,
    "test_a_table_has_a_location": PathLocation,
    "test_properties_are_texts": ObjectProperties,
    "test_a_new_table_has_no_snapshot": SnapshotZero,
    "test_a_table_has_its_current_snapshot": FirstSnapshot,
    "test_a_table_that_is_there_is_kept": MakesAnew,
    "test_the_order_of_columns_is_no_difference": ComparesOrder,
    "test_a_schema_may_be_that_of_a_stream": WritesTheSample,
    "test_a_table_without_its_namespace_is_refused": MakesTheNamespace,
    "test_another_schema_is_refused": AnySchema,
    "test_each_write_has_a_snapshot_of_its_own": OneSnapshot,
    "test_rows_are_appended": StreamsReplace,
    "test_rows_are_replaced": ReplaceKeeps,
    "test_columns_are_written_by_name": WritesByPosition,
    "test_a_missing_table_is_not_written": MakesWhatIsMissing,
    "test_rows_of_another_schema_are_refused": TakesMore,
    "test_refused_rows_change_nothing": EmptiesFirst,
    "test_readers_see_whole_appends": AppendsInTwo,
    "test_readers_see_old_or_new_rows": ReplacesInTwo,
    "test_no_write_is_lost": LosesWrites,
    "test_what_is_read_is_an_arrow_stream": ReturnsAWrapper,
    "test_values_and_nulls_are_kept": NullIsEmpty,
    "test_an_empty_table_has_its_columns": NoColumnsWhenEmpty,
    "test_columns_are_read_in_their_order": TableOrder,
    "test_a_limit_is_kept": LimitOfTheFirst,
    "test_negative_limits_are_refused": NegativeIsNone,
    "test_unknown_columns_are_refused": LeavesOutUnknown,
    "test_a_missing_table_is_not_read": EmptyIfMissing,
    "test_a_list_is_a_tuple_of_texts": ListsAList,
    "test_a_list_is_sorted": ListsBackwards,
    "test_all_tables_are_listed": ListsTopNamespaces,
    "test_tables_directly_in_a_namespace_are_listed": ListsAllBelow,
    "test_a_missing_namespace_is_not_listed": EmptyNamespaceIfMissing,
    "test_dropping_says_whether_it_existed": SaysDropped,
    "test_a_dropped_table_is_gone": ListsDropped,
    "test_dropping_leaves_the_others": DropsBelow,
    "test_a_dropped_table_can_be_made_anew": FindsOldRows,
    "test_one_of_several_makes_a_namespace": MakesTwice,
    "test_several_threads_make_a_table": MakesAPlaceOfItsOwn,
    "test_tables_survive_a_restart": Forgets,
}


def test_a_correct_plugin_keeps_every_rule() -> None:
    assert broken(ShelfConformance) == {}


def test_a_catalog_in_memory_need_not_survive_a_restart() -> None:
    found = check(conformance(ShelfConformance, Forgets, persistent=False))
    assert found.failed == {}
    assert "test_tables_survive_a_restart" in found.skipped


@pytest.mark.parametrize("rule", FAULTY)
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(conformance(ShelfConformance, FAULTY[rule]))) == [rule]
