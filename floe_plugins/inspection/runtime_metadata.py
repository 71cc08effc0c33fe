"""A plugin's declarations, read once when it is made and kept as plain values.

Reading them again could run its code on any thread, and give another answer.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from floe_plugins.core.safe_text import type_name
from floe_plugins.core.suggestions import closest
from floe_plugins.core.timeouts import TIMEOUT_NAMES, check_timeout
from floe_plugins.errors import PluginLoadError
from floe_plugins.execution import boundary

TELL_AUTHOR = "Tell the plugin's author"  # how a hint begins that says what an author has to do
MAX_DEPENDENCIES = 10_000
_HINT = f"{TELL_AUTHOR}."


class RuntimeMetadata(NamedTuple):
    """A plugin's metadata as exact ``str``, ``bool``, ``float`` and tuples, of which none is the plugin's own object.

    Attributes:
        floe_api_version: what its attribute for the API of its platform says, whatever that is called.
        caller_thread: whether its lifecycle hooks are called on the thread of the caller.
        timeouts: seconds, by the names of ``TIMEOUT_NAMES``; what it does not declare is missing.
    """

    name: str
    version: str
    floe_api_version: str
    description: str
    dependencies: tuple[str, ...]
    optional_dependencies: tuple[str, ...]
    caller_thread: bool
    timeouts: Mapping[str, float]


def read_metadata(plugin: object, api_attribute: str = "floe_api_version") -> RuntimeMetadata:
    """Read what ``plugin`` declares; properties are evaluated, so call it on the plugin's thread.

    >>> from floe_plugins import SecretsPlugin
    >>> class Vault(SecretsPlugin):
    ...     name, version, floe_api_version = "vault", "1.0", "1.0"
    ...     timeouts = {"startup": 60}
    >>> read_metadata(Vault).timeouts
    {'startup': 60.0}

    Raises:
        PluginLoadError: Something is missing or of another type, or reading it raised.
    """
    return RuntimeMetadata(
        _text(plugin, "name"),
        _text(plugin, "version"),
        _text(plugin, api_attribute),
        _text(plugin, "description", may_be_empty=True),
        _texts(plugin, "dependencies"),
        _texts(plugin, "optional_dependencies"),
        bool(boundary.to_plain(read_attribute(plugin, "caller_thread"))),
        _timeouts(plugin),
    )


def read_attribute(plugin: object, attribute: str) -> Any:
    """Return one of a plugin's attributes, None if there is none; a property is evaluated.

    Raises:
        PluginLoadError: The plugin's property raised.
    """
    try:
        return boundary.call(lambda: getattr(plugin, attribute, None))
    except boundary.ForeignError as error:
        failure = error
    raise boundary.caused_by(PluginLoadError(f"reading {attribute!r} failed with {failure}", hint=_HINT), failure)


def _text(plugin: object, attribute: str, *, may_be_empty: bool = False) -> str:
    found = read_attribute(plugin, attribute)
    if not issubclass(type(found), str) or not (found or may_be_empty):
        raise PluginLoadError(
            f"{attribute!r} must be a string, not {_shown(found)}", hint=_write(f'{attribute} = "..."')
        )
    return str.__str__(found)


def _write(line: str) -> str:
    return f"{TELL_AUTHOR}: write {line} in the class."


def _texts(plugin: object, attribute: str) -> tuple[str, ...]:
    found = read_attribute(plugin, attribute)
    if type(found) is tuple and not found:
        return ()  # as it is for most plugins
    items: Any = None
    if issubclass(type(found), Sequence) and not issubclass(type(found), str):
        items = boundary.call(lambda: _first(found, MAX_DEPENDENCIES + 1))
    if items is None or not all(issubclass(type(item), str) for item in items):
        raise PluginLoadError(
            f"{attribute!r} must be a list or tuple of strings, not {_shown(found)}",
            hint=_write(f'{attribute} = ("compute:duckdb",)'),
        )
    if len(items) > MAX_DEPENDENCIES:
        raise PluginLoadError(
            f"{attribute!r} has more than {MAX_DEPENDENCIES} items",
            hint=f"{TELL_AUTHOR}: name the categories of plugins, rather than each of them.",
        )
    return tuple(str.__str__(item) for item in items)


def _first(items: Any, count: int) -> tuple[Any, ...]:
    # What a plugin gives may have no end, and fill the memory.
    return tuple(islice(items, count))


def _timeouts(plugin: object) -> Mapping[str, float]:
    found = read_attribute(plugin, "timeouts")
    if found is None or (type(found) is dict and not found):
        return {}
    if not issubclass(type(found), Mapping):
        raise PluginLoadError(
            f"'timeouts' must be a mapping of seconds, not {_shown(found)}", hint=_write('timeouts = {"startup": 60}')
        )
    timeouts: dict[str, float] = {}
    # A mapping with more items has a wrong one among them, or one twice.
    items: tuple[Any, ...] = boundary.call(lambda: _first(found.items(), len(TIMEOUT_NAMES) + 1))
    for key, value in items:
        if type(key) is not str or key not in TIMEOUT_NAMES:
            message = f"'timeouts' has the key {_shown(key)}; expected {', '.join(TIMEOUT_NAMES)}"
            meant = (closest(key, TIMEOUT_NAMES) if type(key) is str else []) or ["startup"]
            raise PluginLoadError(message, hint=_write(f'timeouts = {{"{meant[0]}": 60}}'))
        try:
            timeouts[key] = check_timeout(value)
        except ValueError as error:
            raise PluginLoadError(f"timeouts[{key!r}] {error}", hint=_write(f'timeouts = {{"{key}": 60}}')) from None
    return timeouts


def _shown(value: object) -> str:
    """Return the ``repr`` of a scalar, and the class of anything else."""
    if value is None or type(value) in {str, int, float, bool, list, tuple, dict}:
        with suppress(BaseException):  # a list may hold the plugin's own objects
            return reprlib.repr(value)
    return f"an object of type {type_name(value)}"
