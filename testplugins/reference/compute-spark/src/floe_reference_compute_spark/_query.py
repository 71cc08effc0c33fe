"""A statement that runs on the server, and its rows as they arrive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from floe_plugins import CancelledOperationError, PluginTimeoutError, PluginUnavailableError
from floe_plugins.hookspecs.running import Running, RunState
from floe_reference_compute_spark._errors import ResultTooLargeError, meaning_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_plugins.hookspecs.protocols import ArrowStream
    from floe_reference_compute_spark._session import Session

_LABEL = "a query of compute:spark"


class SparkQuery(Running["ArrowStream"]):
    """A query in a session of its own, which is closed when the rows were read, or the query was ended.

    Args:
        session: the session.
        frame: runs the statement, and returns the data frame of its rows.
        remote: the server, for messages.
        timeout: the number of seconds within which all rows must be read.
        limit: the number of bytes that the rows may have; None for any.
    """

    def __init__(
        self, session: Session, frame: Callable[[], Any], remote: str, timeout: float | None, limit: int | None
    ) -> None:
        self._session = session
        self._frame = frame
        self._remote = remote
        self._limit = limit
        self._state = RunState.RUNNING
        self._error: BaseException | None = None
        self._reader: Any = None
        self._lock = threading.Lock()
        self._ready = threading.Event()
        self._timer: threading.Timer | None = None
        if timeout is not None:
            self._timer = threading.Timer(timeout, self._expire, [timeout])
            self._timer.daemon = True
            self._timer.start()
        threading.Thread(target=self._begin, name=f"floe {_LABEL}", daemon=True).start()

    @property
    def id(self) -> str:
        return self._session.id

    @property
    def state(self) -> RunState:
        return self._state

    def cancel(self) -> None:
        self._interrupt(RunState.CANCELLED, CancelledOperationError(f"{_LABEL} was cancelled"))

    def result(self, timeout: float | None = None) -> ArrowStream:
        if not self._ready.wait(timeout):
            raise TimeoutError(f"{_LABEL} has no rows within {timeout:g} seconds, and goes on")
        if self._error is not None:
            raise self._error
        with self._lock:
            reader, self._reader = self._reader, None
        if reader is None:
            raise RuntimeError(f"the result of {_LABEL} was asked for before, and can be read once")
        rows: ArrowStream = reader
        return rows

    def _expire(self, seconds: float) -> None:
        message = f"{_LABEL} did not end within {seconds:g} seconds"
        self._interrupt(RunState.FAILED, PluginTimeoutError(message, seconds=seconds))

    def _interrupt(self, state: RunState, error: BaseException | None) -> None:
        if self._end(state, error):
            self._session.interrupt()

    def _begin(self) -> None:
        try:
            rows = self._session.tables(self._frame())
            schema, first = _head(rows)
            batches = self._read(first, rows)
            # Begun, so that it is told if nobody ever asks for a batch.
            next(batches)
            reader = _reader(schema, batches)
        except BaseException as error:  # noqa: BLE001 raised to whoever asks for the result
            self._fail(error)
            self._session.close()
        else:
            with self._lock:
                self._reader = reader
            self._ready.set()

    def _read(self, first: list[Any], rows: Iterator[Any]) -> Iterator[Any]:
        size = 0
        try:
            yield None
            for table in first:
                size = self._counted(size, table)
                yield from table.to_batches()
            for table in rows:
                if not hasattr(table, "to_batches"):
                    continue
                size = self._counted(size, table)
                yield from table.to_batches()
        except GeneratorExit:
            # Whoever read the rows has had enough.
            self._interrupt(RunState.SUCCEEDED, None)
            raise
        except BaseException as error:
            raise self._fail(error) from error
        else:
            if not self._end(RunState.SUCCEEDED, None) and self._error is not None:
                raise self._error
        finally:
            self._session.close()

    def _counted(self, size: int, table: Any) -> int:
        if self._error is not None:
            raise self._error
        size += table.nbytes
        if self._limit is not None and size > self._limit:
            raise ResultTooLargeError(
                f"the result has more than {self._limit} bytes",
                hint="Select less, or let the engine write it to files; plugins.compute.spark has the limits",
            )
        return size

    def _fail(self, error: BaseException) -> BaseException:
        """Note why the query has failed, and return what to raise: why it was ended, if it was."""
        if self._end(RunState.FAILED, meaning_of(error, self._remote) or error):
            self._session.interrupt()
        return self._error or PluginUnavailableError(f"the Spark Connect server at {self._remote} does not answer")

    def _end(self, state: RunState, error: BaseException | None) -> bool:
        with self._lock:
            if self._state is not RunState.RUNNING:
                return False
            self._state, self._error = state, error
        if self._timer is not None:
            self._timer.cancel()
        self._ready.set()
        return True


def _head(rows: Iterator[Any]) -> tuple[Any, list[Any]]:
    """The Arrow schema of a result, and the first of its tables if there is one."""
    from pyspark.sql.pandas.types import to_arrow_schema
    from pyspark.sql.types import StructType

    struct = None
    for each in rows:
        if isinstance(each, StructType):
            struct = each
        else:
            return each.schema, [each]
    return to_arrow_schema(struct or StructType()), []


def _reader(schema: Any, batches: Iterator[Any]) -> Any:
    import pyarrow as pa

    return pa.RecordBatchReader.from_batches(schema, batches)
