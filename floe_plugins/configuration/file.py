"""Read and parse a configuration file, and locate its values."""

from __future__ import annotations

import importlib
import os
import stat
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from floe_plugins.configuration.formats.position import UNKNOWN, FormatError, Position, Positions
from floe_plugins.configuration.issues import ConfigurationIssue, configuration_error
from floe_plugins.configuration.values import describe_type, is_table
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.errors import PluginConfigurationError

MAX_SIZE = 1024 * 1024

# O_NONBLOCK: opening a FIFO must not block. O_BINARY exists on Windows alone.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

FORMATS = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}


@attrs.frozen
class ConfigurationFile:
    """The text of a configuration file, with the position of every value.

    Attributes:
        file: The path as it was passed in.
        suffix: ``.toml``, ``.yaml``, ``.yml`` or ``.json``, which decides the format.
        text: The text of the file.
    """

    file: str
    suffix: str
    text: str = attrs.field(repr=False)

    def parse(self) -> dict[str, Any]:
        """Return the parsed content.

        Raises:
            PluginConfigurationError: The syntax is invalid, or the file does not contain a table.
        """
        try:
            content = _parse(self.suffix, self.text)
        except FormatError as error:
            issue = self.issue("syntax", error.message, hint=error.hint, at=error.position)
        else:
            if is_table(content):
                return dict(content)
            issue = self.issue("table", f"found {describe_type(content)}", "a table at the top level")
            if content is None:
                expected, hint = "a section 'registry' or 'plugins'", "Add a section, or delete the file"
                issue = self.issue("empty", "the file is empty", expected, hint)
        raise configuration_error(issue)

    def position(self, path: tuple[object, ...]) -> Position:
        r"""Return the position of a value, or of the nearest enclosing table that is in the file.

        >>> file = ConfigurationFile("floe.toml", ".toml", "[registry]\nworkers = 0\n")
        >>> file.position(("registry", "workers"))
        Position(line=2, column=1)
        >>> file.position(("plugins",))
        Position(line=None, column=None)
        """
        positions = _positions(self.suffix, self.text)
        for length in range(len(path), 0, -1):
            if path[:length] in positions:
                return positions[path[:length]]
        return UNKNOWN

    def where(self, path: tuple[object, ...]) -> dict[str, Any]:
        """Return the position of a value as fields of ``ConfigurationIssue``."""
        return {"file": self.file, **self.position(path)._asdict()}

    def contains(self, path: tuple[object, ...]) -> bool:
        """Return whether the file itself contains a value at this path."""
        return path in _positions(self.suffix, self.text)

    def issue(
        self, rule: str, message: str, expected: str = "", hint: str = "", at: Position = UNKNOWN
    ) -> ConfigurationIssue:
        """Return an issue with the file as a whole."""
        return attrs.evolve(_issue(self.file, rule, message, expected, hint), **at._asdict())


def read_source(file: str | os.PathLike[str], platform: Platform = FLOE) -> ConfigurationFile:
    """Read a file without parsing it.

    Raises:
        PluginConfigurationError: The suffix is unknown, or the file does not exist, cannot be read, is too
            large or is not UTF-8.
    """
    path = Path(file)
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        expected = "a name that ends in .toml, .yaml or .json"
        raise configuration_error(_issue(path, "format", "unknown file format", expected))
    return source_of(str(path), suffix, _read(path, platform))


def source_of(file: str, suffix: str, data: bytes) -> ConfigurationFile:
    """Return what was read as text.

    Raises:
        PluginConfigurationError: It is too large or is not UTF-8.
    """
    if len(data) > MAX_SIZE:
        message = f"the file is larger than {MAX_SIZE // 1024 // 1024} MiB"
        raise error_of(file, "too_large", message, "a configuration file")
    try:
        return ConfigurationFile(file, suffix, data.decode("utf-8-sig"))
    except UnicodeDecodeError as failure:
        error = error_of(file, "encoding", f"byte {failure.start} is not UTF-8", "UTF-8 text")
    raise error


def error_of(file: object, rule: str, message: str, expected: str = "") -> PluginConfigurationError:
    """Return the error that a file as a whole is wrong."""
    return configuration_error(_issue(file, rule, message, expected))


def _read(path: Path, platform: Platform) -> bytes:
    try:
        descriptor = os.open(path, _FLAGS)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode):
                return stream.read(min(status.st_size or MAX_SIZE, MAX_SIZE) + 1)  # files in /proc state no size
        reason, expected = "the path is a pipe or a device", "the path of a file"
    except FileNotFoundError:
        reason, expected = "file not found", f"the path of a {platform.files}"
    except IsADirectoryError:
        reason, expected = "the path is a directory", "the path of a file"
    except PermissionError:
        reason, expected = "permission denied", "a file that the current user can read"
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason, expected = f"the file cannot be read: {getattr(error, 'strerror', None) or error}", "a readable file"
    raise configuration_error(_issue(path, "readable", reason, expected))


def _issue(file: object, rule: str, message: str, expected: str = "", hint: str = "") -> ConfigurationIssue:
    return ConfigurationIssue(path="", rule=rule, message=message, expected=expected, hint=hint, file=str(file))


def _format(suffix: str) -> ModuleType:
    # Each module imports a parser. A process usually needs only one of them.
    return importlib.import_module(f"{__package__}.formats.{FORMATS[suffix]}")


def _parse(suffix: str, text: str) -> Any:
    try:
        return _format(suffix).parse(text)
    except RecursionError:
        raise FormatError("values are nested too deeply") from None


@lru_cache(maxsize=4)
def _positions(suffix: str, text: str) -> Positions:
    locate: Callable[[str], Positions] = _format(suffix).locate
    try:
        return locate(text)
    except RecursionError:  # parsing fails too, with an issue that needs no position
        return {}
