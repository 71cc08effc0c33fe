"""Paths in the storage as paths on disk, never outside the root."""

from __future__ import annotations

import os
from pathlib import Path

# What is being written lies under such a name until it is complete.
UNFINISHED_PREFIX, UNFINISHED_SUFFIX = ".floe-", ".unfinished"


def is_unfinished(name: str) -> bool:
    """Whether the name is that of an unfinished file."""
    return name.startswith(UNFINISHED_PREFIX) and name.endswith(UNFINISHED_SUFFIX)


def place_of(root: Path, path: str) -> Path:
    """Where an object lies; its folder may not exist yet.

    Raises:
        ValueError: the path leads out of the root, or is not in normal form.
    """
    parts = path.split("/")
    if not all(_is_plain(part) for part in parts) or is_unfinished(parts[-1]):
        message = f"{path!r} is no path in this storage: expected names joined by '/', none of them '', '.' or '..'"
        raise ValueError(message)
    return inside(root, root.joinpath(*parts))


def folder_of(root: Path, prefix: str) -> Path:
    """The deepest folder in which everything lies that starts with a prefix.

    Raises:
        ValueError: the prefix leads out of the root, or is not in normal form.
    """
    *folders, rest = prefix.split("/")
    if not all(_is_plain(part) for part in folders) or (rest and rest != "." and not _is_plain(rest)):
        message = (
            f"{prefix!r} begins no path in this storage: expected names joined by '/', none of them '', '.' or '..'"
        )
        raise ValueError(message)
    return inside(root, root.joinpath(*folders))


def inside(root: Path, place: Path) -> Path:
    """The same place, if no symbolic link on the way leads out of the root.

    Raises:
        ValueError: one does.
    """
    if not place.resolve().is_relative_to(root):
        message = f"{str(place)!r} lies outside of the storage's root {str(root)!r}"
        raise ValueError(message)
    return place


def _is_plain(part: str) -> bool:
    separators = {os.sep, os.altsep, "\0"} - {None}
    return part not in {"", ".", ".."} and not any(separator in part for separator in separators if separator)
