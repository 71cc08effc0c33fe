"""What plugins wait for, as they declare it, and what is said of what they cannot have."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support import Storage, named, write_distribution

from floe_plugins import (
    CircularDependencyError,
    MissingDependencyError,
    OutcomeState,
    PluginError,
    PluginRef,
    PluginRegistry,
    PluginState,
    PluginType,
)
from floe_plugins.dependencies.requirement import Requirement
from floe_plugins.dependencies.resolver import StartPlan, resolve
from floe_plugins.entries.entry import Entry
from floe_plugins.inspection.runtime_metadata import read_metadata

SECRETS, STORAGE = PluginType.SECRETS, PluginType.STORAGE


def plan(
    plugins: Sequence[type[Any]], *asked: str, selected: Sequence[str] = (), loads: list[list[str]] | None = None
) -> StartPlan:
    """The plan of a start of loaded plugins; with ``loads``, the waves that were loaded for it are added there."""
    entries = {}
    for cls in plugins:
        plugin = cls()
        category = STORAGE if issubclass(cls, Storage) else SECRETS
        entries[PluginRef(category, cls.name)] = Entry(
            PluginRef(category, cls.name), plugin=plugin, metadata=read_metadata(plugin)
        )

    def load(wave: Sequence[Entry]) -> None:
        if loads is not None:
            loads.append([entry.ref.name for entry in wave])

    return resolve(entries, map(PluginRef.parse, selected), map(PluginRef.parse, asked), load)


def orders(found: StartPlan) -> list[str]:
    return [str(ref) for ref in found.order]


def error_of(found: StartPlan, ref: str) -> PluginError:
    return found.errors[PluginRef.parse(ref)]


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
    assert caught.value.message.startswith(f"{text!r} is not a dependency: ")
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
        sys.modules.pop(f"cycle_{name}", None)
    assert outcomes.pop("alone").ok
    assert [(each.state, type(each.cause)) for each in outcomes.values()] == [
        (OutcomeState.FAILED, CircularDependencyError)
    ] * 3
    for each in outcomes.values():
        assert [ref.name for ref in each.cause.cycle] == ["a", "b", "c", "a"]
        assert re.findall(r"secrets:\w+ ", each.message) == ["secrets:a ", "secrets:b ", "secrets:c ", "secrets:a "]


def test_a_plugin_of_another_category_does_not_meet_a_category() -> None:
    found = plan([named("app", dependencies=("storage",)), named("other")], "secrets:app", selected=["secrets:other"])
    error = error_of(found, "secrets:app")
    assert error.message == "needs a plugin of the category storage, and there is none"
    assert error.hint == "Install or register one."


def test_a_plugin_does_not_meet_its_own_need_for_a_plugin_of_its_category() -> None:
    found = plan([named("app", dependencies=("secrets",))], "secrets:app", selected=["secrets:app"])
    assert error_of(found, "secrets:app").message == "needs a plugin of the category secrets, and there is none"


def test_the_only_plugin_of_a_category_is_added_and_of_several_the_selected_ones() -> None:
    app = named("app", dependencies=("storage",))
    one, two, three = (named(name, Storage) for name in ("one", "two", "three"))
    assert orders(plan([app, one], "secrets:app")) == ["storage:one", "secrets:app"]
    found = plan([app, one, two, three], "secrets:app", selected=["storage:two", "storage:three"])
    assert orders(found) == ["storage:three", "storage:two", "secrets:app"]
    [dependency] = found.dependencies[PluginRef.parse("secrets:app")]
    assert dependency.refs == (PluginRef(STORAGE, "three"), PluginRef(STORAGE, "two"))
    assert dependency.text == "storage"


def test_a_plugin_that_others_name_meets_a_category_before_another_is_added() -> None:
    app = named("app", dependencies=("storage",))
    other = named("other", dependencies=("storage:two",))
    found = plan([app, other, named("one", Storage), named("two", Storage)], "secrets:app", "secrets:other")
    assert orders(found) == ["storage:two", "secrets:app", "secrets:other"]
    assert not found.errors


def test_plugins_are_loaded_wave_after_wave_each_once_and_sorted() -> None:
    names = [f"n{number:02}" for number in range(40)]
    plugins = [named(name, dependencies=tuple(f"secrets:x{name}" for name in reversed(names))) for name in names]
    plugins += [named(f"x{name}", dependencies=("last",)) for name in names]
    plugins.append(named("last", Storage, dependencies=()))
    loads: list[list[str]] = []
    plan(plugins, *(f"secrets:{name}" for name in reversed(names)), loads=loads)
    assert loads == [names, [f"x{name}" for name in names], ["last"]]


def test_the_first_error_of_a_plugin_is_kept_and_says_what_it_needs_as_text() -> None:
    found = plan([named("app", dependencies=("secrets:db>=2", "secrets:cache")), named("db")], "secrets:app")
    error = error_of(found, "secrets:app")
    assert error.message == "needs secrets:db>=2, and secrets:db is there in version 1.0"
    assert error.hint == "Install a version of secrets:db that fits."
    assert type(error.requirement) is str
    assert error.requirement == "secrets:db>=2"


@pytest.mark.parametrize(
    ("needed", "hint"),
    [("secrets:databse", "Did its author mean secrets:database?"), ("storage:qwqwqwqw", "Install or register it.")],
)
def test_a_dependency_that_is_not_there_is_told_with_one_of_a_similar_name(needed: str, hint: str) -> None:
    found = plan([named("app", dependencies=(needed,)), named("database")], "secrets:app")
    error = error_of(found, "secrets:app")
    assert (error.message, error.hint) == (f"needs {needed}, and there is no such plugin", hint)
    assert orders(found) == ["secrets:app"]


def test_errors_are_raised_by_ref_and_what_is_missing_before_cycles() -> None:
    cycle = [named("a", dependencies=("secrets:b",)), named("b", dependencies=("secrets:a",))]
    missing = [named(name, dependencies=("secrets:gone",)) for name in ("z", "m")]
    found = plan([*missing, *cycle], "secrets:z", "secrets:m", "secrets:a")
    with pytest.raises(MissingDependencyError) as caught:
        found.raise_for_errors()
    assert caught.value.ref == PluginRef(SECRETS, "m")
    with pytest.raises(CircularDependencyError) as circular:
        found.raise_for_errors([PluginRef(SECRETS, "b"), PluginRef(SECRETS, "a")])
    assert circular.value.ref == PluginRef(SECRETS, "a")
    found.raise_for_errors([PluginRef(SECRETS, "nobody")])


def test_plugins_that_are_disabled_or_unknown_have_no_part_in_a_plan() -> None:
    ref = PluginRef(SECRETS, "off")
    entries = {ref: Entry(ref, state=PluginState.DISABLED)}
    found = resolve(entries, [ref], [ref, PluginRef(SECRETS, "unknown")])
    assert found == StartPlan(entries={}, order=(), predecessors={}, dependencies={}, errors={})


def test_what_has_an_error_waits_for_nothing() -> None:
    app = named("app", dependencies=("secrets:gone", "secrets:db"), optional_dependencies=("secrets:db",))
    found = plan([app, named("db")], "secrets:app")
    assert found.predecessors[PluginRef(SECRETS, "app")] == frozenset()


def test_an_optional_category_waits_for_those_that_start_and_for_no_plugin_itself() -> None:
    app = named("app", optional_dependencies=("secrets", "storage"))
    found = plan([app, named("one"), named("two"), named("s", Storage)], "secrets:app", "secrets:two", "storage:s")
    waits_for = found.predecessors[PluginRef(SECRETS, "app")]
    assert waits_for == {PluginRef(SECRETS, "two"), PluginRef(STORAGE, "s")}
    assert PluginRef(SECRETS, "one") not in found.entries


def test_optional_dependencies_within_a_cycle_are_dropped_and_others_kept() -> None:
    a = named("a", optional_dependencies=("secrets:b", "secrets:c"))
    b = named("b", optional_dependencies=("secrets:a",))
    found = plan([a, b, named("c")], "secrets:a", "secrets:b", "secrets:c")
    assert found.predecessors == {
        PluginRef(SECRETS, "a"): {PluginRef(SECRETS, "c")},
        PluginRef(SECRETS, "b"): frozenset(),
        PluginRef(SECRETS, "c"): frozenset(),
    }
    assert orders(found) == ["secrets:b", "secrets:c", "secrets:a"]


def test_a_cycle_is_told_to_each_of_its_plugins_with_where_they_come_from(environment: Any) -> None:
    registry = PluginRegistry(autoload="all", path=[str(environment("storage-local").path)], environ={})
    [candidate] = registry.candidates()
    there = Entry(candidate.ref, candidate=candidate, plugin=named("local", Storage, dependencies=("secrets:b",))())
    there.metadata = read_metadata(there.plugin)
    other = Entry(PluginRef(SECRETS, "b"), plugin=named("b", dependencies=("storage:local",))())
    other.metadata = read_metadata(other.plugin)
    found = resolve({there.ref: there, other.ref: other}, [], [there.ref])
    for ref in (there.ref, other.ref):
        assert found.errors[ref].message == (
            f"plugins need each other: secrets:b -> storage:local ({candidate.distribution}) -> secrets:b"
        )
        assert found.errors[ref].hint == "One of them must do without the other."
    assert found.errors[there.ref].distribution == str(candidate.distribution)
    assert found.errors[other.ref].distribution is None


def test_an_optional_category_waits_for_no_plugin_of_another_one() -> None:
    app = named("app", optional_dependencies=("storage",))
    found = plan([app, named("two"), named("s", Storage)], "secrets:app", "secrets:two", "storage:s")
    assert found.predecessors[PluginRef(SECRETS, "app")] == {PluginRef(STORAGE, "s")}


def calls_of(plugins: Sequence[type[Any]], asked: str) -> int:
    """How many calls a plan takes; unlike seconds, the same on every machine."""
    counted = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    for cls in plugins:
        Requirement.parse(cls.dependencies[0])  # kept from then on
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        plan(plugins, asked)
    finally:
        sys.setprofile(before)
    return counted


@pytest.mark.once
@pytest.mark.parametrize("shape", ["chain", "missing"])
def test_twice_as_many_plugins_take_about_twice_as_long(shape: str) -> None:
    def plugins(count: int) -> list[type[Any]]:
        of = {"chain": "secrets:p{}", "missing": "secrets:gone{}"}[shape]
        made = [named(f"p{number}", dependencies=(of.format(number + 1),)) for number in range(count)]
        hub = named("hub", dependencies=("secrets:p0",) if shape == "chain" else tuple(f"p{n}" for n in range(count)))
        return [hub, *made, named(f"p{count}", dependencies=("storage",)), named("s", Storage, dependencies=("s2",))]

    assert calls_of(plugins(400), "secrets:hub") < 3 * calls_of(plugins(200), "secrets:hub")


def test_a_long_cycle_is_told_by_its_begin_and_its_end_and_kept_whole_in_the_error() -> None:
    names = [f"plugin-with-a-long-name-{number:03}" for number in range(300)]
    needs = dict(zip(names, [*names[1:], names[0]], strict=True))
    found = plan([named(name, dependencies=(f"secrets:{needs[name]}",)) for name in names], f"secrets:{names[0]}")
    error = error_of(found, f"secrets:{names[7]}")
    assert len(error.message) < 5_000
    assert error.message.startswith(f"plugins need each other: secrets:{names[0]} -> secrets:{names[1]} -> ")
    assert error.message.endswith(f" -> secrets:{names[-1]} -> secrets:{names[0]}")
    assert isinstance(error, CircularDependencyError)
    assert len(error.cycle) == 301
