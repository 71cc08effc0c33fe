"""What a plugin's tasks and late undoing raise is logged with its traceback, and without the plugin's secrets."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from support import SOON, redactor_of

from floe_plugins import PluginRegistry
from floe_plugins.configuration.redaction.collector import Secret
from floe_plugins.configuration.redaction.redactor import Redactor
from floe_plugins.execution.background_errors import BackgroundErrors, report_elsewhere, start_reporter

HIDDEN = "hunter2-of-the-year"
CONFIGURATION = {"plugins": {"secrets": {"a": {"password": HIDDEN}}}}


class Settings(BaseModel):
    password: SecretStr = SecretStr("")


class Unreadable(Settings):
    def __iter__(self) -> Any:
        raise RuntimeError("not today")


class Leaving(Settings):
    def __iter__(self) -> Any:
        raise SystemExit


class Seen(logging.Handler):
    """The errors of the package and of asyncio as an application's handler formats them."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []
        self.more = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self.more:
            self.texts.append(self.format(record))
            self.more.notify_all()

    def text(self, beginning: str) -> str:
        """What is logged with this beginning, once it is."""
        with self.more:
            assert self.more.wait_for(lambda: any(text.startswith(beginning) for text in self.texts), SOON)
            return next(text for text in self.texts if text.startswith(beginning))


@pytest.fixture
def seen() -> Iterator[Seen]:
    handler = Seen()
    loggers = [logging.getLogger("floe_plugins"), logging.getLogger("asyncio")]
    for logger in loggers:
        logger.addHandler(handler)
    yield handler
    for logger in loggers:
        logger.removeHandler(handler)
    assert HIDDEN not in "".join(handler.texts)


async def _refused(plugin: Any, kind: type[BaseException]) -> None:
    raise kind(f"refused {plugin.config.password.get_secret_value()}")


async def _never_asked_for(plugin: Any) -> None:
    task = asyncio.ensure_future(_refused(plugin, ConnectionError))
    await asyncio.wait([task])
    del task
    gc.collect()


async def _in_a_thread(plugin: Any) -> None:
    def work() -> None:
        raise ConnectionError(f"refused {plugin.config.password.get_secret_value()}")

    future = asyncio.get_running_loop().run_in_executor(None, work)
    await asyncio.wait([future])
    del future
    gc.collect()


async def _reported_by_hand(plugin: Any) -> None:
    class Connection:
        def __repr__(self) -> str:
            return f"ConnectionError {plugin.config.password.get_secret_value()}"

    asyncio.get_running_loop().call_exception_handler({"message": "lost", "future": Connection()})


async def _leaves(plugin: Any) -> None:
    plugin.task = asyncio.ensure_future(_leave(plugin))


async def _leave(plugin: Any) -> None:
    try:
        raise ConnectionError(f"refused {plugin.config.password.get_secret_value()}")  # noqa: TRY301 the context of the next
    except ConnectionError:
        raise SystemExit(plugin.config.password.get_secret_value()) from None


def _registry(lab: Any, plugin: Any, **options: Any) -> PluginRegistry:
    registry: PluginRegistry = lab.registry(plugin, config=CONFIGURATION, **options)
    return registry


@pytest.mark.parametrize(
    ("startup", "said"),
    [
        (_never_asked_for, "secrets:a: in the background: Task exception was never retrieved"),
        (_in_a_thread, "secrets:a: in the background: Future exception was never retrieved"),
        (_reported_by_hand, "secrets:a: in the background: lost"),
    ],
)
def test_what_nobody_asks_for_is_logged_without_secrets(
    lab: Any, seen: Seen, startup: Callable[[Any], Any], said: str
) -> None:
    assert _registry(lab, lab.plugin("a", startup, config_schema=Settings)).startup().ok
    assert "ConnectionError" in seen.text(said)


def test_a_task_that_tries_to_end_the_thread_is_logged_without_secrets(lab: Any, seen: Seen) -> None:
    registry = _registry(lab, lab.plugin("a", _leaves, config_schema=Settings))
    assert registry.startup().ok
    assert "in _leave" in seen.text("secrets:a: a background task tried to end the thread")
    assert registry.shutdown().ok


@pytest.mark.parametrize(("schema", "shown"), [(Settings, "refused ***"), (Unreadable, "withheld")])
def test_undoing_what_came_too_late_is_logged_without_secrets(
    lab: Any, seen: Seen, schema: type[BaseModel], shown: str
) -> None:
    def shutdown(plugin: Any) -> None:
        raise ConnectionError(f"refused {plugin.config.password.get_secret_value()}")

    plugin = lab.plugin("a", lab.hang, shutdown, config_schema=schema)
    registry = _registry(lab, plugin, timeouts={"startup": 0.1})
    assert not registry.startup().ok
    lab.forever.set()
    assert shown in seen.text("secrets:a: cleaning up after a call that ended too late failed")


