"""Never comes back from its health check."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from floe_plugins import HealthState, HealthStatus, SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class HangingCheckSecrets(SecretsPlugin):
    name = "hanging-check"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Never comes back from its health check"

    def health_check(self) -> HealthStatus:
        threading.Event().wait()
        return HealthStatus(HealthState.HEALTHY)

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
