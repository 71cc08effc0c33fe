"""Configuration reaches a loaded plugin validated, or not at all."""

from __future__ import annotations

import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, field_validator
from support import SOON, entry_of, named, new_registry, write_distribution

from floe_plugins import (
    PluginConfigurationError,
    PluginEvent,
    PluginRegistry,
    PluginTimeoutError,
    PluginType,
    SecretsPlugin,
    Stage,
)


class Schema(BaseModel):
    size: int = 1


def registry_of(config: Any = None, **attributes: Any) -> PluginRegistry:
    registry = new_registry(config)
    registry.register(named("a", **attributes))
    return registry


def test_a_valid_configuration_is_kept_and_given_to_the_plugin() -> None:
    registry = registry_of({"plugins": {"secrets": {"a": {"size": 3}}}}, config_schema=Schema)
    entry = entry_of(registry, "a")
    registry._services().configurer.configure(entry)
    assert entry.model == Schema(size=3)
    assert registry.get(SecretsPlugin, "a").config is entry.model


def test_a_plugin_without_a_schema_that_is_not_configured_gets_nothing() -> None:
    registry = registry_of()
    entry = entry_of(registry, "a")
    configurer = registry._services().configurer
    assert not configurer.is_needed(entry)
    configurer.configure(entry)
    assert entry.model is None
    assert "config" not in vars(registry.get(SecretsPlugin, "a"))


@pytest.mark.parametrize(
    "options",
    [
        {"config": {"plugins": {"secrets": {"a": {"size": 3}}}}},
        {"config": None, "environ": {"FLOE_PLUGINS__SECRETS__A__SIZE": "3"}},
    ],
    ids=["file", "variable"],
)
def test_a_plugin_without_a_schema_that_is_configured_is_an_error(options: dict[str, Any]) -> None:
    registry = PluginRegistry(autoload="none", **{"environ": {}, **options})
    registry.register(named("a"))
    with pytest.raises(PluginConfigurationError, match=r"secrets\.a"):
        registry._services().configurer.configure(entry_of(registry, "a"))


@pytest.mark.parametrize("mapping", [None, 3, "size: 3", [("size", 3)]])
def test_what_is_no_mapping_is_refused_and_says_what_it_is(mapping: Any) -> None:
    registry = registry_of(config_schema=Schema)
    with pytest.raises(PluginConfigurationError, match="must be a mapping") as caught:
        registry.configure(SecretsPlugin, "a", mapping)
    assert caught.value.ref == entry_of(registry, "a").ref
    assert type(mapping).__name__ in caught.value.message


def test_a_refused_argument_leaves_the_one_before_in_force() -> None:
    registry = registry_of(config_schema=Schema)
    assert registry.configure(SecretsPlugin, "a", {"size": 2}) == Schema(size=2)
    with pytest.raises(PluginConfigurationError):
        registry.configure(SecretsPlugin, "a", {"size": "many"})
    assert registry.startup().ok
    assert registry.get(SecretsPlugin, "a").config == Schema(size=2)
    registry.shutdown()
    assert registry.startup().ok  # a stopped plugin is configured anew
    registry.shutdown()


def test_an_argument_is_copied() -> None:
    registry = registry_of(config_schema=Schema)
    mapping = {"size": 2}
    registry.configure(SecretsPlugin, "a", mapping)
    mapping["size"] = 3
    registry._services().configurer.configure(entry_of(registry, "a"))
    assert entry_of(registry, "a").model == Schema(size=2)


def test_what_is_started_keeps_its_configuration() -> None:
    registry = registry_of(config_schema=Schema)
    registry.startup()
    with pytest.raises(PluginConfigurationError, match="it is started") as caught:
        registry.configure(SecretsPlugin, "a", {"size": 2})
    assert caught.value.hint == "Stop it, configure it and start it again."
    assert caught.value.ref == entry_of(registry, "a").ref
    registry.shutdown()
    assert registry.configure(SecretsPlugin, "a", {"size": 2}) == Schema(size=2)


def test_an_unknown_key_is_told_while_there_are_other_errors() -> None:
    registry = registry_of({"plugins": {"secrets": {"a": {"size": "many", "sise": 3}}}}, config_schema=Schema)
    with pytest.raises(PluginConfigurationError) as caught:
        registry._services().configurer.configure(entry_of(registry, "a"))
    assert sorted(issue.path for issue in caught.value.errors) == ["plugins.secrets.a.sise", "plugins.secrets.a.size"]


