"""The refs of the plugins installed in plain directories, for shell completion: fast, and silent about all errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator

from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import PluginRef
from floe_plugins.discovery import entry_points_txt
from floe_plugins.discovery.metadata_files import DIST_INFO, EGG_INFO, read_file


def installed_refs(path: Iterable[object] | None = None, platform: Platform = FLOE) -> list[PluginRef]:
    """Return the refs of installed plugins, sorted; by default those on ``sys.path``.

    A scan takes three times as long, since it says where each comes from and what is wrong. Zip files and finders of
    others are left out.

    >>> installed_refs(["/nowhere"])
    []
    """
    found: set[PluginRef] = set()
    groups = entry_points_txt.Groups(platform)
    for directory in dict.fromkeys(sys.path if path is None else path):
        if isinstance(directory, str):
            for data in _entry_points_in(directory):
                if groups.may_be_in(data):
                    parsed = entry_points_txt.parse(data, groups)
                    if parsed.unknown or parsed.categories:
                        # A distribution adds categories, or may; only a scan tells which.
                        from floe_plugins.discovery import scanner

                        return sorted(
                            {candidate.ref for candidate in scanner.scan(path, platform.looking_for(tuple)).candidates}
                        )
                    found.update(entry.ref for entry in parsed.entries)
    return sorted(found)


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
