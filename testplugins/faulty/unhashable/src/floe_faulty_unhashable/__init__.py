"""An attrs class that compares by value, so it cannot be hashed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from floe_plugins import SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


@attrs.define
class UnhashableSecrets(SecretsPlugin):
    name = "unhashable"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "An attrs class that compares by value, so it cannot be hashed"
    reads: int = 0

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
