"""What is logged interrupts nothing."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator

import pytest
import support

from floe_plugins import PluginRegistry, Problem, Stage
from floe_plugins.core.log import log
from floe_plugins.core.safe_text import escape_lines


class Secrets(support.Secrets):
    name = "acme"


class OwnBaseError(BaseException):
    pass


class Broken(logging.Handler):
    def __init__(self, error: type[BaseException]) -> None:
        super().__init__()
        self.error = error

    def emit(self, record: logging.LogRecord) -> None:
        raise self.error(f"cannot write {record.getMessage()}")


@pytest.fixture(params=[RuntimeError, SystemExit, OwnBaseError])
def registry(request: pytest.FixtureRequest) -> Iterator[PluginRegistry]:
    """A registry whose log goes to a handler that raises."""
    logger, handler = logging.getLogger("floe_plugins"), Broken(request.param)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    registry = support.new_registry()
    registry.register(Secrets)
    yield registry
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def test_a_handler_that_raises_is_shown_and_stops_nothing(
    registry: PluginRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert registry.startup().ok
    assert registry.shutdown().ok
    assert ": cannot write secrets:acme started in" in capsys.readouterr().err


def test_an_interrupt_leaves_on_the_main_thread_alone() -> None:
    logger, handler = logging.getLogger("floe_plugins"), Broken(KeyboardInterrupt)
    logger.addHandler(handler)
    ended: list[bool] = []
    try:
        with pytest.raises(KeyboardInterrupt):
            log("error", "here")
        thread = threading.Thread(target=lambda: ended.append(log("error", "there") is None))
        thread.start()
        thread.join(support.SOON)
    finally:
        logger.removeHandler(handler)
    assert ended == [True]


def test_it_is_not_shown_where_logging_is_told_to_keep_quiet(
    registry: PluginRegistry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    assert registry.startup().ok
    assert registry.shutdown().ok
    assert capsys.readouterr().err == ""


def test_it_stops_nothing_even_where_it_cannot_be_shown(
    registry: PluginRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr("sys.stderr", closed)
    assert registry.startup().ok
    assert registry.shutdown().ok


def test_what_is_foreign_is_logged_escaped(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "floe_plugins"):
        log("info", "%s took %.1f s", "a\nforged\x1b[2J", 1.25)
        log("error", "%s:\n%s", "a", escape_lines("one\ntwo"))
    assert caplog.messages == ["a\\nforged\\x1b[2J took 1.2 s", "a:\n  | one\n  | two"]


def test_a_record_says_whether_it_is_about_a_problem(caplog: pytest.LogCaptureFixture) -> None:
    log("warning", "%s", Problem(stage=Stage.LOAD, message="it broke\n"))
    log("warning", "no arguments")
    assert [getattr(record, "is_problem", None) for record in caplog.records] == [True, False]
    assert caplog.messages[0] == "load: it broke\\n"
