import json
from typing import Annotated

import pytest
from pydantic import BaseModel, SecretStr
from support import redactor_of

from floe_plugins import IsSecret, NotSecret, PluginRef
from floe_plugins.configuration.loader import load
from floe_plugins.reporting.json_schema import json_schema, plugin_schema
from floe_plugins.reporting.origins import plugin_settings

REF = PluginRef.parse("compute:vault")


class Inner(BaseModel):
    licence: Annotated[str, IsSecret] = "F-1234-XYZ"


class Settings(BaseModel):
    licence: Annotated[str, IsSecret] = "hunter2-prod"
    many: list[Annotated[str, IsSecret]] = ["tiger-prod"]
    table: Annotated[dict[str, str], IsSecret] = {"lion-prod": "puma-prod"}
    inner: Inner = Inner()
    token: Annotated[str, NotSecret] = "orders_by_day"  # noqa: S105 that is the point
    tokens: Annotated[dict[str, str], NotSecret] = {"begin": "<begin>"}
    password: Annotated[SecretStr, NotSecret] = SecretStr("zebra-prod")


class Plugin:
    config_schema = Settings


@pytest.mark.parametrize("secret", ["hunter2-prod", "tiger-prod", "lion-prod", "puma-prod", "F-1234-XYZ", "zebra-prod"])
def test_what_is_marked_is_masked(secret):
    assert redactor_of(Settings()).redact(f"refused {secret}!") == "refused ***!"


def test_what_is_marked_as_not_secret_is_not():
    text = "cannot read orders_by_day with <begin> and begin"
    assert redactor_of(Settings()).redact(text) == text


def test_the_effective_settings_say_so():
    settings, issues = plugin_settings(load({"plugins": {"compute": {"vault": {}}}}, environ={}), REF, Plugin)
    assert not issues
    found = {each.path.removeprefix("plugins.compute.vault."): each for each in settings}
    assert (found["licence"].value, found["licence"].hidden_because) == ("***", "marked IsSecret")
    assert (found["token"].value, found["token"].hidden_because) == ("orders_by_day", "")
    assert (found["tokens.begin"].value, found["tokens.begin"].hidden_because) == ("<begin>", "")
    assert (found["password"].value, found["password"].hidden_because) == ("***", "type SecretStr")


def test_a_marker_changes_neither_the_values_nor_another_field_of_the_type():
    class Other(BaseModel):
        inner: Annotated[Inner, NotSecret]
        same: Inner
        plain: str

    assert Other(inner=Inner(), same=Inner(), plain="hunter2-prod").model_dump()["plain"] == "hunter2-prod"
    assert redactor_of(Other(inner=Inner(), same=Inner(), plain="hunter2-prod")).redact("hunter2-prod") != "***"


def test_the_json_schema_has_no_default_of_a_marked_field_but_that_of_one_marked_as_not_secret():
    shown = json.dumps(json_schema({REF: plugin_schema(REF, Plugin)}))
    assert "hunter2-prod" not in shown
    assert "F-1234-XYZ" not in shown
    assert "orders_by_day" in shown
    assert "x-floe-secret" not in shown


def test_a_password_in_a_url_is_masked_though_the_field_is_marked_as_not_secret():
    class Linked(BaseModel):
        token_page: Annotated[str, NotSecret] = "https://me:hunter2-prod@example.org/x"  # noqa: S105 that is the point

    assert redactor_of(Linked()).redact("refused hunter2-prod by example.org") == "refused *** by example.org"
