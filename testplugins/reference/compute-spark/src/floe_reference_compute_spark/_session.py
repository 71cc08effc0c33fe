"""Sessions on a Spark Connect server: one for each caller, so that one can be interrupted without the others."""

from __future__ import annotations

import atexit
import contextlib
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from floe_reference_compute_spark._errors import explained

if TYPE_CHECKING:
    from pydantic import SecretStr
    from pyspark.sql.connect.dataframe import DataFrame
    from pyspark.sql.connect.session import SparkSession

Parameters = Sequence[Any] | Mapping[str, Any] | None


@attrs.frozen
class Server:
    """Where the server is, how to be let in, and how long it may take to answer."""

    remote: str
    token: SecretStr | None
    user: str
    answer_timeout: float


class Session:
    """One session and its connection. All methods but ``interrupt`` are for one thread at a time."""

    def __init__(self, server: Server) -> None:
        from pyspark.sql.connect.session import SparkSession

        from floe_reference_compute_spark._channel import Calls, Channel

        self._server = server
        self._calls = Calls(server.answer_timeout)
        self._lock = threading.Lock()
        self._users = 1
        self._closed = False
        self._spark: SparkSession = SparkSession(connection=Channel(server, self._calls), userId=server.user)
        client = self._spark.client
        # Trying again could run a statement twice, and takes pyspark ten minutes; whether to is the caller's to say.
        client.set_retry_policies([])
        client.disable_reattachable_execute()

    @property
    def id(self) -> str:
        """The session's id, which is in the server's logs."""
        return str(self._spark.session_id)

    @property
    def spark(self) -> SparkSession:
        """The session itself."""
        return self._spark

    def version(self) -> str:
        """Ask the server for its version."""
        with explained(self._server.remote):
            return str(self._spark.version)

    def frame(self, sql: str, parameters: Parameters) -> DataFrame:
        """Run a statement that changes something, or prepare a query."""
        if isinstance(parameters, Mapping):
            return self._spark.sql(sql, args=dict(parameters))
        return self._spark.sql(sql, args=None if parameters is None else list(parameters))

    def tables(self, frame: DataFrame) -> Iterator[Any]:
        """Yield a query's schema, and then its rows as Arrow tables while the server produces them."""
        client = self._spark.client
        tables: Iterator[Any] = client.to_table_as_iterator(frame._plan.to_proto(client), frame._plan.observations)
        return tables

    def interrupt(self) -> None:
        """End everything that runs in the session, here at once and on the server as soon as it can."""
        with self._lock:
            if not self._users:
                return
            self._users += 1
        self._calls.end()
        threading.Thread(target=self._ask, name="floe spark interrupt", daemon=True).start()

    def close(self) -> None:
        """Close the connection. Does nothing the second time."""
        with self._lock:
            first, self._closed = not self._closed, True
        if first:
            self._leave()

    def _ask(self) -> None:
        # A server that is gone has nothing left to end.
        with contextlib.suppress(Exception):
            self._spark.interruptAll()
        self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users:
                return
        client = self._spark.client
        # Each client registers itself there, and would stay in memory to the end of the process.
        atexit.unregister(client._on_exit)
        client.close()


class Sessions:
    """All sessions that are open, so that they can be closed. Thread-safe."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._open: weakref.WeakSet[Session] = weakref.WeakSet()
        self._lock = threading.Lock()

    def open(self) -> Session:
        """Return a new session. Whoever calls this closes it."""
        session = Session(self._server)
        with self._lock:
            self._open.add(session)
        return session

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """A new session within the block, whose errors say which server they are of."""
        session = self.open()
        try:
            with explained(self._server.remote):
                yield session
        finally:
            session.close()

    def close(self) -> None:
        """End all sessions; what runs in them fails."""
        with self._lock:
            left = list(self._open)
        for session in left:
            session.interrupt()
