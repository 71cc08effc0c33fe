"""What a registry joins: plugins come and go everywhere at once, with the configuration and the deadlines they have."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, field_validator
from support import SOON, Secrets, named, new_registry

from floe_plugins import (
    HealthStatus,
    LineageBackendPlugin,
    MissingDependencyError,
    PluginConfigurationError,
    PluginError,
    PluginLoadError,
    PluginNotFoundError,
    PluginRegistry,
    PluginState,
    PluginTimeoutError,
    SecretsPlugin,
    hookimpl,
)

LONG = 60.0  # never waited for in a test that passes


class Lineage(LineageBackendPlugin):
    name = "other"
    version = "1.0"
    floe_api_version = "1.0"

    def emit(self, event: Any) -> None: ...
    def flush(self, deadline: float) -> bool:
        return True

    def namespace(self, dataset: str) -> str:
        return dataset


class Schema(BaseModel):
    size: int = 1
    token: SecretStr = SecretStr("")


def assert_gone(registry: PluginRegistry, *names: str) -> None:
    """None of the plugins is known in any place where plugins are."""
    for name in names:
        with pytest.raises(PluginNotFoundError):
            registry.get(SecretsPlugin, name)
        assert not registry.manager(SecretsPlugin).has_plugin(name)
        assert name not in {info.name for info in registry.infos()}
        registry.register(named(name))  # and its name is free
        registry.unregister(SecretsPlugin, name)


REFUSED = {
    "does not fit its contract": {"get_secret": lambda _self, key, colour: (key, colour)},
    "has a hook that is none": {"get_scret": hookimpl(lambda _self, key: key)},
    "needs what is not there": {"dependencies": ("secrets:absent",)},
    "cannot be named": {"name": "Upper Case"},
    "cannot be made": {"__init__": lambda _self: 1 / 0},
}


@pytest.mark.parametrize("issue", REFUSED)
def test_of_plugins_registered_together_none_stays_if_one_is_refused(issue: str) -> None:
    registry = new_registry()
    registry.register(named("before", secret_names=lambda self, prefix="": (self.name,)))  # noqa: ARG005
    with pytest.raises((PluginLoadError, MissingDependencyError)):
        registry.register(named("first"), named("second", **REFUSED[issue]), named("third"))
    assert_gone(registry, "first", "second", "third")
    assert [plugin.name for plugin in registry.list()] == ["before"]
    assert registry.manager(SecretsPlugin).hook.secret_names() == ("before",)


def test_a_name_that_no_ref_can_have_is_refused_with_what_names_are_made_of() -> None:
    with pytest.raises(PluginLoadError, match=r"'Upper Case' cannot name a plugin. Use lower-case letters, digits"):
        new_registry().register(named("Upper Case"))


def test_an_unregistered_plugin_is_stopped_first_and_so_is_what_needs_it() -> None:
    log: list[str] = []

    def noting(name: str, *needs: str) -> type[Secrets]:
        return named(name, dependencies=needs, shutdown=lambda _self: log.append(name))

    registry = new_registry()
    registry.register(noting("base"), noting("middle", "secrets:base"), noting("top", "secrets:middle"), noting("by"))
    with registry:
        registry.unregister(SecretsPlugin, "base")
        assert log == ["top", "middle", "base"]
        assert registry.state(SecretsPlugin, "by") is PluginState.STARTED
        assert registry.state(SecretsPlugin, "top") is PluginState.STOPPED
        assert_gone(registry, "base")


def test_a_manager_is_made_once_however_many_ask_for_it_at_once() -> None:
    registry, together = new_registry(), threading.Barrier(16)
    found: list[object] = []

    def ask() -> None:
        together.wait()
        found.append(registry.manager(SecretsPlugin))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(map(id, found))) == 1


def test_configuration_by_argument_wins_over_the_file_and_leaves_the_rest_to_it() -> None:
    registry = new_registry({"plugins": {"secrets": {"a": {"size": 2, "token": "from-file"}}}})
    registry.register(named("a", config_schema=Schema))
    assert registry.configure(SecretsPlugin, "a", {"size": 3}).size == 3
    plugin = registry.get(SecretsPlugin, "a")
    assert registry.config(SecretsPlugin, "a") is plugin.config
    assert plugin.config.token.get_secret_value() == "from-file"


def test_wrong_configuration_by_argument_changes_nothing() -> None:
    registry = new_registry()
    registry.register(named("a", config_schema=Schema))
    registry.configure(SecretsPlugin, "a", {"size": 3})
    with pytest.raises(PluginConfigurationError, match="size"):
        registry.configure(SecretsPlugin, "a", {"size": "big"})
    with registry:
        assert registry.get(SecretsPlugin, "a").config.size == 3


def test_a_configuration_by_argument_that_is_nested_too_deeply_changes_nothing() -> None:
    registry = new_registry()
    registry.register(named("a", config_schema=Schema))
    mapping: dict[str, Any] = {}
    mapping["size"] = mapping
    with pytest.raises(PluginConfigurationError, match="nested deeper than 64 levels"):
        registry.configure(SecretsPlugin, "a", mapping)
    assert registry.config(SecretsPlugin, "a").size == 1


def test_what_is_started_cannot_be_configured_and_is_told_what_to_do() -> None:
    registry = new_registry()
    registry.register(named("a", config_schema=Schema))
    with registry:
        with pytest.raises(PluginConfigurationError, match="Stop it, configure it and start it again"):
            registry.configure(SecretsPlugin, "a", {"size": 3})
        assert registry.get(SecretsPlugin, "a").config.size == 1
        registry.stop(SecretsPlugin, "a")
        registry.configure(SecretsPlugin, "a", {"size": 3})
        assert registry.start(SecretsPlugin, "a").ok
        assert registry.get(SecretsPlugin, "a").config.size == 3


def test_configuration_of_a_plugin_that_takes_none_is_a_mistake() -> None:
    registry = new_registry()
    registry.register(named("a"))
    assert registry.config(SecretsPlugin, "a") is None
    with pytest.raises(PluginConfigurationError):
        registry.configure(SecretsPlugin, "a", {"size": 3})


def test_no_mistake_of_another_plugin_is_missed_before_a_start() -> None:
    registry = new_registry({"plugins": {"secrets": {"a": {"size": "big"}, "absent": {"size": 1}}}})
    registry.register(named("a", config_schema=Schema))
    with pytest.raises(PluginConfigurationError) as caught:
        registry.startup()
    assert {error.path for error in caught.value.errors} == {"plugins.secrets.a.size", "plugins.secrets.absent"}


def test_what_a_plugin_says_when_it_fails_is_told_without_the_secrets_it_was_given() -> None:
    def fail(self: Secrets) -> None:
        raise ConnectionError(f"refused for {self.config.token.get_secret_value()}")

    registry = new_registry({"plugins": {"secrets": {"a": {"token": "hunter2-hunter2"}}}})
    registry.register(named("a", config_schema=Schema, startup=fail))
    [outcome] = registry.startup().outcomes
    assert "refused for" in outcome.message
    assert "hunter2" not in f"{outcome.message} {outcome.cause} {registry.problems}"


TIMEOUTS = {
    "of all plugins, over the default": ({}, {"startup": 0.1}, {}, 0.1),
    "of the class, over that of all": ({"startup": 0.1}, {"startup": LONG}, {}, 0.1),
    "of this plugin, over that of its class": ({"startup": LONG}, {"startup": LONG}, {"startup": 0.1}, 0.1),
    "of the class, where another stage has one": ({"startup": 0.1}, {}, {"shutdown": LONG}, 0.1),
}


@pytest.mark.parametrize("which", TIMEOUTS)
def test_the_deadline_that_counts_is_the_one(which: str, forever: threading.Event) -> None:
    of_class, of_all, of_plugin, seconds = TIMEOUTS[which]
    registry = new_registry({"registry": {"timeouts": {**of_all, "secrets:a": of_plugin}}})
    registry.register(named("a", timeouts=of_class, startup=lambda _self: forever.wait() and None))
    [outcome] = registry.startup().outcomes
    assert isinstance(outcome.cause, PluginTimeoutError)
    assert outcome.cause.seconds == seconds


@pytest.mark.parametrize("where", ["__init__", "version"])
def test_a_class_that_never_becomes_a_plugin_is_given_up(where: str, forever: threading.Event) -> None:
    registry = new_registry({"registry": {"timeouts": {"load": 0.1}}})

    def hang(_self: Any) -> None:
        forever.wait()

    with pytest.raises(PluginTimeoutError, match=r"not made within 0\.1 s") as caught:
        registry.register(named("a", **{where: property(hang) if where == "version" else hang}))
    assert (str(caught.value.ref), caught.value.stage) == ("secrets:a", "load")
    assert_gone(registry, "a")


def test_an_instance_is_looked_at_on_the_thread_that_registers_it() -> None:
    seen: list[threading.Thread] = []
    version = property(lambda _self: seen.append(threading.current_thread()) or "1.0")
    new_registry().register(named("a", version=version)())
    assert set(seen) == {threading.current_thread()}


def test_a_plugin_registers_others_while_it_starts() -> None:
    registry = new_registry()
    registry.register(named("a", startup=lambda self: self.registry.register(named("b")) and None))
    assert registry.startup().ok
    assert registry.get(SecretsPlugin, "b")
    registry.shutdown()


def test_a_schema_that_never_ends_is_given_up_and_its_configuration_is_not_kept(forever: threading.Event) -> None:
    class Endless(BaseModel):
        size: int = 1

        @field_validator("size")
        @classmethod
        def wait(cls, value: int) -> int:
            forever.wait()
            return value

    registry = new_registry({"registry": {"timeouts": {"configure": 0.1}}})
    registry.register(named("a", config_schema=Endless))
    with pytest.raises(PluginTimeoutError, match=r"not validated within 0\.1 s") as caught:
        registry.configure(SecretsPlugin, "a", {"size": 2})
    assert (str(caught.value.ref), caught.value.stage) == ("secrets:a", "configure")
    with pytest.raises(PluginTimeoutError, match="busy with an earlier call"):
        registry.config(SecretsPlugin, "a")
    forever.set()
    worker = registry._services().store.entry(caught.value.ref).worker  # type: ignore[attr-defined, arg-type]
    assert worker.submit(lambda: None).wait(SOON)
    assert registry.config(SecretsPlugin, "a") == Endless(size=1)


def test_a_schema_that_never_ends_keeps_neither_config_nor_the_caller(forever: threading.Event) -> None:
    model = type("Model", (BaseModel,), {"__init__": lambda _self, **_: forever.wait() and None})
    registry = new_registry({"registry": {"timeouts": {"configure": 0.1}}})
    registry.register(named("a", config_schema=model))
    with pytest.raises(PluginTimeoutError, match="not validated within"):
        registry.config(SecretsPlugin, "a")


def test_calling_a_lifecycle_hook_of_a_category_concerns_that_category() -> None:
    registry = new_registry()
    registry.register(named("a"), named("b", health_check=lambda _self: HealthStatus("unhealthy", "down")), Lineage)
    hook = registry.manager(SecretsPlugin).hook
    registry.start(LineageBackendPlugin, "other")
    assert [(each.ref.name, each.ok) for each in hook.startup()] == [("a", True), ("b", True)]
    assert [(each.ref.name, each.ok) for each in hook.health_check()] == [("a", True), ("b", False)]
    assert {each.ref.name for each in hook.shutdown()} == {"a", "b"}
    assert hook.shutdown() == []
    assert registry.state(LineageBackendPlugin, "other") is PluginState.STARTED
    registry.shutdown()


def raising(_self: Any) -> None:
    raise RuntimeError("bad")


UNFIT = {
    "version": {"floe_api_version": "9.0"},
    "nonsense": {"floe_api_version": "banana"},
    "raises": {"__init__": raising},
    "metadata": {"version": 3},
    "dependencies": {"dependencies": "secrets:b"},
    "missing": {"dependencies": ("secrets:gone",)},
    "hooks": {"get_secret": lambda _self, key, colour: (key, colour)},
    "async": {"__slots__": (), "registry": property(lambda _self: None)},
}


@pytest.mark.parametrize("case", UNFIT)
def test_an_error_of_register_names_the_plugin(registry: PluginRegistry, case: str) -> None:
    with pytest.raises(PluginError) as caught:
        registry.register(named("faulty", **UNFIT[case]))
    assert str(caught.value.ref) == "secrets:faulty"
    assert_gone(registry, "faulty")


def test_an_error_of_register_names_an_instances_own_name_or_else_the_class(registry: PluginRegistry) -> None:
    class Nameless(Secrets):
        floe_api_version = "9.0"

        def __init__(self) -> None:
            self.name = "own"

    with pytest.raises(PluginError) as caught:
        registry.register(Nameless())
    assert str(caught.value.ref) == "secrets:own"
    for cls in (Nameless, named("No Name")):
        with pytest.raises(PluginError) as caught:
            registry.register(cls)
        assert cls.__qualname__ in caught.value.message


@pytest.mark.parametrize("wrong", [None, 3, "text", [], iter(())])
def test_configuring_with_what_is_no_mapping_is_a_configuration_error(registry: PluginRegistry, wrong: Any) -> None:
    registry.register(named("a", config_schema=Schema))
    with pytest.raises(PluginConfigurationError, match="must be a mapping") as caught:
        registry.configure(SecretsPlugin, "a", wrong)
    assert str(caught.value.ref) == "secrets:a"
    if not isinstance(wrong, (str, type(None))):
        with pytest.raises(PluginConfigurationError):
            PluginRegistry(wrong, environ={})


def test_a_plugin_is_configured_once_it_has_its_configuration(registry: PluginRegistry) -> None:
    registry.register(named("a", config_schema=Schema), named("b", config_schema=Schema), named("c"))
    registry.configure(SecretsPlugin, "a", {"size": 2})
    registry.config(SecretsPlugin, "b")
    states = {info.name: info.state for info in registry.infos()}
    assert states == {"a": PluginState.CONFIGURED, "b": PluginState.CONFIGURED, "c": PluginState.LOADED}
    with pytest.raises(PluginConfigurationError):
        registry.configure(SecretsPlugin, "a", {"size": "x"})
    assert registry.state(SecretsPlugin, "a") is PluginState.CONFIGURED
    assert registry.startup().ok
    assert registry.config(SecretsPlugin, "a").size == 2
    registry.shutdown()


def test_unregister_waits_until_nobody_is_starting_the_plugin_and_stops_it() -> None:
    begun, go_on, log = threading.Event(), threading.Event(), list[str]()

    def startup(_self: Any) -> None:
        log.append("start")
        begun.set()
        go_on.wait(SOON)
        log.append("started")

    registry = new_registry()
    registry.register(named("a", startup=startup, shutdown=lambda _self: log.append("stop")))
    starting = threading.Thread(target=registry.startup)
    starting.start()
    assert begun.wait(SOON)
    threading.Timer(0.1, go_on.set).start()
    registry.unregister(SecretsPlugin, "a")
    assert log == ["start", "started", "stop"]
    assert_gone(registry, "a")
    starting.join(SOON)
