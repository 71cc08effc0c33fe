from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from serving import ask
from support import SOON, Lab, named, new_registry, run_code, write_distribution

from floe_plugins import HealthStatus, PluginError, PluginRegistry, PluginType
from floe_plugins.server import RegistryView, Server
from floe_plugins.server.views import registry_view

NEVER = 1000.0


class Watched:
    """A view and the events that it has told."""

    def __init__(self, registry: PluginRegistry, interval: float = NEVER) -> None:
        self.view = RegistryView(registry, interval)
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.view.subscribe(self.events.put)

    def await_event(self, event: str, **facts: Any) -> dict[str, Any]:
        while True:
            found: dict[str, Any] = self.events.get(timeout=SOON)
            if found["event"] == event and facts.items() <= found.items():
                return found

    def await_snapshot(self, condition: Callable[[Any], bool]) -> None:
        # Each change of the snapshot is followed by an event.
        while not condition(self.view.snapshot()):
            self.events.get(timeout=SOON)

    def await_platform(self, state: str, health: str) -> None:
        expected = {"state": state, "health": health}
        self.await_snapshot(lambda snapshot: expected.items() <= snapshot["platform"].items())

    @property
    def platform(self) -> dict[str, Any]:
        found: dict[str, Any] = self.view.snapshot()["platform"]
        return found

    def row(self, name: str) -> dict[str, Any]:
        return next(row for row in self.view.snapshot()["plugins"] if row["name"] == name)


@pytest.fixture
def watch() -> Iterator[Callable[..., Watched]]:
    views: list[RegistryView] = []

    def make(registry: PluginRegistry, interval: float = NEVER) -> Watched:
        watched = Watched(registry, interval)
        views.append(watched.view)
        return watched

    yield make
    for view in views:
        view.close()


class Patient:
    """Health that a test decides on."""

    def __init__(self) -> None:
        self.status = HealthStatus("healthy")

    @property
    def hook(self) -> Callable[[Any], HealthStatus]:
        return lambda _plugin: self.status


def test_a_platform_is_starting_until_the_application_starts_it(lab: Lab, watch: Callable[..., Watched]) -> None:
    registry = lab.registry(lab.plugin("a"), lab.plugin("b", dependencies=("secrets:a",)))
    watched = watch(registry)
    assert watched.platform["state"] == "starting"
    assert watched.platform["ready"] is False
    registry.startup()
    watched.await_platform("running", "healthy")
    assert watched.platform["ready"] is True
    assert (watched.row("a")["state"], watched.row("a")["needed_by"]) == ("started", ["secrets:b"])
    registry.shutdown()
    assert watched.await_event("platform", state="stopped")["ready"] is False
    assert lab.log == ["+a", "+b", "-b", "-a"]


def test_no_plugin_is_loaded_before_the_application_asks_for_it(tmp_path: Path, watch: Callable[..., Watched]) -> None:
    code = "raise AssertionError('imported')"
    write_distribution(tmp_path, "acme", "[floe.secrets]\nviewed = acme_viewed:Plugin\n", acme_viewed=code)
    registry = PluginRegistry(path=[str(tmp_path)], environ={})
    watched = watch(registry, 0.01)
    registry.register(named("other"))
    watched.await_event("state", ref="secrets:other")
    assert watched.row("viewed")["state"] == "discovered"
    assert "acme_viewed" not in sys.modules


def test_plugins_that_the_application_has_not_loaded_are_not_loaded_for_their_settings(
    lab: Lab, tmp_path: Path, watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch
) -> None:
    described: list[Any] = []
    monkeypatch.setattr(registry_view, "describe_settings", described.append)
    write_distribution(tmp_path, "acme", "[floe.secrets]\nviewed = acme_viewed:Plugin\n", acme_viewed="")
    registry = PluginRegistry(path=[str(tmp_path)], environ={})
    lab.registries.append(registry)
    registry.register(lab.plugin("other"))
    watched = watch(registry)
    registry.start(PluginType.SECRETS, "other")
    watched.await_platform("running", "healthy")
    registry.stop(PluginType.SECRETS, "other")
    watched.await_event("platform", state="stopped")
    assert watched.row("viewed")["state"] == "discovered"
    assert described == []


