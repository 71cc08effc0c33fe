"""Lacks one hook of its category, so its class is abstract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class AbstractPluginSecrets(SecretsPlugin):
    name = "abstract-plugin"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Lacks one hook of its category, so its class is abstract"

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
