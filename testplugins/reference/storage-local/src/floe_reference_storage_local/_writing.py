"""A file that appears under its name only when it is complete."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import secrets
import warnings
from collections.abc import Generator
from typing import TYPE_CHECKING

from floe_plugins import UnsupportedOperationError
from floe_reference_storage_local._paths import UNFINISHED_PREFIX, UNFINISHED_SUFFIX

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Buffer


class AtomicFile(io.BufferedWriter):
    """A binary file that is written under a temporary name and renamed when it is closed.

    fsspec can do so too, but it writes to the system's temporary directory, from
    where a file cannot always be moved in one step.
    """

    def __init__(self, place: Path, *, exclusive: bool) -> None:
        unfinished = place.with_name(f"{UNFINISHED_PREFIX}{secrets.token_hex(8)}{UNFINISHED_SUFFIX}")
        self._place = place
        with self._named():
            # Not by tempfile: its files are readable by their owner only, whatever the umask says.
            super().__init__(io.FileIO(unfinished, "x"))
        self._exclusive = exclusive
        self._unfinished = unfinished

    def write(self, data: Buffer, /) -> int:
        """Write some bytes.

        Raises:
            OSError: they cannot be kept; it names the file.
        """
        with self._named():
            return super().write(data)

    def close(self) -> None:
        """Close the file and give it its name.

        Raises:
            FileExistsError: it was to be a new one, and somebody else was faster.
        """
        if self.closed:
            return
        try:
            with self._named():
                self.flush()
                # Without it, a crash of the machine could leave the name with nothing behind it.
                os.fsync(self.fileno())
                super().close()
            self._publish()
        finally:
            self.discard()

    def discard(self) -> None:
        """Discard what was written. Does nothing once the file is closed."""
        self.raw.close()
        self._unfinished.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _named(self) -> Generator[None, None, None]:
        try:
            yield
        except OSError as error:
            # The system knows the file by a number, or by the name that it has until it is complete.
            error.filename = str(self._place)
            raise

    def _publish(self) -> None:
        if self._exclusive:
            # Unlike a rename, a link never takes the place of what is there.
            os.link(self._unfinished, self._place)
        else:
            self._unfinished.replace(self._place)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    # A file that nobody closed was not finished, but the base class would close it here.
    def __del__(self) -> None:
        # Nothing is there to discard if the file could not be opened in the first place.
        if hasattr(self, "_unfinished") and not self.closed:
            self.discard()
            warnings.warn(f"{self._place} was never closed; it has not been written", ResourceWarning, stacklevel=2)


@contextlib.contextmanager
def locked(root: Path, place: Path) -> Generator[None, None, None]:
    """Keep others out who lock the same place, threads and processes, within the block.

    Raises:
        UnsupportedOperationError: the system has no locks that end with their process.
    """
    try:
        import fcntl
    except ImportError as error:
        message = f"{place} cannot be written on a condition: this system cannot lock it"
        raise UnsupportedOperationError(message, hint="Open it in the mode 'xb' to make a new one") from error
    name = hashlib.sha256(str(place).encode()).hexdigest()[:16]
    # One of a few files that stay: who deleted one could let two in, of whom one has the deleted one.
    with (root / f"{UNFINISHED_PREFIX}lock-{name[0]}{UNFINISHED_SUFFIX}").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
