"""Wrong arguments of the registry are refused before anything is done."""

from __future__ import annotations

from typing import Any

import pytest
from support import named, new_registry

from floe_plugins import (
    FLOE,
    Category,
    PluginConfigurationError,
    PluginRef,
    PluginRegistry,
    PluginState,
    PluginType,
    SecretsPlugin,
)
from floe_plugins.registry.arguments import category_of, ref_of


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e300, 10**400, 0, -5, True, "30"])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(seconds: Any) -> None:
    with pytest.raises(PluginConfigurationError, match=r"timeouts\['startup'\] must be a number of seconds"):
        PluginRegistry(environ={}, timeouts={"startup": seconds})


def test_a_misspelt_timeout_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(PluginConfigurationError, match=r"'startpu'; expected load, configure, startup, .*_total"):
        PluginRegistry(environ={}, timeouts={"startpu": 3})


@pytest.mark.parametrize("workers", [0, -1, True, "many", 2.5])
def test_workers_that_are_no_number_of_them_are_refused(workers: Any) -> None:
    with pytest.raises(PluginConfigurationError, match="workers must be a whole number"):
        PluginRegistry(environ={}, workers=workers)


@pytest.mark.parametrize("config", [[], 3, iter(()), object()])
def test_a_configuration_of_another_type_is_refused(config: Any) -> None:
    with pytest.raises(PluginConfigurationError, match="must be a file, a mapping or a Configuration"):
        PluginRegistry(config, environ={})


def test_a_category_of_another_platform_is_refused_by_its_name() -> None:
    with pytest.raises(TypeError, match="page is a category of another platform; those of this one are compute, "):
        category_of(FLOE.categories, Category("page", "site.pages", "site_host:PagePlugin"))


REF = PluginRef(PluginType.SECRETS, "env")


@pytest.mark.parametrize(
    "given",
    [
        (SecretsPlugin, "env"),
        (PluginType.SECRETS, "env"),
        ("secrets", "env"),
        ("floe.secrets", "env"),
        ("secrets:env",),
        ("floe.secrets:env",),
        (REF,),
    ],
)
def test_a_plugin_is_named_in_any_of_these_forms(given: Any) -> None:
    assert ref_of(FLOE.categories, *given) == REF
    registry = new_registry()
    registry.register(named("env"))
    plugin = registry.get(*given)
    assert plugin.name == "env"
    assert registry.start(*given).ok
    assert registry.state(*given) is PluginState.STARTED
    assert registry.stop(*given).ok
    assert registry.info(*given).ref == REF
    assert registry.configure(*given, {}) is None
    assert registry.config(*given) is None
    assert registry.unregister(*given) is plugin


@pytest.mark.parametrize("category", [SecretsPlugin, PluginType.SECRETS, "secrets", "floe.secrets"])
def test_a_category_is_named_in_any_of_these_forms(category: Any) -> None:
    assert category_of(FLOE.categories, category) is PluginType.SECRETS
    registry = new_registry()
    registry.register(named("env"))
    assert registry.one(category).name == "env"
    assert [plugin.name for plugin in registry.list(category)] == ["env"]
    assert registry.manager(category).has_plugin("env")


def test_a_category_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="not 3"):
        category_of(FLOE.categories, 3)  # type: ignore[arg-type]


def test_a_ref_and_a_platform_that_are_none_of_this_registry_are_refused() -> None:
    other = PluginRef(Category("item", "acme.items", "acme:Item"), "env")
    with pytest.raises(TypeError, match="item is a category of another platform; those of this one are compute, "):
        new_registry().get(other)
    with pytest.raises(TypeError, match="expected a Platform, not 'floe'"):
        new_registry(platform="floe")


def test_a_text_that_is_no_category_or_no_ref_is_refused() -> None:
    registry = new_registry()
    with pytest.raises(ValueError, match="there is no category 'secretz'; the categories are compute, "):
        registry.get("secretz", "env")
    with pytest.raises(ValueError, match="'env' is not a ref: expected category:name"):
        registry.get("env")
    with pytest.raises(ValueError, match="':env' is not a ref: its category is missing"):
        registry.get(":env")


@pytest.mark.parametrize(("category", "shown"), [(PluginType.SECRETS, "secrets"), (SecretsPlugin, "SecretsPlugin")])
def test_a_category_without_a_name_is_refused(category: Any, shown: str) -> None:
    with pytest.raises(TypeError, match=f"the name of a {shown} plugin is missing"):
        new_registry().get(category)


def test_a_configuration_is_given_to_a_category_and_name_or_to_a_ref() -> None:
    with pytest.raises(TypeError, match="expected a category, a name and a mapping, or a ref and a mapping"):
        new_registry().configure("secrets:env", {}, {})  # type: ignore[call-overload]
