"""Remember which files modules were imported from, to recognize a plugin that was upgraded while it is loaded."""

from __future__ import annotations

import sys
import time
import weakref
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from floe_plugins.core.candidate import Candidate
from floe_plugins.discovery.entry_points_txt import parse_value

_Stamp = tuple[int, int, int]


class _Import(NamedTuple):
    """The distribution and files from which a module was imported.

    Attributes:
        module: The imported module; another one of its name was imported anew.
        distribution: The distribution that offered it, as text.
        stamps: The times and sizes of the files; None for a file that was imported before by others.
    """

    module: weakref.ref[ModuleType]
    distribution: str
    stamps: dict[str, _Stamp | None]


_imports: dict[str, _Import] = {}
_begun = time.time_ns()


def is_imported(candidate: Candidate) -> bool:
    """Whether the module of an entry point is imported now."""
    return _module(candidate) is not None


def remember(candidate: Candidate, class_module: object, *, was_imported: bool) -> None:
    """Note what a candidate's module, and that of its class, were imported from.

    Args:
        candidate: The candidate, whose module is imported.
        class_module: The name of the module of its class.
        was_imported: Whether its module had been imported before it was loaded now.
    """
    module = _module(candidate)
    if module is None or _import_of(candidate) is not None:
        return
    files = {file_of(module), file_of(sys.modules.get(class_module)) if type(class_module) is str else None}
    stamps = {file: None if was_imported else _stamp(file) for file in files if file is not None}
    _imports[_module_name(candidate)] = _Import(weakref.ref(module), str(candidate.distribution), stamps)


def is_outdated(candidate: Candidate) -> bool:
    """Whether the module of a candidate was imported before its distribution, or one of its files, changed."""
    known = _import_of(candidate)
    if known is None:
        return False
    if known.distribution != str(candidate.distribution):
        return True
    return any(_has_changed(file, stamp) for file, stamp in known.stamps.items())


def loaded_from(candidate: Candidate) -> str:
    """Return the distribution, as text, that the module of a candidate was imported from: its own if none is known."""
    known = _import_of(candidate)
    return str(candidate.distribution) if known is None else known.distribution


def advice(candidate: Candidate) -> str | None:
    """Return what to do if the module of a candidate was imported before it changed; None if it was not."""
    if not is_outdated(candidate):
        return None
    loaded, installed = loaded_from(candidate), str(candidate.distribution)
    changed = "Its files have changed since" if loaded == installed else f"{loaded} was there when"
    return f"{changed} its module was imported: restart the process."


def _import_of(candidate: Candidate) -> _Import | None:
    """Return what is known of how the module of a candidate was imported; None if nothing is."""
    module = _module(candidate)
    known = None if module is None else _imports.get(_module_name(candidate))
    return known if known is not None and known.module() is module else None


def _module(candidate: Candidate) -> ModuleType | None:
    module = sys.modules.get(_module_name(candidate))
    return module if type(module) is ModuleType else None


def _module_name(candidate: Candidate) -> str:
    """Return the name of a candidate's module, as the entry point has it: the module may say anything of itself."""
    value = parse_value(candidate.value)
    return "" if value is None else value.module


def file_of(module: ModuleType | None) -> str | None:
    """Return the file of a module; None for a package without a file of its own. None of its code runs."""
    file = None if type(module) is not ModuleType else module.__dict__.get("__file__")
    return file if type(file) is str else None


def _stamp(file: str) -> _Stamp | None:
    try:
        status = Path(file).stat()
    except OSError:
        return None
    # Installers may keep the modification time of the file in the wheel.
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _has_changed(file: str, before: _Stamp | None) -> bool:
    now = _stamp(file)
    return now is None or (max(now[:2]) > _begun if before is None else now != before)
