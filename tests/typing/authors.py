"""What authors write, for type checkers: plugins that are plain, dataclasses, attrs classes and pydantic models."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import attrs
from pydantic import BaseModel, SecretStr
from typing_extensions import assert_type

from floe_plugins import SecretsPlugin


class Settings(BaseModel):
    prefix: str = ""


class Hooks(SecretsPlugin):
    """The hooks, which those below share."""

    def get_secret(self, key: str) -> SecretStr | None:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: SecretStr) -> None:
        """Store nothing."""


class Plain(Hooks):
    name = "plain"
    version = "1.0"
    floe_api_version = "1.0"
    config_schema = Settings

    def startup(self) -> None:
        assert_type(self.config, Settings)
        assert_type(self.registry.one(SecretsPlugin), SecretsPlugin)

    def misspell(self) -> None:
        self.config.prefx  # type: ignore[attr-defined] # noqa: B018


class Derived(Plain):
    def shutdown(self) -> None:
        assert_type(self.config, Settings)


class More(Settings):
    size: int = 0


class Extended(Plain):
    config_schema = More

    def startup(self) -> None:
        assert_type(self.config, More)


class Annotated(Hooks):
    config_schema = Settings
    config: Settings  # as before it was known without this

    def startup(self) -> None:
        assert_type(self.config, Settings)


class Unconfigured(Hooks):
    def startup(self) -> None:
        assert_type(self.config, Any)


def of_any(plugin: SecretsPlugin, plain: Plain) -> None:
    assert_type(plugin.config, Any)
    assert_type(plain.config, Settings)


class Wrong(Hooks):
    def secret_names(self, prefix: int = 0) -> tuple[str, ...]:  # type: ignore[override]
        return ()


@dataclass
class Data(Hooks):
    config_schema = Settings
    name: str = "data"
    version: str = "1.0"
    floe_api_version: str = "1.0"
    url: str = ""

    def startup(self) -> None:
        assert_type(self.config, Settings)


@attrs.define(slots=False, eq=False)
class Attrs(Hooks):
    config_schema = Settings
    name: str = "attrs"
    version: str = "1.0"
    floe_api_version: str = "1.0"
    url: str = ""

    def startup(self) -> None:
        assert_type(self.config, Settings)


class Model(Hooks, BaseModel):
    name: str = "model"
    version: str = "1.0"
    floe_api_version: str = "1.0"
    url: str = "default"


PLUGINS = (Plain, Data, Attrs, Model)
