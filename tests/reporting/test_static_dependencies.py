"""What plugins need, as far as it is known before they are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_plugins import PluginRef, PluginState
from floe_plugins.dependencies.resolver import resolve
from floe_plugins.entries.entry import Entry
from floe_plugins.reporting.static_dependencies import Declared, StaticDependencies, find_dependencies


def ref(text: str) -> PluginRef:
    return PluginRef.parse(text)


def dependencies_of(declared: Mapping[str, Declared], *selected: str) -> StaticDependencies:
    return find_dependencies({ref(name): each for name, each in declared.items()}, map(ref, selected))


def plugin(*required: str, optional: tuple[str, ...] = (), version: str = "1.0", disabled: bool = False) -> Declared:
    return Declared(required, optional, version, disabled)


@pytest.mark.parametrize(
    ("text", "state", "refs"),
    [
        ("storage:local", "met", ["storage:local"]),
        ("local", "met", ["storage:local"]),
        ("storage:local>=1", "met", ["storage:local"]),
        ("storage:local>=2", "incompatible", ["storage:local"]),
        ("storage:off", "disabled", ["storage:off"]),
        ("storage:nowhere", "missing", []),
        ("twice", "ambiguous", ["compute:twice", "secrets:twice"]),
        ("storage", "met", ["storage:local"]),
        ("catalog", "missing", []),
        ("identity", "disabled", ["identity:off"]),
        ("catalog>=1", "invalid", []),
        ("a\x1b[2J b", "invalid", []),
    ],
)
def test_each_dependency_says_what_becomes_of_it(text: str, state: str, refs: list[str]) -> None:
    found = dependencies_of(
        {
            "compute:app": plugin(text),
            "storage:local": plugin(),
            "storage:off": plugin(disabled=True),
            "identity:off": plugin(disabled=True),
            "compute:twice": plugin(),
            "secrets:twice": plugin(),
        },
        "compute:app",
    )
    [dependency] = found.of[ref("compute:app")]
    assert (dependency.state, list(map(str, dependency.refs))) == (state, refs)
    assert dependency.to_dict()["refs"] == refs


def test_a_category_of_which_none_is_selected_and_several_are_there_is_ambiguous() -> None:
    found = dependencies_of({"compute:a": plugin("storage"), "storage:x": plugin(), "storage:y": plugin()}, "compute:a")
    assert found.of[ref("compute:a")][0].state == "ambiguous"
    assert found.graph()[ref("compute:a")] == ()


def test_what_is_needed_is_started_too_because_of_the_first_that_needs_it() -> None:
    found = dependencies_of(
        {"compute:b": plugin("storage"), "compute:a": plugin("storage:x"), "storage:x": plugin("secrets:s"),
         "secrets:s": plugin(), "secrets:t": plugin()},
        "compute:a", "compute:b",
    )  # fmt: skip
    assert found.started == {ref("compute:a"), ref("compute:b"), ref("storage:x"), ref("secrets:s")}
    assert found.because == {ref("storage:x"): ref("compute:a"), ref("secrets:s"): ref("storage:x")}
    assert found.dependents()[ref("storage:x")] == (ref("compute:a"), ref("compute:b"))


def test_an_optional_plugin_is_not_started_for_that() -> None:
    found = dependencies_of({"compute:a": plugin(optional=("storage:x",)), "storage:x": plugin()}, "compute:a")
    assert found.of[ref("compute:a")][0].state == "unselected"
    assert found.started == {ref("compute:a")}
    assert found.graph()[ref("compute:a")] == ()


def test_what_the_source_does_not_say_is_unknown_rather_than_nothing() -> None:
    found = dependencies_of({"compute:a": Declared(None, ("storage:x",)), "compute:b": plugin()}, "compute:a")
    assert found.unknown == {ref("compute:a")}
    assert [dependency.text for dependency in found.of[ref("compute:a")]] == ["storage:x"]


NAMES = ("secrets:a", "secrets:b", "storage:a", "storage:c")
TEXTS = st.sampled_from([*NAMES, "secrets", "storage", "b", "c", "a", "compute", "secrets:nowhere"])


@given(
    st.fixed_dictionaries({name: st.lists(TEXTS, max_size=2, unique=True) for name in NAMES}),
    st.sets(st.sampled_from(NAMES)),
    st.sets(st.sampled_from(NAMES)),
)
def test_the_plan_of_a_start_says_the_same(
    needed: dict[str, list[str]], selected: set[str], disabled: set[str]
) -> None:
    found = dependencies_of(
        {name: plugin(*texts, disabled=name in disabled) for name, texts in needed.items()}, *sorted(selected)
    )
    entries = {
        ref(name): Entry(
            ref(name),
            plugin=cast("Any", object()),
            metadata=cast("Any", SimpleNamespace(dependencies=texts, optional_dependencies=(), version="1.0")),
            state=PluginState.DISABLED if name in disabled else PluginState.LOADED,
        )
        for name, texts in needed.items()
    }
    plan = resolve(entries, map(ref, selected), map(ref, selected))
    assert found.started == plan.entries.keys()
    for each in plan.entries:
        assert set(found.graph()[each]) == {other for met in plan.dependencies[each] for other in met.refs}
