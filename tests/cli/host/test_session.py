"""What the host tells its supervisor."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from support import named

from floe_plugins import FLOE, Category, Platform, PluginConfigurationError, PluginError, PluginRef
from floe_plugins.cli import program
from floe_plugins.cli.host.session import Session
from floe_plugins.configuration.file import ConfigurationFile
from floe_plugins.configuration.issues import ConfigurationIssue
from floe_plugins.configuration.standard_input import handed_over


class Told:
    """Stands for the channel."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    def send(self, event: str, **facts: Any) -> None:
        self.messages.append({"event": event, **facts})


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """A session takes the records of the platform to itself, for as long as its process lasts."""
    logger = logging.getLogger("floe_plugins")
    before = list(logger.handlers), logger.propagate, logger.level
    yield
    logger.handlers[:], logger.propagate = before[:2]
    logger.setLevel(before[2])


def session(**options: Any) -> tuple[Session, Told]:
    told = Told()
    return Session(told, {"no_plugins": True, **options}), told  # type: ignore[arg-type]


def test_an_error_keeps_its_facts() -> None:
    found, _ = session()
    error = PluginError("it broke", ref=PluginRef.parse("secrets:a"), distribution="acme 1.0", hint="Mend it.")
    assert found.describe(error) == {
        "type": "PluginError",
        "message": "it broke",
        "ref": "secrets:a",
        "distribution": "acme 1.0",
        "hint": "Mend it.",
        "text": str(error),
        "issues": [],
        "docs_url": error.docs_url,
    }


def test_an_error_about_the_configuration_has_its_issues() -> None:
    found, _ = session()
    issue = ConfigurationIssue(path="registry.workers", rule="type", message="not a number")
    described = found.describe(PluginConfigurationError("invalid", errors=[issue]))
    assert described["issues"][0]["path"] == "registry.workers"


def test_a_standstill_begins_when_no_call_is_within_its_deadline() -> None:
    found, _ = session()
    registry, begun, release = found.registry(), threading.Event(), threading.Event()

    def startup(_self: Any) -> None:
        begun.set()
        release.wait()

    registry.register(named("a", startup=startup, timeouts={"startup": 0.5}))
    before = time.monotonic()
    starting = threading.Thread(target=registry.startup)
    starting.start()
    begun.wait()
    found.wait_for_standstill(0.01)
    assert time.monotonic() - before > 0.4
    release.set()
    starting.join()
    found.wait_for_standstill(0.01)


def test_a_request_is_answered_under_its_id() -> None:
    found, told = session()
    found.handlers["health"] = lambda message: {"asked": message["timeout"]}
    found.receive({"event": "health", "id": 7, "timeout": 3})
    assert told.messages == [{"event": "reply", "id": 7, "answer": {"asked": 3}}]


def test_a_request_that_fails_or_is_unknown_is_answered_too() -> None:
    found, told = session()

    def fail(message: Any) -> dict[str, Any]:
        raise message["error"]

    found.handlers["health"] = fail
    found.receive({"event": "health", "id": 1, "error": PluginError("it broke")})
    found.receive({"event": "dance", "id": 2})
    found.receive({"event": "health", "id": 3, "error": ValueError("not a number of seconds")})
    assert [(each["id"], each["answer"]["error"]["message"]) for each in told.messages] == [
        (1, "it broke"),
        (2, "the host does not know the request 'dance'"),
        (3, "the request failed with ValueError"),
    ]


def test_why_a_request_failed_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    found, _ = session()
    found.handlers["health"] = lambda message: message["absent"]
    found.receive({"event": "health", "id": 1})
    assert caplog.messages == ["the request health failed with KeyError: 'absent'"]


def test_standard_input_is_read_in_the_words_of_the_platform() -> None:
    site = Platform("site", "1.0", [Category("page", "site.pages", "site_host:PagePlugin")])
    given = ConfigurationFile("standard input", ".json", '{"plugins": {"page": {"blog": {}}}}')
    options = {"descriptor": handed_over(given), "suffix": ".json"}
    try:
        found, _ = session(given=options, platform=site.to_dict())
        settings = found.registry().configuration
        assert list(map(str, settings.plugins)) == ["page:blog"]
        assert settings.issues == ()
    finally:
        os.close(options["descriptor"])
        program.use(FLOE)


def test_the_supervisor_is_told_whose_a_plugin_is_before_its_code_runs() -> None:
    found, told = session()
    registry = found.registry()
    ref = PluginRef.parse("secrets:a")
    registry.discover()
    told.messages.clear()
    registry._store.events.emit("call_begun", ref, thread=1)
    assert [each["event"] for each in told.messages] == ["plugin", "call_begun"]
    assert told.messages[1]["native"] > 0


def test_a_job_observes_events_as_they_happen() -> None:
    found, told = session()
    registry, observed = found.registry(), []
    registry.discover()
    told.messages.clear()
    found.observers.append(lambda event: observed.append((event.kind, len(told.messages))))
    registry._store.events.emit("call_begun", PluginRef.parse("secrets:a"), thread=1)
    assert observed == [("call_begun", 2)]


def test_log_messages_go_to_the_supervisor() -> None:
    found, told = session()
    found.registry()
    logging.getLogger("floe_plugins").warning("%s is slow", "it")
    assert (told.messages[-1]["event"], told.messages[-1]["message"]) == ("log", "it is slow")
