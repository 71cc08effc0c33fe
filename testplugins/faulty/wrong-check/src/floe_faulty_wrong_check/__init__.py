"""Its health check returns text instead of a status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class WrongCheckSecrets(SecretsPlugin):
    name = "wrong-check"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Its health check returns text instead of a status"

    def health_check(self) -> str:  # type: ignore[override]
        return "fine"

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
