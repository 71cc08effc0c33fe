"""Written for an API version that is far ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class NewerApiSecrets(SecretsPlugin):
    name = "newer-api"
    version = "0.1.0"
    floe_api_version = "99.0"
    description = "Written for an API version that is far ahead"

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
