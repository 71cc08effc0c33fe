"""Settings for other engines to reach the same bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pydantic import SecretStr

    from floe_reference_storage_s3.plugin import S3StorageConfig


def for_pyiceberg(config: S3StorageConfig) -> dict[str, str]:
    """Properties of a PyIceberg catalog whose warehouse is the storage's root."""
    given = {
        "warehouse": f"s3://{config.bucket}/{config.prefix}".rstrip("/"),
        "s3.region": config.region,
        "s3.endpoint": config.endpoint,
        "s3.access-key-id": config.access_key_id,
        "s3.secret-access-key": _text(config.secret_access_key),
        "s3.session-token": _text(config.session_token),
        "s3.connect-timeout": f"{config.connect_timeout:g}",
        "s3.request-timeout": f"{config.read_timeout:g}",
        "s3.force-virtual-addressing": str(not config.uses_path_style).lower(),
    }
    return {name: value for name, value in given.items() if value is not None}


def for_duckdb(config: S3StorageConfig) -> dict[str, str]:
    """Settings of DuckDB's extension httpfs."""
    address = urlsplit(config.endpoint or "")
    given = {
        "s3_region": config.region,
        "s3_endpoint": address.netloc or None,
        "s3_use_ssl": str(address.scheme != "http").lower(),
        "s3_url_style": "path" if config.uses_path_style else "vhost",
        "s3_access_key_id": config.access_key_id,
        "s3_secret_access_key": _text(config.secret_access_key),
        "s3_session_token": _text(config.session_token),
    }
    return {name: value for name, value in given.items() if value is not None}


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
