"""Storage in an S3 bucket."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator, Mapping
from datetime import timezone
from typing import TYPE_CHECKING, Annotated, BinaryIO, cast

from pydantic import AfterValidator, BaseModel, ByteSize, Field, SecretStr, model_validator

from floe_plugins import (
    HealthState,
    HealthStatus,
    IsSecret,
    PluginError,
    PluginUnavailableError,
    StoragePlugin,
    UnsupportedOperationError,
)
from floe_plugins.hookspecs.storage import ObjectInfo
from floe_reference_storage_s3._paths import check_path, check_prefix

if TYPE_CHECKING:
    from floe_plugins.hookspecs.protocols import FileSystem
    from floe_reference_storage_s3._client import Client

# Half of the time that a platform gives to all health checks together.
HEALTH_PATIENCE = 1.2

_METHODS = {"rb": "get_object", "wb": "put_object"}
_LONGEST = 7 * 24 * 3600  # seconds that S3 allows a URL


class S3StorageConfig(BaseModel):
    """The bucket and its connection."""

    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", description="Name of the bucket, which exists")
    prefix: Annotated[str, AfterValidator(lambda text: text and check_path(text))] = Field(
        default="", description="Folder in the bucket that is the storage's root; the whole bucket if empty"
    )
    endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^/@\s]+$",
        description="Address of an S3-compatible service, such as http://127.0.0.1:9000; Amazon's if not set",
    )
    region: str = Field(default="us-east-1", min_length=1, description="Region of the bucket")
    path_style: bool | None = Field(
        default=None, description="Name the bucket in the path, not in the host; by default if there is an endpoint"
    )
    access_key_id: Annotated[str | None, IsSecret] = Field(
        default=None, description="Whose key it is; what boto3 finds in environment, files and machine if not set"
    )
    secret_access_key: SecretStr | None = Field(default=None, description="The key")
    session_token: SecretStr | None = Field(default=None, description="Token of temporary credentials")
    part_size: ByteSize = Field(
        default=ByteSize(16 * 1024 * 1024),
        ge=5 * 1024 * 1024,
        le=5 * 1024**3,
        description="Size from which on a file is sent in parts, and of each part; S3 takes 10,000 of them",
    )
    connect_timeout: float = Field(default=5, gt=0, description="Seconds to wait for a connection")
    read_timeout: float = Field(default=30, gt=0, description="Seconds to wait for an answer")
    attempts: int = Field(default=3, ge=1, description="How often a request is tried when the service fails")

    @property
    def uses_path_style(self) -> bool:
        """Whether the bucket is named in the path."""
        return self.endpoint is not None if self.path_style is None else self.path_style

    @model_validator(mode="after")
    def _both_or_none(self) -> S3StorageConfig:
        if (self.access_key_id is None) != (self.secret_access_key is None):
            message = "access_key_id and secret_access_key belong together: expected both or none"
            raise ValueError(message)
        return self


class S3Storage(StoragePlugin):
    """Objects of one bucket, or of one folder in it.

    A bucket has no folders: an object and a folder may have the same path, and
    what other tools store to mark a folder is not listed. Two who delete one
    object at the same time may both be told that it was there.
    """

    name = "s3"
    version = "0.1.0"
    floe_api_version = "1.1"
    description = "Objects in an S3 bucket"
    config_schema = S3StorageConfig
    config: S3StorageConfig

    def __init__(self) -> None:
        self._clients: dict[float | None, Client] = {}
        self._lock = threading.Lock()

    def startup(self) -> None:
        self._probe(self._client())

    def shutdown(self) -> None:
        with self._lock:
            # Each closes its connections when nobody uses it any more.
            self._clients.clear()

    def health_check(self) -> HealthStatus:
        details = {"root": self._place, "endpoint": self.config.endpoint or "Amazon S3", "region": self.config.region}
        try:
            self._probe(self._client(HEALTH_PATIENCE))
        except (PluginError, OSError) as error:
            return HealthStatus(HealthState.UNHEALTHY, str(error), details)
        return HealthStatus(HealthState.HEALTHY, f"{self._place} can be listed", details)

    def uri(self, path: str) -> str:
        return f"s3://{self.config.bucket}/{self._key(path)}"

    def open(self, path: str, mode: str = "rb") -> BinaryIO:
        key = self._key(path)
        if mode not in {"rb", "wb", "xb"}:
            message = f"mode {mode!r} is not known: expected 'rb', 'wb' or 'xb'"
            raise ValueError(message)
        if mode == "rb":
            from floe_reference_storage_s3._client import Download

            return cast("BinaryIO", Download(self._client(), f"{self.config.bucket}/{key}"))
        from floe_reference_storage_s3._writing import Upload

        if mode == "xb" and self._exists(key):
            raise FileExistsError(errno.EEXIST, "something is there already", self.uri(path))
        upload = Upload(
            self._client(), self.config.bucket, key, exclusive=mode == "xb", part_size=int(self.config.part_size)
        )
        return cast("BinaryIO", upload)

    def list(self, prefix: str = "") -> tuple[ObjectInfo, ...]:
        return tuple(sorted(self.objects(prefix), key=lambda info: info.path))

    def objects(self, prefix: str = "") -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        return self._objects(prefix)

    def info(self, path: str) -> ObjectInfo:
        found = self._client().ask("head_object", Bucket=self.config.bucket, Key=self._key(path))
        modified = found["LastModified"].astimezone(timezone.utc)
        return ObjectInfo(path, found["ContentLength"], modified, found["ETag"])

    def write_if(self, path: str, data: bytes, version: str | None) -> str:
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            sent = self._client().ask(
                "put_object", Bucket=self.config.bucket, Key=self._key(path), Body=bytes(data), **condition
            )
        except OSError as error:
            # 412 is the answer to a condition that does not hold; 409 to two who write at once.
            if error.errno in {errno.EINVAL, errno.EBUSY}:
                raise FileExistsError(errno.EEXIST, "another version is there", self.uri(path)) from error
            raise
        return str(sent["ETag"])

    def presign(self, path: str, mode: str = "rb", seconds: float = 900) -> SecretStr:
        method = _METHODS.get(mode)
        if method is None or not 1 <= seconds <= _LONGEST:
            message = f"no URL for mode {mode!r} and {seconds:g} seconds: expected 'rb' or 'wb', and 1 to {_LONGEST}"
            raise ValueError(message)
        place = f"{self.config.bucket}/{self._key(path)}"
        return SecretStr(self._client().url(place, expires=int(seconds), client_method=method))

    def delete(self, path: str) -> bool:
        key = self._key(path)
        # Deleting what is not there is no error in S3.
        if not self._exists(key):
            return False
        self._client().ask("delete_object", Bucket=self.config.bucket, Key=key)
        return True

    def filesystem(self) -> FileSystem:
        from floe_reference_storage_s3._client import RootedFileSystem

        return cast("FileSystem", RootedFileSystem(self._client(), f"{self.config.bucket}/{self._root}".rstrip("/")))

    def properties(self, consumer: str) -> Mapping[str, str]:
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in self.access(consumer).items()
        }

    def access(self, consumer: str) -> Mapping[str, str | SecretStr]:
        from floe_reference_storage_s3._properties import CONSUMERS

        if consumer not in CONSUMERS:
            message = f"settings for {consumer!r} are not known: expected one of {', '.join(CONSUMERS)}"
            raise UnsupportedOperationError(message)
        return CONSUMERS[consumer](self.config)

    def _objects(self, prefix: str) -> Iterator[ObjectInfo]:
        from floe_reference_storage_s3._client import pages

        start = len(self._root)
        for entry in pages(self._client(), self.config.bucket, self._root + prefix):
            if not entry["Key"].endswith("/"):
                modified = entry["LastModified"].astimezone(timezone.utc)
                yield ObjectInfo(entry["Key"][start:], entry["Size"], modified, entry.get("ETag", ""))

    @property
    def _root(self) -> str:
        return f"{self.config.prefix}/" if self.config.prefix else ""

    @property
    def _place(self) -> str:
        return f"s3://{self.config.bucket}/{self._root}".rstrip("/")

    def _key(self, path: str) -> str:
        return self._root + check_path(path)

    def _client(self, patience: float | None = None) -> Client:
        from floe_reference_storage_s3._client import connect, translated

        with self._lock:
            if patience not in self._clients:
                with translated(self._place):
                    self._clients[patience] = connect(self.config, patience=patience)
            return self._clients[patience]

    def _exists(self, key: str) -> bool:
        try:
            self._client().ask("head_object", Bucket=self.config.bucket, Key=key)
        except FileNotFoundError:
            return False
        return True

    def _probe(self, client: Client) -> None:
        try:
            client.ask("list_objects_v2", Bucket=self.config.bucket, Prefix=self._root, MaxKeys=1)
        except FileNotFoundError as error:
            hint = "Make it, or correct plugins.storage.s3.bucket"
            raise PluginError(f"there is no bucket {self.config.bucket!r}", hint=hint) from error
        except PermissionError as error:
            hint = "Correct plugins.storage.s3.access_key_id and secret_access_key, or allow s3:ListBucket"
            raise PluginError(f"{self._place} may not be listed: {error}", hint=hint) from error
        except OSError as error:
            raise PluginUnavailableError(f"{self._place} cannot be listed: {error}") from error
