"""Unpack the sources and metadata of a wheel, bounded in size and number, and never outside of a directory."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path

_MAX_MEMBERS = 50_000
_MAX_FILE = 1 << 20  # as much as is read of a source or metadata file anywhere
_MAX_TOTAL = 64 << 20
# Not RECORD: it may name files that lead a reader to sources elsewhere on this system.
_READ = (".py", "METADATA", "entry_points.txt", "WHEEL")
_MODULES = (".so", ".pyd")
# Others are unpacked by the decompressor without a bound.
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_PARTS = (5, 6)  # of the name of a wheel: with a build number there is one more
_SCHEMES = ("purelib", "platlib")
_DEFECTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, UnicodeError, OSError)


class WheelError(ValueError):
    """A wheel that cannot be unpacked safely, or that installers refuse."""


def unpack(wheel: Path, site: Path) -> None:
    """Write what a static reader needs of a wheel into ``site``, as an installer would lay it out.

    These are its Python sources and metadata, and an empty file in place of each extension module.

    Raises:
        WheelError: its name, an entry or a size is not that of a wheel; the message says which.
    """
    if wheel.suffix != ".whl" or len(wheel.stem.split("-")) not in _PARTS:
        raise WheelError("its name is not NAME-VERSION-PYTHON-ABI-PLATFORM.whl")
    try:
        with zipfile.ZipFile(wheel) as archive:
            _unpack(archive, site)
    except WheelError:
        raise
    except _DEFECTS as error:
        raise WheelError(f"it cannot be read as a zip file: {error}") from None


def _unpack(archive: zipfile.ZipFile, site: Path) -> None:
    members = archive.infolist()
    if len(members) > _MAX_MEMBERS:
        raise WheelError(f"it has {len(members)} entries, more than {_MAX_MEMBERS}")
    seen, total = set[str](), 0
    for member in members:
        place = _place(member)
        if member.is_dir():
            continue
        if place in seen:
            raise WheelError(f"two of its entries are {place!r:.200}")
        seen.add(place)
        is_read = place.endswith(_READ)
        if not is_read and not place.endswith(_MODULES):
            continue
        data = _read(archive, member) if is_read else b""
        total += len(data)
        if total > _MAX_TOTAL:
            raise WheelError(f"its sources are larger than {_MAX_TOTAL} bytes in all")
        target = site / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _place(member: zipfile.ZipInfo) -> str:
    """Return where an entry is installed, relative to the directory of packages."""
    name = member.orig_filename
    parts = name.rstrip("/").split("/")
    if not name.isprintable() or "\\" in name or ":" in name or not {"", ".", ".."}.isdisjoint(parts):
        raise WheelError(f"its entry {name!r:.200} would be unpacked elsewhere, or cannot be on every system")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise WheelError(f"its entry {name!r:.200} is a symbolic link")
    if len(parts) > len(_SCHEMES) and parts[0].endswith(".data") and parts[1] in _SCHEMES:
        return "/".join(parts[2:])
    return "/".join(parts)


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    if member.compress_type not in _METHODS:
        raise WheelError(f"its entry {member.filename!r:.200} is compressed by another method than deflate")
    with archive.open(member) as file:
        data = file.read(_MAX_FILE + 1)
    if len(data) > _MAX_FILE:
        raise WheelError(f"its entry {member.filename!r:.200} is larger than {_MAX_FILE} bytes")
    return data
