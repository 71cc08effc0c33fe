"""Keep a forked child from using the plugins of its parent.

A fork copies memory, but neither threads nor the meaning of connections: a child that stops its parent's plugins
closes what the parent works with, and a lock that another thread held stays locked for ever.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any, NoReturn

from floe_plugins.errors import PluginError

_watched: weakref.WeakKeyDictionary[Any, Callable[[Any], object]] = weakref.WeakKeyDictionary()


class Unusable:
    """Stands in for a part of a registry that was started in the parent process; any use raises ``PluginError``."""

    def __init__(self, parent: int) -> None:
        self.__dict__["_parent"] = parent

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    def __getitem__(self, key: object) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise PluginError(
            f"this registry was started in process {self.__dict__['_parent']}, and this process is a fork of it",
            hint="Make and start a registry in each process after the fork, or start processes by spawn.",
        )


def watch(owner: Any, after_fork: Callable[[Any], object]) -> None:
    """Have ``after_fork(owner)`` called in each child that is forked while ``owner`` exists."""
    _watched[owner] = after_fork


def _after_fork() -> None:
    for owner, after_fork in list(_watched.items()):
        after_fork(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
