"""Has a timeout for a stage that there is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class UnknownStageSecrets(SecretsPlugin):
    name = "unknown-stage"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Has a timeout for a stage that there is not"
    timeouts = {"start": 60}  # noqa: RUF012 broken on purpose

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
