"""Tables for several threads; each statement and transaction has its own version."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import attrs

from floe_plugins import PluginError
from floe_reference_compute_datafusion._versions import Parameters, Table, Transaction, Version, planned_query

if TYPE_CHECKING:
    from datafusion import DataFrame, SessionContext

    from floe_reference_compute_datafusion._files import Files


class Database:
    """The newest version of the tables, and commits of the next one. Thread-safe.

    Args:
        context: makes an empty context of DataFusion.
        files: gives where versions are kept, if they are to outlast the process.
    """

    def __init__(self, context: Callable[[], SessionContext], files: Callable[[], Files | None]) -> None:
        self._make_context = context
        self._make_files = files
        self._files: Files | None = None
        self._version: Version | None = None
        self._context: SessionContext | None = None
        # How often the tables have been closed: a transaction of before cannot be committed after.
        self._closings = 0
        self._users: Counter[int] = Counter()
        self._closing = False
        self._changed = threading.Condition()
        self._writing = threading.RLock()

    @property
    def is_open(self) -> bool:
        """Whether the tables are in memory."""
        return self._version is not None

    def open(self) -> None:
        """Load the newest version into memory, if it is not loaded yet."""
        with self.used():
            self._now()

    def execute(self, sql: str, parameters: Parameters) -> Table:
        """Run one statement, commit its changes and return its result."""
        with self.used():
            query = planned_query(self._now()[1], sql, parameters)
            if query is not None:
                return query.to_arrow_table()
            # One after another, so that they never conflict.
            with self._writing:
                transaction = self.begin()
                result = transaction.run(sql, parameters)
                self.commit(transaction)
            return result

    def begin(self) -> Transaction:
        """A new transaction, on the newest version."""
        with self._writing:
            version, _ = self._now()
            return Transaction(version, self._make_context(), self._closings)

    def commit(self, transaction: Transaction) -> None:
        """Commit a transaction's changes as the next version.

        Raises:
            ConcurrentChangeError: another one has changed the same.
            UnsupportedOperationError: something was changed that is not kept.
            PluginError: the tables were closed meanwhile.
        """
        change = transaction.change()
        if change is None:
            return
        with self._writing:
            if transaction.closings != self._closings or self._version is None:
                raise PluginError("the tables were closed before this could be committed")
            version = change.applied(self._version, transaction.base)
            if self._files is not None:
                self._files.save(version)
            self._show(version)

    def register(self, name: str, table: Table) -> None:
        """Register ``table``, which hides a stored table of that name."""
        with self.used(), self._writing:
            version, _ = self._now()
            attached = {each: files for each, files in version.attached.items() if each != name}
            self._show(attrs.evolve(version, registered={**version.registered, name: table}, attached=attached))

    def attach(self, name: str, files: Callable[[SessionContext], Any]) -> None:
        """Make what a context takes for a table a table of all later statements; it hides a stored one of that name."""
        with self.used():
            made = files(self._make_context())
            with self._writing:
                version, _ = self._now()
                registered = {each: table for each, table in version.registered.items() if each != name}
                attached = {**version.attached, name: made}
                self._show(attrs.evolve(version, registered=registered, attached=attached))

    def plan(self, sql: str, parameters: Parameters) -> DataFrame | None:
        """A query of the tables as they are now, not run yet; None if the statement changes something or is invalid."""
        with self.used():
            return planned_query(self._now()[1], sql, parameters)

    def release(self) -> None:
        """Wait until nobody uses the tables; forget the registered ones, and all that a storage keeps.

        Raises:
            RuntimeError: the caller's own thread uses them, so that it would wait for itself.
        """
        with self._changed:
            if self._users[threading.get_ident()]:
                raise RuntimeError("the tables cannot be released within a block that uses them on the same thread")
            self._closing = True
            try:
                self._changed.wait_for(lambda: not self._users.total())
                if self._files is not None:
                    self._let_go()
                elif self._version is not None:
                    self._show(attrs.evolve(self._version, registered={}, attached={}))
            finally:
                self._closing = False
                self._changed.notify_all()

    def close(self) -> None:
        """Close all tables; later commits fail."""
        with self._writing:
            self._let_go()

    def _let_go(self) -> None:
        self._version = self._context = self._files = None
        self._closings += 1

    @contextlib.contextmanager
    def used(self) -> Generator[None]:
        """Prevent a close within the block, and wait for one that is under way."""
        me = threading.get_ident()
        with self._changed:
            # Whoever uses them already may go on, or whoever waits for it would wait forever.
            self._changed.wait_for(lambda: not self._closing or self._users[me] > 0)
            self._users[me] += 1
        try:
            yield
        finally:
            with self._changed:
                self._users[me] -= 1
                if not self._users[me]:
                    del self._users[me]
                self._changed.notify_all()

    def _now(self) -> tuple[Version, SessionContext]:
        with self._writing:
            if self._version is None or self._context is None:
                self._files = self._make_files()
                return self._show(Version() if self._files is None else self._files.newest())
            return self._version, self._context

    def _show(self, version: Version) -> tuple[Version, SessionContext]:
        context = self._make_context()
        version.fill(context)
        self._version, self._context = version, context
        return version, context
