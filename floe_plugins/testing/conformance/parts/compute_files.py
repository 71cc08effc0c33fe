"""The rules for SQL engines of API 1.1 that read and write files themselves."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from floe_plugins.errors import UnsupportedOperationError
from floe_plugins.hookspecs.compute import Files, WriteReport
from floe_plugins.testing.conformance.parts.compute_connections import ComputeCase
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples.arrow import columns

_ATTACH = """
def attach(self, name, source):
    if source.format not in ("csv", "parquet"):
        raise UnsupportedOperationError(f"{source.format} files cannot be attached")
    if not self._engine.can_read(source.uri):
        raise ValueError(f"{source.uri} cannot be read as {source.format}")
    self._attached[name] = source  # forgotten by release()
"""
_WRITE = """
def write(self, sql, target, mode="error"):
    if target.format not in ("csv", "parquet") or mode not in ("error", "replace"):
        raise UnsupportedOperationError(f"{target.format} files cannot be written, or not in the mode {mode}")
    if mode == "error" and self._engine.exists(target.uri):
        raise FileExistsError(target.uri)
    return WriteReport(target.uri, self._engine.copy(sql, target))
"""
_TEXT = b"n,t\n1,a\n2,b\n"


class FileQueryRules(ComputeCase):
    """The rules for ``attach`` and ``write``, for engines that have them.

    Attributes:
        csv_options: the options with which the engine reads and writes CSV files with a line of names.
        semicolons: the options with which it reads and writes such files with ";" for ","; empty if it cannot.
    """

    csv_options: dict[str, str] = {}  # noqa: RUF012 as an author writes it
    semicolons: dict[str, str] = {}  # noqa: RUF012 as an author writes it

    def place(self, name: str) -> str:
        """Return the URI of a file or directory that is not there, and that the engine can read and write."""
        return (self.scratch / name).as_uri()

    def put(self, name: str, data: bytes) -> str:
        """Write a file that the engine can read, and return its URI."""
        place = self.scratch / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(data)
        return self.place(name)

    def _csv(self, name: str, data: bytes = _TEXT) -> Files:
        return Files(self.put(name, data), "csv", self.csv_options)

    @contextmanager
    def _attaching(self) -> Generator[Any, None, None]:
        self.needs("attach")
        with self.started() as plugin:
            if "csv" not in plugin.capabilities().formats:
                self.skip("the engine does not say that it reads CSV files")
            yield plugin

    @contextmanager
    def _writing(self) -> Generator[Any, None, None]:
        self.needs("write")
        with self.started() as plugin:
            if "csv" not in plugin.capabilities().targets:
                self.skip("the engine does not say that it writes CSV files")
            yield plugin

    def _numbers(self, plugin: Any, name: str) -> list[int]:
        return sorted(int(row["n"]) for row in self.rows_of(plugin, f"SELECT n FROM {name}"))  # noqa: S608 constants

    def _written(self, plugin: Any, target: Files) -> list[int]:
        plugin.attach("conformance_written", target)
        return self._numbers(plugin, "conformance_written")

    @rule(_ATTACH)
    def test_attached_files_are_queried_by_their_name(self) -> None:
        """``attach`` makes files available to queries as the table ``name``, and returns None."""
        with self._attaching() as plugin:
            found = plugin.attach("conformance_files", self._csv("data.csv"))
            self.expect(found is None, f"attach() returned {shown(found)}")
            got = self._numbers(plugin, "conformance_files")
            self.expect(got == [1, 2], f"of files with 1 and 2 the table has {got}")

    @rule(_ATTACH)
    def test_an_attached_table_is_replaced(self) -> None:
        """``attach`` replaces a table of that name."""
        with self._attaching() as plugin:
            plugin.attach("conformance_files", self._csv("data.csv"))
            plugin.attach("conformance_files", self._csv("other.csv", b"n,t\n7,x\n"))
            found = self._numbers(plugin, "conformance_files")
            self.expect(found == [7], f"after it was replaced by a table with 7, it has {found}")

    @rule(_ATTACH)
    def test_files_are_read_with_their_options(self) -> None:
        """``Files.options`` are options of the format, with which ``attach`` reads the files."""
        if not self.semicolons:
            self.skip("semicolons is not set: the engine reads no such files")
        with self._attaching() as plugin:
            uri = self.put("data.csv", _TEXT.replace(b",", b";"))
            plugin.attach("conformance_files", Files(uri, "csv", self.semicolons))
            found = plugin.execute("SELECT * FROM conformance_files")
            self.expect(
                columns(found) == ["n", "t"], f"of files with the columns n and t the table has {columns(found)}"
            )

    @rule(_ATTACH)
    def test_a_pattern_is_that_of_files(self) -> None:
        """``Files.uri`` may be a pattern of files, which become one table."""
        with self._attaching() as plugin:
            for number in (1, 2):
                self.put(f"parts/part{number}.csv", b"n,t\n%d,a\n" % number)
            self.put("parts/other.csv", b"n,t\n7,a\n")
            source = Files(self.place("parts") + "/part*.csv", "csv", self.csv_options)
            try:
                plugin.attach("conformance_files", source)
            except UnsupportedOperationError as error:
                self.skip(f"not supported: {error}")
            found = self._numbers(plugin, "conformance_files")
            self.expect(found == [1, 2], f"of files with 1 and 2, and of another with 7, the table has {found}")

    @rule(_ATTACH)
    def test_files_that_are_missing_are_not_attached(self) -> None:
        """``attach`` raises ``ValueError`` if the files are not there."""
        with self._attaching() as plugin:
            for place in (self.place("missing.csv"), self.place("missing") + "/*.csv"):
                with self.raises((ValueError, UnsupportedOperationError), f"attach() of {place}, which is missing"):
                    plugin.attach("conformance_files", Files(place, "csv", self.csv_options))

    @rule(_ATTACH)
    def test_files_of_unknown_places_are_refused(self) -> None:
        """``attach`` and ``write`` raise an error for files that the engine cannot reach."""
        files = Files(f"conformance://nowhere{self.scratch}/data.csv", "csv", self.csv_options)
        with self._attaching() as plugin:
            (self.scratch / "data.csv").write_bytes(_TEXT)
            with self.raises((ValueError, UnsupportedOperationError), f"attach() of {files.uri}"):
                plugin.attach("conformance_files", files)
            (self.scratch / "data.csv").unlink()
            # The contract leaves open which error a query has that cannot be written there.
            with self.raises(Exception, f"write() to {files.uri}"):
                plugin.write("SELECT 1 AS n", files)

    @rule(_ATTACH)
    def test_files_of_another_format_are_not_attached(self) -> None:
        """``attach`` raises ``ValueError`` if the files are not of that format."""
        with self._attaching() as plugin:
            if "parquet" not in plugin.capabilities().formats:
                self.skip("the engine does not say that it reads Parquet files")
            uri = self.put("data.parquet", _TEXT)
            with self.raises(ValueError, "attach() of a text as a Parquet file"):
                plugin.attach("conformance_files", Files(uri, "parquet"))

    @rule(_ATTACH)
    def test_unknown_formats_are_not_attached(self) -> None:
        """``attach`` raises ``UnsupportedOperationError`` if the engine cannot read files in this format."""
        with self._attaching() as plugin:
            uri = self.put("data.csv", _TEXT)
            with self.raises(UnsupportedOperationError, "attach() of files of the format 'conformance'"):
                plugin.attach("conformance_files", Files(uri, "conformance"))

    @rule(_ATTACH)
    def test_attached_tables_are_not_kept(self) -> None:
        """After ``release``, attached tables are gone."""
        with self._attaching() as plugin:
            plugin.attach("conformance_files", self._csv("data.csv"))
            plugin.release()
            with self.raises(Exception, "a query of a table that was attached before release()"):
                plugin.execute("SELECT * FROM conformance_files")

    @rule(_WRITE)
    def test_rows_are_written_to_files(self) -> None:
        """``write`` runs one query, lets the engine write its rows to files, and returns a ``WriteReport``."""
        with self._writing() as plugin:
            target = Files(self.place("new.csv"), "csv", self.csv_options)
            found = plugin.write("SELECT 1 AS n UNION ALL SELECT 2", target)
            right = isinstance(found, WriteReport) and found.uri == target.uri and found.rows in {None, 2}
            self.expect(right, f"write() of 2 rows returned {shown(found)}")
            got = self._written(plugin, target)
            self.expect(got == [1, 2], f"of the rows 1 and 2 the files have {got}")

    @rule(_WRITE)
    def test_files_are_written_with_their_options(self) -> None:
        """``Files.options`` are options of the format, with which ``write`` writes the files."""
        if not self.semicolons:
            self.skip("semicolons is not set: the engine writes no such files")
        with self._writing() as plugin:
            target = Files(self.place("new.csv"), "csv", self.semicolons)
            plugin.write("SELECT 1 AS n, 'a' AS t", target)
            plugin.attach("conformance_written", target)
            found = columns(plugin.execute("SELECT * FROM conformance_written"))
            self.expect(found == ["n", "t"], f"of rows with the columns n and t the files have {found}")

    @rule(_WRITE)
    def test_files_that_are_there_are_not_written(self) -> None:
        """``write`` raises ``FileExistsError`` if there is something at the target. Nothing was written."""
        with self._writing() as plugin:
            target = Files(self.place("new.csv"), "csv", self.csv_options)
            plugin.write("SELECT 1 AS n", target)
            with self.raises(FileExistsError, "write() where something is"):
                plugin.write("SELECT 2 AS n", target)
            found = self._written(plugin, target)
            self.expect(found == [1], f"after a write() that was refused, files with 1 have {found}")
            self.put("full/part.csv", _TEXT)
            with self.raises(FileExistsError, "write() where a directory with a file is"):
                plugin.write("SELECT 2 AS n", Files(self.place("full"), "csv", self.csv_options))

    @rule(_WRITE)
    def test_files_are_replaced(self) -> None:
        """With the mode ``replace``, ``write`` leaves nothing else at the target."""
        with self._writing() as plugin:
            target = Files(self.place("new.csv"), "csv", self.csv_options)
            plugin.write("SELECT 1 AS n UNION ALL SELECT 2", target)
            try:
                plugin.write("SELECT 7 AS n", target, "replace")
            except UnsupportedOperationError:
                self.skip("the engine replaces no files")
            found = self._written(plugin, target)
            self.expect(found == [7], f"after 1 and 2 were replaced by 7, the files have {found}")

    @rule(_WRITE)
    def test_files_are_appended(self) -> None:
        """With the mode ``append``, ``write`` keeps the rows that are there, if the engine can do that at all."""
        with self._writing() as plugin:
            target = Files(self.place("new"), "csv", self.csv_options)
            try:
                plugin.write("SELECT 1 AS n", target, "append")
                plugin.write("SELECT 7 AS n", target, "append")
            except UnsupportedOperationError:
                self.skip("the engine appends to no files")
            found = self._written(plugin, Files(self.appended(target.uri), "csv", self.csv_options))
            self.expect(found == [1, 7], f"after 7 was appended to 1, the files have {found}")

    def appended(self, uri: str) -> str:
        """Return the URI from which the engine reads files that were appended in a directory."""
        return uri

    @rule(_WRITE)
    def test_unknown_formats_are_not_written(self) -> None:
        """``write`` raises ``UnsupportedOperationError`` if the engine cannot write this format."""
        doing = "write() of files of the format 'conformance'"
        with self._writing() as plugin, self.raises(UnsupportedOperationError, doing):
            plugin.write("SELECT 1 AS n", Files(self.place("new"), "conformance"))
