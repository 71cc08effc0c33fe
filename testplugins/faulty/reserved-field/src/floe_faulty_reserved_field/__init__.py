"""Has a setting that is called as a reserved key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from floe_plugins import SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class Settings(BaseModel):
    distribution: str = ""


class ReservedFieldSecrets(SecretsPlugin):
    name = "reserved-field"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Has a setting that is called as a reserved key"
    config_schema = Settings

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
