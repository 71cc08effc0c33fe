"""Claims to be written for whatever API is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import FLOE_API_VERSION, SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class PlatformApiSecrets(SecretsPlugin):
    name = "platform-api"
    version = "0.1.0"
    floe_api_version = FLOE_API_VERSION
    description = "Claims to be written for whatever API is installed"

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
