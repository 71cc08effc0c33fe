"""What the rules for catalogs share, and the rules for writing tables."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Collection, Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples.arrow import OneTimeStream, rows, schema_of, table

if TYPE_CHECKING:
    from floe_plugins.hookspecs.protocols import ArrowSchema, ArrowStream

_WRITE = """
def append(self, identifier, data):
    rows = pyarrow.table(data)
    with self._lock:
        found = self._found(identifier)  # raises LookupError
        if self._types(rows.schema) != found.types:
            raise ValueError(f"the rows do not match the columns of {identifier}")
        return self._commit(identifier, [*found.files, self._written(rows.select(found.names))])
"""
_ENSURE = """
def ensure_table(self, identifier, schema):
    columns = pyarrow.schema(schema)
    unknown = [field.name for field in columns if field.type not in _TYPES]
    if unknown:
        raise ValueError(f"{identifier} cannot have the columns {unknown}")
    return self._made(identifier, columns)
"""
_PURGE = """
def drop_table(self, identifier, purge=False):
    found = self._forget(identifier)  # None if there is no such table
    if purge and found is not None:
        for file in found.files:
            file.unlink()
    return found is not None
"""
_SOME = 100


def items(*numbers: int) -> ArrowStream:
    """Return rows with these numbers as ``n``, and for each a text as ``t``."""
    return table({"n": numbers, "t": [f"text {number}" for number in numbers]})


def others() -> dict[str, ArrowStream]:
    """Return rows that match no table of ``items``, by how they differ.

    Rows without a column are not among them: whether these match is the catalog's to say.
    """
    return {
        "another column": table({"n": [1], "t": ["a"], "more": [1]}),
        "another name of a column": table({"n": [1], "u": ["a"]}),
        "another type of a column": table({"n": [1], "t": [1]}),
    }


class WriteRules(Case):
    """The rules for writing tables.

    Attributes:
        namespace: the namespace that is made. Neither it nor a table in it is there before a rule.
        persistent: whether tables are still there when the plugin is started again.
    """

    namespace: str = "conformance"
    persistent: bool = True

    def unsupported(self) -> ArrowSchema | None:
        """Return a schema with a type that the catalog does not support; None if it has all. Override it."""
        return None

    def files(self, plugin: Any, location: str) -> Collection[object] | None:
        """Return the files of a table by its location; None if that cannot be told.

        By default those below a URI that begins with ``file://``. Override it for tables elsewhere.
        """
        del plugin
        if not location.startswith("file://"):
            return None
        return [place for place in Path(location.removeprefix("file://")).rglob("*") if place.is_file()]

    @property
    def identifier(self) -> str:
        """The table that most rules write."""
        return f"{self.namespace}.items"

    @contextlib.contextmanager
    def made(self) -> Generator[Any, None, None]:
        """Give the plugin with the namespace, and in it the empty table ``identifier``."""
        with self.started() as plugin:
            plugin.ensure_namespace(self.namespace)
            plugin.ensure_table(self.identifier, schema_of(items(0)))
            yield plugin

    def use(self, plugin: Any) -> None:
        """Make a table, write and read it, also what does not fit and is not read to its end, and drop it."""
        plugin.ensure_namespace(self.namespace)
        plugin.ensure_table(self.identifier, schema_of(items(0)))
        plugin.append(self.identifier, items(1))
        self.numbers(plugin)
        for wrong in others().values():
            with contextlib.suppress(Exception):
                plugin.append(self.identifier, wrong)
        plugin.read(self.identifier)
        plugin.drop_table(self.identifier)

    def numbers(self, plugin: Any) -> list[int]:
        """Return the numbers in the table, sorted."""
        return sorted(row["n"] for row in rows(plugin.read(self.identifier)))

    def refuses(self, hook: str, identifiers: Sequence[str], *arguments: Any) -> None:
        """Expect a hook to raise ``ValueError`` for each identifier."""
        with self.made() as plugin:
            for identifier in identifiers:
                with self.raises(ValueError, f"{hook}({identifier!r})"):
                    getattr(plugin, hook)(identifier, *arguments)

    @property
    def bad_tables(self) -> tuple[str, ...]:
        """What is no identifier of a table."""
        return ("", "items", ".items", f"{self.namespace}.", f"{self.namespace}..items")

    @rule(_ENSURE)
    def test_types_that_it_does_not_have_are_refused(self) -> None:
        """``ensure_table`` raises ``ValueError`` if the catalog does not support a type, and makes no table."""
        schema = self.unsupported()
        if schema is None:
            self.skip("the catalog supports all types, or unsupported() is not overridden")
        with self.started() as plugin:
            plugin.ensure_namespace(self.namespace)
            with self.raises(ValueError, "ensure_table() with a type that is not supported"):
                plugin.ensure_table(self.identifier, schema)
            found = plugin.list_tables(self.namespace)
            self.expect(not found, f"after a table was refused, there are {shown(found)}")

    @rule(_WRITE)
    def test_bad_identifiers_are_not_written(self) -> None:
        """``append`` and ``replace`` raise ``ValueError`` for an invalid identifier."""
        self.refuses("append", self.bad_tables, items(1))
        self.refuses("replace", self.bad_tables, items(1))

    @rule(_WRITE)
    def test_each_write_has_a_snapshot_of_its_own(self) -> None:
        """``append`` and ``replace`` return the id of the new snapshot."""
        with self.made() as plugin:
            hooks = (plugin.append, plugin.append, plugin.replace, plugin.append, plugin.replace)
            found = [hook(self.identifier, items(1)) for hook in hooks]
            right = all(type(each) is int for each in found) and len(set(found)) == len(found)
            self.expect(right, f"five writes returned {shown(found)}")

    @rule(_WRITE)
    def test_rows_are_appended(self) -> None:
        """``append`` adds rows to those that are there."""
        with self.made() as plugin:
            plugin.append(self.identifier, items(1))
            plugin.append(self.identifier, OneTimeStream(items(2, 3)))
            found = self.numbers(plugin)
            self.expect(found == [1, 2, 3], f"after append() of 1, and of 2 and 3, the table has {found}")

    @rule(_WRITE)
    def test_rows_are_replaced(self) -> None:
        """``replace`` replaces all rows."""
        with self.made() as plugin:
            plugin.append(self.identifier, items(1, 2))
            plugin.replace(self.identifier, OneTimeStream(items(3)))
            found = self.numbers(plugin)
            self.expect(found == [3], f"after append() of 1 and 2, and replace() by 3, the table has {found}")

    @rule(_WRITE)
    def test_columns_are_written_by_name(self) -> None:
        """Rows match a table whose columns have another order."""
        with self.made() as plugin:
            plugin.append(self.identifier, table({"t": ["x"], "n": [7]}))
            found = rows(plugin.read(self.identifier))
            self.expect(found == [{"n": 7, "t": "x"}], f"n = 7 and t = 'x' became {shown(found)}")

    @rule(_WRITE)
    def test_a_missing_table_is_not_written(self) -> None:
        """``append`` and ``replace`` raise ``LookupError`` if the table does not exist."""
        with self.made() as plugin:
            for hook in (plugin.append, plugin.replace):
                with self.raises(LookupError, "writing a table that is missing"):
                    hook(f"{self.namespace}.missing", items(1))

    @rule(_WRITE)
    def test_rows_of_another_schema_are_refused(self) -> None:
        """``append`` and ``replace`` raise ``ValueError`` if the rows do not match the schema of the table."""
        with self.made() as plugin:
            for name, data in others().items():
                for hook in ("append", "replace"):
                    with self.raises(ValueError, f"{hook}() of rows with {name}"):
                        getattr(plugin, hook)(self.identifier, data)

    @rule(_WRITE)
    def test_refused_rows_change_nothing(self) -> None:
        """Rows that do not match leave the table as it was."""
        with self.made() as plugin:
            plugin.append(self.identifier, items(1))
            for hook in (plugin.append, plugin.replace):
                with contextlib.suppress(ValueError):
                    hook(self.identifier, table({"n": ["two"], "t": [2]}))
            found = [row["n"] for row in rows(plugin.read(self.identifier))]
            self.expect(found == [1], f"after rows that were refused, a table with the row 1 has {shown(found)}")

    def watched(self, plugin: Any, write: Callable[[], object]) -> list[list[int]]:
        """Return what a reader saw while ``write`` ran."""
        done, seen = threading.Event(), list[list[int]]()

        def work() -> None:
            try:
                write()
            finally:
                done.set()

        def look() -> None:
            while not done.is_set():
                seen.append(self.numbers(plugin))

        self.together([work, look])
        return seen

    @rule(_WRITE)
    def test_readers_see_whole_appends(self) -> None:
        """Readers see all of the rows that are appended, or none."""
        with self.made() as plugin:
            write = functools.partial(plugin.append, self.identifier, items(*range(_SOME)))

            def thrice() -> None:
                for _ in range(3):
                    write()

            seen = {len(each) for each in self.watched(plugin, thrice)}
            self.expect(not any(count % _SOME for count in seen), f"readers saw {sorted(seen)} rows of {_SOME} each")

    @rule(_WRITE)
    def test_readers_see_old_or_new_rows(self) -> None:
        """Readers see either the old rows or the new rows while these replace them."""
        with self.made() as plugin:
            old, new = ([number] * _SOME for number in (1, 2))
            plugin.append(self.identifier, items(*old))
            seen = self.watched(plugin, functools.partial(plugin.replace, self.identifier, items(*new)))
            wrong = [len(each) for each in seen if each not in (old, new)]
            self.expect(not wrong, f"while {_SOME} rows replaced {_SOME} others, readers saw {wrong} rows")

    @rule(_WRITE)
    def test_no_write_is_lost(self) -> None:
        """If two callers write to one table at the same time, no data is lost: the second is repeated or raises."""
        with self.made() as plugin:
            written: list[int] = []

            def work(number: int) -> None:
                with contextlib.suppress(Exception):
                    plugin.append(self.identifier, items(number))
                    written.append(number)

            self.together([functools.partial(work, number) for number in range(4)])
            found = [number for number in self.numbers(plugin) if number in written]
            self.expect(written and found == sorted(written), f"of the rows {sorted(written)}, {found} are there")

    @rule(_PURGE)
    def test_purging_removes_the_files(self) -> None:
        """With ``purge``, ``drop_table`` removes the files of the table, too."""
        with self.made() as plugin:
            plugin.append(self.identifier, items(1))
            location = plugin.ensure_table(self.identifier, schema_of(items(0))).location
            if self.files(plugin, location) is None:
                self.skip(f"it is not known which files are at {location}: override 'files'")
            plugin.drop_table(self.identifier, purge=True)
            left = len(self.files(plugin, location) or ())
            self.expect(not left, f"after drop_table(..., purge=True), {left} files are at {location}")
