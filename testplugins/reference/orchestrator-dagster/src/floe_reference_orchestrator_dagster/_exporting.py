"""A plan as a Python file that Dagster's own server loads."""

from __future__ import annotations

import importlib
import keyword
from collections.abc import Sequence

from floe_plugins.hookspecs.orchestrator import Schedule, Step

_HEAD = '''"""A plan as Dagster loads it: ``dagster dev -f`` with the name of this file.

Written by floe-reference-orchestrator-dagster; the next export overwrites it.
"""
'''


def source_of(steps: Sequence[Step], schedules: Sequence[Schedule], *, job: str, retry_delay: float) -> str:
    """The text of the file.

    Raises:
        ValueError: another process could not import a step.
    """
    names = {step.name: _name_of(step) for step in steps}
    modules = sorted({module for module, _ in names.values()})
    lines = [
        _HEAD,
        *(f"import {module}" for module in modules),
        "from floe_reference_orchestrator_dagster.definitions import definitions",
        "from floe_plugins.hookspecs.orchestrator import Schedule, Step",
        "",
        "defs = definitions(",
        "    [",
        *(f"        {_step(step, '.'.join(names[step.name]))}," for step in steps),
        "    ],",
        f"    [{', '.join(_schedule(schedule) for schedule in schedules)}],",
        f"    job={job!r},",
        f"    retry_delay={retry_delay!r},",
        ")",
        "",
    ]
    return "\n".join(lines)


def _step(step: Step, run: str) -> str:
    return f"Step({step.name!r}, {run}, needs={tuple(step.needs)!r}, retries={step.retries!r})"


def _schedule(schedule: Schedule) -> str:
    return f"Schedule({schedule.name!r}, {schedule.cron!r}, {schedule.timezone!r})"


def _name_of(step: Step) -> tuple[str, str]:
    module = getattr(step.run, "__module__", None) or ""
    name = getattr(step.run, "__qualname__", None) or ""
    parts = [*module.split("."), *name.split(".")]
    importable = (
        module != "__main__"
        and all(part.isidentifier() and not keyword.iskeyword(part) for part in parts)
        and _found(module, name) is step.run
    )
    if not importable:
        message = (
            f"step {step.name!r} runs {step.run!r}, which another process could not import: "
            "expected a function that stands in a module under its own name"
        )
        raise ValueError(message)
    return module, name


def _found(module: str, name: str) -> object:
    try:
        found: object = importlib.import_module(module)
    except ImportError:
        return None
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
