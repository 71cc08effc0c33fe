"""Marks a method as a hook that its category does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import SecretsPlugin, UnsupportedOperationError, hookimpl

if TYPE_CHECKING:
    from pydantic import SecretStr


class TypoHookSecrets(SecretsPlugin):
    name = "typo-hook"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Marks a method as a hook that its category does not have"

    @hookimpl
    def get_secrets(self, key: str) -> None:
        """The hook is called get_secret."""

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