def test_a_text_is_withheld_where_the_secrets_cannot_be_read() -> None:
    background = BackgroundErrors("secrets:a")
    background.redactor = redactor_of(Leaving(password=SecretStr(HIDDEN)))
    assert background.redact(f"refused {HIDDEN}").startswith("(withheld: ")


def test_a_handler_that_fails_does_not_have_the_plugins_error_printed_with_its_own(
    lab: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = threading.Event()

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            printed.set()
            raise OSError("the disk is full")

    handler = Broken(logging.ERROR)
    logging.getLogger("floe_plugins").addHandler(handler)
    try:
        registry = _registry(lab, lab.plugin("a", _leaves, config_schema=Settings))
        registry.startup()
        assert printed.wait(SOON)
        registry.shutdown()
    finally:
        logging.getLogger("floe_plugins").removeHandler(handler)
    err = capsys.readouterr().err
    assert "the disk is full" in err
    assert HIDDEN not in err


def test_what_a_loop_is_told_by_hand_is_logged_without_secrets(seen: Seen) -> None:
    background = BackgroundErrors("secrets:a")
    background.redactor = Redactor([Secret(HIDDEN, "type SecretStr")])
    background.handle_loop_exception(None, {"message": f"lost {HIDDEN}"})
    background.handle_loop_exception(None, {"message": f"left {HIDDEN}", "exception": ValueError(HIDDEN)})
    assert seen.text("secrets:a: in the background: lost ***")
    assert "ValueError: ***" in seen.text("secrets:a: in the background: left ***")


def test_of_a_traceback_as_much_is_searched_as_the_page_says(seen: Seen) -> None:
    background = BackgroundErrors("secrets:a")
    background.redactor = Redactor([Secret(HIDDEN, "type SecretStr")])
    long = "\n".join(["x" * 399] * 150)  # 60,000 characters
    background.handle_loop_exception(None, {"message": "left", "exception": ValueError(long)})
    shown = seen.text("secrets:a: in the background: left")
    found = shown.count("x"), "more characters)" in shown
    assert 39_000 < found[0] <= 40_000
    assert found[1]


def test_what_a_loop_is_told_may_be_anything_and_is_shown_escaped(seen: Seen) -> None:
    background = BackgroundErrors("secrets:a")
    background.redactor = Redactor([Secret(HIDDEN, "type SecretStr")])
    background.handle_loop_exception(None, {"message": 42, "future": f"\x1b[31m{HIDDEN}", "handle": "later"})
    assert seen.text("secrets:a: in the background: 42").splitlines()[1] == r"  | \x1b[31m***"
    background.handle_loop_exception(None, {"handle": "later"})
    assert seen.text("secrets:a: in the background: an error").splitlines()[1] == "  | later"


def test_an_error_whose_traceback_cannot_be_made_is_described(seen: Seen) -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise SystemExit

        @property
        def __cause__(self) -> Any:
            raise SystemExit

    BackgroundErrors("secrets:a").log_error("it failed", OddError())
    assert seen.text("secrets:a: it failed").splitlines()[1:] == ["  | OddError"]


def test_a_traceback_is_cut_after_forty_thousand_characters(seen: Seen) -> None:
    error = ValueError("\n".join(["x" * 999] * 60))
    whole = "".join(traceback.format_exception(error)).rstrip()
    BackgroundErrors("secrets:a").log_error("it failed", error)
    text = seen.text("secrets:a: it failed")
    assert text.endswith(f"... ({len(whole) - 40_000} more characters)")
    assert text.count("x") == whole[:40_000].count("x")


def test_who_has_a_report_made_elsewhere_goes_on_when_it_is_made() -> None:
    made: list[threading.Thread] = []

    def report() -> None:
        time.sleep(0.05)
        made.append(threading.current_thread())

    start_reporter()
    start_reporter()
    report_elsewhere(report)
    [thread] = made
    assert thread is not threading.current_thread()
    assert thread.daemon
    report_elsewhere(report)
    assert made == [thread] * 2


def test_of_an_error_while_a_report_is_made_only_the_type_is_told(seen: Seen) -> None:
    class Context(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            if key == "message":
                raise ValueError(HIDDEN)
            return super().get(key, default)

    BackgroundErrors("secrets:a").handle_loop_exception(None, Context(handle="later"))
    text = seen.text("secrets:a: in the background: (withheld, since showing it raised ValueError)")
    assert HIDDEN not in text
