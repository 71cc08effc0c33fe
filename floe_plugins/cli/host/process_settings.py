"""Read the settings of a process that all plugins share: signal handlers, environment, hooks and the like."""

from __future__ import annotations

import atexit
import locale
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

import attrs

from floe_plugins.core.safe_text import safe_str


def read() -> dict[str, Mapping[str, Any]]:
    """Return the value of each name now, by kind."""
    return {kind: read_kind() for kind, read_kind in _READERS.items()}


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[str]:
    """Return which names of one kind have changed; what they were before only where that cannot be secret.

    >>> [*changed({"HOME": "/root"}, {"HOME": "/tmp", "TOKEN": "s3cret"})]
    ['HOME', 'TOKEN']
    """
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new:
            is_shown = isinstance(new, _Shown) or isinstance(old, _Shown)
            change = f"{old} before, now {new}"
            yield name if not is_shown else f"{name} ({change})" if name else change


class _Shown(str):
    """A value that may be shown."""

    __slots__ = ()


@attrs.frozen(eq=False)
class _Object:
    """An object that is equal to itself alone, whatever it says; it lives on, so that no other gets its place."""

    value: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Object) and self.value is other.value

    def __hash__(self) -> int:
        return id(self.value)


def _signal_handlers() -> dict[str, Any]:
    found: dict[str, Any] = {}
    masks = _native_signals()
    for number in signal.valid_signals():
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {int(number)}"
        native = tuple(bool(mask >> (number - 1) & 1) for mask in masks)
        found[name] = (_Object(signal.getsignal(number)), native)
    return found


def _native_signals() -> tuple[int, ...]:
    """Return the signals that are ignored and those that are handled, also by native code, each as a mask."""
    return tuple(int(text, 16) for text in (_status("SigIgn"), _status("SigCgt")) if text)


def _status(field: str) -> str:
    with suppress(OSError), open("/proc/self/status", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        for line in file:
            name, _, value = line.partition(":")
            if name == field:
                return value.strip()
    return ""


def _logging() -> dict[str, Any]:
    root = logging.getLogger()
    handlers = [_Object(each) for each in root.handlers]
    return {
        "level of the root logger": _Shown(logging.getLevelName(root.level)),
        "handlers of the root logger": handlers,
        "logging.disable()": _Shown(root.manager.disable),
    }


def _environment() -> dict[str, Any]:
    return {safe_str(name): safe_str(value) for name, value in os.environ.items()}


def _directory() -> dict[str, Any]:
    try:
        return {"": _Shown(os.getcwd())}  # noqa: PTH109 as above
    except OSError:
        return {"": _Shown("one that is deleted")}


def _path() -> dict[str, Any]:
    return dict.fromkeys(map(safe_str, sys.path), True)


def _hooks() -> dict[str, Any]:
    found = {f"sys.{name}": _Object(getattr(sys, name, None)) for name in _SYS_HOOKS}
    found["threading.excepthook"] = _Object(threading.excepthook)
    found["threading.settrace()"] = _Object(threading.gettrace())
    found["threading.setprofile()"] = _Object(threading.getprofile())
    return found


_SYS_HOOKS = ("excepthook", "unraisablehook", "displayhook", "breakpointhook", "stdout", "stderr")


def _warnings() -> dict[str, Any]:
    return {"": _Shown(len(warnings.filters))}


def _locale() -> dict[str, Any]:
    names = ("LC_COLLATE", "LC_CTYPE", "LC_MONETARY", "LC_MESSAGES", "LC_NUMERIC", "LC_TIME")
    return {name: _Shown(locale.setlocale(getattr(locale, name))) for name in names if hasattr(locale, name)}


def _atexit() -> dict[str, Any]:
    number = getattr(atexit, "_ncallbacks", None)  # there is no other way to know
    return {} if number is None else {"": _Shown(number())}


def _umask() -> dict[str, Any]:
    text = _status("Umask")
    if not text:
        mask = os.umask(0o077)
        os.umask(mask)
        text = f"{mask:04o}"
    return {"": _Shown(text)}


_READERS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "signal handlers": _signal_handlers,
    "logging set-up": _logging,
    "environment variables": _environment,
    "working directory": _directory,
    "sys.path": _path,
    "hooks of the interpreter": _hooks,
    "warnings filters": _warnings,
    "locale": _locale,
    "functions for the end of the process": _atexit,
    "umask": _umask,
}

# What to do about a change of each kind. Functions for the end of the process are ordinary: many modules have some.
HINTS: Mapping[str, str] = {
    "signal handlers": "The application may no longer stop or reload as it is told to; tell the plugin's author.",
    "logging set-up": "All log messages of the application are concerned; it should set up its own loggers only.",
    "environment variables": "All plugins and child processes see them; it should take settings as configuration.",
    "working directory": "Relative paths of all others now lead elsewhere; it should use absolute paths.",
    "sys.path": "Other modules may be imported from there, in place of those expected; tell the plugin's author.",
    "hooks of the interpreter": "Errors of others may be shown otherwise, or not at all; tell the plugin's author.",
    "warnings filters": "Warnings of others may be hidden, or become errors; tell the plugin's author.",
    "locale": "Numbers and dates of the whole process are read and written otherwise; tell the plugin's author.",
    "umask": "Files of the whole process are made with other permissions; tell the plugin's author.",
}
