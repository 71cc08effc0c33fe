import pytest
from pydantic import BaseModel, Field

from floe_plugins import PluginRef
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.redaction.sources import redactor_of_model, redactor_of_settings
from floe_plugins.configuration.schema.validation import validate_and_log

REF = PluginRef.parse("compute:vault")
PREFIX = "FLOE_PLUGINS__COMPUTE__VAULT__"


class Settings(BaseModel):
    path: str = ""
    login: str = Field("", alias="apiKey")
    pin_code: int = Field(0, alias="pin")


class Plugin:
    config_schema = Settings


def redactor(table, environ=None, arguments=None):
    configuration = load({"plugins": {"compute": {"vault": table}}}, environ=environ or {})
    if arguments:
        configuration = configuration.with_arguments(REF, arguments)
    model, issues = validate_and_log(configuration, REF, Plugin, None)
    assert not issues
    return redactor_of_model(configuration.settings(REF), model)


@pytest.mark.parametrize(
    ("table", "environ", "arguments"),
    [
        ({"apiKey": "hunter2-prod"}, {}, {}),
        ({"path": "${TOKEN}"}, {"TOKEN": "hunter2-prod"}, {}),
        ({"path": "/data/${TOKEN}/x"}, {"TOKEN": "hunter2-prod"}, {}),
        ({"path": "/data/${DB_PASSWORD:-hunter2-prod}/x"}, {}, {}),
        ({"path": "${PLACE:-/data/${DB_PASSWORD:-hunter2-prod}}"}, {}, {}),
        ({}, {f"{PREFIX}APIKEY": "hunter2-prod"}, {}),
        ({}, {}, {"apiKey": "hunter2-prod"}),
        ({"path": "https://me:hunter2-prod@example.org"}, {}, {}),
    ],
)
def test_a_secret_is_known_whatever_source_it_has(table, environ, arguments):
    found = redactor(table, environ, arguments)
    assert found.redact("no hunter2-prod here, but /data and PLACE") == "no *** here, but /data and PLACE"


def test_what_comes_from_a_variable_without_a_secret_name_is_not_secret():
    found = redactor({"path": "${DATA_DIR}/x"}, {"DATA_DIR": "/warehouse"})
    assert found.redact("cannot open /warehouse/x") == "cannot open /warehouse/x"


def test_the_text_that_a_number_was_given_as_is_secret_too():
    found = redactor({"pin": "0012345678"})
    assert found.redact("not 0012345678 or 12345678") == "not *** or ***"


def test_without_a_schema_names_and_forms_count():
    settings = load({"plugins": {"compute": {"vault": {"password": "hunter2-prod"}}}}, environ={}).settings(REF)
    found = redactor_of_settings(settings, None, settings.table)
    assert found.redact("no hunter2-prod") == "no ***"
    assert [secret.reason for secret in found.secrets] == ["name password"]
