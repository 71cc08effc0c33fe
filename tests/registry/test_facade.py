"""The registry over hand-made plugins; installed ones are in test_inventory.py and test_loading.py."""

from __future__ import annotations

import gc
import sys
import typing
from typing import Any

import attrs
import pytest
import support
from support import Storage, named

import floe_plugins
from floe_plugins import (
    AmbiguousPluginError,
    CircularDependencyError,
    DuplicatePluginError,
    HealthState,
    HealthStatus,
    MissingDependencyError,
    PluginIncompatibleError,
    PluginLoadError,
    PluginNotFoundError,
    PluginRef,
    PluginRegistry,
    PluginState,
    PluginType,
    SecretsPlugin,
    StoragePlugin,
)


class Secrets(support.Secrets):
    name = "memory"


def test_a_registered_plugin_is_found_by_type_and_by_class(registry: PluginRegistry) -> None:
    plugin = Secrets()
    assert registry.register(plugin) == (PluginRef(PluginType.SECRETS, "memory"),)
    assert registry.get(PluginType.SECRETS, "memory") is plugin
    assert registry.get(SecretsPlugin, "memory") is plugin
    assert registry.get(Secrets, "memory") is plugin
    assert registry.one(SecretsPlugin) is plugin
    assert registry.list(PluginType.SECRETS) == registry.list() == [plugin]
    assert plugin.registry is registry


@pytest.mark.skipif(sys.version_info < (3, 11), reason="overloads cannot be asked for")
@pytest.mark.parametrize("method", ["get", "one"])
def test_what_is_got_has_the_type_that_was_asked_for(method: str) -> None:
    by_class = typing.get_overloads(getattr(PluginRegistry, method))[0]  # type: ignore[attr-defined]
    assert by_class.__annotations__["category"] == "Callable[..., P]"
    assert by_class.__annotations__["return"] == "P"


def test_a_class_is_called_once(registry: PluginRegistry) -> None:
    registry.register(Secrets)
    assert type(registry.get(SecretsPlugin, "memory")) is Secrets


def test_lookup_gives_the_class_asked_for_or_an_error(registry: PluginRegistry) -> None:
    class Other(Secrets): ...

    registry.register(Secrets)
    with pytest.raises(PluginNotFoundError, match="no Other but Secrets"):
        registry.get(Other, "memory")


@pytest.mark.parametrize("again", ["memory", "MEMORY".lower()])
def test_the_same_type_and_name_twice_is_an_error(registry: PluginRegistry, again: str) -> None:
    registry.register(Secrets)
    with pytest.raises(DuplicatePluginError, match="secrets:memory"):
        registry.register(named(again))
    with pytest.raises(DuplicatePluginError):
        registry.register(named("twin"), named("twin"))
    assert [plugin.name for plugin in registry.list()] == ["memory"]


def test_one_name_may_be_used_in_two_categories(registry: PluginRegistry) -> None:
    storage = named("memory", Storage)
    registry.register(Secrets, storage)
    assert type(registry.get(StoragePlugin, "memory")) is storage
    assert type(registry.get(SecretsPlugin, "memory")) is Secrets


def test_an_unknown_ref_is_an_error_with_the_closest_names(registry: PluginRegistry) -> None:
    registry.register(Secrets)
    with pytest.raises(PluginNotFoundError, match="Did you mean secrets:memory") as caught:
        registry.get(SecretsPlugin, "memroy")
    assert caught.value.suggestions == ("secrets:memory",)
    with pytest.raises(PluginNotFoundError) as caught:
        registry.get(StoragePlugin, "memory")
    assert caught.value.suggestions == ("secrets:memory",)


def test_one_of_a_category_needs_exactly_one(registry: PluginRegistry) -> None:
    with pytest.raises(PluginNotFoundError, match="no secrets plugin is selected"):
        registry.one(SecretsPlugin)
    registry.register(named("a"), named("b"))
    with pytest.raises(AmbiguousPluginError, match="secrets:a, secrets:b"):
        registry.one(SecretsPlugin)


def test_an_unregistered_plugin_is_gone_everywhere(registry: PluginRegistry) -> None:
    registry.register(Secrets)
    plugin = registry.get(SecretsPlugin, "memory")
    registry.startup()
    assert registry.unregister(SecretsPlugin, "memory") is plugin
    assert not registry.list()
    assert not registry.manager(SecretsPlugin).get_plugins()
    with pytest.raises(PluginNotFoundError):
        registry.get(SecretsPlugin, "memory")
    registry.register(Secrets)
    registry.shutdown()


def test_information_is_that_of_the_plugin(registry: PluginRegistry) -> None:
    registry.register(named("a", version="2.3", description="An example"), named("b", dependencies=["secrets:a"]))
    info = registry.info(SecretsPlugin, "a")
    assert (info.name, info.type, info.version, info.floe_api_version) == ("a", PluginType.SECRETS, "2.3", "1.0")
    assert (info.description, info.distribution, info.state) == ("An example", None, PluginState.LOADED)
    assert registry.info(SecretsPlugin, "b").dependencies == ("secrets:a",)
    assert [str(each.ref) for each in registry.infos(SecretsPlugin)] == ["secrets:a", "secrets:b"]


@pytest.mark.parametrize("version", ["2.0", "1.99", "banana", "", None, 1.0])
def test_a_plugin_for_another_api_is_refused(registry: PluginRegistry, version: Any) -> None:
    with pytest.raises(PluginIncompatibleError):
        registry.register(named("other", floe_api_version=version))
    assert not registry.list()


