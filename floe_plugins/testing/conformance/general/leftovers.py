"""The rules for what hooks leave behind: nothing of theirs stays, and nothing that all code shares is changed."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread
import contextlib
import contextvars
import gc
import inspect
import logging
import os
import signal
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Collection, Generator
from pathlib import Path
from typing import Any

from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule

_SHARED = """
def answer(self, question):
    handlers = [*logging.root.handlers]
    try:
        import acme  # calls logging.basicConfig()
    finally:
        logging.root.handlers[:] = handlers
    # What acme sets in context variables stays in a copy.
    return contextvars.copy_context().run(acme.answer, question)
"""
_TEMPORARY = """
def answer(self, question):
    with tempfile.TemporaryDirectory() as directory:  # removed also if the block raises
        return acme.answer(question, directory)
"""
_ENDED = """
def shutdown(self):
    for process in self._processes:
        process.terminate()
        process.wait()
    self._pool.shutdown()  # waits for its threads
"""
_FORGOTTEN = """
def answer(self, question):
    # Sessions that are closed are forgotten: acme would keep each in a list of its own.
    with acme.Session(self._url) as session:
        return session.ask(question)
"""
_USES = 3


class LeavingRules(Case):
    """The rules for what is there after hooks were called. They call those that ``use`` calls, again and again."""

    @rule(_SHARED)
    def test_hooks_leave_what_all_code_shares(self) -> None:
        """Hooks leave what belongs to the application: root logger, working directory, signal handlers, context."""
        with _bare_root_logger(), self.started() as plugin:
            before = _shared()
            self._use(plugin)
            # What is set once for each thread, such as the context of decimals, is set by then.
            context = _context()
            self._use(plugin)
            after = _shared()
            changed = sorted(what for what in before if before[what] != after[what])
            changed += sorted(f"context variable {each.name}" for each in _changed(context, _context()))
        self.expect(not changed, f"calls of hooks changed: {', '.join(changed)}")

    @rule(_TEMPORARY)
    def test_temporary_files_are_removed_when_it_stops(self) -> None:
        """``shutdown`` releases all resources: no temporary files and directories of calls of hooks are left."""
        with self._temporary() as directory:
            left = self._left_by_uses(lambda: {each.name for each in directory.iterdir()})
        self.expect(not left, f"{_USES - 1} more uses leave {', '.join(left)} among the temporary files")

    @rule(_ENDED)
    def test_what_hooks_start_has_ended_when_it_stops(self) -> None:
        """``shutdown`` releases all resources: no thread and no process that calls of hooks started is left."""
        left = self._left_by_uses(lambda: {*_threads(), *_processes()})
        self.expect(not left, f"{_USES - 1} more uses leave {', '.join(left)}")

    @rule(_FORGOTTEN)
    def test_what_hooks_make_is_forgotten_when_it_stops(self) -> None:
        """``shutdown`` releases all resources: objects of the plugin's package do not become more with each use."""
        self._use_once()
        before = self._own_objects()
        for _ in range(_USES - 1):
            self._use_once()

        left: list[str] = []

        def is_forgotten() -> bool:
            gc.collect()
            grown = self._own_objects() - before
            left[:] = sorted(f"{count} of {name}" for name, count in grown.items() if count >= _USES - 1)
            return not left

        # What ends on a thread of its own may do so a moment later.
        self.eventually(is_forgotten, 1.0)
        self.expect(not left, f"{_USES - 1} more uses leave objects in memory: {', '.join(left)}")

    def _own_objects(self) -> Counter[str]:
        """How many objects there are of each class of the package that the plugin is in."""
        package = self.plugin.__module__.partition(".")[0]
        found: Counter[str] = Counter()
        for each, count in Counter(map(type, gc.get_objects())).items():
            # Not asked of the class, whose metaclass may answer anything; one that was made in no module has none.
            module = type.__getattribute__(each, "__dict__").get("__module__")
            if isinstance(module, str) and module.partition(".")[0] == package:
                found[f"{module}.{type.__getattribute__(each, '__qualname__')}"] += count
        return found

    def _use(self, plugin: Any) -> None:
        """Call hooks, whatever they raise, which other rules tell; also the one that is asked for its health."""
        with contextlib.suppress(Exception):
            self.use(plugin)
        with contextlib.suppress(Exception):
            found = plugin.health_check()
            if inspect.isawaitable(found):
                asyncio.run(_awaited(found))

    def _left_by_uses(self, found: Callable[[], Collection[str]]) -> list[str]:
        """What each of some uses leaves, when the plugin has stopped; what the first makes for good is not."""
        self._use_once()
        before = {*found()}
        for _ in range(_USES - 1):
            self._use_once()

        def left() -> list[str]:
            return sorted({*found()} - before)

        self.eventually(lambda: len(left()) < _USES - 1, 1.0)
        return left() if len(left()) >= _USES - 1 else []

    def _use_once(self) -> None:
        with self.started() as plugin:
            self._use(plugin)
        gc.collect()

    @contextlib.contextmanager
    def _temporary(self) -> Generator[Path, None, None]:
        """Give an empty directory in which temporary files are made meanwhile."""
        directory = self.scratch / "temporary"
        directory.mkdir()
        names = ("TMPDIR", "TEMP", "TMP")
        kept, place = {name: os.environ.get(name) for name in names}, tempfile.tempdir
        os.environ.update(dict.fromkeys(names, str(directory)))
        tempfile.tempdir = str(directory)
        try:
            yield directory
        finally:
            tempfile.tempdir = place
            for name, value in kept.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


async def _awaited(found: Any) -> Any:
    return await found


@contextlib.contextmanager
def _bare_root_logger() -> Generator[None, None, None]:
    """Take the handlers from the root logger: where there are some, ``logging.basicConfig`` adds none."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    root.handlers[:] = []
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def _shared() -> dict[str, object]:
    root = logging.getLogger()
    found: dict[str, object] = {
        "handlers of the root logger": [*root.handlers],
        "level of the root logger": root.level,
        "working directory": Path.cwd(),
        "hooks of the interpreter": (sys.excepthook, sys.unraisablehook, threading.excepthook),
    }
    return found | {f"handler of signal {int(each)}": signal.getsignal(each) for each in signal.valid_signals()}


def _context() -> dict[contextvars.ContextVar[Any], Any]:
    return dict(contextvars.copy_context().items())


def _changed(
    before: dict[contextvars.ContextVar[Any], Any], after: dict[contextvars.ContextVar[Any], Any]
) -> set[contextvars.ContextVar[Any]]:
    missing = object()
    return {each for each in {*before, *after} if before.get(each, missing) is not after.get(each, missing)}


def _threads() -> list[str]:
    """The threads that run; those of a pool as one, since it gets more of them while it is used, up to its size."""
    pools = vars(concurrent.futures.thread).get("_threads_queues", {})
    alone = [f"thread {each.name!r} ({each.ident})" for each in threading.enumerate() if each not in pools]
    return [*alone, *{f"a pool of threads ({id(queue):x})" for thread, queue in [*pools.items()] if thread.is_alive()}]


def _processes() -> list[str]:
    """The processes that this one has started and that run, where the system shows them as files."""
    found: list[str] = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name of its program stands in brackets, and may have any character.
            state, parent = place.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.append(f"process {place.parent.name}")
    return found
