import json
import logging
from typing import Any

import pytest
import support
from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr

from floe_plugins import HealthState, HealthStatus
from floe_plugins.configuration.redaction import (
    MASK,
    is_secret_name,
    redact,
    redact_patterns,
    redact_text,
    scalar_texts,
)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "PASSWORD",
        "db_passwd",
        "passphrase",
        "passPhrase",
        "api_key",
        "apiKey",
        "apikey",
        "accessKeyId",
        "AWS_SECRET_ACCESS_KEY",
        "key",
        "keys",
        "authToken",
        "refresh-token",
        "client.secret",
        "SENTRY_DSN",
        "credentials",
        "connectionString",
        "Authorization",
        "session_cookie",
        "private_pem",
        "pwd",
    ],
)
def test_a_name_that_says_so_is_secret(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["path", "size", "user", "keyboard", "keep", "author", "compass", "host", "", "threads"]
)
def test_other_names_are_not(name):
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://scott:tiger@db:5432/x?a=b", "postgresql://***@db:5432/x?a=b"),
        ("https://me:p@ss:word@example.org/", "https://***@example.org/"),
        ("https://0123456789abcdef0123@example.org/", "https://***@example.org/"),
        ("redis://:hunter2@cache", "redis://***@cache"),
        ("host=db password=hunter2 port=1", "host=db password=*** port=1"),
        ('{"api_key": "hunter2"}', '{"api_key": "***"}'),
        ("https://x.org/?sig=abcdef&b=1", "https://x.org/?sig=***&b=1"),
        ("Bearer abc.def-ghi", "Bearer ***"),
        ("eyJhbGciOi.eyJzdWIiOi.c2ln", "***"),
        ("AKIAIOSFODNN7EXAMPLE", "***"),
        ("ghp_0123456789abcdefABCDEF0123456789abcd", "***"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "***"),
    ],
)
def test_secrets_are_known_by_their_form(text, shown):
    assert redact_patterns(text) == shown


@pytest.mark.parametrize(
    "text",
    ["", "a", "https://example.org/path:x@y", "user@example.org", "s3://bucket/key", "a basic idea", "10:30", "x=1"],
)
def test_ordinary_texts_are_left_alone(text):
    assert redact_patterns(text) == text


@pytest.mark.parametrize(
    "piece", ["a", "eyJ-", "a.", "://", "a://b:", "password ", "-----BEGIN ", "basic ", "@", "sk-", "xoxb"]
)
def test_texts_of_any_length_are_searched_in_one_go(piece):
    redact_patterns(piece * (1_000_000 // len(piece)))


@pytest.mark.parametrize(
    ("message", "secret", "left"),
    [
        ("cannot use 'hunter2'", "hunter2", "cannot use '***'"),
        ("cannot use HUNTER2!", "hunter2", "cannot use ***!"),
        ("begins with hunt", "hunter2", "begins with ***"),
        ("no match", "hunter2", "no match"),
        ("pin is 123, not 1234", "123", "pin is ***, not 1234"),
        ("a and b", "a", "*** and b"),
        ("İstanbul hunter2", "hunter2", "İstanbul ***"),
        ("anything", "", "anything"),
    ],
)
def test_a_message_loses_every_trace_of_a_secret(message, secret, left):
    assert redact_text(message, [secret]) == left


def test_a_message_loses_what_is_secret_by_its_form_too():
    assert redact_text("cannot reach https://me:hunter2@x.org", []) == f"cannot reach https://{MASK}@x.org"


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


def test_other_values_pass_as_they_are() -> None:
    assert redact({"n": 3, "ok": True, "host": "example.org"}, Config()) == {
        "n": 3,
        "ok": True,
        "host": "example.org",
    }
    assert redact(SECRETS[0], None) == SECRETS[0]


class Withdrawn(BaseModel):
    """A configuration that does not let its values be listed."""

    password: SecretStr = SecretStr(SECRETS[0])

    def __iter__(self) -> Any:
        raise RuntimeError("no")


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def test_nothing_is_told_where_secrets_cannot_be_told_from_the_rest() -> None:
    told = redact(f"refused {SECRETS[0]}", Withdrawn())
    assert told.startswith("(withheld")
    assert redact({"password": SECRETS[0]}, Withdrawn()) == {}


class Engine(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    engine: Mute = Mute()
    password: SecretStr = SecretStr(SECRETS[0])


def test_a_value_that_cannot_be_shown_does_not_keep_others_from_being_masked() -> None:
    assert redact(f"refused {SECRETS[0]}", Engine()) == "refused ***"


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        (None, []),
        (True, []),
        (12, ["12"]),
        ("text", ["text"]),
        (b"key", ["key", "6b6579"]),
        (SecretStr("hunter2"), ["hunter2"]),
        (SecretBytes(b"key"), ["key", "6b6579"]),
    ],
)
def test_the_texts_that_represent_a_scalar(value, texts):
    assert scalar_texts(value) == texts


def test_bytes_are_redacted_in_hexadecimal_too():
    class Signer(BaseModel):
        key: SecretBytes

    assert redact("key 6b65792d6f662d61 refused", Signer(key=b"key-of-a")) == f"key {MASK} refused"
