"""Messages arrive whole, in order, whatever the pieces in which they are read."""

from __future__ import annotations

import os
import re
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from floe_plugins import PluginConfigurationError, PluginRef
from floe_plugins.cli import protocol
from floe_plugins.cli.protocol import MessageReader, describe, encode
from floe_plugins.configuration.issues import ConfigurationIssue

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
