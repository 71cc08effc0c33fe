"""Measure what a plugin takes and changes in its process: a snapshot of the process, and the difference of two."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import attrs

from floe_plugins.cli import program
from floe_plugins.cli.host import process_settings
from floe_plugins.core.safe_text import safe_str

_SHOWN = 20
_SAMPLES = 20
_PAUSE = 0.01


@attrs.frozen
class Snapshot:
    """The state of this process at one moment.

    Attributes:
        memory: The resident memory in MiB; None where the system does not say so.
        threads: The native ids of all threads but those of this package, with their names.
        files: The open descriptors and what they lead to, as far as the system says so.
        modules: The names of all modules that are imported.
        settings: What plugins share with the whole process: by kind, the value of each name.
    """

    memory: float | None
    threads: Mapping[int, str]
    files: Mapping[int, str]
    modules: frozenset[str]
    settings: Mapping[str, Mapping[str, Any]]


@attrs.frozen
class Change:
    """A change of something that plugins share with the whole process.

    Attributes:
        kind: What was changed; ``process_settings.HINTS`` says what to do about it, if it harms others.
        names: Which of them, with what they were before only where that cannot be secret.
    """

    kind: str
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """The change as the end of a sentence.

        >>> Change("umask", ("0022 before, now 0077",)).text
        'the umask: 0022 before, now 0077'
        """
        article = "" if "." in self.kind else "the "
        more = f" and {len(self.names) - _SHOWN} more" if len(self.names) > _SHOWN else ""
        return f"{article}{self.kind}: {', '.join(self.names[:_SHOWN])}{more}"


@attrs.frozen
class Footprint:
    """The difference of two snapshots of a process. Several can be added.

    Attributes:
        memory: MiB more.
        threads: The names of the new threads.
        files: What the new descriptors lead to.
        modules: The names of the new modules, without those of this package.
        changes: What was changed.
    """

    memory: float | None = None
    threads: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    modules: frozenset[str] = frozenset()
    changes: tuple[Change, ...] = ()

    def __add__(self, other: Footprint) -> Footprint:
        memory = [each for each in (self.memory, other.memory) if each is not None]
        return Footprint(
            memory=sum(memory) if memory else None,
            threads=self.threads + other.threads,
            files=self.files + other.files,
            modules=self.modules | other.modules,
            changes=tuple(dict.fromkeys((*self.changes, *other.changes))),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the facts as JSON data."""
        packages = sorted({name.partition(".")[0] for name in self.modules})
        return {
            "memory_mib": None if self.memory is None else round(self.memory, 1),
            "threads": list(self.threads),
            "open_files": list(self.files),
            "modules": len(self.modules),
            "top_level_modules": packages,
            "changed": [{"kind": change.kind, "names": list(change.names)} for change in self.changes],
        }


def take() -> Snapshot:
    """Take a snapshot of this process. May take 0.2 s, where a thread is about to end; raises nothing.

    >>> compare(take(), take()).changes
    ()
    """
    return Snapshot(
        memory=_memory(),
        threads=_threads(),
        files=_files(),
        modules=frozenset(map(safe_str, [*sys.modules])),
        settings=process_settings.read(),
    )


def compare(before: Snapshot, after: Snapshot) -> Footprint:
    """Return what came between two snapshots."""
    changes = (
        Change(kind, names)
        for kind, values in after.settings.items()
        if (names := tuple(process_settings.changed(before.settings[kind], values)))
    )
    return Footprint(
        memory=None if before.memory is None or after.memory is None else after.memory - before.memory,
        threads=tuple(name for thread, name in after.threads.items() if thread not in before.threads),
        files=tuple(target for number, target in after.files.items() if before.files.get(number) != target),
        modules=frozenset(name for name in after.modules - before.modules if not name.startswith("floe_plugins")),
        changes=tuple(changes),
    )


def _memory() -> float | None:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 a Path costs more
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, ValueError, IndexError):
        return None


def _threads() -> dict[int, str]:
    names = _python_threads()
    found = _native_threads()
    if found is None:
        return {number: name for number, name in names.items() if not _is_own(name)}
    # One of Python's that is about to end has left Python's list, and leaves the system's a moment later.
    for _ in range(_SAMPLES):
        names |= _python_threads()
        if found <= names.keys() | _native_alone:
            break
        time.sleep(_PAUSE)
        found &= _native_threads() or found
    _native_alone.update(found - names.keys())
    named = {number: names.get(number, "a thread of native code") for number in sorted(found)}
    return {number: name for number, name in named.items() if not _is_own(name)}


# Threads that are known to be none of Python's.
_native_alone: set[int] = set()


def _python_threads() -> dict[int, str]:
    return {thread.native_id: safe_str(thread.name) for thread in threading.enumerate() if thread.native_id is not None}


def _native_threads() -> frozenset[int] | None:
    try:
        return frozenset(map(int, os.listdir("/proc/self/task")))  # noqa: PTH208 it is a moment of a process
    except OSError:
        return None


def _is_own(name: str) -> bool:
    """Whether a thread is this package's: those of plugins' workers are called by their refs."""
    category, colon, _ = name.removeprefix("load ").partition(":")
    return (
        name == "MainThread" or name.startswith("floe ") or (bool(colon) and category in program.categories().by_slug)
    )


def _files() -> dict[int, str]:
    found: dict[int, str] = {}
    with suppress(OSError):
        for name in os.listdir("/dev/fd"):  # noqa: PTH208 as above
            with suppress(OSError, ValueError):
                os.fstat(int(name))  # the listing's own is closed by now
                found[int(name)] = _target(name)
    return found


def _target(name: str) -> str:
    try:
        return os.readlink(f"/dev/fd/{name}")  # noqa: PTH115 as above
    except OSError:
        return "an open file"
