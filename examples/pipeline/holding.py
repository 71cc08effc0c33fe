"""One process at a time in a directory, and what one that was killed has left there."""

import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def held(home: Path) -> Iterator[None]:
    """The directory for this process alone; it is given back at the end, also if the process is killed.

    Raises:
        SystemExit: another process has it; the message says which.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("a+", encoding="utf-8") as file:
        try:
            _lock(file)
        except OSError:
            file.seek(0)
            # The holder's first byte is locked where locks hinder readers.
            holder = file.read().strip() or "another process"
            sys.exit(f"{home} is in use by {holder}. Wait for its end, or name another directory.")
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}\n")
        file.flush()
        for unfinished in home.rglob(".floe-*.unfinished"):
            unfinished.unlink()
        # The engines' temporary files lie in the directory, too.
        shutil.rmtree(home / "tmp", ignore_errors=True)
        (home / "tmp").mkdir()
        tempfile.tempdir = os.environ["TMPDIR"] = str(home / "tmp")
        yield


def _lock(file: Any) -> None:
    if sys.platform == "win32":
        import msvcrt

        # Far behind the text, which others are to read.
        file.seek(1 << 30)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
