"""Messages arrive whole, in order, whatever the pieces in which they are read."""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_plugins import PluginConfigurationError, PluginRef
from floe_plugins.cli import protocol
from floe_plugins.cli.protocol import MAX_LOGGED, MessageReader, describe, describe_record, encode
from floe_plugins.configuration.issues import ConfigurationIssue

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

TEXT = st.text(max_size=50)
MESSAGES = st.lists(st.fixed_dictionaries({"event": TEXT, "text": TEXT, "number": st.floats()}), max_size=5)


def read_all(data: bytes) -> tuple[list[dict[str, object]], MessageReader]:
    ours, theirs = os.pipe()
    os.write(theirs, data)
    os.close(theirs)
    reader = MessageReader(ours)
    found = []
    while not reader.is_closed:
        found += list(reader.read())
    os.close(ours)
    return found, reader


@given(MESSAGES, st.integers(1, 9))
def test_messages_arrive_whatever_is_read_at_once(messages: list[dict[str, object]], size: int) -> None:
    before, protocol._CHUNK = protocol._CHUNK, size
    try:
        found, reader = read_all(b"".join(map(encode, messages)))
    finally:
        protocol._CHUNK = before
    assert [(each["event"], each["text"]) for each in found] == [(each["event"], each["text"]) for each in messages]
    assert reader.invalid == 0


def test_a_message_is_one_line_of_ascii() -> None:
    line = encode({"event": "log", "message": "a\nb\u2028\ud800", "number": float("nan"), "big": 10**5000})
    assert line.isascii()
    assert line.count(b"\n") == 1


def test_lines_that_are_no_messages_are_counted_and_left_out() -> None:
    found, reader = read_all(b'{"event": "a"}\nnonsense\n[1]\n{"no": "event"}\n\xff\n{"event": "b"}\n')
    assert [each["event"] for each in found] == ["a", "b"]
    assert reader.invalid == 4


def test_what_is_cut_off_is_no_message() -> None:
    found, _ = read_all(b'{"event": "a"}\n{"event": "b"')
    assert [each["event"] for each in found] == ["a"]


def test_the_page_about_the_protocol_lists_every_event_and_its_version() -> None:
    root = Path(__file__).parents[2]
    page = (root / "docs" / "host-protocol.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
    sent = {"state", "retry", "problem", "health"}
    sent |= {"call_begun", "call_ended", "call_overdue", "stage_begun", "stage_ended"}
    for path in (root / "floe_plugins" / "cli" / "host").rglob("*.py"):
        sent |= set(re.findall(r'\.send\(\s*"(\w+)"', path.read_text(encoding="utf-8")))
    assert listed == sent
    assert f"Protocol version {protocol.VERSION}." in page


def test_an_error_is_described_by_its_facts_and_issues() -> None:
    issue = ConfigurationIssue(path="registry.workers", rule="type", message="not a number")
    error = PluginConfigurationError("invalid", errors=[issue], ref=PluginRef.parse("secrets:a"), hint="Mend it.")
    found = describe(error)
    assert (found["type"], found["ref"], found["hint"], found["text"]) == (
        "PluginConfigurationError",
        "secrets:a",
        "Mend it.",
        str(error),
    )
    assert found["issues"] == [issue.to_dict()]


def record(message: object = "it failed", *args: object, **facts: object) -> logging.LogRecord:
    """What a plugin may log with a logger below the platform's own."""
    found = logging.LogRecord("floe_plugins.acme", logging.ERROR, "acme.py", 1, message, args, None)
    vars(found).update(facts)
    return found


class Hostile:
    def __str__(self) -> str:
        raise SystemExit


@pytest.mark.parametrize(
    "facts",
    [
        {"msg": "x" * 10**7},
        {"exc_info": (ValueError, ValueError("x" * 10**7), None)},
        {"exc_info": (Exception, ExceptionGroup("g", [ValueError("x" * 10**6)] * 99), None)},
        {"ref": "x" * 10**7, "stage": "x" * 10**7, "exception": "x" * 10**7},
        {"levelname": "x" * 10**7, "name": "x" * 10**7},
    ],
    ids=["message", "traceback", "group", "facts", "logger"],
)
def test_what_a_record_says_is_cut_to_a_stated_length(facts: dict[str, object]) -> None:
    texts = [text for text in describe_record(record(**facts)).values() if isinstance(text, str)]
    assert max(map(len, texts)) <= MAX_LOGGED + 100


def test_groups_that_share_their_members_are_logged_in_part() -> None:
    error: Exception = ValueError("shared")
    for _ in range(60):
        error = ExceptionGroup("g", [error, error])
    assert "ExceptionGroup: g" in describe_record(record(exc_info=(type(error), error, None)))["exception"]


def test_an_exception_that_a_record_carries_is_told_with_its_traceback_and_redacted() -> None:
    try:
        int("postgres://me:hunter2@example.org/db")
    except ValueError as error:
        told = describe_record(record(exc_info=(ValueError, error, error.__traceback__)))["exception"]
    assert f'File "{__file__}"' in told
    assert told.endswith("'postgres://***@example.org/db'")


@pytest.mark.parametrize(("message", "args"), [("%d rows", ("no number",)), ("%s", (Hostile(),)), (Hostile(), ())])
def test_a_record_that_cannot_be_formatted_is_told_without_its_arguments(message: object, args: Any) -> None:
    told = describe_record(record(message, *args))["message"]
    assert told.endswith("(with arguments that cannot be shown)")


def test_facts_of_a_record_that_are_no_text_become_one() -> None:
    found = describe_record(record(ref=PluginRef.parse("secrets:a"), stage=Hostile(), exception=3))
    assert (found["ref"], found["stage"], found["exception"]) == ("secrets:a", "<Hostile that cannot be shown>", "3")
