"""Read the metadata files of installed distributions."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Importing attrs, which records need, takes longer than reading the files of most installations.
    from floe_plugins.core.candidate import Distribution

MAX_SIZE = 1 << 20
_CHUNK = 1 << 14
_BOM = b"\xef\xbb\xbf"

# O_NONBLOCK: opening a FIFO must not block. O_BINARY exists on Windows alone.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

DIST_INFO = ".dist-info"
EGG_INFO = ".egg-info"

# So pip begins the name of what it has put aside while it installs another version, or has left behind.
PUT_ASIDE = "~"


def normalize(name: str) -> str:
    """Return a distribution's name in the form in which ``importlib.metadata`` compares names.

    >>> normalize("Acme.Floe") == normalize("acme--floe") == "acme_floe"
    True
    """
    key = name.lower().replace("-", "_").replace(".", "_")
    while "__" in key:
        key = key.replace("__", "_")
    return key


def without_suffix(filename: str) -> str:
    """Return the name of a metadata directory or file without its suffix; empty if it has another suffix.

    >>> without_suffix("acme_floe-1.0.dist-info")
    'acme_floe-1.0'
    """
    if filename.endswith(DIST_INFO):
        return filename[: -len(DIST_INFO)]
    return filename[: -len(EGG_INFO)] if filename.endswith(EGG_INFO) else ""


def read_file(path: str, limit: int = MAX_SIZE) -> bytes:
    """Return the content of a file. More than ``limit`` bytes are returned if the file is larger, but not all.

    Raises:
        OSError: the file cannot be read.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        data = os.read(descriptor, _CHUNK)
        if not data and stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is a FIFO, and no file", path)
        if len(data) < _CHUNK:  # as nearly all files
            return data
        parts = [data]
        while len(parts[-1]) == _CHUNK and len(parts) * _CHUNK <= limit:
            parts.append(os.read(descriptor, _CHUNK))
        return b"".join(parts)
    finally:
        os.close(descriptor)


def distribution_at(directory: str) -> Distribution:
    """Return the distribution whose metadata is at a path that ends in ``.dist-info`` or ``.egg-info``.

    Name and version come from the path. METADATA is read only if the path has no exact version.
    """
    from floe_plugins.core.candidate import Distribution

    name, _, rest = without_suffix(os.path.basename(directory)).partition("-")
    version = rest.partition("-")[0]
    if not version or "_" in version:  # wheels replace other characters by "_"
        with contextlib.suppress(OSError):
            version = next(read_header(directory, "Version"), version)
    return Distribution(name.replace("_", "-"), version, directory)


def names_of(distribution: Distribution) -> frozenset[str]:
    """Return the normalized names of a distribution: of its metadata directory, and of its METADATA if it can be read.

    There are two only if one of the files was written by hand, or to pass for another distribution.
    """
    names = {normalize(distribution.name)}
    if distribution.path:
        with contextlib.suppress(OSError, ValueError):
            names.update(map(normalize, filter(None, read_header(distribution.path, "Name"))))
    return frozenset(names)


def is_readable(path: str) -> bool:
    """Return whether a path is that of a regular file that can be read."""
    return os.path.isfile(path) and os.access(path, os.R_OK)


def read_header(directory: str, name: str) -> Iterator[str]:
    """Yield the values of one field of METADATA or PKG-INFO; nothing if the file or field is missing.

    Raises:
        OSError: the file exists, but cannot be read, or its headers are not UTF-8 or longer than ``MAX_SIZE``.
    """
    return _values(name, _header_lines(directory))


def read_header_of(installed: Any, name: str) -> Iterator[str]:
    """Yield the values of one field as ``read_header`` does, of an ``importlib.metadata.PathDistribution``.

    Raises:
        OSError: its headers are not UTF-8 or longer than ``MAX_SIZE``.
    """
    return _values(name, _lines(read_of(installed, "METADATA") or read_of(installed, "PKG-INFO") or b""))


def _values(name: str, lines: Iterator[str]) -> Iterator[str]:
    field = f"{name.lower()}:"
    parts: list[str] = []  # of a value on several lines
    for line in lines:
        if line[0] in " \t":
            if parts:
                parts.append(line.strip())
        else:
            if parts:
                yield " ".join(parts)
            parts = [line[len(field) :].strip()] if line[: len(field)].lower() == field else []
    if parts:
        yield " ".join(parts)


def _header_lines(directory: str) -> Iterator[str]:
    for path in (f"{directory}{os.sep}METADATA", f"{directory}{os.sep}PKG-INFO", directory):
        try:
            data = read_file(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            continue
        yield from _lines(data)
        return


def _lines(data: bytes) -> Iterator[str]:
    headers, end, _ = data.removeprefix(_BOM).partition(b"\n\n")  # the description behind them may be long
    for line in headers.splitlines():
        if not line.strip():
            return
        yield _text(line)
    if not end and len(data) > MAX_SIZE:
        raise OSError(f"its headers are longer than {MAX_SIZE} bytes")


def _text(line: bytes) -> str:
    # In UTF-16 and UTF-32, which may be valid UTF-8, each ASCII character has a NUL beside it.
    if b"\0" not in line:
        try:
            return line.decode()
        except UnicodeDecodeError:
            pass
    raise OSError("its headers are not UTF-8 text")


def read_requirements(distribution: Distribution) -> tuple[str, ...]:
    """Return the requirements of a distribution as text (PEP 508). Reads its METADATA.

    Raises:
        OSError: METADATA exists, but cannot be read.
    """
    if os.path.lexists(distribution.path):
        found = tuple(read_header(distribution.path, "Requires-Dist"))
        if found or not distribution.path.endswith(EGG_INFO):
            return found
    return _requirements_from_importlib(distribution)


def is_standard(installed: object) -> bool:
    """Return whether a distribution is one that the standard finder found."""
    from importlib.metadata import PathDistribution

    return type(installed) is PathDistribution


def is_put_aside(installed: Any) -> bool:
    """Return whether pip has put a distribution aside, which is installed no more."""
    if not is_standard(installed):
        return False
    path = str(installed._path).rstrip("/")  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] one in an archive ends in it
    return os.path.basename(path).startswith(PUT_ASIDE)


def read_of(installed: Any, filename: str) -> bytes | None:
    """Return the content of a metadata file of an ``importlib.metadata.Distribution``; None if there is none.

    As of ``read_file``, more than ``MAX_SIZE`` bytes are returned if the file is larger, but not all: in an archive, a
    small file may stand for one that fills the memory.
    """
    if not is_standard(installed):  # its finder alone knows where its files are
        text = installed.read_text(filename)
        return None if text is None else text.encode("utf-8", "surrogatepass")
    path: Any = installed._path.joinpath(filename)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    try:
        if isinstance(path, os.PathLike):
            return read_file(os.fspath(path))
        with path.open("rb") as file:  # in an archive
            return bytes(file.read(MAX_SIZE + 1))
    except (FileNotFoundError, IsADirectoryError, KeyError, NotADirectoryError, PermissionError):
        return None  # as importlib.metadata does


def _requirements_from_importlib(distribution: Distribution) -> tuple[str, ...]:
    from importlib import metadata

    root, name = os.path.dirname(distribution.path), distribution.name
    in_root = metadata.MetadataPathFinder.find_distributions(
        metadata.DistributionFinder.Context(name=name, path=[root])
    )
    for installed in (*in_root, *metadata.distributions(name=name)):
        if is_standard(installed) and (data := read_of(installed, "METADATA")) is not None:
            return tuple(_values("Requires-Dist", _lines(data)))
        return tuple(installed.requires or ())
    return ()
