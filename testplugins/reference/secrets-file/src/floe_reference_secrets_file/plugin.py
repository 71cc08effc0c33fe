"""Secrets in one encrypted file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator

from floe_plugins import HealthState, HealthStatus, PluginError, SecretsPlugin
from floe_reference_secrets_file._vault import Vault

# What secrets:env allows too, so that a platform can change from one to the other.
_KEY = re.compile(r"(?!\.\.|\.$)[A-Za-z0-9._-]{1,253}", re.ASCII)
_SHORTEST_KEY = 16

AbsolutePath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]


class FileSecretsConfig(BaseModel):
    """The file and its key."""

    path: AbsolutePath = Field(description="The encrypted file; relative to the working directory")
    key: SecretStr | None = Field(
        default=None,
        min_length=_SHORTEST_KEY,
        description="Key or passphrase, best taken from the environment: ${NAME}, or FLOE_PLUGINS__SECRETS__FILE__KEY",
    )
    key_file: AbsolutePath | None = Field(
        default=None, description="File with the key or passphrase instead; one newline at its end is no part of it"
    )
    create: bool = Field(default=False, description="Begin with no secrets if the file is missing")
    lock_timeout: float = Field(
        default=10.0, gt=0, description="Seconds to wait for another process that is writing the file"
    )

    @model_validator(mode="after")
    def _one_key(self) -> FileSecretsConfig:
        if (self.key is None) == (self.key_file is None):
            message = "one of key and key_file is needed, and not both"
            raise ValueError(message)
        return self


class FileSecrets(SecretsPlugin):
    """Keeps secrets in one file, encrypted and authenticated as a whole by a key made from a passphrase.

    The file shows how many secrets there are only by its size; names are encrypted, too.
    """

    name = "file"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Secrets in one encrypted file"
    config_schema = FileSecretsConfig
    config: FileSecretsConfig

    def startup(self) -> None:
        config = self.config
        self._vault = Vault(config.path, self._passphrase, create=config.create, lock_timeout=config.lock_timeout)
        # Raises now what would otherwise fail at the first secret: another key, a damaged file.
        self._vault.read()

    def health_check(self) -> HealthStatus:
        try:
            count = len(self._vault.read())
        except OSError as error:
            return HealthStatus(HealthState.UNHEALTHY, f"cannot read {error.filename}: {error.strerror}")
        except PluginError as error:
            return HealthStatus(HealthState.UNHEALTHY, error.message)
        return HealthStatus(HealthState.HEALTHY, f"{count} secrets can be read")

    def get_secret(self, key: str) -> SecretStr | None:
        _check(key)
        value = self._vault.read().get(key)
        return None if value is None else SecretStr(value)

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return tuple(sorted(name for name in self._vault.read() if name.startswith(prefix)))

    def put_secret(self, key: str, value: SecretStr) -> None:
        _check(key)
        self._vault.put(key, value.get_secret_value())

    def _passphrase(self) -> bytes:
        if self.config.key is not None:
            return self.config.key.get_secret_value().encode()
        if self.config.key_file is None:
            raise AssertionError("the configuration's own validation lets one of the two be there")
        content = self.config.key_file.read_bytes()
        content = content.removesuffix(b"\r\n") if content.endswith(b"\r\n") else content.removesuffix(b"\n")
        if len(content) < _SHORTEST_KEY:
            message = f"the key in {self.config.key_file} is shorter than {_SHORTEST_KEY} bytes"
            raise PluginError(message)
        return content


def _check(key: str) -> None:
    if not _KEY.fullmatch(key):
        message = f"{key!r} cannot name a secret: expected letters, digits, '.', '_' and '-', not beginning with '..'"
        raise ValueError(message)
