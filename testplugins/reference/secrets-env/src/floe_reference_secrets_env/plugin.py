"""Secrets from environment variables and mounted files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pydantic import BaseModel, Field, SecretStr

from floe_plugins import HealthState, HealthStatus, PluginError, SecretsPlugin, UnsupportedOperationError

# What Kubernetes allows as a key, which every environment variable that a shell can set fits into.
_KEY = re.compile(r"(?!\.\.|\.$)[A-Za-z0-9._-]{1,253}", re.ASCII)


class EnvSecretsConfig(BaseModel):
    """The location of the secrets."""

    prefix: str = Field(
        default="FLOE_SECRET_",
        description="Beginning of the environment variables that are secrets, no part of a secret's name; "
        "an empty one offers the whole environment",
    )
    files: Path | None = Field(
        default=None,
        description="Directory with one file for each secret, as containers mount it, such as /run/secrets",
    )


class EnvSecrets(SecretsPlugin):
    """Reads secrets from the environment, then from mounted files; writes none.

    One newline at the end of a file is no part of the secret.
    """

    name = "env"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Secrets from environment variables and mounted files"
    config_schema = EnvSecretsConfig
    config: EnvSecretsConfig

    def startup(self) -> None:
        # Raises now what would otherwise look like secrets that are not there.
        self._file_names()

    def health_check(self) -> HealthStatus:
        try:
            unreadable = [name for name in self._file_names() if not os.access(self._file(name), os.R_OK)]
        except OSError as error:
            return HealthStatus(HealthState.UNHEALTHY, f"cannot list {self.config.files}: {error.strerror}")
        if unreadable:
            return HealthStatus(HealthState.DEGRADED, f"cannot read {', '.join(unreadable)} in {self.config.files}")
        return HealthStatus(HealthState.HEALTHY, f"{len(self.secret_names())} secrets can be read")

    def get_secret(self, key: str) -> SecretStr | None:
        _check(key)
        value = os.environ.get(self.config.prefix + key)
        if value is None and self.config.files is not None:
            value = _read(self._file(key))
        return None if value is None else SecretStr(value)

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        start = len(self.config.prefix)
        names = {name[start:] for name in os.environ if name.startswith(self.config.prefix)}
        names.update(self._file_names())
        return tuple(sorted(name for name in names if name.startswith(prefix) and _KEY.fullmatch(name)))

    def put_secret(self, key: str, value: SecretStr) -> None:
        _check(key)
        message = f"{key!r} cannot be written: the environment and mounted files are read-only"
        raise UnsupportedOperationError(message, hint="Set it where the process is deployed")

    def _file_names(self) -> list[str]:
        if self.config.files is None:
            return []
        # Kubernetes keeps the files in a hidden "..<time>" folder; "..data" is a link to the newest.
        return sorted(place.name for place in self.config.files.iterdir() if place.is_file())

    def _file(self, key: str) -> Path:
        return (self.config.files or Path()) / key


def _check(key: str) -> None:
    if not _KEY.fullmatch(key):
        message = f"{key!r} cannot name a secret: expected letters, digits, '.', '_' and '-', not beginning with '..'"
        raise ValueError(message)


def _read(file: Path) -> str | None:
    try:
        content = file.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        return None
    try:
        text = content.decode()
    except UnicodeDecodeError:
        # Raised below, outside of this block: the decoder's error holds the secret.
        text = None
    if text is None:
        message = f"the secret in {file} is not UTF-8 text"
        raise PluginError(message, hint="Store it as text, for instance in base64")
    return text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")
