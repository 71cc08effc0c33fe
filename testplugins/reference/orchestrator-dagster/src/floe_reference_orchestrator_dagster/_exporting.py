"""A plan as a Python file that Dagster's own server loads."""

from __future__ import annotations

import importlib
import json
import keyword
from collections.abc import Callable, Mapping, Sequence

from floe_plugins.hookspecs.orchestrator import Schedule, Step, StepCall

_HEAD = '''"""A plan as Dagster loads it: ``dagster dev -f`` with the name of this file.

Written by floe-reference-orchestrator-dagster; the next export overwrites it.
"""
'''


def source_of(steps: Sequence[Step], schedules: Sequence[Schedule], settings: Mapping[str, object]) -> str:
    """The text of the file; ``settings`` are those of ``definitions``.

    Raises:
        ValueError: another process could not import a step.
    """
    names = {step.name: _name_of(step) for step in steps}
    # A call imports its function itself.
    modules = sorted({names[step.name][0] for step in steps if not isinstance(step.run, StepCall)})
    lines = [
        _HEAD,
        *(f"import {module}" for module in modules),
        "from floe_reference_orchestrator_dagster.definitions import definitions",
        "from floe_plugins.hookspecs.orchestrator import Schedule, Step, StepCall",
        "",
        "defs = definitions(",
        "    [",
        *(f"        {_step(step, '.'.join(names[step.name]))}," for step in steps),
        "    ],",
        f"    [{', '.join(_schedule(schedule) for schedule in schedules)}],",
        *(f"    {name}={value!r}," for name, value in settings.items()),
        ")",
        "",
    ]
    return "\n".join(lines)


def _step(step: Step, run: str) -> str:
    if isinstance(step.run, StepCall):
        # Whatever kind of mapping it is, as a literal.
        arguments = json.loads(json.dumps(dict(step.run.arguments)))
        run = f"StepCall({step.run.path!r}, {arguments!r})"
    return f"Step({step.name!r}, {run}, needs={tuple(step.needs)!r}, retries={step.retries!r})"


def _schedule(schedule: Schedule) -> str:
    return f"Schedule({schedule.name!r}, {schedule.cron!r}, {schedule.timezone!r})"


def _name_of(step: Step) -> tuple[str, str]:
    call = step.run
    if isinstance(call, StepCall):
        module, _, name = call.path.partition(":")
    else:
        module = getattr(call, "__module__", None) or ""
        name = getattr(call, "__qualname__", None) or ""
    parts = [*module.split("."), *name.split(".")]
    importable = (
        module != "__main__"
        and all(part.isidentifier() and not keyword.iskeyword(part) for part in parts)
        and _is_function(_found(module, name), call)
    )
    if not importable:
        message = (
            f"step {step.name!r} runs {step.run!r}, which another process could not import: "
            "expected a function that stands in a module under its own name"
        )
        raise ValueError(message)
    return module, name


def _is_function(found: object, call: Callable[[], object]) -> bool:
    return callable(found) if isinstance(call, StepCall) else found is call


def _found(module: str, name: str) -> object:
    try:
        found: object = importlib.import_module(module)
    except ImportError:
        return None
    for part in name.split("."):
        found = getattr(found, part, None)
    return found
