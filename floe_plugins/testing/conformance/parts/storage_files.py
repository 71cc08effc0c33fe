"""The rules for opening, writing and reading the files of a storage."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Any

from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule, shown

_OPEN = """
def open(self, path, mode="rb"):
    place = self._place(path)  # raises ValueError
    if mode == "rb":
        return place.open("rb")  # raises FileNotFoundError
    if mode not in {"wb", "xb"}:
        raise ValueError(f"mode {mode!r} is not known")
    # Written under another name, and renamed on close(); removed if the block raised.
    return UnfinishedFile(place, exclusive=mode == "xb")
"""
_MODES = ("r", "w", "a", "ab", "rb+", "wt", "")
_NAMES = ("with space", "ümläut-鍵", "percent%20", "hash#", "plus+", "question?", "amp&=;", "quote'", "..dots..")
# Beginnings of paths, and paths, with an empty part, "." or "..".
BAD_PREFIXES = ("/", "a//", "./", "../", "a/../", "a/./")
BAD_PATHS = ("", "/", "/absolute", "a//b", "a/", ".", "./a", "a/./b", "..", "../outside", "a/../b", "a/..")


class StorageCase(Case):
    """What all rules for storages work with."""

    @staticmethod
    def write(plugin: Any, path: str, data: bytes, mode: str = "wb") -> None:
        """Write a file."""
        with plugin.open(path, mode) as file:
            file.write(data)

    @staticmethod
    def read(plugin: Any, path: str) -> bytes | None:
        """Return the content of a file, None if there is none."""
        try:
            with plugin.open(path) as file:
                content: bytes = file.read()
        except FileNotFoundError:
            return None
        return content

    def use(self, plugin: Any) -> None:
        """Write, read, list and delete a file, and leave one unfinished."""
        self.write(plugin, "used/file.txt", b"x")
        self.read(plugin, "used/file.txt")
        with contextlib.suppress(OSError), plugin.open("used/file.txt", "xb"):
            pass
        with contextlib.suppress(InterruptedError), plugin.open("used/other.txt", "wb") as file:
            file.write(b"x")
            raise InterruptedError
        list(plugin.list("used/"))
        plugin.delete("used/file.txt")

    @contextlib.contextmanager
    def filled(self) -> Generator[tuple[Any, dict[str, bytes]], None, None]:
        """Give the plugin with some files in it, and their contents."""
        files = {"a/b/c.txt": b"c", "a/b.txt": b"bb", "a/bc/d.txt": b"", "b.txt": b"four"}
        with self.started() as plugin:
            for path, data in files.items():
                self.write(plugin, path, data)
            yield plugin, files

    def refuses(self, hook: str, paths: Sequence[str], *arguments: str) -> None:
        """Expect a hook to raise ``ValueError`` for each path."""
        with self.started() as plugin:
            for path in paths:
                text = ", ".join(map(repr, (path, *arguments)))
                with self.raises(ValueError, f"{hook}({text})"):
                    getattr(plugin, hook)(path, *arguments)


class FileRules(StorageCase):
    """The rules for ``open``.

    Attributes:
        persistent: whether files are still there when the plugin is started again.
        names: names of files that need care on disk or in a URL, and which the storage takes.
    """

    persistent: bool = True
    names: Sequence[str] = _NAMES

    @rule(_OPEN)
    def test_files_of_bad_paths_are_refused(self) -> None:
        """``open`` raises ``ValueError`` for a path with an empty part, ``.`` or ``..``."""
        self.refuses("open", BAD_PATHS, "wb")

    @rule(_OPEN)
    def test_what_was_written_is_read(self) -> None:
        """``open`` opens binary files: what was written is what is read, to the byte, whatever its size."""
        with self.started() as plugin:
            for data in (b"", b"a", b"one\r\ntwo\n\x00\x1a\xff", bytes(range(256)) * 1000):
                self.write(plugin, "file.bin", data)
                same = self.read(plugin, "file.bin") == data
                self.expect(same, f"after {len(data)} bytes were written, others are read")

    @rule(_OPEN)
    def test_a_file_tells_how_far_it_is_written(self) -> None:
        """What ``open`` returns for writing is a binary file: ``write`` and ``tell`` return numbers of bytes."""
        with self.started() as plugin, plugin.open("file.bin", "wb") as file:
            found = [file.write(b"abc"), file.tell(), file.write(b"de"), file.tell()]
            self.expect(found == [3, 3, 2, 5], f"write() of 3 bytes, tell(), and both for 2 more, returned {found}")

    @rule(_OPEN)
    def test_a_file_is_read_from_anywhere(self) -> None:
        """What ``open`` returns for reading is a binary file: it can be read in pieces, and from anywhere."""
        with self.started() as plugin:
            self.write(plugin, "file.bin", b"0123456789")
            with plugin.open("file.bin", "rb") as file:
                found = [file.read(3), file.seek(-2, 2) and file.read(), file.seek(4) and file.read(2), file.tell()]
            self.expect(found == [b"012", b"89", b"45", 6], f"reads at 0, -2 and 4 gave {shown(found)}")

    @rule(_OPEN)
    def test_other_modes_are_refused(self) -> None:
        """``open`` raises ``ValueError`` if a mode other than ``rb``, ``wb`` and ``xb`` is given."""
        with self.started() as plugin:
            self.write(plugin, "file.txt", b"x")
            for mode in _MODES:
                with self.raises(ValueError, f"open('file.txt', {mode!r})"), plugin.open("file.txt", mode):
                    pass

    @rule(_OPEN)
    def test_parent_folders_are_made(self) -> None:
        """Parent folders are created."""
        with self.started() as plugin:
            self.write(plugin, "deep/er/and/deeper/file.txt", b"x")

    @rule(_OPEN)
    def test_a_file_appears_when_it_is_closed(self) -> None:
        """A written file appears under its path when it is closed, and not before."""
        with self.started() as plugin:
            with plugin.open("new.txt", "wb") as file:
                file.write(b"x" * 100_000)
                file.flush()
                self.expect(self.read(plugin, "new.txt") is None, "the file is there before it was closed")
            self.expect(self.read(plugin, "new.txt") is not None, "the file is not there after it was closed")

    @rule(_OPEN)
    def test_nothing_appears_if_the_block_raised(self) -> None:
        """A written file does not appear at all if the block raised."""
        with self.started() as plugin:
            with contextlib.suppress(KeyError), plugin.open("new.txt", "wb") as file:
                file.write(b"half")
                raise KeyError
            found = self.read(plugin, "new.txt")
            self.expect(found is None, f"after a block that raised, the file has {shown(found)}")

    @rule(_OPEN)
    def test_an_error_of_the_block_is_raised(self) -> None:
        """What a block of ``open`` raises reaches the caller."""
        doing = "a block of open('new.txt', 'wb') that raised KeyError"
        with self.started() as plugin, self.raises(KeyError, doing), plugin.open("new.txt", "wb"):
            raise KeyError

    @rule(_OPEN)
    def test_the_old_file_stays_if_the_block_raised(self) -> None:
        """Where a file is replaced, the old one stays as it is if the block raised."""
        with self.started() as plugin:
            self.write(plugin, "old.txt", b"old")
            with contextlib.suppress(KeyError), plugin.open("old.txt", "wb") as file:
                file.write(b"half")
                file.flush()
                raise KeyError
            found = self.read(plugin, "old.txt")
            self.expect(found == b"old", f"after a block that raised, it has {shown(found)}")

    @rule(_OPEN)
    def test_the_old_file_is_read_until_the_new_one_is_closed(self) -> None:
        """Where a file is replaced, readers see the old one, then the new one with all of its content."""
        with self.started() as plugin:
            self.write(plugin, "old.txt", b"old")
            with plugin.open("old.txt", "wb") as file:
                file.write(b"new" * 1000)
                file.flush()
                found = self.read(plugin, "old.txt")
            self.expect(found == b"old", f"while it was replaced, it had {shown(found)}")

    @rule(_OPEN)
    def test_a_file_is_replaced(self) -> None:
        """The mode ``wb`` replaces a file, also by a shorter one."""
        with self.started() as plugin:
            self.write(plugin, "file.txt", b"a long content")
            self.write(plugin, "file.txt", b"short")
            found = self.read(plugin, "file.txt")
            self.expect(found == b"short", f"after it was replaced, it has {shown(found)}")

    @rule(_OPEN)
    def test_a_missing_file_is_an_error(self) -> None:
        """``open`` raises ``FileNotFoundError`` if the file to read does not exist."""
        with self.started() as plugin:
            for path in ("missing.txt", "missing/file.txt"):
                with self.raises(FileNotFoundError, f"open({path!r})"):
                    plugin.open(path).read()

    @rule(_OPEN)
    def test_an_existing_file_is_not_made_anew(self) -> None:
        """``open`` with ``xb`` raises ``FileExistsError`` if the file exists, at the latest on closing."""
        with self.started() as plugin:
            self.write(plugin, "file.txt", b"first")
            with self.raises(FileExistsError, "open('file.txt', 'xb')"):
                self.write(plugin, "file.txt", b"second", "xb")
            found = self.read(plugin, "file.txt")
            self.expect(found == b"first", f"after open(..., 'xb') of a file that exists, it has {shown(found)}")

    @rule(_OPEN)
    def test_one_of_several_makes_a_file(self) -> None:
        """If several make a file with ``xb`` at the same time, one of them does, and the others are told."""
        with self.started() as plugin, contextlib.ExitStack() as opened:
            files: list[Any] = []
            for _ in range(3):
                files.append(plugin.open("file.txt", "xb"))
                # Also if the next one cannot be opened: a file that is left open is another rule's.
                opened.callback(_close, files[-1])
            made = 0
            for number, file in enumerate(files):
                with contextlib.suppress(FileExistsError), file:
                    file.write(b"%d" % number)
                found = self.read(plugin, "file.txt")
                made += found == b"%d" % number
            self.expect(made == 1, f"{made} of 3 made it")

    @rule(_OPEN)
    def test_names_may_have_any_character(self) -> None:
        """Paths are names joined by ``/``: what is a name on disk or in a URL is stored and listed as it is."""
        with self.started() as plugin:
            for name in self.names:
                self.write(plugin, f"names/{name}", name.encode())
            wrong = [name for name in self.names if self.read(plugin, f"names/{name}") != name.encode()]
            self.expect(not wrong, f"another content, or none, is at {shown(wrong)}")
            lacks = {f"names/{name}" for name in self.names} - {info.path for info in plugin.list("names/")}
            self.expect(not lacks, f"list('names/') lacks {shown(sorted(lacks))}")

    @rule(_OPEN)
    def test_several_threads_write_files(self) -> None:
        """Hooks are thread-safe: what several threads write at once is all there."""
        with self.started() as plugin:

            def work(number: int) -> Callable[[], None]:
                return lambda: self.write(plugin, f"threads/{number % 2}/{number}.txt", b"%d" % number * 1000)

            self.together([work(number) for number in range(6)])
            found = [self.read(plugin, f"threads/{number % 2}/{number}.txt") for number in range(6)]
            lost = [number for number, content in enumerate(found) if content != b"%d" % number * 1000]
            self.expect(not lost, f"6 threads wrote a file each, and {len(lost)} are not as they were written")

    @rule(_OPEN)
    def test_several_threads_replace_one_file(self) -> None:
        """Hooks are thread-safe: while several threads replace a file, each reader sees one of the contents.

        A reader may also be told by an ``OSError`` that the file was replaced while it was read.
        """
        contents = [b"%d" % number * 5000 for number in range(4)]
        with self.started() as plugin:
            self.write(plugin, "file.txt", contents[0])
            done = threading.Event()
            seen: set[bytes | None] = set()

            def read() -> None:
                while not done.is_set():
                    try:
                        seen.add(self.read(plugin, "file.txt"))
                    except OSError:
                        continue

            def write() -> None:
                try:
                    self.together([functools.partial(self.write, plugin, "file.txt", each) for each in contents])
                finally:
                    done.set()

            self.together([read, write])
            seen.add(self.read(plugin, "file.txt"))
            others = seen - set(contents)
            self.expect(not others, f"a reader saw {shown(next(iter(others), None))}, which nobody wrote")

    @rule(_OPEN)
    def test_files_survive_a_restart(self) -> None:
        """What was written is still there when the plugin was stopped and is started again."""
        if not self.persistent:
            self.skip("persistent is False: set it to True if files outlive a restart")
        with self.started() as plugin:
            self.write(plugin, "a/file.txt", b"kept")
        with self.started() as plugin:
            found = self.read(plugin, "a/file.txt")
            self.expect(
                found == b"kept", f"after a restart, the file has {shown(found)}; persistent = False if that is meant"
            )


def _close(file: Any) -> None:
    with contextlib.suppress(Exception):
        file.close()
