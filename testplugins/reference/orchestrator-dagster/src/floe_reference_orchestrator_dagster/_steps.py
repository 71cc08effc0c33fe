"""Checks of steps that do not require the engine."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from floe_plugins.hookspecs.orchestrator import Step

# Dagster keeps these for itself.
_RESERVED = {"config", "conf", "context", "input", "output", "meta", "type", "str", "int", "float", "bool"} | {
    "dict",
    "arg_dict",
    "input_arg_dict",
    "output_arg_dict",
}


def check(steps: Sequence[Step]) -> None:
    """Refuse steps that cannot be put in an order.

    Raises:
        ValueError: a name is empty or taken, a needed step is missing, or steps need each other.
    """
    names = [step.name for step in steps]
    for name in names:
        if not name or names.count(name) > 1:
            message = f"{names.count(name)} steps are called {name!r}: each needs a name of its own"
            raise ValueError(message)
    for step in steps:
        missing = [need for need in step.needs if need not in names]
        if missing:
            message = f"step {step.name!r} needs {missing[0]!r}, which is no step of the plan: {', '.join(names)}"
            raise ValueError(message)
    try:
        TopologicalSorter({step.name: step.needs for step in steps}).prepare()
    except CycleError as error:
        # Each node of graphlib's list is needed by the next one.
        message = f"steps need each other: {' -> '.join(reversed(error.args[1]))}"
        raise ValueError(message) from error


def selected(steps: Sequence[Step], names: Sequence[str]) -> tuple[Step, ...]:
    """Only the named steps; each depends on those that it depended on directly or through others.

    Raises:
        ValueError: there is no step of a name.
    """
    by_name = {step.name: step for step in steps}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        message = f"{unknown[0]!r} is no step of the plan: {', '.join(by_name)}"
        raise ValueError(message)
    return tuple(
        Step(step.name, step.run, _nearest(step, by_name, frozenset(names)), step.retries)
        for step in steps
        if step.name in names
    )


def _nearest(step: Step, by_name: Mapping[str, Step], wanted: frozenset[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    seen: set[str] = set()
    waiting = [*step.needs]
    while waiting:
        name = waiting.pop()
        if name in wanted:
            found[name] = None
        elif name not in seen:
            seen.add(name)
            waiting.extend(by_name[name].needs)
    return tuple(sorted(found))


def op_names(steps: Sequence[Step]) -> dict[str, str]:
    """The name of each step in Dagster, made of letters, digits and ``_``."""
    given: dict[str, str] = {}
    taken: set[str] = set()
    for step in steps:
        plain = re.sub(r"[^A-Za-z0-9_]", "_", step.name)
        if plain in _RESERVED or keyword.iskeyword(plain):
            plain += "_step"
        unique, number = plain, 1
        while unique in taken:
            number += 1
            unique = f"{plain}_{number}"
        given[step.name] = unique
        taken.add(unique)
    return given
