"""Limit the values of a YAML text before they are built: aliases and merge keys can stand for any number of them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from floe_plugins.configuration.formats.position import FormatError, Position

# The pure Python parser takes about 50 microseconds for each value.
MAX_VALUES = 50_000


@functools.cache
def bounded_composer(composer: type[Any]) -> type[Any]:
    """Return a class of composers that raise a ``FormatError`` for more than ``MAX_VALUES`` values."""

    class BoundedComposer(composer):  # type: ignore[misc]
        _composed = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            self._composed += 1
            if self._composed > MAX_VALUES:
                event = self.parser.peek_event()
                raise _too_many(event)
            return super().compose_node(parent, index)

        def get_single_node(self) -> Any:
            root = super().get_single_node()
            if root is not None:
                _check(root)
            return root

    return BoundedComposer


def _check(root: Any) -> None:
    """Raise an error for a key that is a list or a table, and for nodes that stand for too many values."""
    from ruamel.yaml.nodes import CollectionNode

    sizes: dict[int, int] = {}  # the number of values that a node stands for
    pending: list[tuple[Any, Iterator[Any]]] = [(root, _children(root))]
    open_nodes = {id(root)}
    while pending:
        node, rest = pending[-1]
        child = next(rest, None)
        if child is None:
            pending.pop()
            open_nodes.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes.get(id(each), 1) for each in _children(node))
            if sizes[id(node)] > MAX_VALUES:
                raise _too_many(node)
        elif id(child) in open_nodes:
            message = "invalid YAML: an alias refers to a list or table that contains it"
            raise FormatError(message, _position(child))
        elif isinstance(child, CollectionNode) and id(child) not in sizes:
            open_nodes.add(id(child))
            pending.append((child, _children(child)))


def _children(node: Any) -> Iterator[Any]:
    from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

    if isinstance(node, SequenceNode):
        yield from node.value
    elif isinstance(node, MappingNode):
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                message = "invalid YAML: a key is a list or a table"
                raise FormatError(message, _position(key))
            yield value


def _too_many(place: Any) -> FormatError:
    message = f"invalid YAML: the file contains or stands for more than {MAX_VALUES} values"
    return FormatError(message, _position(place), "Split it, write it as JSON or TOML, or use fewer aliases")


def _position(place: Any) -> Position:
    return Position(place.start_mark.line + 1, place.start_mark.column + 1)