def test_each_change_of_health_is_an_event_and_a_line_in_the_log(
    lab: Lab, watch: Callable[..., Watched], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    patient = Patient()
    registry = lab.registry(lab.plugin("a", health_check=patient.hook))
    watched = watch(registry, 0.01)
    registry.startup()
    watched.await_event("health", ref="secrets:a", before=None, state="healthy")
    patient.status = HealthStatus("degraded", "slow\x1b[2J")
    event = watched.await_event("health", ref="secrets:a", before="healthy", state="degraded")
    assert event["reason"] == "slow\x1b[2J"
    watched.await_platform("running", "degraded")
    assert watched.row("a")["health"]["message"] == "slow\x1b[2J"
    patient.status = HealthStatus("healthy")
    watched.await_event("health", before="degraded", state="healthy")
    lines = [record.getMessage() for record in caplog.records if " is " in record.getMessage()]
    assert [line for line in lines if line.startswith("secrets:a is degraded")] == [
        "secrets:a is degraded: slow\\x1b[2J"
    ]


def test_a_required_plugin_that_is_unhealthy_takes_the_platform_out_of_service(
    lab: Lab, watch: Callable[..., Watched]
) -> None:
    patient = Patient()
    registry = lab.registry(lab.plugin("a", health_check=patient.hook), required=["secrets:a"])
    watched = watch(registry, 0.01)
    registry.startup()
    watched.await_platform("running", "healthy")
    patient.status = HealthStatus("unhealthy", "no disk")
    watched.await_platform("running", "unhealthy")
    assert watched.platform["ready"] is False
    assert watched.platform["reasons"] == ["secrets:a is unhealthy: no disk"]
    patient.status = HealthStatus("healthy")
    watched.await_platform("running", "healthy")
    assert watched.platform["ready"] is True


def test_a_required_plugin_that_fails_or_is_missing_is_named(lab: Lab, watch: Callable[..., Watched]) -> None:
    registry = lab.registry(lab.plugin("a", startup=lab.fail), required=["secrets:a", "compute:gone"])
    watched = watch(registry)
    registry.startup()
    watched.await_event("platform", state="running", health="unhealthy")
    missing, failed = watched.platform["reasons"]
    assert missing.startswith("compute:gone is required, and missing")
    assert failed.startswith("secrets:a is failed: ")
    assert {problem["stage"] for problem in watched.view.snapshot()["problems"]} >= {"start", "resolve"}


def test_the_snapshot_is_given_at_once_while_a_check_hangs(
    lab: Lab, watch: Callable[..., Watched], serve: Callable[..., Server]
) -> None:
    entered = threading.Event()

    def hang(_plugin: Any) -> HealthStatus:
        entered.set()
        lab.hang()
        return HealthStatus("healthy")

    registry = lab.registry(lab.plugin("a", health_check=hang), timeouts={"health": SOON})
    watched = watch(registry, 0.01)
    server = serve(watched.view)
    registry.startup()
    assert entered.wait(SOON)
    watched.await_event("call_begun", stage="check")
    for path in ("/livez", "/readyz", "/metrics", "/api/snapshot"):
        assert ask(server, path).status == 200
    [call] = watched.row("a")["calls"]
    assert (call["stage"], call["timeout"]) == ("check", SOON)
    lab.forever.set()
    watched.await_event("call_ended", stage="check")
    watched.await_event("health", state="healthy")


def test_a_call_that_does_not_return_is_shown_again_and_again(lab: Lab, watch: Callable[..., Watched]) -> None:
    registry = lab.registry(lab.plugin("a", startup=lab.hang), timeouts={"startup": SOON})
    watched = watch(registry, 0.01)
    starting = threading.Thread(target=registry.startup)
    starting.start()
    seconds = []
    for _ in range(3):
        watched.await_event("snapshot", changed=["calls"])
        [call] = watched.row("a")["calls"]
        seconds.append(call["seconds"])
    lab.forever.set()
    starting.join(SOON)
    assert seconds[0] < seconds[1] < seconds[2]
    watched.await_event("state", ref="secrets:a", state="started")


def test_a_check_that_does_not_answer_is_unhealthy(lab: Lab, watch: Callable[..., Watched]) -> None:
    registry = lab.registry(lab.plugin("a", health_check=lab.hang), timeouts={"health": 0.05})
    watched = watch(registry, 0.01)
    registry.startup()
    assert "no answer" in watched.await_event("health", state="unhealthy")["reason"]


def test_the_start_is_told_call_by_call(lab: Lab, watch: Callable[..., Watched]) -> None:
    registry = lab.registry(lab.plugin("a", startup=lambda _: None))
    watched = watch(registry)
    report = registry.startup()
    watched.await_event("call_begun", ref="secrets:a", stage="start")
    watched.await_event("call_ended", ref="secrets:a", stage="start")
    watched.await_platform("running", "healthy")
    start = watched.row("a")["start"]
    assert (start["state"], start["attempts"]) == ("succeeded", 1)
    watched.view.record_startup(report)
    watched.await_snapshot(lambda snapshot: snapshot["startup"] is not None)
    assert watched.view.snapshot()["critical_chain"] == ["secrets:a"]
    assert watched.row("a")["start"]["seconds"] == report.outcomes[0].seconds


class Settings(BaseModel):
    size: int = 3
    password: SecretStr


def test_settings_and_schema_are_shown_once_the_platform_runs(lab: Lab, watch: Callable[..., Watched]) -> None:
    config = {"plugins": {"secrets": {"a": {"password": "hunter2"}}}}
    registry = lab.registry(lab.plugin("a", config_schema=Settings), config=config)
    watched = watch(registry)
    assert watched.view.snapshot()["schema"] is None
    registry.startup()
    watched.await_platform("running", "healthy")
    watched.await_snapshot(lambda snapshot: snapshot["schema"] is not None)
    paths = [row["path"] for row in watched.view.snapshot()["settings"]]
    assert "plugins.secrets.a.size" in paths
    assert "hunter2" not in str(watched.view.snapshot())


def test_a_restart_starts_the_dependents_again(lab: Lab, watch: Callable[..., Watched]) -> None:
    registry = lab.registry(lab.plugin("a"), lab.plugin("b", dependencies=("secrets:a",)), lab.plugin("c"))
    watched = watch(registry)
    registry.startup()
    lab.log.clear()
    assert watched.view.act("restart", "secrets:a")["state"] == "succeeded"
    assert lab.log == ["-b", "-a", "+a", "+b"]
    watched.await_event("state", ref="secrets:b", state="stopped")
    watched.await_event("state", ref="secrets:b", state="started")
    assert [watched.row(name)["restarts"] for name in "abc"] == [1, 1, 0]


def test_a_plugin_is_stopped_and_started(lab: Lab, watch: Callable[..., Watched]) -> None:
    registry = lab.registry(lab.plugin("a"))
    watched = watch(registry)
    registry.startup()
    assert watched.view.act("stop", "secrets:a")["stage"] == "stop"
    watched.await_event("state", ref="secrets:a", state="stopped")
    assert watched.view.act("start", "secrets:a")["stage"] == "start"
    watched.await_event("state", ref="secrets:a", state="started")


def test_a_restart_of_a_plugin_that_does_not_stop_or_start_says_so(lab: Lab, watch: Callable[..., Watched]) -> None:
    outcomes = iter([None, ConnectionError("refused")])

    def start(_plugin: Any) -> None:
        error = next(outcomes)
        if error is not None:
            raise error

    registry = lab.registry(lab.plugin("a", startup=start), lab.plugin("b", dependencies=("secrets:a",)))
    watched = watch(registry)
    registry.startup()
    outcome = watched.view.act("restart", "secrets:a")
    assert outcome["state"] == "failed"
    assert "refused" in outcome["message"]
    assert lab.log.count("+b") == 1


@pytest.mark.parametrize("ref", ["secrets:gone", "nonsense", "", "x:y"])
def test_a_plugin_that_is_not_there_is_a_lookup_error(lab: Lab, watch: Callable[..., Watched], ref: str) -> None:
    with pytest.raises(LookupError):
        watch(lab.registry(lab.plugin("a"))).view.act("restart", ref)


def test_a_subscriber_that_raises_does_not_keep_events_from_others(
    lab: Lab, watch: Callable[..., Watched], caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_event: object) -> None:
        raise ZeroDivisionError

    registry = lab.registry(lab.plugin("a"))
    watched = watch(registry)
    watched.view.subscribe(fail)
    watched.view.subscribe(watched.events.put)
    registry.startup()
    watched.await_event("state", state="started")
    watched.await_event("state", state="started")
    assert "a subscriber of the view raised ZeroDivisionError" in caplog.text


def test_a_subscription_ends(lab: Lab, watch: Callable[..., Watched]) -> None:
    registry = lab.registry(lab.plugin("a"))
    watched = watch(registry)
    heard: list[Any] = []
    end = watched.view.subscribe(heard.append)
    end()
    registry.startup()
    watched.await_event("state", state="started")
    assert heard == []


def test_a_view_that_is_closed_leaves_no_thread_and_keeps_its_last_snapshot(lab: Lab) -> None:
    before = set(threading.enumerate())
    registry = lab.registry(lab.plugin("a"))
    view = RegistryView(registry, 0.01)
    view.subscribe(lambda _event: None)
    threads = [each for each in threading.enumerate() if each not in before and each.name.startswith("floe ")]
    assert len(threads) >= 2
    view.close()
    view.close()
    for each in threads:
        each.join(SOON)
        assert not each.is_alive()
    assert view.snapshot()["plugins"][0]["ref"] == "secrets:a"
    assert not {each for each in threading.enumerate() if each.name == "floe view"} - before


def test_strict_problems_make_a_platform_that_has_failed(tmp_path: Path, watch: Callable[..., Watched]) -> None:
    for name in ("acme", "other"):
        write_distribution(tmp_path, name, "[floe.secrets]\ntwin = acme:Plugin\n")
    registry = PluginRegistry(path=[str(tmp_path)], environ={"FLOE_PLUGINS_STRICT": "1"})
    watched = watch(registry)
    assert watched.platform["state"] == "failed"
    assert watched.platform["ready"] is False
    assert "acme" in watched.platform["reasons"][0]


@pytest.mark.parametrize("interval", [0, -1, float("nan"), float("inf")])
def test_an_interval_is_a_number_of_seconds(interval: float) -> None:
    with pytest.raises(ValueError, match="interval must be a number of seconds above 0"):
        RegistryView(new_registry(), interval)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_a_view_of_its_own_registry() -> None:
    code = """
        import os, sys, threading
        from support import Lab
        from floe_plugins.server import RegistryView

        lab = Lab()
        registry = lab.registry(lab.plugin("a"))
        view = RegistryView(registry, 0.01)
        view.snapshot()
        child = os.fork()
        if not child:
            started = threading.Event()
            view.subscribe(lambda event: started.set() if event.get("state") == "started" else None)
            registry.startup()
            os._exit(0 if started.wait(30) else 1)
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    done = run_code(code)
    assert done.returncode == 0, done.stderr


def test_a_registry_that_cannot_be_asked_for_health_is_told(
    lab: Lab, watch: Callable[..., Watched], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed = threading.Event()

    def fail(_self: object) -> Any:
        failed.set()
        raise PluginError("it is not this process's")

    monkeypatch.setattr(PluginRegistry, "health", fail)
    registry = lab.registry(lab.plugin("a"))
    watched = watch(registry, 0.01)
    registry.startup()
    assert failed.wait(SOON)
    failed.clear()
    assert failed.wait(SOON)  # it is asked again
    assert "the plugins cannot be asked for their health: it is not this process's" in caplog.text
    assert watched.platform["state"] == "running"
