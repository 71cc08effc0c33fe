"""A start includes what is asked for and what that depends on, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from floe_plugins import PluginRef
from floe_plugins.dependencies.closure import Closure
from floe_plugins.dependencies.requirement import Requirement


def closure(required: Mapping[str, Sequence[str]], *asked: str, selected: Sequence[str] = ()) -> Closure:
    known = {PluginRef.parse(ref): list(map(Requirement.parse, texts)) for ref, texts in required.items()}
    found = Closure(known, map(PluginRef.parse, selected))
    found.include(map(PluginRef.parse, asked), lambda wave: {ref: known[ref] for ref in wave})
    return found


def included(found: Closure) -> list[str]:
    return sorted(map(str, found.requirements))


def because(found: Closure) -> dict[str, str]:
    return {str(ref): str(by) for ref, by in found.because.items()}


def test_what_others_depend_on_is_included_and_the_first_of_them_is_known() -> None:
    found = closure(
        {"secrets:a": ["secrets:c"], "secrets:b": ["secrets:c"], "secrets:c": ["storage:d"], "storage:d": []},
        "secrets:b",
        "secrets:a",
    )
    assert included(found) == ["secrets:a", "secrets:b", "secrets:c", "storage:d"]
    assert because(found) == {"secrets:c": "secrets:a", "storage:d": "secrets:c"}


def test_a_category_is_met_by_what_runs_before_another_plugin_is_added() -> None:
    required = {"secrets:a": ["storage", "storage:y"], "storage:x": [], "storage:y": []}
    assert included(closure(required, "secrets:a")) == ["secrets:a", "storage:y"]
    required["secrets:a"] = ["storage"]
    assert included(closure(required, "secrets:a", selected=["storage:x"])) == ["secrets:a", "storage:x"]
    assert included(closure(required, "secrets:a")) == ["secrets:a"]


def test_a_name_that_several_plugins_have_adds_none() -> None:
    assert included(closure({"secrets:a": ["b"], "secrets:b": [], "storage:b": []}, "secrets:a")) == ["secrets:a"]


def test_plugins_are_read_wave_after_wave_each_once() -> None:
    waves: list[list[str]] = []
    known = {"secrets:a": ["secrets:b"], "secrets:b": ["secrets:a", "secrets:c"], "secrets:c": []}

    def read(wave: Sequence[PluginRef]) -> dict[PluginRef, list[Requirement]]:
        waves.append(list(map(str, wave)))
        return {ref: list(map(Requirement.parse, known[str(ref)])) for ref in wave}

    Closure(map(PluginRef.parse, known), ()).include([PluginRef.parse("secrets:a")], read)
    assert waves == [["secrets:a"], ["secrets:b"], ["secrets:c"]]


def test_what_is_selected_and_may_not_be_started_meets_no_category() -> None:
    found = closure({"secrets:a": ["storage"], "storage:y": []}, "secrets:a", selected=["storage:x"])
    assert included(found) == ["secrets:a", "storage:y"]


def test_the_first_by_name_of_those_that_require_a_category_is_known_whenever_it_was_included() -> None:
    required = {"secrets:z": ["secrets:a", "storage"], "secrets:a": ["storage"], "storage:x": []}
    assert because(closure(required, "secrets:z")) == {"secrets:a": "secrets:z", "storage:x": "secrets:a"}
