"""The faults that a plugin may have, the stages at which it has them, and what is expected of each cell.

A fault is a function that is given the plugin, its configuration or None. It misbehaves there and then, or returns
what misbehaves when it is looked at. This module is imported by the tests and by the processes that they start.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from floe_plugins import HealthState, HealthStatus, PluginUnavailableError

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup

STAGES = ("import", "instantiate", "metadata", "configure", "startup", "health", "shutdown", "hook", "background")
SECRETS = {f"password_{place}": f"hunter2-{place}-{'x' * place}" for place in range(10)}

RAISES, RAISES_VALUE_ERROR, HANGS, HANGS_IN_ASYNC, RETURNS, RETURNS_STATUS, HARMLESS = (
    "raises",
    "raises ValueError",
    "hangs",
    "hangs in async",
    "returns",
    "returns a status",
    "is harmless",
)


class Fault(NamedTuple):
    """What a fault does.

    Attributes:
        act: Does it, or returns what does.
        kind: What is expected of it.
        hangs: Whether something of it never returns, so that the plugin has short timeouts.
        attribute: The attribute that has it at the stage "metadata".
    """

    act: Callable[[Any], Any]
    kind: str
    hangs: bool = False
    attribute: str = "version"


FAULTS: dict[str, Fault] = {}


def fault(name: str, kind: str, *, hangs: bool = False, attribute: str = "version") -> Callable[[Any], Any]:
    def add(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        FAULTS[name] = Fault(function, kind, hangs, attribute)
        return function

    return add


def hang(*_args: object, **_options: object) -> Any:
    while True:
        time.sleep(60)


def raising(error: type[BaseException]) -> Callable[..., Any]:
    def function(*_args: object, **_options: object) -> None:
        raise error

    return function


class OwnBaseError(BaseException):
    pass


NAMES = ("__name__", "__qualname__", "__module__")

# Errors whose class misbehaves.


def error_with(**attributes: Any) -> BaseException:
    made: BaseException = type("OddError", (Exception,), attributes)("odd")
    return made


class NamelessMeta(type):
    def __getattribute__(cls, name: str) -> Any:
        if name in NAMES:
            raise OwnBaseError
        return super().__getattribute__(name)


class NamelessError(Exception, metaclass=NamelessMeta):
    pass


def raises(name: str, make: Callable[[], BaseException], kind: str = RAISES, *, hangs: bool = False) -> None:
    def act(_plugin: Any) -> None:
        raise make()

    FAULTS[name] = Fault(act, kind, hangs)


def unavailable(retry_after: Any) -> PluginUnavailableError:
    error = PluginUnavailableError("away")
    error.retry_after = retry_after
    return error


class HangingHintError(PluginUnavailableError):
    retry_after = property(hang, lambda *_: None)  # type: ignore[assignment]


class HangingMembersError(BaseExceptionGroup[BaseException]):
    exceptions = property(hang)  # type: ignore[assignment]


class HangingNotesError(Exception):
    __notes__ = property(hang)  # type: ignore[assignment]


def with_cause(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


raises("raises ValueError", lambda: ValueError("bad"), RAISES_VALUE_ERROR)
raises("raises KeyboardInterrupt", KeyboardInterrupt)
raises("raises SystemExit", lambda: SystemExit(3))
raises("raises GeneratorExit", GeneratorExit)
raises("raises StopIteration", StopIteration)
raises("raises a BaseException of its own", OwnBaseError)
raises("raises MemoryError", MemoryError)
raises("raises a message of a megabyte", lambda: ValueError("m" * 1_000_000), RAISES_VALUE_ERROR)
raises(
    "raises a message with NUL, ESC and newlines",
    lambda: ValueError("\x00\x1b[2J\r\n\u202eplatform healthy"),
    RAISES_VALUE_ERROR,
)
raises("raises a message with half a character", lambda: OSError("\ud800"))
raises("raises an error whose text hangs", lambda: error_with(__str__=hang), hangs=True)
raises("raises an error whose text raises SystemExit", lambda: error_with(__str__=raising(SystemExit)))
raises("raises an error whose text raises KeyboardInterrupt", lambda: error_with(__str__=raising(KeyboardInterrupt)))
raises("raises an error whose text raises a BaseException", lambda: error_with(__str__=raising(OwnBaseError)))
raises("raises an error that refuses every look", lambda: error_with(__getattribute__=raising(OwnBaseError)))
raises("raises an error whose class hides its name", NamelessError)
raises("raises an error whose notes hang", HangingNotesError, hangs=True)
raises("raises an error whose cause's text hangs", lambda: with_cause(OSError(), error_with(__str__=hang)), hangs=True)
raises("raises a group whose members hang", lambda: HangingMembersError("all", [ValueError()]), hangs=True)
raises("is unavailable, try again after 0 s", lambda: unavailable(0), hangs=True)
raises("is unavailable, try again after -1 s", lambda: unavailable(-1), hangs=True)
raises("is unavailable, try again after nan s", lambda: unavailable(float("nan")), hangs=True)
raises("is unavailable, and when to try again hangs", lambda: HangingHintError("away"), hangs=True)


@fault("recurses without end", RAISES)
def recurse(plugin: Any) -> None:
    recurse(plugin)


@fault("raises ten secrets", RAISES_VALUE_ERROR)
def tell_secrets(plugin: Any) -> None:
    model = plugin if hasattr(plugin, "password_0") else getattr(plugin, "config", None)
    known = [getattr(model, name).get_secret_value() for name in SECRETS] if model is not None else []
    error = ValueError(f"refused: {' '.join(known)}")
    error.args += tuple(known)
    error.__cause__ = KeyError(*known)
    raise error


# What never returns.

FAULTS["hangs"] = Fault(hang, HANGS, hangs=True)


@fault("hangs in async", HANGS_IN_ASYNC, hangs=True)
async def hang_in_async(_plugin: Any) -> None:
    await asyncio.Event().wait()


@fault("hangs in async and resists being cancelled", HANGS_IN_ASYNC, hangs=True)
async def resist(_plugin: Any) -> None:
    while True:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


# Returned objects that misbehave.


class Odd:
    """Not what is expected, wherever it is returned."""


class HangingClass:
    __class__ = property(hang)  # type: ignore[assignment]


class RefusesLooks:
    def __getattribute__(self, name: str) -> Any:
        raise OwnBaseError


class HangingOperations:
    __eq__ = __bool__ = __len__ = __iter__ = __str__ = __repr__ = __hash__ = __lt__ = hang  # type: ignore[assignment]


class HangingMeta(type):
    def __getattribute__(cls, name: str) -> Any:
        return hang() if name in NAMES else super().__getattribute__(name)


class HangingName(metaclass=HangingMeta):
    pass


def hanging_status() -> HealthStatus:
    """A status that hangs when it is read, though not when it is made."""

    class HangingStatus(HealthStatus):
        message = property(lambda _: hang() if made else "", lambda *_: None)  # type: ignore[assignment]

    made: list[HealthStatus] = []
    made.append(HangingStatus(HealthState.HEALTHY))
    return made[0]


class HangingItems(Mapping[str, Any]):
    __getitem__ = __iter__ = items = hang  # type: ignore[assignment]

    def __len__(self) -> int:
        return 1


class EndlessItems(dict[str, Any]):
    def items(self) -> Any:
        return ((str(number), number) for number in iter(int, 1))


def returns(name: str, make: Callable[[], Any], *, hangs: bool = False, attribute: str = "version") -> None:
    FAULTS[name] = Fault(lambda _plugin: make(), RETURNS, hangs, attribute)


def returns_status(name: str, make: Callable[[], HealthStatus], *, hangs: bool = False) -> None:
    FAULTS[name] = Fault(lambda _plugin: make(), RETURNS_STATUS, hangs)


def numbers() -> Iterator[int]:
    yield 1


returns("returns an object of another type", Odd)
returns("returns a generator", numbers)
returns("returns nan", lambda: {"health": float("nan")}, attribute="timeouts")
returns("returns infinity", lambda: {"startup": float("inf")}, attribute="timeouts")
returns("returns 10**400", lambda: {"startup": 10**400}, attribute="timeouts")
returns("returns text for a number", lambda: {"startup": "30"}, attribute="timeouts")
returns("returns an endless mapping", lambda: EndlessItems(a=1), hangs=True, attribute="timeouts")
returns("returns a mapping whose items hang", HangingItems, hangs=True, attribute="timeouts")
returns("returns an object whose class hangs", HangingClass, hangs=True)
returns("returns an object whose class's name hangs", HangingName, hangs=True)
returns("returns an object that refuses every look", RefusesLooks)
returns("returns an object whose operations hang", HangingOperations, hangs=True, attribute="timeouts")
returns_status("returns a status whose message hangs", hanging_status, hangs=True)
returns_status(
    "returns a status whose details hang", lambda: HealthStatus(HealthState.HEALTHY, "", HangingItems()), hangs=True
)
returns_status(
    "returns a status whose details are endless",
    lambda: HealthStatus(HealthState.HEALTHY, "", EndlessItems(a=1)),
    hangs=True,
)
returns_status(
    "returns a status with a value whose text hangs",
    lambda: HealthStatus(HealthState.HEALTHY, "", {"a": HangingOperations()}),
    hangs=True,
)


# What is done to the process, and does no harm to others.


@fault("starts threads that never end", HARMLESS)
def start_threads(_plugin: Any) -> None:
    for _ in range(20):
        threading.Thread(target=hang, daemon=True).start()


@fault("forks, and the child ends", HARMLESS)
def fork(_plugin: Any) -> None:
    if os.fork() == 0:
        os._exit(0)


@fault("closes standard output and error", HARMLESS)
def close_outputs(_plugin: Any) -> None:
    for number in (1, 2):
        with contextlib.suppress(OSError):
            os.close(number)


@fault("replaces standard output and error", HARMLESS)
def replace_outputs(_plugin: Any) -> None:
    class Broken:
        write = raising(OwnBaseError)

        def flush(self) -> None: ...

    sys.stdout = sys.stderr = Broken()  # type: ignore[assignment]


@fault("changes the working directory", HARMLESS)
def change_directory(_plugin: Any) -> None:
    os.chdir("/")


@fault("sets signal handlers", HARMLESS)
def set_signal_handlers(_plugin: Any) -> None:
    with contextlib.suppress(ValueError):  # it is the main thread's right alone
        signal.signal(signal.SIGINT, signal.SIG_IGN)


class BaseErrorHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise OwnBaseError


@fault("adds a log handler that raises a BaseException", HARMLESS)
def add_log_handler(_plugin: Any) -> None:
    logging.getLogger("floe_plugins").addHandler(BaseErrorHandler())


@fault("forgets to await a coroutine", HARMLESS)
def forget_to_await(plugin: Any) -> None:
    hang_in_async(plugin)


# What no thread can contain: the fault, and why. The stages are all, where none are named.
UNCONTAINED: dict[str, str] = {
    "segfault": "ends the process",
    "os._exit": "ends the process",
    "C code that keeps the GIL": "no other thread runs",
    "exhausted memory": "every allocation may fail, also those of the platform",
    "a replaced builtin, or module of the standard library": "the platform itself uses it",
    "a lock of the interpreter or of `logging` that is held": "whoever imports, or logs, waits for it",
    "a log handler that blocks": "it runs on the thread that logs, which is the caller's too: put a `QueueHandler` "
    "before it; what it raises is contained",
    "a trace or profile function that blocks, or raises in others' code": "Python calls it within the platform's own "
    "code and within `threading`, where locks are held; one that lets no new thread begin is logged and removed",
    "a lowered recursion limit": "it holds for all threads",
    "a fork whose child goes on": "the child is another process, and copies what the parent has opened",
}


# Faults whose object hangs already when the plugin makes it.
HANG_WHEN_MADE = {"returns a status whose details hang"}


def expected(stage: str, name: str) -> str:  # noqa: PLR0911 one line for each kind
    """What is expected of a cell, "" if nothing.

    "blamed": the plugin has failed. "refused": its configuration is invalid, and nothing starts. "raised": whoever
    called the hook gets the error. "works": it is none the worse for it. "either": it is blamed, or works. "": a hook
    of a category hangs, which the application calls on its own thread and without a deadline.
    """
    kind = FAULTS[name].kind
    if kind == RAISES_VALUE_ERROR:
        if stage == "configure":
            return "refused"  # that is how pydantic's validators say that a value is wrong
        kind = RAISES
    if stage == "hook" and name in HANG_WHEN_MADE:
        return ""
    if stage == "background":
        return "works" if kind == HARMLESS else "either"
    if kind == HARMLESS:
        return "works"
    if stage == "hook":
        return {RAISES: "raised", HANGS: ""}.get(kind, "works")
    if kind in {RAISES, HANGS}:
        return "blamed"
    # A validated value may be anything; pydantic and the masking of secrets may look at it.
    if stage == "configure" or (stage == "health" and kind == RETURNS_STATUS):
        return "either"
    return "blamed"


def cells() -> list[tuple[str, str]]:
    """The supervised cells."""
    return [(stage, name) for name in FAULTS for stage in STAGES if expected(stage, name)]


def act(name: str, plugin: Any, default: Any) -> Any:
    """Commit a fault; what the plugin goes on with."""
    found = FAULTS[name].act(plugin)
    return default if found is None else found
