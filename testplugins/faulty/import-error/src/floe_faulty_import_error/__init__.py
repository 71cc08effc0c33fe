"""Raises ImportError when it is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from floe_plugins import SecretsPlugin, UnsupportedOperationError

if TYPE_CHECKING:
    from pydantic import SecretStr

message = "libengine.so.3: cannot open shared object file"
raise ImportError(message)


class ImportErrorSecrets(SecretsPlugin):
    name = "import-error"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Raises ImportError when it is imported"

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
