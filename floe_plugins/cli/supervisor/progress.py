"""Say what is waited for, and why: on one line of a terminal, or on lines of their own elsewhere."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import TextIO

from floe_plugins.cli import logs
from floe_plugins.cli.drawing.table import cell_width
from floe_plugins.cli.drawing.terminal import columns
from floe_plugins.cli.supervisor.state import HostState, PluginCall
from floe_plugins.core.safe_text import escape

# Seconds that a wait has to last before it is shown, on a terminal and elsewhere.
DELAY = 0.7
LOG_DELAY = 3.0
LOG_INTERVAL = 10.0

_STAGES = {"load": "load", "configure": "configuration", "start": "start", "check": "health check", "stop": "stop"}
_SHOWN = 3


class Progress:
    """Tells what is waited for on standard error.

    Args:
        stream: Standard error; None if it is closed.
        lines: Whether to print lines where it is no terminal. Not where the log of the platform does.
    """

    def __init__(self, stream: TextIO | None, *, lines: bool = True) -> None:
        self._stream = stream
        self._lines = lines
        self._shown_retries: set[str] = set()
        self._is_terminal = stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
        self._is_terminal = self._is_terminal and not logs.is_json()
        self._is_drawn = False
        self._begun = time.monotonic()
        self._next_log = LOG_DELAY

    def show(self, *states: HostState) -> None:
        """Tell what the hosts do now."""
        if self._stream is None:
            return
        if self._is_terminal:
            texts = [text for state in states for _, text in _waits(state, DELAY)]
            self.clear()
            if texts:
                more = f"; {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
                self._write(f"\r{_fitting('; '.join(texts[:_SHOWN]) + more)}\x1b[K")
                self._is_drawn = True
        elif self._lines:
            is_due = time.monotonic() - self._begun >= self._next_log
            self._next_log += LOG_INTERVAL * is_due
            for state in states:
                self._show_lines(state, is_due=is_due)

    def _show_lines(self, state: HostState, *, is_due: bool) -> None:
        # Why a start has to be attempted again is known at once.
        retried = {facts.ref for facts in list(state.plugins.values()) if facts.retries} - self._shown_retries
        self._shown_retries |= retried
        for ref, text in _waits(state, LOG_DELAY):
            if is_due or ref in retried:
                self._write(logs.line("info", f"waiting for {text}", ref=ref))

    def clear(self) -> None:
        """Take the line away, so that others can write."""
        if self._is_drawn:
            self._write("\r\x1b[K")
            self._is_drawn = False

    def _write(self, text: str) -> None:
        if self._stream is not None:
            try:
                self._stream.write(text)
                self._stream.flush()
            except (OSError, ValueError):
                self._stream = None


def _waits(state: HostState, delay: float) -> Iterator[tuple[str, str]]:
    """Give each plugin that is waited for, and what for."""
    calls = {call.ref: call for call in list(state.calls) if call.seconds >= delay}
    for ref, call in calls.items():
        yield ref, _describe(state, ref, call)
    for facts in list(state.plugins.values()):
        if facts.ref not in calls and facts.retries and facts.state not in {"started", "failed", "stopped"}:
            yield facts.ref, f"{facts.ref}: retry {facts.retries}{_why(facts.reason)}"


def _describe(state: HostState, ref: str, call: PluginCall) -> str:
    facts = state.plugin(ref)
    limit = "" if call.timeout is None else f" of {call.timeout:.0f} s"
    retry = f", retry {facts.retries}{_why(facts.reason)}" if facts.retries and call.stage == "start" else ""
    return f"{ref}: {_STAGES.get(call.stage, call.stage)}, {call.seconds:.0f} s{limit}{retry}"


def _why(reason: str) -> str:
    return f" ({escape(reason)[:80]})" if reason else ""


def _fitting(text: str) -> str:
    width, text = columns(2), escape(text)
    if cell_width(text) < width:
        return text
    while cell_width(text) > max(width - 4, 1):
        text = text[:-1]
    return f"{text}..."
