"""Paths in the storage as keys in the bucket, never outside the root."""

from __future__ import annotations


def check_path(path: str) -> str:
    """The same path, if an object of this storage can have it.

    Raises:
        ValueError: it leads out of the root, or is not in normal form.
    """
    if not all(_is_plain(part) for part in path.split("/")):
        message = f"{path!r} is no path in this storage: expected names joined by '/', none of them '', '.' or '..'"
        raise ValueError(message)
    return path


def check_prefix(prefix: str) -> str:
    """The same prefix, if a path of this storage can begin so.

    Raises:
        ValueError: none can.
    """
    *folders, rest = prefix.split("/")
    if not all(_is_plain(part) for part in folders) or (rest not in {"", "."} and not _is_plain(rest)):
        message = (
            f"{prefix!r} begins no path in this storage: expected names joined by '/', none of them '', '.' or '..'"
        )
        raise ValueError(message)
    return prefix


def _is_plain(part: str) -> bool:
    # s3fs cuts a path off where it asks for an old version of an object.
    return part not in {"", ".", ".."} and "\0" not in part and "?versionId=" not in part
