"""Reads single files of installed distributions: entry points, and of METADATA what the headers say."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from floe_plugins.core.candidate import Distribution

MAX_SIZE = 1 << 20
_CHUNK = 1 << 14

# A FIFO in the place of a file must not block us; O_BINARY is Windows'.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

DIST_INFO = ".dist-info"
EGG_INFO = ".egg-info"


def normalize(name: str) -> str:
    """A distribution's name as ``importlib.metadata`` compares it: ``Acme.Floe`` and ``acme-floe`` are one."""
    key = name.lower().replace("-", "_").replace(".", "_")
    while "__" in key:
        key = key.replace("__", "_")
    return key


def stem(child: str) -> str:
    """Name and version of a metadata directory or file; empty where its name has another form."""
    if child.endswith(DIST_INFO):
        return child[: -len(DIST_INFO)]
    return child[: -len(EGG_INFO)] if child.endswith(EGG_INFO) else ""


def read_file(path: str, limit: int = MAX_SIZE) -> bytes:
    """The bytes of a file, cut off a little above ``limit``.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(path, _FLAGS)
    try:
        data = os.read(descriptor, _CHUNK)
        if len(data) < _CHUNK:
            return data
        parts = [data]
        size = len(data)
        while data and size <= limit:
            data = os.read(descriptor, _CHUNK)
            parts.append(data)
            size += len(data)
        return b"".join(parts)
    finally:
        os.close(descriptor)


def at(directory: str) -> Distribution:
    """The distribution whose metadata lies at a path that ends in ``.dist-info`` or ``.egg-info``.

    Its name tells name and version; METADATA is read only where it does not.
    """
    name, _, rest = stem(os.path.basename(directory)).partition("-")
    version = rest.partition("-")[0]
    if not version or "_" in version:  # wheels write other characters as "_"
        with contextlib.suppress(OSError):
            version = next(header(directory, "Version"), version)
    return Distribution(name.replace("_", "-"), version, directory)


def header(directory: str, name: str) -> Iterator[str]:
    """The values of one field of METADATA or PKG-INFO; none where there is no such file or field.

    Raises:
        OSError: there is a file, but it cannot be read.
    """
    field = f"{name.lower()}:"
    values: list[str] = []
    for line in _headers(directory):
        if line[0] in " \t":
            if values:
                values[-1] += f" {line.strip()}"
        else:
            yield from values
            values = [line[len(field) :].strip()] if line.lower().startswith(field) else []
    yield from values


def _headers(directory: str) -> Iterator[str]:
    for path in (f"{directory}{os.sep}METADATA", f"{directory}{os.sep}PKG-INFO", directory):
        try:
            data = read_file(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            continue
        for line in data.decode("utf-8", "replace").splitlines():
            if not line.strip():
                return
            yield line
        return


def requires(distribution: Distribution) -> tuple[str, ...]:
    """The requirements that a distribution declares, as text (PEP 508); reads its METADATA.

    Raises:
        OSError: METADATA is there, but cannot be read.
    """
    if os.path.lexists(distribution.path):
        found = tuple(header(distribution.path, "Requires-Dist"))
        if found or not distribution.path.endswith(EGG_INFO):
            return found
    return _standard_requires(distribution)


def _standard_requires(distribution: Distribution) -> tuple[str, ...]:
    from importlib import metadata

    root, name = os.path.dirname(distribution.path), distribution.name
    along = metadata.MetadataPathFinder.find_distributions(metadata.DistributionFinder.Context(name=name, path=[root]))
    for installed in (*along, *metadata.distributions(name=name)):
        return tuple(installed.requires or ())
    return ()
