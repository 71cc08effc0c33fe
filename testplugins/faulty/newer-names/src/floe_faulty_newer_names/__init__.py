"""Written for API 2, imports a name that API 1 does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import SecretLease, SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class NewerNamesSecrets(SecretsPlugin):
    name = "newer-names"
    version = "0.1.0"
    floe_api_version = "2.0"
    description = "Written for API 2, imports a name that API 1 does not have"
    lease = SecretLease(seconds=60)

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
