"""The configuration is read again while the platform runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from support import Secrets, write_distribution

from floe_plugins import PluginError, PluginRegistry, PluginState
from floe_plugins.cli.host.reload import Reload


class Settings(BaseModel):
    prefix: str = ""
    size: int = 1


class Plugin(Secrets):
    name = "mine"
    config_schema = Settings
    done: list[str]

    def startup(self) -> None:
        self.done.append(f"start {self.config.prefix}")
        if self.config.prefix == "bad":
            raise RuntimeError("no such prefix")

    def shutdown(self) -> None:
        self.done.append(f"stop {self.config.prefix}")


class Dependent(Secrets):
    name = "dependent"
    dependencies = ("secrets:mine",)


class Platform:
    """A platform that runs with a file."""

    def __init__(self, directory: Path, **options: Any) -> None:
        self.file = directory / "floe.json"
        self.done: list[str] = []
        self.write(prefix="one")
        self.registry = PluginRegistry(self.file, environ={}, **{"autoload": "none", **options})
        self.registry.register(type("Mine", (Plugin,), {"done": self.done}))
        self.registry.register(Dependent)
        self.registry.startup()
        assert self.states() == {PluginState.STARTED}
        self.done.clear()

    def write(self, **settings: Any) -> None:
        self.file.write_text(json.dumps({"plugins": {"secrets": {"mine": settings}}}), encoding="utf-8")

    def reload(self, **settings: Any) -> str:
        self.write(**settings)
        [line] = Reload(self.registry, str(self.file)).run()["lines"]
        return str(line)

    def states(self) -> set[PluginState]:
        return {self.registry.state("secrets", name) for name in ("mine", "dependent")}


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    found = Platform(tmp_path)
    yield found
    found.registry.shutdown()


def test_new_settings_restart_their_plugin_and_what_depends_on_it(platform: Platform) -> None:
    assert "its settings have changed; it was restarted" in platform.reload(prefix="two")
    assert platform.done == ["stop one", "start two"]
    assert platform.states() == {PluginState.STARTED}


def test_a_plugin_whose_new_settings_are_wrong_is_not_even_stopped(platform: Platform) -> None:
    line = platform.reload(prefix="two", size="many")
    assert "its new settings are refused, it goes on with the old ones" in line
    assert "plugins.secrets.mine.size" in line
    assert platform.done == []
    assert platform.states() == {PluginState.STARTED}


def test_a_plugin_that_does_not_start_with_new_settings_starts_with_the_old_ones(platform: Platform) -> None:
    line = platform.reload(prefix="bad")
    assert "it did not start with its new settings, it goes on with the old ones" in line
    assert "no such prefix" in line
    assert platform.done[-1] == "start one"
    assert platform.states() == {PluginState.STARTED}


def test_that_neither_works_is_told(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Plugin, "startup", lambda _: 1 / 0)
    line = platform.reload(prefix="two")
    assert "it did not start with its new settings, with the old ones neither" in line
    assert "secrets:mine was not started again, it is failed" in line


def test_a_plugin_that_cannot_be_loaded_is_in_the_way_of_no_other(tmp_path: Path) -> None:
    write_distribution(tmp_path, "acme", "[floe.secrets]\nbroken = acme:Plugin\n", acme="raise RuntimeError")
    found = Platform(tmp_path, path=[str(tmp_path)], autoload="all")
    try:
        assert found.registry.state("secrets", "broken") is PluginState.FAILED
        assert "it was restarted, and what depends on it" in found.reload(prefix="two")
        assert found.states() == {PluginState.STARTED}
    finally:
        found.registry.shutdown()


def test_what_keeps_a_plugin_from_stopping_is_told_as_a_line(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(*_ref: object) -> None:
        raise PluginError("it is busy")

    monkeypatch.setattr(PluginRegistry, "stop", busy)
    line = platform.reload(prefix="two")
    assert line == "secrets:mine: its settings have changed, and it was not restarted: it is busy"
