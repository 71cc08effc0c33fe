"""Files that DataFusion reads as tables, wherever the storage has them."""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from floe_plugins import StoragePlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from datafusion import SessionContext

    from floe_plugins.hookspecs.compute import Files

FORMATS = ("parquet", "csv", "json")
_LOCAL = "file://"


class Sources:
    """A storage's files as tables.

    S3 is read by DataFusion itself; what DataFusion has no way to is read through the storage's file system.
    """

    def __init__(self, storage: StoragePlugin) -> None:
        self._storage = storage
        self._root = storage.uri("any").removesuffix("any")
        self._settings = _settings(storage)

    def let_in(self, context: SessionContext) -> None:
        """Let the statements of a context read the storage by URI, if DataFusion has a way to it."""
        if self._settings:
            from datafusion.object_store import AmazonS3

            given = dict(self._settings)
            bucket = given.pop("bucket")
            given.pop("virtual_hosted_style_request", None)
            store = AmazonS3(bucket, allow_http=given.pop("allow_http", "false") == "true", **given)
            context.register_object_store("s3://", store, bucket)

    def table(self, context: SessionContext, source: Files) -> Any:
        """The files as what a context takes for a table, which they are read from when it is asked.

        Args:
            context: where to make it; any other of the same process can have it, too.
            source: the files.

        Raises:
            UnsupportedOperationError: DataFusion does not read this format, or not from there.
            ValueError: the files are not there, or not of this format.
        """
        if source.format not in FORMATS:
            message = f"files of format {source.format!r} cannot be attached: expected {', '.join(FORMATS)}"
            raise UnsupportedOperationError(message)
        if source.uri.startswith(_LOCAL):
            return _listed(context, source.uri.removeprefix(_LOCAL), source)
        if not source.uri.startswith(self._root):
            message = f"{source.uri} is neither on this machine nor in storage:{self._storage.name}"
            raise UnsupportedOperationError(message, hint="Attach what StoragePlugin.uri gives")
        inner = source.uri.removeprefix(self._root)
        files = self.files(inner)
        if not files:
            raise ValueError(f"{source.uri} cannot be read as {source.format}: there is no such file")
        if self._settings and not _is_pattern(inner):
            return _listed(context, source.uri if files == [inner] else source.uri.rstrip("/") + "/", source)
        if source.options:
            message = f"options of {source.format} are not known for {source.uri}, which is read through the storage"
            raise UnsupportedOperationError(message, hint="Attach one file without options, or use register_table")
        import pyarrow.dataset

        return pyarrow.dataset.dataset(files, format=source.format, filesystem=self._storage.filesystem())

    def files(self, inner: str) -> list[str]:
        """The paths in the storage that a path, a folder or a pattern stands for."""
        if _is_pattern(inner):
            folder = inner[: min(inner.find(each) for each in "*?[" if each in inner)].rpartition("/")[0]
            found = self._storage.objects(folder and f"{folder}/")
            return sorted(each.path for each in found if fnmatch.fnmatchcase(each.path, inner))
        folder = inner.rstrip("/") + "/"
        found = self._storage.objects(inner.rstrip("/"))
        return sorted(each.path for each in found if each.path == inner or each.path.startswith(folder))


def _is_pattern(path: str) -> bool:
    return any(letter in path for letter in "*?[")


def _settings(storage: StoragePlugin) -> dict[str, Any]:
    try:
        given = storage.access("object_store")
    except UnsupportedOperationError:
        return {}
    plain = {name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in given.items()}
    return plain if storage.uri("any").startswith("s3://") else {}


def _listed(context: SessionContext, place: str, source: Files) -> Any:
    suffix = "." + source.format
    name = place.rpartition("/")[2]
    if "." in name and not _is_pattern(name):
        suffix = "." + name.rpartition(".")[2]
    register = getattr(context, f"register_{source.format}")
    try:
        register("floe_attached", place, file_extension=suffix, **_options(source))
        table = context.catalog().schema("public").table("floe_attached")
        found = context.table("floe_attached").schema()
    except UnsupportedOperationError:
        raise
    except Exception as error:  # DataFusion's own errors have no class of their own
        raise ValueError(f"{source.uri} cannot be read as {source.format}: {error}") from error
    # Some versions give a table without columns if there are no files.
    if not len(found):
        raise ValueError(f"{source.uri} cannot be read as {source.format}: there is no such file, or it has no columns")
    return table


def _options(source: Files) -> dict[str, Any]:
    if source.format == "csv" and source.options.keys() <= {"delimiter", "has_header"}:
        given: dict[str, Any] = dict(source.options)
        if "has_header" in given:
            given["has_header"] = given["has_header"].lower() == "true"
        return given
    if source.options:
        message = f"options {', '.join(source.options)} of {source.format} are not known"
        raise UnsupportedOperationError(message, hint="Known are delimiter and has_header, of csv")
    return {}
