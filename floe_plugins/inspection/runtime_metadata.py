"""Read the metadata of a plugin instance once, and keep it as plain values.

Reading it again later could run code of the plugin on another thread and give another result.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from typing import Any, NamedTuple

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import describe_error
from floe_plugins.errors import PluginLoadError
from floe_plugins.hookspecs.base import PluginMetadata


class RuntimeMetadata(NamedTuple):
    """The metadata of a plugin instance, as values of exactly these types."""

    name: str
    version: str
    floe_api_version: str
    description: str
    dependencies: tuple[str, ...]
    optional_dependencies: tuple[str, ...]
    caller_thread: bool


def read_metadata(plugin: PluginMetadata, ref: PluginRef | None, origin: str | None) -> RuntimeMetadata:
    """Return the metadata of ``plugin``. Evaluates properties.

    Raises:
        PluginLoadError: an attribute is missing or has another type, or reading it raised.
    """
    reader = _Reader(plugin, ref, origin)
    return RuntimeMetadata(
        reader.text("name"),
        reader.text("version"),
        reader.text("floe_api_version"),
        reader.text("description", allow_empty=True),
        reader.texts("dependencies"),
        reader.texts("optional_dependencies"),
        bool(reader.value("caller_thread")),
    )


def read_attribute(plugin: PluginMetadata, attribute: str, ref: PluginRef | None, origin: str | None) -> Any:
    """Return an attribute of ``plugin``, or None if it is missing. Evaluates a property.

    Raises:
        PluginLoadError: the property raised.
    """
    try:
        return getattr(plugin, attribute, None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        message = f"reading {attribute!r} failed with {describe_error(error)}"
        raise PluginLoadError(message, ref=ref, distribution=origin, hint="Tell the plugin's author.") from error


class _Reader(NamedTuple):
    plugin: PluginMetadata
    ref: PluginRef | None
    origin: str | None

    def value(self, attribute: str) -> Any:
        return read_attribute(self.plugin, attribute, self.ref, self.origin)

    def text(self, attribute: str, *, allow_empty: bool = False) -> str:
        found = self.value(attribute)
        if not isinstance(found, str) or not (found or allow_empty):
            raise self.error(f"{attribute!r} must be a string, not {reprlib.repr(found)}")
        return str.__str__(found)

    def texts(self, attribute: str) -> tuple[str, ...]:
        found = self.value(attribute)
        if type(found) is tuple and not found:
            return ()  # the most common case
        if not isinstance(found, str) and isinstance(found, Sequence):
            items = tuple(found)
            if all(isinstance(item, str) for item in items):
                return tuple(str.__str__(item) for item in items)
        raise self.error(f"{attribute!r} must be a list or tuple of strings, not {reprlib.repr(found)}")

    def error(self, message: str) -> PluginLoadError:
        return PluginLoadError(message, ref=self.ref, distribution=self.origin, hint="Tell the plugin's author.")
