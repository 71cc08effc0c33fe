"""What is waited for is told, and why."""

from __future__ import annotations

import io
from typing import Any

import pytest

from floe_plugins.cli.drawing.table import cell_width
from floe_plugins.cli.supervisor import progress
from floe_plugins.cli.supervisor.progress import Progress
from floe_plugins.cli.supervisor.state import HostState


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DELAY", "LOG_DELAY"):
        monkeypatch.setattr(progress, name, 0.0)
    monkeypatch.setenv("TERM", "xterm")


def waiting(**facts: Any) -> HostState:
    state = HostState()
    state.apply({"event": "retry", "ref": "compute:duckdb", "stage": "start", "reason": "the file is held\x1b[2J"})
    state.apply({"event": "call_begun", "ref": "compute:duckdb", "stage": "start", "thread": 1, "timeout": 30, **facts})
    return state


def test_a_terminal_has_one_line_that_is_taken_away() -> None:
    stream = Terminal()
    shown = Progress(stream)
    shown.show(waiting())
    assert stream.getvalue().startswith("\rcompute:duckdb: start, 0 s of 30 s, retry 1 (the file is held\\x1b[2J)")
    assert "\n" not in stream.getvalue()
    shown.clear()
    assert stream.getvalue().endswith("\r\x1b[K")


def test_wide_characters_do_not_make_a_second_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "70")
    stream, state = Terminal(), waiting()
    state.plugin("compute:duckdb").reason = "\N{CJK UNIFIED IDEOGRAPH-65E5}" * 40
    Progress(stream).show(state)
    line = stream.getvalue().removeprefix("\r").removesuffix("\x1b[K")
    assert line.endswith("...")
    assert cell_width(line) < 70


def test_several_hosts_share_the_line() -> None:
    stream, other = Terminal(), HostState()
    other.apply({"event": "call_begun", "ref": "secrets:env", "stage": "load", "thread": 1})
    Progress(stream).show(other, waiting())
    assert stream.getvalue().startswith("\rsecrets:env: load, 0 s; compute:duckdb: start, 0 s of 30 s")


def test_elsewhere_each_wait_has_a_line() -> None:
    stream = io.StringIO()
    Progress(stream).show(waiting())
    assert stream.getvalue().startswith("floe-plugins: waiting for compute:duckdb: start")


def test_lines_come_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    shown = Progress(stream)
    state = waiting()
    for now[0] in (1.0, 2.0, 3.5, 4.0, 9.0, 13.5):
        shown.show(state)
    assert stream.getvalue().count("\n") == 2


def test_a_plugin_that_is_attempted_again_is_named_in_the_pause() -> None:
    state = HostState()
    state.apply({"event": "retry", "ref": "compute:duckdb", "stage": "start", "reason": "locked"})
    stream = Terminal()
    Progress(stream).show(state)
    assert "compute:duckdb: retry 1 (locked)" in stream.getvalue()


def test_elsewhere_a_retry_is_told_at_once_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOG_DELAY", 60.0)
    state = HostState()
    stream = io.StringIO()
    shown = Progress(stream)
    for _ in range(3):
        state.apply({"event": "retry", "ref": "compute:duckdb", "stage": "start", "reason": "locked"})
        shown.show(state)
    assert stream.getvalue() == "floe-plugins: waiting for compute:duckdb: retry 1 (locked)\n"


def test_where_the_log_tells_it_no_lines_are_printed() -> None:
    stream = io.StringIO()
    Progress(stream, lines=False).show(waiting())
    assert stream.getvalue() == ""


def test_what_is_done_is_not_waited_for() -> None:
    state = waiting()
    state.apply({"event": "call_ended", "ref": "compute:duckdb", "stage": "start", "thread": 1})
    state.apply({"event": "state", "ref": "compute:duckdb", "state": "started"})
    stream = Terminal()
    Progress(stream).show(state)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_nothing_is_written_where_nobody_reads(stream: Any) -> None:
    if stream is not None:
        stream.close()
        stream.isatty = lambda: True
    shown = Progress(stream)
    shown.show(waiting())
    shown.clear()
