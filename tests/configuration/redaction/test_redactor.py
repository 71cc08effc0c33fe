import json
import logging
import urllib.parse
from typing import Any

import pytest
import support
from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr

from floe_plugins import HealthState, HealthStatus
from floe_plugins.configuration.redaction.collector import Secret
from floe_plugins.configuration.redaction.patterns import MASK
from floe_plugins.configuration.redaction.redactor import MAX_CHARACTERS, MAX_LENGTH, WITHHELD, Redactor
from floe_plugins.core.safe_text import MAX_TEXT

SECRETS = ("hunter2-of-the-year", "tok_5f4dcc3b5aa7", "correct-horse", "b4ttery-st4ple")


class Inner(BaseModel):
    api_token: str = SECRETS[1]


class Config(BaseModel):
    password: SecretStr = SecretStr(SECRETS[0])
    inner: Inner = Inner()
    url: str = f"https://user:{SECRETS[2]}@example.org/db"
    keys: list[SecretBytes] = [SecretBytes(SECRETS[3].encode())]
    host: str = "example.org"


class Talkative(support.Secrets):
    name = "talkative"
    config_schema = Config


def said() -> str:
    return f"cannot reach {Config().host} with {' and '.join(SECRETS)}"


class FailsToStart(Talkative):
    def startup(self) -> None:
        raise ConnectionError(said())


class FailsToStop(Talkative):
    def shutdown(self) -> None:
        raise ConnectionError(said())


class RaisesInCheck(Talkative):
    def health_check(self) -> HealthStatus:
        raise ConnectionError(said())


class TellsInCheck(Talkative):
    def health_check(self) -> HealthStatus:
        return HealthStatus(HealthState.DEGRADED, said(), {"tried": [said()], "by": {"url": Config().url}})


