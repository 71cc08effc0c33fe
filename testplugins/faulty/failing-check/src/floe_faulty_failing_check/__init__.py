"""Raises when its health is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import HealthStatus, SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class FailingCheckSecrets(SecretsPlugin):
    name = "failing-check"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Raises when its health is asked for"

    def health_check(self) -> HealthStatus:
        raise ConnectionResetError("the vault has hung up")

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
