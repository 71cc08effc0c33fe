"""One of its hooks is a coroutine, which nobody would await."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class AsyncHookSecrets(SecretsPlugin):
    name = "async-hook"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "One of its hooks is a coroutine, which nobody would await"

    async def get_secret(self, key: str) -> SecretStr | None:  # type: ignore[override]
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