@pytest.mark.parametrize("plugin", [FailsToStart, FailsToStop, RaisesInCheck, TellsInCheck])
def test_no_report_problem_or_log_repeats_a_secret(plugin: type[Talkative], caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    registry = support.new_registry()
    registry.register(plugin)
    reports: list[Any] = [registry.startup(), registry.health(), registry.shutdown()]
    told = [json.dumps(report.to_dict()) for report in reports]
    told += [str(problem) for problem in registry.problems]
    told += [json.dumps(problem.to_dict()) for problem in registry.problems]
    told += [str(outcome.cause) for report in (reports[0], reports[2]) for outcome in report.outcomes]
    told.append(caplog.text)
    text = "\n".join(told)
    assert "example.org" in text
    for secret in SECRETS:
        assert secret not in text


class Withdrawn(BaseModel):
    """A configuration that does not let its values be listed."""

    password: SecretStr = SecretStr(SECRETS[0])

    def __iter__(self) -> Any:
        raise RuntimeError("no")


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


class Sly(BaseModel):
    """A configuration that lists other values than it has."""

    password: SecretStr = SecretStr(SECRETS[0])

    def __iter__(self) -> Any:
        return iter([("password", "another")])


class Endless(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    many: list[Any] = []


def test_nothing_is_told_where_secrets_cannot_be_told_from_the_rest() -> None:
    redactor = support.redactor_of(Withdrawn())
    assert redactor.withholds
    assert redactor.redact(f"refused {SECRETS[0]}") == WITHHELD
    assert redactor.redact("") == ""


def test_a_model_that_lists_something_else_is_read_all_the_same() -> None:
    assert support.redactor_of(Sly()).redact(f"refused {SECRETS[0]}") == "refused ***"


def test_settings_with_more_values_than_can_be_searched_are_withheld() -> None:
    assert support.redactor_of(Endless(many=list(range(100_000)))).withholds
    deep: list[Any] = []
    for _ in range(200):
        deep = [deep]
    assert support.redactor_of(Endless(many=deep)).withholds
    assert Redactor([Secret("x" * (MAX_CHARACTERS + 1), "type SecretStr")]).withholds


def test_a_value_that_contains_itself_is_read_once() -> None:
    many: list[Any] = [{"password": SECRETS[0]}]
    many.append(many)
    assert support.redactor_of({"many": many}).redact(f"refused {SECRETS[0]}") == "refused ***"


class Engine(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    engine: Mute = Mute()
    password: SecretStr = SecretStr(SECRETS[0])


def test_a_value_that_cannot_be_shown_does_not_keep_others_from_being_masked() -> None:
    assert support.redactor_of(Engine()).redact(f"refused {SECRETS[0]}") == "refused ***"


def test_bytes_are_redacted_in_hexadecimal_too() -> None:
    class Signer(BaseModel):
        key: SecretBytes

    assert support.redactor_of(Signer(key=b"key-of-a")).redact("key 6b65792d6f662d61 refused") == f"key {MASK} refused"


@pytest.mark.parametrize(
    "shown", [repr, json.dumps, ascii, lambda text: repr(text.encode()), urllib.parse.quote, urllib.parse.quote_plus]
)
@pytest.mark.parametrize("secret", ["a\\b'c\"d\n", "pä ss wörd", "p@/:ss", "x\u2028y\u2029z", "pä ss wörd\0"])
def test_a_secret_is_redacted_as_messages_write_it(secret: str, shown: Any) -> None:
    left = Redactor([Secret(secret, "type SecretStr")]).redact(f"refused {shown(secret)} there")
    assert left.replace("'", "").replace('"', "").replace("b***", "***") == "refused *** there"


def test_a_long_text_is_cut_and_a_secret_at_the_cut_is_masked() -> None:
    redactor = Redactor([Secret(SECRETS[0], "type SecretStr")])
    text = "x" * (MAX_LENGTH - 5) + " " + SECRETS[0] + "y" * 1_000_000
    left = redactor.redact(text)
    assert left.startswith("x" * (MAX_LENGTH - 5) + " ***... (")
    assert left.endswith("more characters)")


@pytest.mark.parametrize("value", ["None", "True", "12", "5432", "err", "default"])
def test_a_secret_that_is_an_ordinary_word_or_number_is_masked_as_a_whole_value_only(value: str) -> None:
    redactor = Redactor([Secret(value, "name password")])
    text = f"RuntimeError: {value} is not {value}; terror, defaults, 15432"
    assert redactor.redact(text) == text
    assert redactor.redact(value) == MASK


@pytest.mark.parametrize(
    "text",
    [
        "RuntimeError: table orders has no column order_id",
        "https://example.org/database is a postgresql database",
        "----- begin of the server's report -----",
    ],
)
def test_what_secrets_have_in_common_with_other_texts_destroys_none(text: str) -> None:
    class Config(BaseModel):
        primary_key: str = "order_id"
        partition_keys: list[str] = ["orders", "column"]
        password: str = "error"  # noqa: S105 no real one
        dsn: str = "postgresql://postgres:hunter2@db/x"
        sentry_dsn: str = "https://0123456789abcdef@sentry.io/1"
        conn_str: str = "Server=db1;Database=x1;Password=hunter2"
        pem: SecretStr = SecretStr("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADAN\n-----END PRIVATE KEY-----")

    assert support.redactor_of(Config()).redact(text) == text


def test_it_says_why_a_text_is_secret() -> None:
    redactor = support.redactor_of(Config())
    assert redactor.reason(f"with {SECRETS[1]}") == "name api_token"
    assert redactor.reason(SECRETS[2]) == "its text looks like a secret"
    assert redactor.reason("example.org") == ""
    assert SECRETS[0] not in repr(redactor.secrets)


def test_the_limits_are_those_of_the_page() -> None:
    assert Redactor([]).redact("x" * 5_000) == "x" * 4_100 + "... (900 more characters)"
    assert not Redactor([Secret("x" * 200_000, "type SecretStr")]).withholds
    assert Redactor([Secret("x" * 200_001, "type SecretStr")]).withholds
    assert not support.redactor_of({"many": list(range(19_000))}).withholds
    assert support.redactor_of({"many": list(range(20_001))}).withholds


def test_an_ordinary_word_that_is_secret_by_its_type_is_masked_wherever_it_stands() -> None:
    assert Redactor([Secret("keyring", "type SecretStr")]).redact("the keyring is locked") == "the *** is locked"
    assert Redactor([Secret("keyring", "name password")]).redact("the keyring is locked") == "the keyring is locked"


def test_a_text_as_long_as_allowed_is_not_cut_and_the_rest_is_counted() -> None:
    redactor = Redactor()
    assert redactor.redact("x" * 10, 10) == "x" * 10
    assert redactor.redact("x" * 13, 10) == "x" * 10 + "... (3 more characters)"


def test_secrets_of_as_many_characters_as_allowed_are_searched_for() -> None:
    assert MAX_CHARACTERS == 200_000  # as docs/configuration.md says
    assert not Redactor([Secret("x" * MAX_CHARACTERS, "type SecretStr")]).withholds


def test_a_text_of_a_plugin_that_was_cut_already_is_not_cut_again() -> None:
    text = "x" * (MAX_TEXT + 100)
    assert Redactor().redact(text) == text


def test_ordinary_words_of_a_connection_string_are_left_alone() -> None:
    redactor = Redactor([Secret("Server=db1-host;Auth=default;Password=hunter2", "name conn_str")])
    assert redactor.redact("the default of db1-host is hunter2") == "the default of *** is ***"
