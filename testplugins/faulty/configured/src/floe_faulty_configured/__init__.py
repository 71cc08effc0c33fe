"""Takes nested configuration with defaults and a secret."""

from __future__ import annotations

from pydantic import BaseModel, Field, SecretStr

from floe_plugins import SecretsPlugin, UnsupportedOperationError


class Pool(BaseModel):
    size: int = Field(default=4, ge=1, le=64, description="Connections that are kept open")
    timeout: float = Field(default=5.0, gt=0, description="Seconds to wait for a free connection")


class Config(BaseModel):
    address: str = Field(default="localhost", description="Host of the store")
    token: SecretStr = Field(description="What the store asks for")
    pool: Pool = Field(default_factory=Pool, description="The connection pool")
    tags: list[str] = Field(default_factory=list, description="Marks on every request")


class ConfiguredSecrets(SecretsPlugin):
    name = "configured"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "Takes nested configuration with defaults and a secret"
    config_schema = Config
    config: Config

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        raise UnsupportedOperationError("this store is read-only")
