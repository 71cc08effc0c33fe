"""Limit the values of a YAML text before they are built: aliases and merge keys can stand for any number of them."""

from __future__ import annotations

import functools
from typing import Any

from floe_plugins.configuration.formats.position import FormatError, Position

# The pure Python parser takes about 50 microseconds for each value.
MAX_VALUES = 50_000


@functools.cache
def bounded_composer(composer: type[Any]) -> type[Any]:
    """Return a class of composers that refuse what a table of the configuration cannot be.

    That is more than ``MAX_VALUES`` values, a key that is a list or a table, and a value that contains itself.
    Their methods raise a ``FormatError``.
    """
    from ruamel.yaml.nodes import MappingNode, ScalarNode

    class BoundedComposer(composer):  # type: ignore[misc]
        def __init__(self, loader: Any = None) -> None:
            super().__init__(loader)
            self._composed = 0
            self._sizes: dict[int, int] = {}  # the number of values that a list or table stands for

        def compose_node(self, parent: Any, index: Any) -> Any:
            self._composed += 1
            if self._composed > MAX_VALUES:
                raise _too_many(self.parser.peek_event())
            node = super().compose_node(parent, index)
            if isinstance(node, ScalarNode):
                return node
            if node.end_mark is None:  # an alias of what is being composed
                message = "invalid YAML: an alias refers to a list or table that contains it"
                raise FormatError(message, position_of(node.start_mark))
            if isinstance(parent, MappingNode) and index is None:
                raise FormatError("invalid YAML: a key is a list or a table", position_of(node.start_mark))
            if id(node) not in self._sizes:
                values = (value for _, value in node.value) if isinstance(node, MappingNode) else node.value
                self._sizes[id(node)] = 1 + sum(self._sizes.get(id(value), 1) for value in values)
            if self._sizes[id(node)] > MAX_VALUES:
                raise _too_many(node)
            return node

    return BoundedComposer


def _too_many(place: Any) -> FormatError:
    message = f"invalid YAML: the file contains or stands for more than {MAX_VALUES} values"
    return FormatError(
        message, position_of(place.start_mark), "Split it, write it as JSON or TOML, or use fewer aliases"
    )


def position_of(mark: Any) -> Position:
    """Return the position of a mark of the parser."""
    return Position(mark.line + 1, mark.column + 1)
