"""Standard error, for people and for programs."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from floe_plugins.cli import logs
from floe_plugins.cli.protocol import describe_record


@pytest.fixture(autouse=True)
def _text() -> Iterator[None]:
    yield
    logs.use("text")


def test_a_json_line_has_all_keys_whatever_is_known(capsys: pytest.CaptureFixture[str]) -> None:
    logs.use("json")
    logs.write("info", "serving\x1b\x7f\u2028", ref="compute:duckdb")
    text = capsys.readouterr().err
    facts = json.loads(text)
    assert list(facts) == ["time", "level", "pid", "logger", "message", "ref", "stage", "exception"]
    assert facts["message"] == "serving\x1b\x7f\u2028"
    assert (facts["pid"], facts["ref"], facts["stage"]) == (os.getpid(), "compute:duckdb", None)
    assert text[:-1].isprintable()
    assert text.isascii()


def test_a_record_keeps_its_own_time_process_and_logger(capsys: pytest.CaptureFixture[str]) -> None:
    logs.use("json")
    record = {
        "level": "error",
        "message": "a\n  | Traceback",
        "time": 1.5,
        "pid": 7,
        "logger": "x",
        "exception": "Traceback",
    }
    logs.write_record(record)
    facts = json.loads(capsys.readouterr().err)
    assert facts["time"] == "1970-01-01T00:00:01.500Z"
    assert (facts["pid"], facts["logger"], facts["message"], facts["exception"]) == (7, "x", "a", "Traceback")


def test_a_text_is_escaped_and_its_lines_cannot_pass_for_other_records(capsys: pytest.CaptureFixture[str]) -> None:
    logs.write_record({"level": "error", "message": "a\x1b[2J\nfloe-plugins: evil\r"})
    assert capsys.readouterr().err == "a\\x1b[2J\n  | floe-plugins: evil\\r\n"


def test_closed_standard_error_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    logs.write("info", "nobody reads it")


def test_an_attached_logger_writes_here_and_its_exceptions_are_redacted(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("test-of-logs")
    logs.use("json")
    logs.attach(logger.name)
    logger.error("it failed: %s", 3, exc_info=ValueError("postgres://me:hunter2@example.org/db"))
    text = capsys.readouterr().err
    facts = json.loads(text)
    assert (facts["level"], facts["logger"], facts["message"]) == ("error", logger.name, "it failed: 3")
    assert facts["exception"].startswith("ValueError: postgres://")
    assert "hunter2" not in text


def test_a_text_has_the_traceback_of_an_attached_logger(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("test-of-tracebacks")
    logs.use("text")
    logs.attach(logger.name)
    try:
        raise ValueError("postgres://me:hunter2@example.org/db\nforged: all is well")  # noqa: TRY301 it needs a traceback
    except ValueError:
        logger.exception("it failed")
    first, *rest = capsys.readouterr().err.splitlines()
    assert first == "it failed"
    assert all(each.startswith("  | ") for each in rest)
    assert any("test_a_text_has_the_traceback" in each for each in rest)
    assert "hunter2" not in "".join(rest)


def test_a_record_of_the_platform_says_which_plugin_and_stage_it_is_about(caplog: pytest.LogCaptureFixture) -> None:
    from support import Secrets, new_registry

    class Failing(Secrets):
        name = "acme"

        def startup(self) -> None:
            raise RuntimeError("no")

    registry = new_registry()
    registry.register(Failing)
    with caplog.at_level(logging.INFO, "floe_plugins"):
        registry.startup()
        registry.shutdown()
    facts = [describe_record(each) for each in caplog.records]
    assert [(each["ref"], each["stage"]) for each in facts] == [("secrets:acme", "start")]


ALL = "registry: {autoload: all}\n"


@pytest.mark.once
@pytest.mark.parametrize(
    "command",
    [("run", "--once"), ("health",), ("check", "-v"), ("config", "schema", "--config", "none.toml"), ("list", "-v")],
)
def test_every_line_of_standard_error_is_json_in_all_commands(
    floe: Any, write: Callable[..., str], command: tuple[str, ...]
) -> None:
    done = floe(("secrets-env", "import-error"), *command, "--log-format", "json", "--config", write(ALL))
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert all(
        {"time", "level", "pid", "logger", "message", "ref", "stage", "exception"} <= line.keys() for line in lines
    )
    if command[0] in {"run", "check"}:
        assert [line["stage"] for line in lines if line["ref"] == "secrets:import-error"] != []


@pytest.mark.once
def test_the_end_of_a_host_is_one_record_with_the_plugin_and_what_to_do(sudden: Callable[..., Any]) -> None:
    done = sudden("exit 0", "load")("check", "--log-format", "json")
    assert done.returncode == 1
    [facts] = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert (facts["ref"], facts["stage"]) == ("secrets:evil", "load")
    assert facts["distribution"].startswith("acme ")
    assert facts["hint"]
