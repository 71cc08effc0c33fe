"""What a host prints is counted, and its beginning and end are kept."""

from __future__ import annotations

import os

from floe_plugins.cli.supervisor.captured_output import Captured


def captured(data: bytes) -> Captured:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    found = Captured()
    for start in range(0, len(data), 1000):
        os.write(writer, data[start : start + 1000])
        assert found.read(reader)
    assert not found.read(reader)
    assert not found.is_closed
    os.close(writer)
    assert not found.read(reader)
    assert found.is_closed
    os.close(reader)
    return found


def test_all_of_a_short_text_is_kept() -> None:
    found = captured("grüße".encode())
    assert (found.size, found.head, found.tail) == (7, "grüße", "grüße")


def test_of_a_long_text_the_beginning_and_the_end_are_kept() -> None:
    found = captured(b"first" + b"." * 100_000 + b"last")
    assert found.size == 100_009
    assert found.head.startswith("first")
    assert found.tail.endswith("last")
    assert len(found.head) + len(found.tail) < 10_000


def test_what_is_no_text_is_kept_as_far_as_it_is() -> None:
    assert captured(b"\xff!").head == "\ufffd!"