def test_an_incompatible_class_is_not_called(registry: PluginRegistry) -> None:
    def refuse(_self: object) -> None:
        raise AssertionError("it was made")

    with pytest.raises(PluginIncompatibleError):
        registry.register(named("other", floe_api_version="9.0", __init__=refuse))


def test_an_api_version_that_is_a_property_is_read_after_the_plugin_is_made(registry: PluginRegistry) -> None:
    registry.register(named("good", floe_api_version=property(lambda _: "1.0")))
    with pytest.raises(PluginIncompatibleError):
        registry.register(named("bad", floe_api_version=property(lambda _: "9.0")))


def test_a_missing_dependency_is_an_error_and_nothing_stays(registry: PluginRegistry) -> None:
    with pytest.raises(MissingDependencyError, match="secrets:absent"):
        registry.register(named("needy", dependencies=("secrets:absent",)), named("other"))
    assert not registry.list()


def test_plugins_registered_together_may_need_each_other_one_way_only(registry: PluginRegistry) -> None:
    registry.register(named("b", dependencies=("secrets:a",)), named("a"))
    assert [ref.name for ref in registry.resolve()] == ["a", "b"]
    with pytest.raises(CircularDependencyError, match="secrets:x -> secrets:y -> secrets:x"):
        registry.register(named("x", dependencies=("secrets:y",)), named("y", dependencies=("secrets:x",)))
    assert len(registry.list()) == 2


FAULTS = {
    "no text": ({"version": 3}, "'version' must be a string"),
    "a text for a list": ({"dependencies": "secrets:a"}, "must be a list or tuple of strings"),
    "an unknown hook": ({"get_secrt": floe_plugins.hookimpl(lambda _, key: key)}, "did you mean 'get_secret'"),
    "a wrapped lifecycle": ({"startup": floe_plugins.hookimpl(wrapper=True)(lambda _: None)}, "cannot be a wrapper"),
}


@pytest.mark.parametrize("issue", FAULTS)
def test_a_faulty_class_is_a_load_error_that_says_why(registry: PluginRegistry, issue: str) -> None:
    attributes, reason = FAULTS[issue]
    with pytest.raises(PluginLoadError, match=reason):
        registry.register(named("faulty", **attributes))


def test_an_async_hook_is_refused_unless_it_is_awaited(registry: PluginRegistry) -> None:
    class Async(Secrets):
        async def secret_names(self, prefix: str = "") -> Any:  # type: ignore[override]
            return prefix

    with pytest.raises(PluginLoadError, match=r"'secret_names' cannot be async"):
        registry.register(Async)

    class AsyncLife(Secrets):
        async def startup(self) -> None: ...

    registry.register(AsyncLife)


@pytest.mark.parametrize("thing", [object(), int, 3, "text", None, SecretsPlugin])
def test_what_is_no_plugin_is_refused(registry: PluginRegistry, thing: Any) -> None:
    with pytest.raises(PluginLoadError):
        registry.register(thing)


def test_the_context_manager_starts_and_stops(registry: PluginRegistry) -> None:
    calls: list[str] = []
    registry.register(
        named("a", startup=lambda _: calls.append("start"), shutdown=lambda _: calls.append("stop")),
    )
    with registry as entered:
        assert entered is registry
        assert registry.state(SecretsPlugin, "a") is PluginState.STARTED
        assert calls == ["start"]
    assert calls == ["start", "stop"]
    assert registry.state(SecretsPlugin, "a") is PluginState.STOPPED


def test_a_registry_forgotten_while_it_runs_is_a_resource_warning() -> None:
    registry = support.new_registry()
    registry.register(named("a"))
    registry.startup()
    del registry
    with pytest.warns(ResourceWarning, match="forgotten"):
        gc.collect()


def test_health_of_a_plugin_without_a_check_is_healthy_and_says_so(registry: PluginRegistry) -> None:
    registry.register(named("a"))
    registry.register(named("b", health_check=lambda _: HealthStatus(HealthState.DEGRADED, "slow", {"ms": 900})))
    with registry:
        report = registry.health()
    first, second = (report.statuses[PluginRef(PluginType.SECRETS, name)] for name in "ab")
    assert (first.state, first.default) == (HealthState.HEALTHY, True)
    assert (second.state, second.message, dict(second.details)) == (HealthState.DEGRADED, "slow", {"ms": 900})
    assert report.state is HealthState.DEGRADED


def test_frozen_and_unhashable_plugins_work(registry: PluginRegistry) -> None:
    @attrs.frozen(eq=True)
    class Frozen(Secrets):
        name: str = "frozen"

    registry.register(Frozen())
    with registry:
        assert registry.get(SecretsPlugin, "frozen").registry is registry


def test_repr_and_len_say_how_many_there_are(registry: PluginRegistry) -> None:
    registry.register(named("a"), named("b"))
    assert "2 plugins" in repr(registry)


def test_who_asks_often_gets_answers_of_a_certain_age(registry: PluginRegistry) -> None:
    asked: list[int] = []

    def health_check(_self: object) -> HealthStatus:
        asked.append(1)
        return HealthStatus(HealthState.HEALTHY)

    registry.register(named("a", health_check=health_check))
    ref = PluginRef(PluginType.SECRETS, "a")
    with registry:
        first = registry.health(max_age=3600).statuses[ref]
        assert registry.health(max_age=3600).statuses[ref] == first
        assert len(asked) == 1
        registry.health()
        assert len(asked) == 2


def test_plugins_without_a_schema_start_without_pydantic(environment: Any) -> None:
    loaded = environment("unhashable").run("""
        import sys
        from floe_plugins import PluginRegistry
        with PluginRegistry() as registry:
            registry.health().state
            print("pydantic" in sys.modules)
    """)
    assert loaded.stdout == "False\n"
