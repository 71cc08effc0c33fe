"""Find the directory with the sockets of running platforms, which only this user can use."""

from __future__ import annotations

import os
import stat
from hashlib import sha256
from pathlib import Path

from floe_plugins.cli import program
from floe_plugins.errors import PluginError

SOCKET = "SOCKET"  # the end of the name of the variable


def default_socket(configuration: str | None, *, create: bool = False) -> Path:
    """Return the path of the status socket of the platform with a configuration file, or of this directory's.

    It lies in ``$XDG_RUNTIME_DIR/PROGRAM``, or in ``/tmp/PROGRAM-UID``. The variable of the platform, such as
    FLOE_PLUGINS_SOCKET, gives another path.

    Raises:
        PluginError: The directory cannot be made, or others can use it.
    """
    chosen = os.environ.get(program.platform().variable(SOCKET))
    if chosen:
        return Path(chosen)
    directory = _directory()
    if create:
        _make(directory)
    # One platform has one name, from wherever it is asked.
    place = os.path.realpath(configuration if configuration is not None else os.curdir)
    return directory / f"{sha256(os.fsencode(place)).hexdigest()[:16]}.sock"


def _directory() -> Path:
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime, program.name())
    user = os.getuid() if hasattr(os, "getuid") else 0
    return Path("/tmp", f"{program.name()}-{user}")  # noqa: S108 it is checked to be this user's own


def _make(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=False, exist_ok=True)
        found = directory.lstat()
    except OSError as error:
        reason = error.strerror or str(error)
        raise PluginError(f"the directory {directory} for the status socket cannot be made: {reason}") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        hint = f"Remove it, or choose another place with {program.platform().variable(SOCKET)} or --socket."
        raise PluginError(f"the directory {directory} for the status socket can be used by others", hint=hint)
