"""Has two plugins whose names are alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr


class LikeNamesSecrets(SecretsPlugin):
    name = "like-names"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Has two plugins whose names are alike"

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")


class OtherSecrets(LikeNamesSecrets):
    name = "like_names"
