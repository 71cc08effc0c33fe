"""Schema code of each plugin runs on its own thread, and nobody waits for it longer than agreed."""

from __future__ import annotations

import threading
import time
from typing import Any

from support import Lab, named

from floe_plugins import get_registry
from floe_plugins.reporting.schema_calls import call_each


def test_each_call_runs_on_its_plugins_thread_and_sees_the_registry(lab: Lab) -> None:
    registry = lab.registry(named("a"), named("b"))
    found = call_each(registry, lambda _ref, _plugin, origin: (threading.current_thread().name, get_registry(), origin))
    assert {str(ref): each for ref, each in found.results.items()} == {
        "secrets:a": ("secrets:a", registry, None),
        "secrets:b": ("secrets:b", registry, None),
    }
    assert found.problems == ()


def test_what_hangs_or_raises_is_a_problem_of_its_plugin_and_all_are_waited_for_at_once(lab: Lab) -> None:
    names = ("a", "b", "c", "d")
    registry = lab.registry(*(named(name) for name in names), timeouts={"configure": 0.5})

    def call(ref: Any, _plugin: Any, _distribution: Any) -> str:
        if ref.name == "c":
            raise SystemExit("secret")
        if ref.name != "d":
            lab.hang()
        return "plain"

    overdue: list[str] = []
    subscription = registry.subscribe(
        lambda event: overdue.append(str(event.ref)) if event.kind == "call_overdue" else None
    )
    begun = time.monotonic()
    found = call_each(registry, call)
    assert time.monotonic() - begun < 10
    assert subscription.wait(10)
    assert overdue == ["secrets:a", "secrets:b"]
    assert [str(ref) for ref in found.results] == ["secrets:d"]
    assert [str(problem) for problem in found.problems] == [
        f"configure: secrets:{name}: its schema did not answer within 0.5 s. "
        "Find out what its validators wait for, or raise timeouts.configure."
        for name in ("a", "b")
    ] + ["configure: secrets:c: its schema failed with SystemExit. Tell the plugin's author."]


def test_of_given_refs_those_that_are_loaded_are_called(lab: Lab) -> None:
    registry = lab.registry(named("a"), named("b"))
    refs = registry.resolve()
    assert [*call_each(registry, lambda ref, _plugin, _origin: str(ref), refs[1:]).results] == [refs[1]]
