"""A correct plugin keeps every rule about settings, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pydantic
import pytest
from conformance_plugins import Good, GoodConformance, Settings
from conformance_suite import conformance

from floe_plugins.testing.conformance.general.configuration import ConfigurationRules
from floe_plugins.testing.conformance.runner import rules, run


class Undescribed(Settings):
    colour: str = "red"


class NotJson(Settings):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    function: Callable[[], int] = pydantic.Field(default=lambda: 1, description="Makes one")


class Reserved(Settings):
    distribution: str = pydantic.Field(default="", description="Where it is from")


class BadDefault(Settings):
    count: int = pydantic.Field(default=0, ge=1, description="How many")


class NoPaths(Settings):
    @pydantic.model_validator(mode="wrap")
    @classmethod
    def all_or_nothing(cls, data: Any, handler: Any) -> Any:
        try:
            return handler(data)
        except pydantic.ValidationError:
            raise ValueError("something is wrong") from None


class ShowsSecrets(Settings):
    api_token: str = pydantic.Field(default="", description="The token")


class ReplacesItsConfig(Good):
    def __setattr__(self, name: str, value: object) -> None: ...
    def __getattribute__(self, name: str) -> Any:
        return Settings() if name == "config" else super().__getattribute__(name)


class OddVersion(Good):
    config_version = True


class NoMigration(Good):
    config_version = 2


class Migrated(Good):
    config_version = 2

    @classmethod
    def migrate_config(cls, old_version: int, data: dict[str, Any]) -> dict[str, Any]:
        return {"size": data["count"] * old_version}


def schema(model: type[pydantic.BaseModel]) -> type[Any]:
    return type("Faulty", (Good,), {"config_schema": model})


FAULTY: dict[str, type[Any]] = {
    "test_the_settings_are_validated": ReplacesItsConfig,
    "test_fields_are_described": schema(Undescribed),
    "test_the_schema_is_valid_json_schema": schema(NotJson),
    "test_no_field_has_a_reserved_name": schema(Reserved),
    "test_defaults_are_valid": schema(BadDefault),
    "test_bad_values_are_refused_at_their_field": schema(NoPaths),
    "test_secrets_are_typed": schema(ShowsSecrets),
    "test_the_version_of_the_schema_is_a_number": OddVersion,
    "test_older_settings_are_migrated": NoMigration,
}


def broken(plugin: type[Any], **attributes: Any) -> dict[str, str]:
    result = run(conformance(GoodConformance, plugin, **attributes), rules(ConfigurationRules))
    return {name: error.seen for name, error in result.failed.items()}


def test_a_correct_plugin_keeps_every_rule() -> None:
    assert broken(Good) == {}


@pytest.mark.parametrize("rule", rules(ConfigurationRules))
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(FAULTY[rule], old_configs={1: {"size": 1}})) == [rule]


def test_older_settings_that_are_migrated_keep_the_rule() -> None:
    assert broken(Migrated, old_configs={1: {"count": 3}}) == {}


def test_an_author_is_asked_for_older_settings() -> None:
    assert "set or override 'old_configs'" in broken(Migrated)["test_older_settings_are_migrated"]


def test_a_plugin_without_settings_keeps_every_rule() -> None:
    assert broken(type("Plain", (Good,), {"config_schema": None}), config={}) == {}
