"""Parts of pluggy that work by identity, and whose cost does not grow with the number of plugins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
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


class PluginsByName(dict[str, Any]):
    """A dict of plugins whose ``values()`` finds by identity, at once."""

    def __init__(self) -> None:
        super().__init__()
        self._ids: dict[int, int] = {}

    def __setitem__(self, name: str, plugin: Any) -> None:
        self.pop(name, None)
        super().__setitem__(name, plugin)
        self._ids[id(plugin)] = self._ids.get(id(plugin), 0) + 1

    def __delitem__(self, name: str) -> None:
        self._forget(self[name])
        super().__delitem__(name)

    def pop(self, name: str, *default: Any) -> Any:
        """Remove a plugin and return it."""
        if name in self:
            self._forget(self[name])
        return super().pop(name, *default)

    def values(self) -> Any:
        """Return a view of the plugins in which ``in`` compares by identity."""
        return _Values(self, self._ids)

    def _forget(self, plugin: Any) -> None:
        count = self._ids.pop(id(plugin)) - 1
        if count:
            self._ids[id(plugin)] = count


class _Values(AbstractSet[Any]):
    def __init__(self, plugins: PluginsByName, ids: dict[int, int]) -> None:
        self._plugins = plugins
        self._ids = ids

    def __contains__(self, plugin: object) -> bool:
        return id(plugin) in self._ids

    def __iter__(self) -> Iterator[Any]:
        return iter([self._plugins[name] for name in list(self._plugins)])

    def __len__(self) -> int:
        return len(self._plugins)


class IdentitySet(AbstractSet[Any]):
    """A set by identity, for plugins that are unhashable or compare equal."""

    def __init__(self, plugins: Iterable[Any]) -> None:
        self._by_id = {id(plugin): plugin for plugin in plugins}

    def __contains__(self, plugin: object) -> bool:
        return id(plugin) in self._by_id

    def __iter__(self) -> Iterator[Any]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __repr__(self) -> str:
        return repr(list(self))
