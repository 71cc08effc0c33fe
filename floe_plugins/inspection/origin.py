"""Check that the module of a plugin lies in its distribution, before that module is imported.

A name in an allow-list stands for files. A module of the same name in another directory, earlier on ``sys.path``, is
not what the operator has allowed.
"""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import unquote, urlsplit

from floe_plugins.core.candidate import Candidate, Distribution
from floe_plugins.discovery.entry_points_txt import parse_value
from floe_plugins.discovery.metadata_files import read_file
from floe_plugins.errors import PluginLoadError
from floe_plugins.execution import boundary
from floe_plugins.inspection.source_files import locations

# Distributions with many files have a long RECORD. A longer one counts as none.
MAX_RECORD = 1 << 24


def refuse_foreign_module(candidate: Candidate) -> None:
    """Do nothing if what Python would import for a candidate is a file of its distribution.

    That is a file listed in RECORD, or one of an editable install; without RECORD, one below the directory of the
    metadata. Packages above the module may be of another distribution in that directory. They are imported.

    Raises:
        PluginLoadError: It is another file. The message names it.
    """
    value = parse_value(candidate.value)
    parts = value.module.split(".") if value else []
    files = _Files(candidate.distribution)
    for length in range(1, len(parts) + 1):
        name = ".".join(parts[:length])
        try:
            file: str | None = boundary.call(partial(_file_of, name))
        except boundary.ForeignError:
            return  # importing it fails as well, and says why
        is_module = length == len(parts)
        if (file or is_module) and not files.contains(file, listed=is_module):
            raise PluginLoadError(
                f"Python would import {name!r} from {file or 'no file'}, which is not a file of the distribution",
                hint="Remove the file, or the directory before that of the distribution on sys.path; "
                f"or reinstall {candidate.distribution.name}",
            )


def is_editable(distribution: Distribution) -> bool:
    """Return whether a distribution is installed from where its author works on it."""
    return next(_editable_paths(distribution), None) is not None


def _file_of(name: str) -> str | None:
    """Return the file of a module, or None for a package without a file of its own."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(name=name)
    return spec.origin


class _Files:
    """The files of one distribution."""

    def __init__(self, distribution: Distribution) -> None:
        self._site = os.path.realpath(Path(distribution.path).parent)
        self._editable = [os.path.realpath(path) for path in _editable_paths(distribution)]
        self._record = _record(distribution)

    def contains(self, file: str | None, *, listed: bool) -> bool:
        """Return whether a file is of the distribution; with ``listed``, RECORD has to list it if there is one."""
        if not file:
            return False
        path = os.path.realpath(file)
        if any(path in {root, f"{root}.py"} or _is_below(path, root) for root in self._editable):
            return True
        if not _is_below(path, self._site):
            return False
        if not listed or self._record is None:
            return True
        relative = os.path.relpath(path, self._site).replace(os.sep, "/").encode("utf-8", "surrogateescape")
        return b"\n%b," % relative in self._record or b'\n"%b",' % relative in self._record


def _is_below(path: str, directory: str) -> bool:
    return path.startswith(directory.rstrip(os.sep) + os.sep)


def _record(distribution: Distribution) -> bytes | None:
    """Return the text of RECORD after a line break, or None if there is none that can be read."""
    try:
        data = read_file(str(Path(distribution.path, "RECORD")), MAX_RECORD)
    except (OSError, ValueError):
        return None
    return None if not data or len(data) > MAX_RECORD else b"\n" + data.replace(b"\r\n", b"\n")


def _editable_paths(distribution: Distribution) -> Iterator[str]:
    """Yield the directories and modules of an editable install."""
    site = str(Path(distribution.path).parent)
    yield from (location for _, location in locations(distribution) if location != site)
    try:
        data = json.loads(read_file(str(Path(distribution.path, "direct_url.json"))))
        url = urlsplit(str(data["url"]))
        if data["dir_info"]["editable"] is True and url.scheme == "file":
            yield unquote(url.path)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return
