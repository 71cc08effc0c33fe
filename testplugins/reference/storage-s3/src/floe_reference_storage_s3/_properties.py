"""Settings for other engines to reach the same bucket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import SecretStr

if TYPE_CHECKING:
    from floe_reference_storage_s3.plugin import S3StorageConfig


def for_pyiceberg(config: S3StorageConfig) -> dict[str, str | SecretStr]:
    """Properties of a PyIceberg catalog whose warehouse is the storage's root."""
    return _given(
        {
            "warehouse": f"s3://{config.bucket}/{config.prefix}".rstrip("/"),
            "s3.region": config.region,
            "s3.endpoint": config.endpoint,
            "s3.access-key-id": config.access_key_id,
            "s3.secret-access-key": config.secret_access_key,
            "s3.session-token": config.session_token,
            "s3.connect-timeout": f"{config.connect_timeout:g}",
            "s3.request-timeout": f"{config.read_timeout:g}",
            "s3.force-virtual-addressing": _flag(not config.uses_path_style),
        }
    )


def for_duckdb(config: S3StorageConfig) -> dict[str, str | SecretStr]:
    """Settings of DuckDB's extension httpfs."""
    return _given(
        {
            "s3_region": config.region,
            "s3_endpoint": urlsplit(config.endpoint or "").netloc or None,
            "s3_use_ssl": _flag(_encrypts(config)),
            "s3_url_style": "path" if config.uses_path_style else "vhost",
            "s3_access_key_id": config.access_key_id,
            "s3_secret_access_key": config.secret_access_key,
            "s3_session_token": config.session_token,
        }
    )


def for_object_store(config: S3StorageConfig) -> dict[str, str | SecretStr]:
    """Settings of the library object_store, by which DataFusion, polars and delta-rs read files."""
    return _given(
        {
            "bucket": config.bucket,
            "region": config.region,
            "endpoint": config.endpoint,
            "access_key_id": config.access_key_id,
            "secret_access_key": config.secret_access_key,
            "session_token": config.session_token,
            "allow_http": _flag(not _encrypts(config)),
            "virtual_hosted_style_request": _flag(not config.uses_path_style),
        }
    )


def for_spark(config: S3StorageConfig) -> dict[str, str | SecretStr]:
    """Settings of Hadoop's file system S3A for this bucket, as Spark takes them."""
    name = f"spark.hadoop.fs.s3a.bucket.{config.bucket}."
    given = {
        "endpoint.region": config.region,
        "endpoint": config.endpoint,
        "access.key": config.access_key_id,
        "secret.key": config.secret_access_key,
        "session.token": config.session_token,
        "path.style.access": _flag(config.uses_path_style),
        "connection.ssl.enabled": _flag(_encrypts(config)),
    }
    return _given({name + key: value for key, value in given.items()})


CONSUMERS: Mapping[str, Callable[[S3StorageConfig], Mapping[str, str | SecretStr]]] = {
    "pyiceberg": for_pyiceberg,
    "duckdb": for_duckdb,
    "object_store": for_object_store,
    "spark": for_spark,
}


def _given(settings: Mapping[str, str | SecretStr | None]) -> dict[str, str | SecretStr]:
    return {name: value for name, value in settings.items() if value is not None}


def _encrypts(config: S3StorageConfig) -> bool:
    return urlsplit(config.endpoint or "").scheme != "http"


def _flag(value: bool) -> str:  # noqa: FBT001 a setting's value
    return str(value).lower()
