"""Parts of a plugin manager, which work by identity and at a cost that does not grow with the number of plugins."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, MutableSet
from typing import Any

import pluggy


class QuickHookCaller(pluggy.HookCaller):
    """A ``pluggy.HookCaller`` that adds an implementation without looking at all others."""

    __slots__ = ()

    def _add_hookimpl(self, hookimpl: pluggy.HookImpl) -> None:
        # The order is pluggy's: wrappers behind all others; within each, trylast first and tryfirst last.
        impls = self._hookimpls
        split = end = len(impls)
        while split and _is_wrapper(impls[split - 1]):
            split -= 1
        start, end = (split, end) if _is_wrapper(hookimpl) else (0, split)
        if hookimpl.trylast:
            end = start
        elif not hookimpl.tryfirst:
            while end > start and impls[end - 1].tryfirst:
                end -= 1
        impls.insert(end, hookimpl)


def _is_wrapper(hookimpl: pluggy.HookImpl) -> bool:
    return hookimpl.hookwrapper or hookimpl.wrapper


class IdentitySet(MutableSet[Any]):
    """A set by identity, for plugins that are unhashable or compare equal.

    >>> first, second = [], []
    >>> found = IdentitySet([first, second, first])
    >>> len(found), second in found, [] in found
    (2, True, False)
    """

    def __init__(self, plugins: Iterable[Any] = ()) -> None:
        self._by_id = {id(plugin): plugin for plugin in plugins}

    def __contains__(self, plugin: object) -> bool:
        return id(plugin) in self._by_id

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def __repr__(self) -> str:
        return repr(list(self))

    def add(self, value: Any) -> None:
        """Add a plugin."""
        self._by_id[id(value)] = value

    def discard(self, value: Any) -> None:
        """Remove a plugin, if it is there."""
        self._by_id.pop(id(value), None)


class Subset(list[pluggy.HookImpl]):
    """The implementations of a hook without those of some plugins, which it names."""

    def __init__(self, methods: Iterable[pluggy.HookImpl], left_out: Iterable[Any]) -> None:
        super().__init__(methods)
        self.left_out = left_out


class PluginsByName(dict[str, Any]):
    """A dict of plugins, each under one name, whose ``values()`` finds by identity, at once.

    >>> plugins = PluginsByName()
    >>> plugins["a"] = plugin = []
    >>> plugin in plugins.values(), [] in plugins.values()
    (True, False)
    """

    def __init__(self) -> None:
        super().__init__()
        self._plugins = IdentitySet()

    def __setitem__(self, name: str, plugin: Any) -> None:
        self.pop(name, None)
        super().__setitem__(name, plugin)
        self._plugins.add(plugin)

    def __delitem__(self, name: str) -> None:
        self.pop(name)

    def pop(self, name: str, *default: Any) -> Any:
        """Remove a plugin and return it; ``default`` if there is none of that name.

        Raises:
            KeyError: There is none, and no default is given.
        """
        plugin = super().pop(name, *default)
        self._plugins.discard(plugin)
        return plugin

    def values(self) -> Any:
        """Return the plugins as a set that compares them by identity."""
        return self._plugins


class Depth(threading.local):
    """Counts how many times this thread has entered it."""

    depth = 0

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *_exception: object) -> None:
        self.depth -= 1
