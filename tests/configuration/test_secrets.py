"""Twenty kinds of secrets, planted where operators plant them, and every channel that leaves the package."""

import hashlib
import io
import json
import logging
import pickle
import traceback
from typing import Annotated, Any, Generic, Literal, TypeVar

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    RootModel,
    Secret,
    SecretBytes,
    SecretStr,
    field_validator,
    model_validator,
)

from floe_plugins import PluginConfigurationError, PluginRef
from floe_plugins.configuration.issues import raise_issues
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.schema.validation import validate_and_log, validate_settings
from floe_plugins.reporting.json_schema import json_schema, plugin_schema
from floe_plugins.reporting.origins import plugin_settings

REF = PluginRef.parse("compute:vault")
T = TypeVar("T")


def refuse(value: Any) -> Any:
    """Fail as authors' validators do: with the value, in several spellings."""
    text = value.get_secret_value() if hasattr(value, "get_secret_value") else value
    message = f"cannot use {text!r}, that is {text}, or {str(text).upper()}, cut {str(text)[:-2]}"
    raise ValueError(message)


class Box(BaseModel, Generic[T]):
    content: T


class OwnSecret(SecretStr):
    pass


class Root(RootModel[list[SecretStr]]):
    pass


def kinds(check):
    """Each kind: a field's annotation, and how the secret is planted there."""

    class Inner(BaseModel):
        password: str = ""
        login: Annotated[SecretStr, AfterValidator(check)] = SecretStr("x")

    class Tagged(BaseModel):
        kind: Literal["tagged"]
        passphrase: Annotated[str, AfterValidator(check)]

    class Other(BaseModel):
        kind: Literal["other"]

    return {
        "f_str": (SecretStr, "{}"),
        "f_bytes": (SecretBytes, "{}"),
        "f_of": (Secret[str], "{}"),
        "f_own": (OwnSecret, "{}"),
        "password": (str, "{}"),
        "api_key": (str, "{}"),
        "authToken": (str, "{}"),
        "client-secret": (str, "{}"),
        "sentry_dsn": (str, "{}"),
        "credentials": (dict[str, str], {"anything": "{}"}),
        "f_list": (list[SecretStr], ["{}"]),
        "f_dict": (dict[str, SecretStr], {"a": "{}"}),
        "f_tuple": (tuple[int, SecretStr], [1, "{}"]),
        "f_union": (SecretStr | int, "{}"),
        "f_optional": (SecretStr | None, "{}"),
        "f_nested": (Inner, {"login": "{}"}),
        "f_nested_list": (list[Inner], [{"login": "{}"}]),
        "f_generic": (Box[SecretStr], {"content": "{}"}),
        "f_tagged": (Annotated[Tagged | Other, Field(discriminator="kind")], {"kind": "tagged", "passphrase": "{}"}),
        "f_root": (Root, ["{}"]),
        "f_url": (str, "postgresql://scott:{}@db.example.org:5432/x"),
        "f_header": (str, "Bearer {}"),
        "f_dsn_text": (str, "host=db user=scott password={} port=1"),
        "f_from_environment": (str, "{}"),
        "f_private_key": (str, "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----"),
        "f_alias": (Annotated[str, Field(alias="shown", validation_alias="f_alias", title="x")], "sk-live-{}"),
    }


KINDS = kinds(refuse)


def secret(number):
    return hashlib.sha256(str(number).encode()).hexdigest()[:20] + "9!Xy"


def planted(form, text):
    if isinstance(form, str):
        return form.format(text)
    if isinstance(form, list):
        return [planted(item, text) for item in form]
    return {key: planted(item, text) for key, item in form.items()} if isinstance(form, dict) else form


def plant(kinds=KINDS):
    """The table, the environment, and the secrets that are in them."""
    table, environ, secrets = {}, {}, {}
    for number, (name, (_, form)) in enumerate(kinds.items()):
        secrets[name] = secret(number)
        table[name] = planted(form, secrets[name])
        if name == "f_from_environment":
            table[name] = f"${{DB_PASSWORD_{number}}}"
            environ[f"DB_PASSWORD_{number}"] = secrets[name]
    return table, environ, secrets


def schema(*, failing, strict_types=False):
    annotations = {}
    for name, (annotation, _) in kinds(refuse if failing else lambda value: value).items():
        attribute = name.replace("-", "_")
        wanted: Any = int if strict_types else annotation
        checked = Annotated[wanted, AfterValidator(refuse)] if failing else wanted
        annotations[attribute] = Annotated[checked, Field(validation_alias=name)]
    namespace = {"__annotations__": annotations, "__module__": __name__}
    return type("Everything", (BaseModel,), namespace)


