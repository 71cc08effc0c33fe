"""Protocols: real engines' tables, connections and file systems fit them, and need not know them."""

from __future__ import annotations

import inspect
import sqlite3
from typing import Any

import duckdb
import fsspec
import nanoarrow
import pytest

from floe_plugins.hookspecs.protocols import ArrowSchema, ArrowStream, Connection, Cursor, FileSystem


def stream() -> Any:
    return nanoarrow.ArrayStream([1, 2, 3], nanoarrow.int64())


def schema() -> Any:
    return nanoarrow.Schema(nanoarrow.Type.STRUCT, fields={"id": nanoarrow.int64()})


def test_tables_and_streams_of_engines_are_recognised_as_arrow_streams() -> None:
    assert isinstance(stream(), ArrowStream)
    with duckdb.connect() as connection:
        assert isinstance(connection.sql("SELECT 1 AS id"), ArrowStream)


def test_a_schema_is_recognised_and_told_from_a_stream() -> None:
    assert isinstance(schema(), ArrowSchema)
    assert not isinstance(schema(), ArrowStream)


@pytest.mark.parametrize("other", [[1, 2], {"id": [1]}, "SELECT 1", None, object()])
def test_what_does_not_speak_arrow_is_neither(other: object) -> None:
    assert not isinstance(other, ArrowStream)
    assert not isinstance(other, ArrowSchema)


def test_what_one_engine_streams_another_one_reads() -> None:
    class Passed:
        """Only what the protocol promises of a stream."""

        def __init__(self, wrapped: Any) -> None:
            self._wrapped = wrapped

        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            return self._wrapped.__arrow_c_stream__(requested_schema)

    passed = Passed(stream())
    assert isinstance(passed, ArrowStream)
    assert nanoarrow.ArrayStream(passed).read_all().to_pylist() == [1, 2, 3]


def members(protocol: type) -> set[str]:
    return {name for name in vars(protocol) if not name.startswith("_")}


def test_callers_may_rely_on_what_pep_249_gives_and_engines_have_all_of_it() -> None:
    assert members(Connection) == {"cursor", "commit", "rollback", "close"}
    assert members(Cursor) == {"execute", "fetchone", "fetchall", "close"}
    for connection, cursor in [
        (sqlite3.Connection, sqlite3.Cursor),
        (duckdb.DuckDBPyConnection, duckdb.DuckDBPyConnection),
    ]:
        assert members(Connection) <= {*dir(connection)}
        assert members(Cursor) <= {*dir(cursor)}


def test_callers_may_rely_on_the_usual_part_of_a_file_system() -> None:
    assert members(FileSystem) == {"open", "exists", "ls", "info", "rm", "makedirs"}


@pytest.mark.parametrize("name", sorted(members(FileSystem)))
@pytest.mark.parametrize("kind", ["file", "memory"])
def test_file_systems_of_fsspec_take_what_callers_may_give(kind: str, name: str) -> None:
    promised = inspect.signature(getattr(FileSystem, name)).parameters.values()
    accepted = inspect.signature(getattr(fsspec.filesystem(kind), name))
    given = {each.name: None for each in promised if each.kind is each.POSITIONAL_OR_KEYWORD and each.name != "self"}
    accepted.bind(**given)
