"""Has a method whose name is like that of a hook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import HealthState, HealthStatus, SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class NearHookSecrets(SecretsPlugin):
    name = "near-hook"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Has a method whose name is like that of a hook"

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def heath_check(self) -> HealthStatus:
        return HealthStatus(HealthState.HEALTHY)

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
