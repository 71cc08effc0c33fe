"""Lay out the metadata of a project as if it were installed, from its ``pyproject.toml``. Builds and runs nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from floe_plugins.configuration.formats import toml
from floe_plugins.configuration.formats.position import FormatError
from floe_plugins.discovery.metadata_files import MAX_SIZE, read_file

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_WHEEL = "Build its wheel, and validate that"


class ProjectError(ValueError):
    """A project whose metadata cannot be read without building it.

    Attributes:
        hint: what its author can do.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def lay_out(project: Path, site: Path) -> list[str]:
    """Write the metadata of a project into ``site``, and where its sources are; return warnings.

    Raises:
        ProjectError: the ``pyproject.toml`` is not TOML, or its metadata are not those of the standard.
    """
    tables = _table(_parsed(project), "", "pyproject.toml")
    if "project" not in tables:
        if "poetry" in _table(tables, "tool", "tool"):
            raise ProjectError(
                "its metadata are in [tool.poetry] alone", f"Write them in [project]. {_WHEEL} otherwise"
            )
        raise ProjectError("its pyproject.toml has no [project]", f"Write its metadata there. {_WHEEL} otherwise")
    metadata = _table(tables, "project", "[project]")
    name, dynamic = metadata.get("name"), metadata.get("dynamic", [])
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ProjectError(f"[project] has no valid name: {name!r:.100}", 'Write name = "..." in [project]')
    if not isinstance(dynamic, list) or "entry-points" in dynamic:
        raise ProjectError("its entry points are dynamic: they are known only when it is built", _WHEEL)
    version = metadata.get("version", "")
    if not isinstance(version, str) or not version.isprintable():
        raise ProjectError(f"[project] version is not a string: {version!r:.100}", 'Write version = "1.0.0"')
    warnings = [f"its {each} is dynamic and is not checked. {_WHEEL}" for each in _dynamic(dynamic)]
    required = metadata.get("dependencies", [])
    if not isinstance(required, list) or not all(isinstance(each, str) and each.isprintable() for each in required):
        raise ProjectError("[project] dependencies is not a list of strings", 'Write dependencies = ["floe-plugins"]')
    info = site / f"{name.replace('-', '_')}.dist-info"
    info.mkdir()
    lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {each}" for each in required)]
    (info / "METADATA").write_text("\n".join([*lines, ""]), encoding="utf-8")
    entry_points = "".join(f"{line}\n" for line in _entry_points(metadata))
    (info / "entry_points.txt").write_text(entry_points, encoding="utf-8")
    (info / "RECORD").write_text("project.pth,,\n", encoding="utf-8")
    roots = dict.fromkeys(str(place) for place in _roots(project, tables))
    (site / "project.pth").write_text("\n".join(roots), encoding="utf-8", errors="surrogateescape")
    return warnings


def _parsed(project: Path) -> Any:
    try:
        data = read_file(str(project / "pyproject.toml"))
        if len(data) > MAX_SIZE:
            raise ProjectError(f"its pyproject.toml is larger than {MAX_SIZE} bytes", "Make it smaller")
        return toml.parse(data.decode("utf-8")) or {}
    except OSError as error:
        reason = error.strerror or str(error)
        raise ProjectError(f"its pyproject.toml cannot be read: {reason}", _WHEEL) from None
    except UnicodeDecodeError:
        raise ProjectError("its pyproject.toml is not UTF-8", "Save it as UTF-8") from None
    except RecursionError:
        raise ProjectError("its pyproject.toml is nested too deeply", "Make it flatter") from None
    except FormatError as error:
        raise ProjectError(f"its pyproject.toml is not TOML: {error}", "Correct it") from None


def _table(owner: Any, key: str, shown: str) -> Mapping[str, Any]:
    found = owner.get(key, {}) if key else owner
    if not isinstance(found, dict):
        raise ProjectError(f"{shown} is not a table", "Correct its pyproject.toml")
    return found


def _dynamic(names: list[Any]) -> Iterator[str]:
    yield from (each for each in ("version", "dependencies") if each in names)


def _entry_points(metadata: Mapping[str, Any]) -> Iterator[str]:
    for group, entries in _table(metadata, "entry-points", "[project.entry-points]").items():
        shown = f"[project.entry-points.{group!r:.100}]"
        if not group.isprintable() or "[" in group or "]" in group:
            raise ProjectError(f"{shown} is not the name of a group", "Rename the group")
        yield f"[{group}]"
        for name, value in _table(entries, "", shown).items():
            if not isinstance(value, str) or not value.isprintable() or not name.isprintable() or "=" in name:
                message = f"{shown} has the entry {name!r:.100}, which is not a name with a string"
                raise ProjectError(message, 'Write name = "module:Class"')
            yield f"{name} = {value}"


def _roots(project: Path, tables: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the directories in which packages may be, by the settings of the usual build tools."""
    if (project / "src").is_dir():
        yield project / "src"
    tool = tables.get("tool", {})
    for path in (("setuptools", "packages", "find", "where"), ("setuptools", "package-dir", "")):
        found: Any = tool
        for key in path:
            found = found.get(key, {}) if isinstance(found, dict) else {}
        for each in found if isinstance(found, list) else [found]:
            if isinstance(each, str) and each.isprintable():
                yield project / each
    yield project
