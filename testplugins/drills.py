"""Shows what a platform reports while a drill breaks something: ``pytest -p drills -m drill``.

A pytest plugin for reading along, which no test needs: it looks on while a test marked
``drill`` runs, and prints afterwards, in the order in which it came, every health report
that the test asked for, every error that it expected, what failed to start, and the order
in which the platform stopped.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import pytest

from floe_plugins import HealthReport, LifecycleReport, PluginError, PluginRegistry


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    # The account of a drill says how it ended; a dot beside it would only be in the way.
    if "drill" in report.keywords and report.when == "call" and report.passed:
        return "passed", "", ""
    return None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    account = item.stash.get(_ACCOUNT, None)
    if account is not None and (report.when == "call" or not report.passed):
        account.end(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    marker = item.get_closest_marker("drill")
    if marker is None:
        return (yield)
    account = item.stash[_ACCOUNT] = Account(item)
    with account.kept():
        done = yield
    terminal: Any = item.config.pluginmanager.get_plugin("terminalreporter")
    terminal.ensure_newline()
    terminal.section(str(marker.args[0]), sep="-", bold=True)
    for line in account.lines:
        terminal.write_line(line)
    return done


class Account:
    """What one drill came to, as lines of text."""

    def __init__(self, item: pytest.Item) -> None:
        self.lines: list[str] = []
        self._item = item
        self._told = 0
        self._ends: list[str] = []
        self._place: str | None = None

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Write down what happens while the block lasts."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pytest, "raises", self._expecting(pytest.raises))
            for name, tell in (
                ("startup", self._start),
                ("start", self._start),
                ("health", self._health),
                ("shutdown", self._stop),
            ):
                patch.setattr(PluginRegistry, name, self._observed(getattr(PluginRegistry, name), tell))
            yield
        self._catch_up()
        self.lines += self._ends
        if self._place:
            # The directory of a test says nothing, and is long.
            self.lines = [line.replace(self._place, "<tmp>") for line in self.lines]

    def end(self, report: pytest.TestReport) -> None:
        """Write down how a part of the test ended."""
        self._place = str(getattr(self._item, "funcargs", {}).get("tmp_path", ""))
        part = "" if report.when == "call" else f" {report.when}"
        self._ends.append(f"{report.outcome}{part} in {report.duration:.1f} s: {self._item.nodeid}")

    def _observed(self, method: Callable[..., Any], tell: Callable[[Any], None]) -> Callable[..., Any]:
        @functools.wraps(method)
        def observed(*args: Any, **options: Any) -> Any:
            result = method(*args, **options)
            self._catch_up()
            tell(result)
            return result

        return observed

    def _expecting(self, raises: Callable[..., Any]) -> Callable[..., Any]:
        @contextlib.contextmanager
        def expecting(*args: Any, **options: Any) -> Iterator[Any]:
            __tracebackhide__ = True
            with raises(*args, **options) as caught:
                yield caught
            self._catch_up()
            self._error("error", caught.value)

        return expecting

    def _catch_up(self) -> None:
        # What the test itself recorded since, where a hook reports a failure without raising it.
        for name, value in self._item.user_properties[self._told :]:
            self.lines.append(f"{name:<8} {value}")
        self._told = len(self._item.user_properties)

    def _error(self, what: str, error: BaseException) -> None:
        self.lines.append(f"{what:<8} {_told(error)}")
        if isinstance(error, PluginError) and error.hint:
            self.lines.append(f"{'hint':<8} {error.hint}")

    def _start(self, report: Any) -> None:
        for outcome in report.outcomes if isinstance(report, LifecycleReport) else (report,):
            if not outcome.ok:
                self.lines.append(f"{'start':<8} {outcome.ref} {outcome.state}: {outcome.message}")
                self._error("error", _origin(outcome.cause))

    def _health(self, report: HealthReport) -> None:
        self.lines.append(f"health   platform {report.state}")
        rows = [(str(ref), str(status.state), status.message) for ref, status in report.statuses.items()]
        self.lines += (f"         {line}" for line in _table(("plugin", "health", "message"), rows))

    def _stop(self, report: LifecycleReport) -> None:
        # A platform that had stopped already has nothing to tell.
        if report.outcomes:
            stopped = ", then ".join(f"{outcome.ref} {outcome.state}" for outcome in report.outcomes)
            self.lines.append(f"{'stop':<8} {stopped}")


def _origin(error: BaseException | None) -> BaseException:
    """The plugin's own error, of the one that a report has for it."""
    if error is None:
        return RuntimeError("no cause is given")
    return error.__cause__ or error


def _told(error: BaseException) -> str:
    said = (error.message if isinstance(error, PluginError) else str(error)).strip()
    return f"{type(error).__name__}: {said.splitlines()[0]}" if said else type(error).__name__


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    *widths, _ = (max(map(len, column)) for column in zip(columns, *rows, strict=True))
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in (columns, *rows)
    ]


_ACCOUNT = pytest.StashKey[Account]()