def plugin(model, **attributes):
    return type("Vault", (), {"config_schema": model, "description": "", **attributes})


def traces(secrets, text):
    """The secrets of which a recognizable piece is in a text."""
    lowered = text.lower()
    return {
        name
        for name, value in secrets.items()
        if any(value[at : at + 6].lower() in lowered for at in range(len(value) - 5))
    }


def channels(error):
    """All that can be printed, logged, stored or sent of an error."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    logger = logging.getLogger("test")
    logger.addHandler(handler)
    try:
        raise error
    except PluginConfigurationError as caught:
        logger.exception("failed")
        logger.warning("failed: %s %r", caught, caught, exc_info=caught)
        formatted = "".join(traceback.format_exception(type(caught), caught, caught.__traceback__))
    return "\n".join(
        [
            str(error),
            repr(error),
            repr(error.args),
            repr(error.errors),
            repr(vars(error)),
            json.dumps([issue.to_dict() for issue in error.errors]),
            formatted,
            log.getvalue(),
            pickle.dumps(error).decode("latin-1"),
            str(pickle.loads(pickle.dumps(error))),  # noqa: S301 our own
            repr((error.__cause__, error.__context__)),
        ]
    )


def fail(issues):
    with pytest.raises(PluginConfigurationError) as caught:
        raise_issues(issues)
    return caught.value


def configured(table, environ=None):
    return load({"plugins": {"compute": {"vault": table}}}, environ=environ or {})


def test_twenty_kinds_are_planted():
    assert len(KINDS) >= 20


@pytest.mark.parametrize("strict_types", [False, True], ids=["validators that repeat", "wrong types"])
def test_no_error_shows_a_secret_of_any_kind(strict_types):
    table, environ, secrets = plant()
    configuration = configured(table, environ)
    _, issues = validate_and_log(configuration, REF, plugin(schema(failing=True, strict_types=strict_types)), "acme 1")
    assert len(issues) >= len(KINDS)
    assert traces(secrets, channels(fail(issues))) == set()


def test_no_error_shows_a_secret_that_an_environment_variable_sets():
    table, environ, secrets = plant()
    for name, value in table.items():
        if name.replace("-", "_").isidentifier() and name != "f_from_environment":
            text = value if isinstance(value, str) else json.dumps(value)
            environ[f"FLOE_PLUGINS__COMPUTE__VAULT__{name.upper().replace('-', '_')}"] = text
    _, issues = validate_and_log(load(None, environ=environ), REF, plugin(schema(failing=True)), "acme 1")
    assert sum(issue.variable is not None for issue in issues) >= 20
    assert traces(secrets, channels(fail(issues))) == set()


def test_no_error_shows_a_secret_that_is_given_in_code():
    table, _, secrets = plant({name: kind for name, kind in KINDS.items() if name != "f_from_environment"})
    _, issues = validate_and_log(load(None, environ={}), REF, plugin(schema(failing=True)), "acme 1", table)
    assert len(issues) >= 20
    assert traces(secrets, channels(fail(issues))) == set()


@pytest.mark.parametrize("raised", [ValueError, AssertionError, RuntimeError, TypeError, KeyError, SystemExit])
def test_a_validator_of_the_whole_model_that_repeats_everything_shows_nothing(raised):
    table, environ, secrets = plant()

    class Loud(schema(failing=False)):
        @model_validator(mode="before")
        @classmethod
        def shout(cls, data):
            message = f"refused: {data} {json.dumps(data)}"
            raise raised(message)

    _, issues = validate_and_log(configured(table, environ), REF, plugin(Loud), "acme 1")
    assert len(issues) == 1
    assert "refused" in issues[0].message
    assert traces(secrets, channels(fail(issues))) == set()


def test_unknown_keys_and_missing_ones_show_no_value_of_their_neighbours():
    table, environ, secrets = plant()
    table["pasword"] = table.pop("password")
    _, issues = validate_and_log(configured(table, environ), REF, plugin(schema(failing=False)), "acme 1")
    assert {issue.rule for issue in issues} == {"missing", "unknown_key"}
    assert traces(secrets, channels(fail(issues))) == set()


def test_a_secret_that_is_a_key_of_a_secret_table_is_masked_in_paths():
    class Keys(BaseModel):
        tokens: dict[str, int]

    value = secret(1)
    _, issues = validate_and_log(configured({"tokens": {value: "x"}}), REF, plugin(Keys), None)
    assert issues[0].path == "plugins.compute.vault.tokens.***"
    assert traces({"key": value}, channels(fail(issues))) == set()


def test_the_effective_configuration_masks_every_kind():
    table, environ, secrets = plant()
    configuration = configured(table, environ)
    model = schema(failing=False)
    rows, issues = plugin_settings(configuration, REF, plugin(model))
    assert issues == ()
    shown = repr(rows) + json.dumps([row.to_dict() for row in rows])
    assert traces(secrets, shown) == set()
    assert len({row.path.split(".")[3].split("[")[0] for row in rows if row.path.startswith("plugins.")}) == len(KINDS)


def test_records_of_the_configuration_show_no_value():
    table, environ, secrets = plant()
    environ["FLOE_PLUGINS__COMPUTE__VAULT__PASSWORD"] = secret(99)
    configuration = configured(table, environ).with_arguments(REF, {"api_key": secret(98)})
    examination = validate_settings(configuration, REF, plugin(schema(failing=False)), None)
    assert examination.model is not None
    secrets |= {"environment": secret(99), "argument": secret(98)}
    shown = [repr(configuration), str(configuration), json.dumps(configuration.to_dict()), repr(examination)]
    shown += [repr(settings) for settings in configuration.plugins.values()]
    assert traces(secrets, "\n".join(shown)) == set()


def test_the_warning_about_an_old_form_shows_no_secret(caplog):
    table, environ, secrets = plant()

    def migrate_config(_version, data):
        return {name.removeprefix("old_"): value for name, value in data.items()}

    old = {f"old_{name}": value for name, value in table.items()}
    vault = plugin(schema(failing=False), config_version=2, migrate_config=staticmethod(migrate_config))
    with caplog.at_level(logging.DEBUG):
        model, issues = validate_and_log(configured(old, environ), REF, vault, "acme 1")
    assert (issues, model is not None) == ([], True)
    assert "In the file, write config_version = 2" in caplog.text
    assert traces(secrets, caplog.text) == set()


def test_the_warning_shows_no_value_of_a_key_that_the_schema_does_not_know(caplog):
    class Small(BaseModel):
        a: int = 1

    value = secret(1)
    vault = plugin(Small, config_version=2, migrate_config=staticmethod(lambda _version, data: {"left": data["b"]}))
    validate_and_log(configured({"b": value}), REF, vault, None)
    assert 'left = "***"' in caplog.text
    assert traces({"value": value}, caplog.text) == set()


def test_a_migration_that_raises_with_its_data_shows_nothing():
    table, environ, secrets = plant()

    def migrate_config(_version, data):
        message = f"cannot migrate {data}"
        raise KeyError(message)

    vault = plugin(schema(failing=False), config_version=2, migrate_config=staticmethod(migrate_config))
    _, issues = validate_and_log(configured({**table, "config_version": 1}, environ), REF, vault, "acme 1")
    assert issues[0].rule == "migration"
    assert traces(secrets, channels(fail(issues))) == set()


def test_the_json_schema_shows_no_secret_default():
    class Inner(BaseModel):
        password: str

    class Defaults(BaseModel):
        password: str = secret(1)
        login: SecretStr = SecretStr(secret(2))
        url: str = f"https://me:{secret(3)}@example.org"
        nested: Inner = Inner(password=secret(4))
        many: dict[str, Any] = {"token": secret(5), "list": [{"api_key": secret(6)}]}

    shown = json.dumps(json_schema({REF: plugin_schema(REF, plugin(Defaults))}))
    assert traces({str(number): secret(number) for number in range(1, 7)}, shown) == set()


def test_an_issue_in_a_file_shows_nothing_of_the_file(tmp_path):
    value = secret(1)
    file = tmp_path / "floe.toml"
    file.write_text(
        f"""
[registry]
autoload = "{value}"
disable = ["{value}"]
timeouts = {{load = "{value}"}}
workers = "{value}"
[plugins.compute.vault]
distribution = ["{value}"]
config_version = "{value}"
password = "${{NOT_THERE:-{value}}} ${{NOT_THERE}}"
[plugins.secrets]
env = "{value}"
"""
    )
    with pytest.raises(PluginConfigurationError) as caught:
        load(file, environ={})
    assert len(caught.value.errors) == 8
    assert traces({"value": value}, channels(caught.value)) == set()


def test_a_validator_that_says_what_is_wrong_is_still_understood():
    class Checked(BaseModel):
        token: SecretStr

        @field_validator("token")
        @classmethod
        def check(cls, value):
            message = f"a token begins with 'tk-', {value.get_secret_value()!r} does not"
            raise ValueError(message)

    _, issues = validate_and_log(configured({"token": secret(1)}), REF, plugin(Checked), None)
    assert issues[0].message == "Value error, a token begins with 'tk-', '***' does not"
