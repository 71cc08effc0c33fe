"""Leaves out an argument that callers pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class FewerArgumentsSecrets(SecretsPlugin):
    name = "fewer-arguments"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Leaves out an argument that callers pass"

    def get_secret(self) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
