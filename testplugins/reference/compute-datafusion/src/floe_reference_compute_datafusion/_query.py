"""A query that runs while its rows are read, and can be ended at any time."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from floe_plugins import CancelledOperationError, PluginTimeoutError
from floe_plugins.hookspecs.running import Running, RunState

if TYPE_CHECKING:
    from datafusion import DataFrame

    from floe_plugins.hookspecs.protocols import ArrowStream

_LABEL = "a query of compute:datafusion"
_AHEAD = 4  # batches that are made before they are asked for


class DataFusionQuery(Running["ArrowStream"]):
    """The rows of a data frame, made on a thread of their own.

    It ends with its last row, and if nobody has it or its rows any more.
    """

    def __init__(self, frame: DataFrame, timeout: float | None) -> None:
        self._id = str(uuid.uuid4())
        self._work = Work(frame, timeout)
        self._rows: Rows | None = Rows(self._work)
        self._lock = threading.Lock()

    @property
    def id(self) -> str:
        return self._id

    @property
    def state(self) -> RunState:
        return self._work.state

    def cancel(self) -> None:
        self._work.stop(RunState.CANCELLED, CancelledOperationError(f"{_LABEL} was cancelled"))

    def result(self, timeout: float | None = None) -> ArrowStream:
        if not self._work.ready.wait(timeout):
            raise TimeoutError(f"{_LABEL} has no rows within {timeout:g} seconds, and goes on")
        if self._work.error is not None:
            raise self._work.error
        import pyarrow as pa

        with self._lock:
            rows, self._rows = self._rows, None
        if rows is None:
            raise RuntimeError(f"the result of {_LABEL} was asked for before, and can be read once")
        reader: ArrowStream = pa.RecordBatchReader.from_batches(self._work.schema, rows)
        return reader


class Work:
    """What makes the rows. Thread-safe; it does not know who reads them.

    Attributes:
        ready: set when there are rows, or it has ended.
        schema: of pyarrow, once it is ready and there is no error.
    """

    def __init__(self, frame: DataFrame, timeout: float | None) -> None:
        self.state = RunState.RUNNING
        self.error: BaseException | None = None
        self.ready = threading.Event()
        self.schema: Any = None
        self._frame = frame
        self._batches: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._timer: threading.Timer | None = None
        if timeout is not None:
            self._timer = threading.Timer(timeout, self._expire, [timeout])
            self._timer.daemon = True
            self._timer.start()
        threading.Thread(target=self._run, name=f"floe {_LABEL}", daemon=True).start()

    def stop(self, state: RunState, error: BaseException | None) -> None:
        """End it, unless it has ended: DataFusion gives up what it is doing."""
        if self._end(state, error):
            # Closed already if it has come to its end meanwhile.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._cancel)

    def next(self) -> Any:
        """The next batch; None behind the last one. Waits for it.

        Raises:
            Exception: why it was ended, or why it has failed.
        """
        batch = self._batches.get()
        if batch is None:
            # For whoever asks again.
            self._batches.put(None)
        if self.error is not None:
            raise self.error
        if batch is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._room.release)
        return batch

    def _run(self) -> None:
        self._room = asyncio.Semaphore(_AHEAD)
        try:
            self._task = self._loop.create_task(self._make())
            if self.state is not RunState.RUNNING:
                self._task.cancel()
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        except BaseException as error:  # noqa: BLE001 raised to whoever reads
            self._end(RunState.FAILED, error)
        else:
            self._end(RunState.SUCCEEDED, None)
        finally:
            self._loop.close()
            del self._frame
            self.ready.set()
            self._batches.put(None)

    async def _make(self) -> None:
        async for made in self._frame.execute_stream():
            batch = made.to_pyarrow()
            await self._room.acquire()
            self._batches.put(batch)
            if self.schema is None:
                self.schema = batch.schema
                self.ready.set()
        if self.schema is None:
            self.schema = expanded(self._frame.schema())

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _expire(self, seconds: float) -> None:
        message = f"{_LABEL} did not end within {seconds:g} seconds"
        self.stop(RunState.FAILED, PluginTimeoutError(message, seconds=seconds))

    def _end(self, state: RunState, error: BaseException | None) -> bool:
        with self._lock:
            if self.state is not RunState.RUNNING:
                return False
            self.error, self.state = error, state
        if self._timer is not None:
            self._timer.cancel()
        self.ready.set()
        if error is not None:
            # Whoever waits for a batch is told at once.
            self._batches.put(None)
        return True


class Rows(Iterator[Any]):
    """The batches; what makes them is ended once nobody has these any more."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __next__(self) -> Any:
        batch = self._work.next()
        if batch is None:
            raise StopIteration
        return batch

    def __del__(self) -> None:
        self._work.stop(RunState.SUCCEEDED, None)


def expanded(schema: Any) -> Any:
    """A schema as results have it: without the string views that not all who read Arrow know."""
    import pyarrow as pa

    views = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    return pa.schema([field.with_type(views.get(field.type, field.type)) for field in schema])
