"""What others are shown of a platform, also while its host is gone."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins import PluginError
from floe_plugins.cli.supervisor.progress import Progress
from floe_plugins.cli.supervisor.supervisor import Supervisor
from floe_plugins.cli.supervisor.view import SupervisorView

PLATFORM = {"state": "running", "health": "healthy", "ready": True, "reasons": []}
SNAPSHOT = {"event": "snapshot", "document": {"platform": PLATFORM, "plugins": [{"ref": "secrets:a"}]}}


class Host:
    pid = 4711
    status: int | None = None


class State:
    silence = 0.5


class Monitor:
    def __init__(self) -> None:
        self.host = Host()
        self.state = State()


@pytest.fixture
def supervisor() -> Supervisor:
    found = Supervisor(lambda _: None, Progress(None))
    found.monitor = Monitor()  # type: ignore[assignment]
    return found


def tell(supervisor: Supervisor, message: dict[str, Any]) -> None:
    for observer in supervisor.observers:
        observer(message)


def test_before_the_host_says_anything_the_platform_is_starting(supervisor: Supervisor) -> None:
    found = SupervisorView(supervisor, "floe.toml").snapshot()
    assert found["platform"]["state"] == "starting"
    assert not found["platform"]["ready"]
    assert found["platform"]["configuration"] == "floe.toml"
    assert found["plugins"] == []


def test_what_the_host_said_last_is_shown_with_what_is_known_of_the_host(supervisor: Supervisor) -> None:
    view = SupervisorView(supervisor, None)
    tell(supervisor, SNAPSHOT)
    found = view.snapshot()
    assert found["plugins"] == [{"ref": "secrets:a"}]
    assert found["platform"]["ready"]
    assert (found["platform"]["host_pid"], found["platform"]["heartbeat_age"]) == (4711, 0.5)


def test_without_its_host_the_platform_is_not_ready_and_says_why(supervisor: Supervisor) -> None:
    view = SupervisorView(supervisor, None)
    tell(supervisor, SNAPSHOT)
    assert supervisor.monitor is not None
    supervisor.monitor.host.status = -11
    view.last_end = "secrets:a crashed the host"
    view.publish_state("failed", view.last_end)
    found = view.snapshot()["platform"]
    assert (found["state"], found["ready"], found["reasons"]) == ("failed", False, ["secrets:a crashed the host"])
    assert found["host_pid"] is None


def test_events_of_plugins_are_passed_on_until_the_end_of_the_subscription(supervisor: Supervisor) -> None:
    view = SupervisorView(supervisor, None)
    seen: list[Any] = []
    end = view.subscribe(seen.append)
    tell(supervisor, {"event": "state", "ref": "secrets:a", "state": "started"})
    tell(supervisor, {"event": "beat"})
    tell(supervisor, SNAPSHOT)
    end()
    tell(supervisor, {"event": "state", "ref": "secrets:a", "state": "stopped"})
    assert [each["event"] for each in seen] == ["state", "platform"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"error": {"message": "there is none", "is_unknown": True}}, LookupError),
        ({"error": {"message": "it cannot be done"}}, PluginError),
    ],
)
def test_what_the_host_refuses_is_raised(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, answer: Any, error: type[Exception]
) -> None:
    monkeypatch.setattr(supervisor, "ask", lambda *_, **__: answer)
    with pytest.raises(error, match=answer["error"]["message"]):
        SupervisorView(supervisor, None).act("restart", "secrets:a")
