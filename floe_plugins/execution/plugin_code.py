"""Know whose code the present call is part of, on any thread: a call takes its context along."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from floe_plugins.core.refs import PluginRef

T = TypeVar("T")


class _PluginCode(NamedTuple):
    registry: weakref.ref[Any]  # what a plugin leaves running does not keep its registry alive
    ref: PluginRef | None


# Outermost first.
_inside: ContextVar[tuple[_PluginCode, ...]] = ContextVar("floe_plugins_inside", default=())


def current_registry() -> Any:
    """Return the registry whose plugin's code the present call is part of, the innermost one; None if there is none."""
    inside = _inside.get()
    return inside[-1].registry() if inside else None


def calling_plugins(registry: object) -> tuple[PluginRef, ...]:
    """Return the plugins of one registry whose code the present call is part of, innermost first."""
    inside = _inside.get()
    return tuple(code.ref for code in reversed(inside) if code.ref is not None and code.registry() is registry)


@contextmanager
def plugin_code(registry: object, ref: PluginRef | None = None) -> Generator[None, None, None]:
    """Mark what happens within the block as code of a plugin; without ``ref``, of one whose ref is not known yet."""
    token = _inside.set((*_inside.get(), _PluginCode(weakref.ref(registry), ref)))
    try:
        yield
    finally:
        _inside.reset(token)


def as_plugin_code(registry: object, ref: PluginRef, function: Callable[[], T]) -> Callable[[], T]:
    """Mark a function, and the coroutine that it may return, as code of a plugin.

    Call the result in a context of its own.
    """

    def marked() -> T:
        _inside.set((*_inside.get(), _PluginCode(weakref.ref(registry), ref)))
        return function()

    return marked
