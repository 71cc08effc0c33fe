"""What is done often: looking a plugin up, registering one, calling hooks."""

from __future__ import annotations

import functools
import time
import timeit
from collections.abc import Callable, Mapping
from typing import Any

import pluggy

from benchmarks.timing import Table, interleaved, seconds, table
from floe_plugins import LineageBackendPlugin, PluginRegistry, PluginType, hookimpl

ATTRIBUTES = 40


def plugin_class(number: int, attributes: int = 0) -> type[LineageBackendPlugin]:
    """A lineage backend with so many other attributes."""

    class Backend(LineageBackendPlugin):
        name = f"backend-{number}"
        version = "1.0"
        floe_api_version = "1.0"

        @hookimpl
        def emit(self, event: Mapping[str, Any]) -> None:
            pass

        @hookimpl
        def flush(self, deadline: float) -> bool:
            return deadline > 0

        @hookimpl
        def namespace(self, dataset: str) -> str:
            return dataset

    for index in range(attributes):
        setattr(Backend, f"attribute_{index}", index)
    return Backend


class Lookup:
    """A method that does one dict lookup."""

    def __init__(self, plugins: dict[str, object]) -> None:
        self.plugins = plugins

    def get(self, name: str) -> object:
        """The plugin of that name."""
        return self.plugins[name]


def _each(act: Callable[[], object], times: int) -> Callable[[], float]:
    timer = timeit.Timer(act, timer=time.process_time)
    return lambda: timer.timeit(times) / times


def lookup(rounds: int) -> Table:
    """``get`` of a loaded plugin."""
    registry = PluginRegistry(autoload="none", environ={})
    registry.register(plugin_class(0))
    yardstick = Lookup({"backend-0": registry.get(LineageBackendPlugin, "backend-0")})
    one, ours = "a method that does one dict lookup", "registry.get()"
    contenders = {
        one: _timer("get('backend-0')", get=yardstick.get),
        f"{ours} by PluginType": _timer(
            "get(category, 'backend-0')", get=registry.get, category=PluginType.LINEAGE_BACKEND
        ),
        f"{ours} by class": _timer("get(category, 'backend-0')", get=registry.get, category=LineageBackendPlugin),
    }
    medians = interleaved(
        {name: functools.partial(_timed, timer, 100_000) for name, timer in contenders.items()}, rounds * 3
    )
    limits = {name: (one, 1.4) for name in contenders if name != one}
    return table("Looking up a loaded plugin", medians, limits)


def _timer(statement: str, **names: object) -> timeit.Timer:
    # Processor time: what others do meanwhile to a shared machine does not count.
    return timeit.Timer(statement, timer=time.process_time, globals=names)


def _timed(timer: timeit.Timer, times: int) -> float:
    return timer.timeit(times) / times


def registration(rounds: int) -> Table:
    """``register`` of a plugin with many attributes."""
    cls = plugin_class(1, ATTRIBUTES)
    contenders = {
        "pluggy: register()": _pluggy_register(cls),
        "registry.register()": _our_register(cls),
        "registry.manager().register()": _manager_register(cls),
    }
    medians = interleaved(contenders, rounds * 10)
    limits = {name: ("pluggy: register()", 0.3) for name in contenders if not name.startswith("pluggy")}
    return table(f"Registering a plugin with {ATTRIBUTES} attributes, pluggy {pluggy.__version__}", medians, limits)


def _pluggy_register(cls: type[LineageBackendPlugin]) -> Callable[[], float]:
    def measure() -> float:
        manager = pluggy.PluginManager("floe")
        manager.add_hookspecs(LineageBackendPlugin)
        plugin = cls()
        return seconds(lambda: manager.register(plugin, cls.name))

    return measure


def _our_register(cls: type[LineageBackendPlugin]) -> Callable[[], float]:
    def measure() -> float:
        registry = PluginRegistry(autoload="none", environ={})
        registry.register(plugin_class(0))
        plugin = cls()
        return seconds(lambda: registry.register(plugin))

    return measure


def _manager_register(cls: type[LineageBackendPlugin]) -> Callable[[], float]:
    def measure() -> float:
        registry = PluginRegistry(autoload="none", environ={})
        manager = registry.manager(PluginType.LINEAGE_BACKEND)
        manager.register(plugin_class(0)())
        plugin = cls()
        return seconds(lambda: manager.register(plugin))

    return measure


def broadcast(implementations: int, rounds: int) -> Table:
    """A hook called on so many plugins."""
    plain = pluggy.PluginManager("floe")
    plain.add_hookspecs(LineageBackendPlugin)
    registry = PluginRegistry(autoload="none", environ={})
    for number in range(implementations):
        cls = plugin_class(number)
        plain.register(cls())
        registry.register(cls)
    manager = registry.manager(PluginType.LINEAGE_BACKEND)
    assert manager.hook.flush(deadline=1.0) == plain.hook.flush(deadline=1.0) == [True] * implementations
    contenders = {
        "pluggy: manager.hook.flush()": _each(lambda: plain.hook.flush(deadline=1.0), 5_000),
        "registry.manager().hook.flush()": _each(lambda: manager.hook.flush(deadline=1.0), 5_000),
    }
    medians = interleaved(contenders, rounds * 5)
    limits = {"registry.manager().hook.flush()": ("pluggy: manager.hook.flush()", 1.05)}
    return table(f"A hook with {implementations} implementations", medians, limits)
