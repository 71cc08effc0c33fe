"""Finding, reading and parsing a configuration file, and the line of every value in it."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from floe_plugins.configuration.formats.position import FormatError, Position, Positions
from floe_plugins.configuration.issues import ConfigurationIssue, configuration_error
from floe_plugins.configuration.values import describe_type, is_table
from floe_plugins.errors import PluginConfigurationError

MAX_SIZE = 1024 * 1024
FILE_NAMES = ("floe.toml", "floe.yaml", "floe.yml", "floe.json")
FILE_VARIABLE = "FLOE_PLUGINS_CONFIG"

_FORMATS = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}


@attrs.frozen
class ConfigurationFile:
    """A file that was read: what errors need to point into it.

    Attributes:
        file: the path as it was given.
        suffix: ``.toml``, ``.yaml``, ``.yml`` or ``.json``.
    """

    file: str
    suffix: str
    text: str = attrs.field(repr=False)

    def parse(self) -> dict[str, Any]:
        """The content.

        Raises:
            PluginConfigurationError: the syntax is wrong, there is nothing, or no table at the top.
        """
        try:
            content = _parse(self.suffix, self.text)
        except FormatError as error:
            content = self.issue(rule="syntax", message=error.message, hint=error.hint, at=error.position)
        if is_table(content):
            return dict(content)
        raise configuration_error(content if isinstance(content, ConfigurationIssue) else self._no_table(content))

    def _no_table(self, content: object) -> ConfigurationIssue:
        if content is None:
            return self.issue(
                rule="empty",
                message="the file is empty",
                expected="a section 'registry' or 'plugins'",
                hint="Write into it which plugins are wanted, or leave it out",
            )
        return self.issue(rule="table", message=f"this is {describe_type(content)}", expected="a table at the top")

    def position(self, path: tuple[object, ...]) -> Position | None:
        """Line and column of the value, or of the nearest table around it that the file writes down."""
        positions = _positions(self.suffix, self.text)
        for length in range(len(path), 0, -1):
            if path[:length] in positions:
                return positions[path[:length]]
        return None

    def holds(self, path: tuple[object, ...]) -> bool:
        """Whether the file itself writes this value down."""
        return path in _positions(self.suffix, self.text)

    def issue(
        self, *, rule: str, message: str, expected: str = "", hint: str = "", at: Position | None = None
    ) -> ConfigurationIssue:
        """A fault of the file as a whole, at a position where one is known."""
        line, column = at or (None, None)
        return ConfigurationIssue(
            path="", rule=rule, message=message, expected=expected, hint=hint, file=self.file, line=line, column=column
        )


def find_file(directory: str | os.PathLike[str] = ".", environ: Mapping[str, str] | None = None) -> Path | None:
    """The configuration file that applies: ``FLOE_PLUGINS_CONFIG``, else the one ``floe.*`` in the directory.

    Raises:
        PluginConfigurationError: the directory holds several.
    """
    named = (os.environ if environ is None else environ).get(FILE_VARIABLE)
    if named:
        return Path(named)
    found = [path for name in FILE_NAMES if (path := Path(directory, name)).exists()]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise configuration_error(
            ConfigurationIssue(
                path="",
                rule="one_file",
                message=f"there are several configuration files: {names}",
                file=str(directory),
                hint=f"Keep one of them, or name the one that counts with --config or {FILE_VARIABLE}",
            )
        )
    return found[0] if found else None


def read_source(file: str | os.PathLike[str]) -> ConfigurationFile:
    """The file's text, not parsed yet.

    Raises:
        PluginConfigurationError: there is no such file, it cannot be read, is too
            large, is not UTF-8, or its name says no format.
    """
    path = Path(file)
    suffix = path.suffix.lower()
    if suffix not in _FORMATS:
        raise _failure(path, "format", "the name says no known format", "a name that ends in .toml, .yaml or .json")
    data = _read(path)
    if len(data) > MAX_SIZE:
        raise _failure(
            path, "too_large", f"the file is larger than {MAX_SIZE // 1024 // 1024} MiB", "a configuration file"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        text, wrong = "", error.start
    else:
        return ConfigurationFile(str(path), suffix, text)
    raise _failure(path, "encoding", f"byte {wrong} is not UTF-8", "UTF-8 text")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size or MAX_SIZE  # a pipe has none
            return stream.read(min(size, MAX_SIZE) + 1)
    except FileNotFoundError:
        reason, expected = "there is no such file", "the path of a floe.toml, floe.yaml or floe.json"
    except IsADirectoryError:
        reason, expected = "this is a directory", "the path of a file in it"
    except PermissionError:
        reason, expected = "this process may not read the file", "a file that the current user can read"
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason, expected = f"the file cannot be read: {getattr(error, 'strerror', None) or error}", "a readable file"
    raise _failure(path, "readable", reason, expected)


def _failure(path: Path, rule: str, message: str, expected: str) -> PluginConfigurationError:
    return configuration_error(
        ConfigurationIssue(path="", rule=rule, message=message, expected=expected, file=str(path))
    )


def _format(suffix: str) -> ModuleType:
    # Each brings a parser of its own, of which a process needs one.
    return importlib.import_module(f"{__package__}.formats.{_FORMATS[suffix]}")


def _parse(suffix: str, text: str) -> Any:
    try:
        return _format(suffix).parse(text)
    except RecursionError:
        deep = "values are nested too deeply"
    raise FormatError(deep)


@lru_cache(maxsize=4)
def _positions(suffix: str, text: str) -> Positions:
    locate: Callable[[str], Positions] = _format(suffix).locate
    try:
        return locate(text)
    except RecursionError:  # refused as nested too deeply; there is no better line than none
        return {}
