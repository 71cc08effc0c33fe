"""Find the configuration file that is in force. Importing this takes little: most processes have none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from floe_plugins.errors import PluginConfigurationError

FILE_NAMES = ("floe.toml", "floe.yaml", "floe.yml", "floe.json")
FILE_VARIABLE = "FLOE_PLUGINS_CONFIG"


def find_file(directory: str | os.PathLike[str] = ".", environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the path of the configuration file to use, or None if there is none.

    The environment variable ``FLOE_PLUGINS_CONFIG`` takes precedence. Otherwise, look in the
    directory for ``floe.toml``, ``floe.yaml``, ``floe.yml`` or ``floe.json``.

    Args:
        directory: Where to look; the working directory by default.
        environ: The environment variables; ``os.environ`` by default.

    Raises:
        PluginConfigurationError: The directory contains several of these files, or cannot be searched.

    >>> find_file(environ={"FLOE_PLUGINS_CONFIG": "production.toml"}).name
    'production.toml'
    >>> find_file("no-such-directory", environ={}) is None
    True
    """
    named = (os.environ if environ is None else environ).get(FILE_VARIABLE)
    found = [named] if named else [path for name in FILE_NAMES if _exists(path := os.path.join(directory, name))]
    if len(found) > 1:
        hint = f"Keep one of them, or choose one with --config or {FILE_VARIABLE}"
        names = " and ".join(map(os.path.basename, found))
        raise _error(directory, "one_file", f"found several configuration files: {names}", hint)
    if not found:
        return None
    from pathlib import Path

    return Path(found[0])


def working_directory() -> str:
    """Return the path of the working directory.

    Raises:
        PluginConfigurationError: It was deleted, or cannot be read.
    """
    try:
        return os.getcwd()
    except OSError as failure:
        error = _unsearchable(os.curdir, failure)
    raise error


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError) as failure:
        error = _unsearchable(os.path.dirname(path), failure)
    else:
        return True
    raise error


def _unsearchable(directory: str, failure: OSError | ValueError) -> PluginConfigurationError:
    reason = getattr(failure, "strerror", None) or failure
    message = f"cannot look for a configuration file here: {reason}"
    return _error(directory, "readable", message, "Change to another directory, or choose a file with --config")


def _error(directory: object, rule: str, message: str, hint: str) -> PluginConfigurationError:
    from floe_plugins.configuration.issues import ConfigurationIssue, configuration_error

    return configuration_error(ConfigurationIssue(path="", rule=rule, message=message, hint=hint, file=str(directory)))
