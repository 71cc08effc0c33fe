"""What plugins wait for, as they declare it, and what is said of what they cannot have."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from support import named, write_distribution

from floe_plugins import (
    CircularDependencyError,
    MissingDependencyError,
    OutcomeState,
    PluginRef,
    PluginRegistry,
    PluginType,
)

SECRETS, STORAGE = PluginType.SECRETS, PluginType.STORAGE


def test_the_same_name_in_two_categories_is_two_plugins(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("s3", dependencies=("storage:s3",)), lab.plugin("s3", base=lab.storage, dependencies=())
    )
    refs = [outcome.ref for outcome in registry.startup().outcomes]
    assert refs == [PluginRef(STORAGE, "s3"), PluginRef(SECRETS, "s3")]


def test_a_category_alone_waits_for_all_its_plugins_and_is_content_with_one(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("app", dependencies=("storage",)),
        lab.plugin("a", lab.fail, base=lab.storage),
        lab.plugin("b", base=lab.storage),
        workers=1,
    )
    report = registry.startup()
    assert lab.names(report) == ["a", "b", "app"]
    assert lab.of(report, "app").ok


def test_a_bare_name_is_enough_where_only_one_plugin_has_it(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a", dependencies=("local",)), lab.plugin("local", base=lab.storage))
    assert lab.names(registry.startup()) == ["local", "a"]


def test_a_bare_name_of_two_plugins_is_refused_with_both(lab: Any) -> None:
    registry = lab.registry(lab.plugin("s3", base=lab.storage), lab.plugin("s3"))
    with pytest.raises(MissingDependencyError, match="may mean secrets:s3, storage:s3"):
        registry.register(lab.plugin("a", dependencies=("s3",)))


def test_optional_dependencies_order_but_do_not_bind(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a", optional_dependencies=("secrets:z", "secrets:gone", "storage")),
        lab.plugin("z", lab.fail),
        workers=1,
    )
    report = registry.startup()
    assert lab.names(report) == ["z", "a"]
    assert lab.of(report, "a").ok


def test_an_optional_dependency_makes_no_circle(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a", optional_dependencies=("secrets:b",)), lab.plugin("b", dependencies=("secrets:a",))
    )
    assert lab.names(registry.startup()) == ["a", "b"]


def test_a_version_that_does_not_fit_is_refused(lab: Any) -> None:
    registry = lab.registry(lab.plugin("db", version="1.1"))
    registry.register(lab.plugin("fits", dependencies=("secrets:db>=1.0,<2",)))
    with pytest.raises(MissingDependencyError, match=r"needs secrets:db>=1.2, and secrets:db is there in version 1.1"):
        registry.register(lab.plugin("app", dependencies=("secrets:db>=1.2",)))


def test_resolve_raises_for_circles_with_their_whole_path(lab: Any) -> None:
    registry = lab.registry()
    circle = [
        lab.plugin("a", dependencies=("secrets:b",)),
        lab.plugin("b", dependencies=("secrets:c",)),
        lab.plugin("c", dependencies=("secrets:a",)),
    ]
    with pytest.raises(CircularDependencyError, match="secrets:a -> secrets:b -> secrets:c -> secrets:a") as caught:
        registry.register(*circle)
    assert [ref.name for ref in caught.value.cycle] == ["a", "b", "c", "a"]


def test_a_category_of_which_several_are_there_and_none_is_selected_names_them(environment: Any) -> None:
    registry = PluginRegistry(
        {"registry": {"autoload": "configured"}},
        path=[str(environment("storage-local", "storage-s3").path)],
        environ={},
    )
    registry.discover()
    registry.register(named("another"))
    with pytest.raises(MissingDependencyError) as caught:
        registry.register(named("needs", dependencies=("storage",)))
    assert caught.value.message == (
        "needs a plugin of the category storage: none is selected, and several are there: storage:local, storage:s3"
    )
    assert caught.value.hint == "Configure one of them."


@pytest.mark.parametrize("text", ["not a: requirement!", "", "secrets:", ":a"])
def test_a_requirement_that_cannot_be_read_is_an_error_of_its_plugin(lab: Any, text: str) -> None:
    with pytest.raises(MissingDependencyError) as caught:
        lab.registry(lab.plugin("a", dependencies=(text,)))
    assert caught.value.ref == PluginRef(SECRETS, "a")
    assert caught.value.hint == "Tell the plugin's author."


def test_a_dependency_that_is_disabled_is_told_as_that(environment: Any) -> None:
    switches = {"FLOE_PLUGINS_DISABLE": "storage:local"}
    registry = PluginRegistry(autoload="all", path=[str(environment("storage-local").path)], environ=switches)
    registry.discover()
    with pytest.raises(MissingDependencyError) as caught:
        registry.register(named("a", dependencies=("storage:local",)))
    assert caught.value.message == "needs storage:local, and storage:local is disabled"
    assert caught.value.hint == "Enable it, or disable this one too."


def test_installed_plugins_in_a_cycle_fail_each_with_the_whole_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs = {"a": ["secrets:b"], "b": ["secrets:c"], "c": ["secrets:a"], "alone": []}
    for name, dependencies in needs.items():
        module = f"cycle_{name}"
        code = f"from support import Secrets\nclass Plugin(Secrets): name = {name!r}; dependencies = {dependencies}\n"
        write_distribution(tmp_path, module, f"[floe.secrets]\n{name} = {module}:Plugin\n", **{module: code})
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={})
    outcomes = {each.ref.name: each for each in registry.startup().outcomes}
    registry.shutdown()
    for name in needs:
        del sys.modules[f"cycle_{name}"]
    assert outcomes.pop("alone").ok
    assert [(each.state, type(each.cause)) for each in outcomes.values()] == [
        (OutcomeState.FAILED, CircularDependencyError)
    ] * 3
    for each in outcomes.values():
        assert [ref.name for ref in each.cause.cycle] == ["a", "b", "c", "a"]
        assert re.findall(r"secrets:\w+ ", each.message) == ["secrets:a ", "secrets:b ", "secrets:c ", "secrets:a "]
