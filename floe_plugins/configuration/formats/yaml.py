"""Parse YAML 1.2 safely, without duplicate keys and object tags, and locate every key."""

from __future__ import annotations

import re
from typing import Any

from floe_plugins.configuration.formats.position import MAX_DEPTH, UNKNOWN, FormatError, Lines, Position
from floe_plugins.configuration.formats.yaml_limits import MAX_VALUES, bounded_composer, position_of

_MERGE = "tag:yaml.org,2002:merge"
_MANY_DIGITS = re.compile(r"(?<!\d)\d{641,}")  # Python accepts any integer of up to 640 digits


def parse(text: str) -> Any:
    """Return the parsed value, or None for an empty text.

    Raises:
        FormatError: The text is not valid YAML, or the extra "yaml" is not installed.
    """
    reader = _reader()
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return reader.load(text)
    except FormatError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        issue = FormatError(f"invalid YAML: {_problem(error)}", position_of(mark) if mark else UNKNOWN)
    except YAMLError:
        # The error's own message quotes a part of the file.
        issue = FormatError("invalid YAML: a character that YAML does not allow")
    except RecursionError:
        raise
    except Exception as error:  # noqa: BLE001 invalid dates and numbers, tagged or not, raise errors of any class
        digits = _MANY_DIGITS.search(text)
        issue = FormatError(f"invalid YAML: a value cannot be read ({type(error).__name__})")
        if digits:
            issue = FormatError("invalid YAML: a number has too many digits", Lines(text).position(digits.start()))
    raise issue


def locate(text: str) -> dict[tuple[object, ...], Position]:
    """Return the position of every key and list item in a valid text."""
    found: dict[tuple[object, ...], Position] = {}
    root = _reader().compose(text)
    pending: list[tuple[tuple[object, ...], Any, int]] = [((), root, 0)]
    while pending:
        path, node, depth = pending.pop()
        for step, mark, child in _children(node):
            child_path = (*path, step)
            if child_path not in found and depth < MAX_DEPTH and len(found) < MAX_VALUES:
                found[child_path] = position_of(mark)
                pending.append((child_path, child, depth + 1))
    return found


def _children(node: Any) -> list[tuple[object, Any, Any]]:
    from ruamel.yaml.nodes import MappingNode, SequenceNode

    if isinstance(node, SequenceNode):
        return [(index, item.start_mark, item) for index, item in enumerate(node.value)]
    if not isinstance(node, MappingNode):
        return []
    children = [(key.value, key.start_mark, value) for key, value in node.value if key.tag != _MERGE]
    for value in (value for key, value in node.value if key.tag == _MERGE):
        for table in value.value if isinstance(value, SequenceNode) else [value]:
            children += _children(table)
    return children


def _reader() -> Any:
    try:
        from ruamel.yaml import YAML
    except ImportError:
        hint = "Install it: pip install 'floe-plugins[yaml]'"
        raise FormatError("reading YAML requires the extra 'yaml'", hint=hint) from None
    # The pure Python reader gives the same result whether or not the C library is installed.
    reader: Any = YAML(typ="safe", pure=True)
    reader.Composer = bounded_composer(reader.Composer)
    return reader


def _problem(error: Any) -> str:
    from ruamel.yaml.constructor import DuplicateKeyError

    if isinstance(error, DuplicateKeyError):  # its own message contains both values
        return "duplicate key"
    return ", ".join(text for text in (error.context, error.problem) if text).split("\n")[0]
