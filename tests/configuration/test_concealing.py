"""What plugins say about themselves does not repeat the secrets they were given."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr

from floe_plugins import HealthState, HealthStatus, PluginRegistry, SecretsPlugin
from floe_plugins.configuration.concealing import conceal_secrets

SECRETS = ("hunter2-of-the-year", "tok_5f4dcc3b5aa7", "correct-horse", "b4ttery-st4ple")


class Inner(BaseModel):
    api_token: str = SECRETS[1]


class Config(BaseModel):
    password: SecretStr = SecretStr(SECRETS[0])
    inner: Inner = Inner()
    url: str = f"https://user:{SECRETS[2]}@example.org/db"
    keys: list[SecretBytes] = [SecretBytes(SECRETS[3].encode())]
    host: str = "example.org"


class Talkative(SecretsPlugin):
    name = "talkative"
    version = "1.0"
    floe_api_version = "1.0"
    config_schema = Config

    def get_secret(self, key: str) -> Any:
        return None

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: Any) -> None: ...


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
    registry = PluginRegistry(autoload="none", environ={})
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
    assert conceal_secrets({"n": 3, "ok": True, "host": "example.org"}, Config()) == {
        "n": 3,
        "ok": True,
        "host": "example.org",
    }
    assert conceal_secrets(SECRETS[0], None) == SECRETS[0]


class Withdrawn(BaseModel):
    """A configuration that does not let its values be listed."""

    password: SecretStr = SecretStr(SECRETS[0])

    def __iter__(self) -> Any:
        raise RuntimeError("no")


class Mute:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


def test_nothing_is_told_where_secrets_cannot_be_told_from_the_rest() -> None:
    told = conceal_secrets(f"refused {SECRETS[0]}", Withdrawn())
    assert told.startswith("(withheld")
    assert conceal_secrets({"password": SECRETS[0]}, Withdrawn()) == {}


class Engine(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    engine: Mute = Mute()
    password: SecretStr = SecretStr(SECRETS[0])


def test_a_value_that_cannot_be_shown_does_not_keep_others_from_being_masked() -> None:
    assert conceal_secrets(f"refused {SECRETS[0]}", Engine()) == "refused ***"
