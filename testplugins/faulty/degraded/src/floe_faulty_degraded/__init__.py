"""Works, but reports that not all is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import HealthState, HealthStatus, SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class DegradedSecrets(SecretsPlugin):
    name = "degraded"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Works, but reports that not all is well"

    def health_check(self) -> HealthStatus:
        return HealthStatus(HealthState.DEGRADED, "one of two replicas answers", {"replicas": 1})

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
