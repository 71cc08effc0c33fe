"""Await calls that block on a thread, and interrupt them when the waiting is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from floe_plugins.execution.call import Call
from floe_plugins.execution.shield import Proxy

R = TypeVar("R")


async def run(function: Callable[[], R], *, is_left_behind: bool = False) -> R:
    """Call a function that makes requests on a thread of its own, and await its result; the loop goes on meanwhile.

    Args:
        function: The function.
        is_left_behind: Whether a cancelled call goes on alone; else its requests are interrupted, and their end is
            awaited. A second cancellation does not wait.

    Raises:
        asyncio.CancelledError: The waiting was cancelled. What the function had started is stopped.
        RuntimeError: No event loop of asyncio runs here.
        BaseException: What the function raised.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise RuntimeError(_NO_LOOP) from None
    proxy = Proxy(loop.call_soon_threadsafe)
    call: Call[R] = Call(partial(proxy.run, function))
    ended = asyncio.wrap_future(call)
    ended.add_done_callback(_retrieve)
    call.run_alone("floe request")
    try:
        await asyncio.wait([ended])
    except asyncio.CancelledError:
        proxy.interrupted.set_result(None)
        if not is_left_behind:
            await asyncio.wait([ended])
            if not ended.cancelled() and ended.exception() is None and proxy.undo is not None:
                await run(proxy.undo)
        raise
    return ended.result()


_NO_LOOP = (
    "no event loop of asyncio runs here: in another one, such as trio's, call the method without the 'a' in its name,"
    " on a thread (trio.to_thread.run_sync)"
)


def _retrieve(ended: asyncio.Future[R]) -> None:
    """Keep asyncio from logging the exception of a call that nobody waits for any more."""
    if not ended.cancelled():
        ended.exception()
