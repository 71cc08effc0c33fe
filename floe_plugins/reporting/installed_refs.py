"""The refs of the plugins installed in plain directories, for shell completion: fast, and silent about all errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress

from floe_plugins.core.categories import Categories, Category
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import PluginRef
from floe_plugins.discovery.entry_points_txt import Groups, parse
from floe_plugins.discovery.metadata_files import DIST_INFO, EGG_INFO, read_file


def installed_refs(path: Iterable[object] | None = None, platform: Platform = FLOE) -> list[PluginRef]:
    """Return the refs of installed plugins, sorted; by default those on ``sys.path``.

    A scan takes three times as long, since it says where each comes from and what is wrong. Zip files and finders of
    others are left out.

    >>> installed_refs(["/nowhere"])
    []
    """
    files, groups = _files(path, platform)
    return sorted({entry.ref for data in files for entry in parse(data, groups).entries})


def installed_categories(path: Iterable[object] | None = None, platform: Platform = FLOE) -> Categories:
    """Return the categories of a platform, those that installed distributions add among them.

    Never raises: what cannot be read, or cannot be a category, is left out. The platform itself is not changed.

    >>> [*installed_categories(["/nowhere"])] == [*FLOE.categories]
    True
    """
    return _files(path, platform)[1].platform.categories


def _files(path: Iterable[object] | None, platform: Platform) -> tuple[list[bytes], Groups]:
    """Return the files that may have groups of the platform, and what tells these from others."""
    platform = platform.looking_for(tuple)
    groups, read = Groups(platform), list(_entry_points(path))
    files = [data for data in read if groups.may_be_in(data)]
    declared = [each for data in files for each in parse(data, groups).categories]
    if declared:
        added: list[Category] = []
        for each in declared:
            with suppress(ValueError):
                added.append(Category(each.slug, each.group, each.spec, platform=platform.name))
        platform.categories.add(added)
        groups = Groups(platform)
        files = [data for data in read if groups.may_be_in(data)]
    return files, groups


def _entry_points(path: Iterable[object] | None) -> Iterator[bytes]:
    for directory in dict.fromkeys(sys.path if path is None else path):
        if isinstance(directory, str):
            yield from _entry_points_in(directory)


def _entry_points_in(directory: str) -> Iterator[bytes]:
    try:
        children = os.listdir(directory or os.curdir)
    except (OSError, ValueError):
        return
    for child in children:
        if child.endswith((DIST_INFO, EGG_INFO)):
            try:
                yield read_file(os.path.join(directory, child, "entry_points.txt"))
            except (OSError, ValueError):
                continue
