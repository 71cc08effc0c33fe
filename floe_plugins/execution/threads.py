"""Start threads that begin, or are known to have died: a plugin may set what Python calls in each new thread."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

from floe_plugins.core.log import log

# A dead thread tells nobody. Only where one takes this long to begin is it looked after.
_INTERVAL = 0.05


class _Thread(threading.Thread):
    def __init__(
        self, target: Callable[[], object], name: str, died: Callable[[BaseException], object] | None = None
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._call = target
        self._died = died
        self.has_begun = False
        self.begun = threading.Lock()
        self.begun.acquire()

    def run(self) -> None:
        # What traces the thread may raise at each line, and once at most: Python then takes it off this thread.
        call, died = self._call, self._died
        del self._call, self._died
        try:
            self.has_begun = True
            self.begun.release()
            call()
        except BaseException as error:
            if not self.has_begun or died is None:
                raise
            died(error)


def start(
    target: Callable[[], object], name: str, died: Callable[[BaseException], object] | None = None
) -> threading.Thread:
    """Start a daemon thread that calls ``target``, and return it once it has begun.

    A trace or profile function for new threads that keeps it from that is logged and removed. ``died`` is called on the
    thread with what leaves ``target``.

    Raises:
        RuntimeError: No thread can be started, or none begins.
    """
    thread = _begun(target, name, died)
    for kinds in _SUSPECTS:
        thread = thread or _begun_without(kinds, target, name, died)
    if thread is None:
        raise RuntimeError("a new thread died before it began")
    return thread


def hint(error: BaseException) -> str:
    """Return advice where the system has refused a thread, which is no plugin's fault; else nothing.

    >>> hint(RuntimeError("can't start new thread"))[:45]
    'The process may start no more threads, or get'
    """
    if type(error) is RuntimeError and str(error) == _REFUSED:
        return "The process may start no more threads, or get no more memory: see ulimit -u and -v, and its container."
    return ""


_REFUSED = "can't start new thread"  # Python's own words


# The functions that may keep a thread from beginning; a debugger's or a measurement's may be set beside a broken one.
_SUSPECTS = (("trace",), ("profile",), ("trace", "profile"))


def _begun_without(
    kinds: tuple[str, ...], target: Callable[[], object], name: str, died: Callable[[BaseException], object] | None
) -> threading.Thread | None:
    """Return a thread that has begun since these functions were removed; None, and they stay, if that does not help."""
    hooks = {kind: getattr(threading, f"get{kind}")() for kind in kinds}
    if any(hook is None for hook in hooks.values()):
        return None
    thread = None
    try:
        for kind in kinds:
            _set(kind, None)
        thread = _begun(target, name, died)
    finally:
        for kind, hook in hooks.items():
            if thread is None:
                _set(kind, hook)
            else:
                log("error", _REMOVED, kind, _where(hook))
    return thread


_REMOVED = "the %s function that was set for new threads%s raises, and was removed: no thread could begin"


def _begun(
    target: Callable[[], object], name: str, died: Callable[[BaseException], object] | None
) -> threading.Thread | None:
    """Return a thread that has begun; None if it died before."""
    thread = _Thread(target, name, died)
    handled = sys.exc_info()[1]
    try:
        thread.start()
    except RuntimeError as error:
        # A signal's handler that raises amid `Thread.start` may have it lose a lock, and say that no thread can be
        # started while the new one runs.
        if error.__context__ is None or error.__context__ is handled:
            raise
        raise error.__context__ from None
    while not thread.begun.acquire(timeout=_INTERVAL) and thread.is_alive():
        pass
    return thread if thread.has_begun else None


def _set(kind: str, hook: Any) -> None:
    getattr(threading, f"set{kind}")(hook)


def _where(hook: object) -> str:
    # Of any other object, the class would be asked, which is a plugin's own.
    return f" ({hook.__code__.co_filename}, line {hook.__code__.co_firstlineno})" if type(hook) is FunctionType else ""