class Settings(BaseModel):
    rate: float = 1.0
    size: int = 1


@pytest.mark.parametrize("settings", [{"rate": float("nan")}, {"size": 10**40}, {"rate": "${NOT_SET}"}])
def test_values_that_startup_refuses_are_not_handed_out_afterwards(settings: dict[str, Any]) -> None:
    registry = new_registry({"plugins": {"secrets": {"acme": settings}}})
    registry.register(named("acme", config_schema=Settings))
    plugin = registry.get(PluginType.SECRETS, "acme")
    with pytest.raises(PluginConfigurationError) as first:
        registry.startup()
    with pytest.raises(PluginConfigurationError) as second:
        registry.config(PluginType.SECRETS, "acme")
    assert first.value.errors == second.value.errors
    assert getattr(plugin, "config", None) is None
    assert len(registry.problems) == 1


def test_what_an_argument_gave_is_masked_though_the_model_has_another_text() -> None:
    class Schema(BaseModel):
        password: str

        @field_validator("password")
        @classmethod
        def turn(cls, value: str) -> str:
            return value[::-1]

    def startup(_plugin: Any) -> None:
        raise ConnectionError("refused hunter2-of-the-year")

    registry = new_registry()
    registry.register(named("a", config_schema=Schema, startup=startup))
    registry.configure(SecretsPlugin, "a", {"password": "hunter2-of-the-year"})
    assert registry.startup().outcomes[0].message == "startup raised ConnectionError: refused ***"


def test_of_two_who_configure_a_plugin_at_once_each_gets_the_answer_to_its_own_arguments() -> None:
    registry = registry_of(config_schema=Schema)
    worker = entry_of(registry, "a").worker
    go_on, queued = threading.Event(), threading.Semaphore(0)
    real_submit = worker.enqueue

    def enqueue(call: Any) -> None:
        real_submit(call)
        queued.release()

    worker.enqueue = enqueue  # type: ignore[method-assign]
    worker.submit(lambda: go_on.wait(SOON))
    assert queued.acquire(timeout=SOON)
    with ThreadPoolExecutor(2) as pool:
        wrong = pool.submit(registry.configure, SecretsPlugin, "a", {"size": "many"})
        assert queued.acquire(timeout=SOON)
        right = pool.submit(registry.configure, SecretsPlugin, "a", {"size": 3})
        assert queued.acquire(timeout=SOON)
        go_on.set()
        assert right.result(SOON) == Schema(size=3)
        with pytest.raises(PluginConfigurationError):
            wrong.result(SOON)


def test_a_validation_that_does_not_end_in_time_is_told_as_overdue() -> None:
    release = threading.Event()

    class Hanging(BaseModel):
        size: int

        @field_validator("size")
        @classmethod
        def hang(cls, value: int) -> int:
            release.wait(SOON)
            return value

    registry = new_registry(timeouts={"configure": 0.1})
    registry.register(named("a", config_schema=Hanging))
    seen: list[PluginEvent] = []
    subscription = registry.subscribe(seen.append)
    with pytest.raises(PluginTimeoutError) as caught:
        registry.configure(SecretsPlugin, "a", {"size": 1})
    release.set()
    assert subscription.wait(SOON)
    subscription()
    overdue = [(str(each.ref), each.stage, each.reason) for each in seen if each.kind == "call_overdue"]
    assert overdue == [("secrets:a", Stage.CONFIGURE, caught.value.message)]


def test_the_schema_of_a_plugin_that_is_not_loaded_yet_runs_on_its_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        import threading
        from pydantic import BaseModel, Field
        from support import Secrets

        class Schema(BaseModel):
            thread: int = Field(default_factory=threading.get_ident)

        class Own(Secrets):
            name, config_schema = "own", Schema
    """
    (tmp_path / "schema_on_a_thread.py").write_text(textwrap.dedent(code))
    write_distribution(tmp_path, "acme-own", "[floe.secrets]\nown = schema_on_a_thread:Own\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry(path=[str(tmp_path)], environ={})
    assert registry.config("secrets:own").thread != threading.get_ident()
