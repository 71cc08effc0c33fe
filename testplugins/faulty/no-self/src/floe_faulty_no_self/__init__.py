"""Has a hook without self."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class NoSelfSecrets(SecretsPlugin):
    name = "no-self"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Has a hook without self"

    def get_secret(key: str) -> SecretStr | None:  # type: ignore[misc] # noqa: N805 broken on purpose
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
