"""Observe what importing a plugin's module does to its process.

The arguments are module and class, and the modules of category classes; the result is JSON.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from functools import reduce
from typing import Any

import pydantic

from floe_plugins.cli.host.footprint import compare, take

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
_FILES = ("os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")
_PROCESSES = ("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn")
_KINDS = {**dict.fromkeys(_NETWORK, "network"), **dict.fromkeys(_PROCESSES, "processes")}
# Bytecode is Python's own.
_PYTHONS = ("__pycache__", ".pyc")


class Recorder:
    """Remembers what audit events tell of, as long as it is on."""

    def __init__(self) -> None:
        self.on = False
        self.seen: dict[str, list[str]] = {}

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an audit event."""
        if not self.on:
            return
        kind = _KINDS.get(event)
        if kind is None and event in _FILES and not any(part in str(arguments[0]) for part in _PYTHONS):
            kind = "files"
        if event == "open" and _is_written(arguments):
            kind = "files"
        if kind is not None:
            self.seen.setdefault(kind, []).append(f"{event} {arguments[0]!r}"[:200])


def _is_written(arguments: tuple[Any, ...]) -> bool:
    path, mode, flags = arguments
    if not isinstance(path, (str, bytes)) or any(part in os.fsdecode(path) for part in _PYTHONS):
        return False
    written = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool((flags or 0) & _WRITING)
    return written and os.fsdecode(path) != os.devnull


def observe(module: str, name: str, specs: Iterable[str]) -> Mapping[str, Any]:
    """Return what importing a module and making an instance of its class takes and changes."""
    for spec in specs:  # what a plugin's module imports of the platform is not its doing
        importlib.import_module(spec)
    pydantic.create_model("Warm", size=(int, 1))
    recorder = Recorder()
    sys.addaudithook(recorder)
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        before, begun = take(), time.process_time()
        recorder.on = True
        reduce(getattr, name.split("."), importlib.import_module(module))()  # type: ignore[operator]
        recorder.on = False
        seconds, footprint = time.process_time() - begun, compare(before, take())
    changes = {change.kind: list(change.names) for change in footprint.changes}
    changes |= recorder.seen
    if output.getvalue():
        changes["output"] = [output.getvalue()[:200]]
    if footprint.threads:
        changes["threads"] = list(footprint.threads)
    modules = sorted(each for each in footprint.modules if not each.startswith("pydantic"))
    return {"seconds": seconds, "memory": footprint.memory, "modules": modules, "changes": changes}


if __name__ == "__main__":
    result = json.dumps(observe(sys.argv[1], sys.argv[2], sys.argv[3:]))
    sys.stdout.write(f"\n{result}\n")
