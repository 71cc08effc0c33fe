"""Find the configuration file that is in force. Importing this takes little: most processes have none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from floe_plugins.core.platform import FLOE, Platform

if TYPE_CHECKING:
    from pathlib import Path

    from floe_plugins.errors import PluginConfigurationError

FILE = "CONFIG"  # the end of the name of the variable


def find_file(
    directory: str | os.PathLike[str] = ".", environ: Mapping[str, str] | None = None, platform: Platform = FLOE
) -> Path | None:
    """Return the path of the configuration file to use, or None if there is none.

    The environment variable of the platform, such as ``FLOE_PLUGINS_CONFIG``, takes precedence. Otherwise, look in the
    directory for the platform's file, such as ``floe.toml``, ``floe.yaml``, ``floe.yml`` or ``floe.json``.

    Args:
        directory: Where to look; the working directory by default.
        environ: The environment variables; ``os.environ`` by default.
        platform: Whose file it is.

    Raises:
        PluginConfigurationError: The directory contains several of these files, or cannot be searched.

    >>> find_file(environ={"FLOE_PLUGINS_CONFIG": "production.toml"}).name
    'production.toml'
    >>> find_file("no-such-directory", environ={}) is None
    True
    """
    variable, names = platform.variable(FILE), platform.file_names
    named = (os.environ if environ is None else environ).get(variable)
    found = [named] if named else [path for name in names if _exists(path := os.path.join(directory, name))]
    if len(found) > 1:
        hint = f"Keep one of them, or choose one with --config or {variable}"
        both = " and ".join(map(os.path.basename, found))
        raise _error(directory, "one_file", f"found several configuration files: {both}", hint)
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
