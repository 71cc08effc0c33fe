"""Run the schema code of all loaded plugins, each on its own thread and within its timeout for configuring."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

import attrs

from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import type_name
from floe_plugins.core.state import Stage
from floe_plugins.entries.entry import Entry
from floe_plugins.errors import PluginConfigurationError, PluginError, PluginTimeoutError
from floe_plugins.execution.call import Call
from floe_plugins.execution.plugin_code import plugin_code
from floe_plugins.registry.facade import PluginRegistry

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class SchemaCalls(Generic[T]):
    """The results of the calls, and the problems of the plugins whose call raised or did not end in time.

    Attributes:
        results: What the function returned, for each plugin whose call ended.
        problems: One for each of the others.
    """

    results: Mapping[PluginRef, T]
    problems: tuple[Problem, ...] = ()


def call_each(
    registry: PluginRegistry,
    function: Callable[[PluginRef, Any, str | None], T],
    refs: Iterable[PluginRef] | None = None,
) -> SchemaCalls[T]:
    """Call ``function(ref, plugin, distribution)`` for each of ``refs`` that is loaded.

    Without ``refs``, the selected plugins are loaded, and it is called for each that could be loaded.

    All calls run side by side, each on its plugin's own thread and at most for the deadline of ``configure``; this
    blocks until all have ended. What they return must be plain data, since nobody watches over what it does later.

    >>> call_each(PluginRegistry(path=[], environ={}), lambda ref, plugin, distribution: str(ref)).results
    {}

    Raises:
        KeyError: One of ``refs`` is no plugin of the registry.
    """
    if refs is None:
        registry.list()
    store = registry._store  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] it is no one else's concern

    def call(entry: Entry) -> T:
        with (
            plugin_code(registry, entry.ref),
            store.events.call(entry.ref, Stage.CONFIGURE, store.timeout(entry, Stage.CONFIGURE)),
        ):
            return function(entry.ref, entry.plugin, entry.distribution)

    entries = store.entries()
    loaded = [
        entry for ref in (store.selected() if refs is None else refs) if (entry := entries[ref]).plugin is not None
    ]
    calls = [(entry, entry.worker.submit(partial(call, entry))) for entry in loaded]
    begun = time.monotonic()
    results: dict[PluginRef, T] = {}
    problems: list[Problem] = []
    for entry, each in calls:
        seconds = store.timeout(entry, Stage.CONFIGURE)
        error = _error(entry, each, seconds, begun + seconds - time.monotonic())
        if isinstance(error, PluginTimeoutError):
            store.events.overdue(entry.ref, Stage.CONFIGURE, error.message)
        if error is None:
            results[entry.ref] = each.result()
        else:
            problems.append(entry.problem(error))
    return SchemaCalls(results=results, problems=tuple(problems))


def _error(entry: Entry, call: Call[Any], seconds: float, left: float) -> PluginError | None:
    """Wait for a call and return why it gave no result, or None if it gave one."""
    if not call.wait(left) and call.detach():
        hint = "Find out what its validators wait for, or raise timeouts.configure."
        return entry.timed_out(Stage.CONFIGURE, seconds, f"its schema did not answer within {seconds:g} s", hint)
    error = call.exception()
    if error is None or isinstance(error, PluginError):
        return error
    # The error's own text may repeat a value of the configuration.
    message = f"its schema failed with {type_name(error)}"
    failure = entry.failure(PluginConfigurationError, message, hint="Tell the plugin's author.")
    failure.exception = error
    return failure
