"""Never comes back from its shutdown."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from floe_plugins import SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class HangingStopSecrets(SecretsPlugin):
    name = "hanging-stop"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Never comes back from its shutdown"

    def shutdown(self) -> None:
        threading.Event().wait()

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
