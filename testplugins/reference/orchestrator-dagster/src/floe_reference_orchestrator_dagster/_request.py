"""What a leading process is told: files in the directory of its run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from floe_plugins.hookspecs.orchestrator import Step, StepCall

_REQUEST = "request.json"
_STOPPED = "stopped"


class Settings(NamedTuple):
    """How the steps are run."""

    job: str
    retry_delay: float
    max_concurrent: int | None


class Request(NamedTuple):
    """The steps of a run, and how they are run."""

    steps: tuple[Step, ...]
    settings: Settings


def write(directory: Path, steps: Sequence[Step], settings: Settings) -> None:
    """Write what ``read`` returns; each step is a ``StepCall``."""
    calls = [
        (step.name, step.run.path, dict(step.run.arguments), step.needs, step.retries)
        for step in steps
        if isinstance(step.run, StepCall)
    ]
    (directory / _REQUEST).write_text(json.dumps([calls, settings]), encoding="utf-8")


def read(directory: Path) -> Request:
    """What the process is to do."""
    calls, settings = json.loads((directory / _REQUEST).read_text(encoding="utf-8"))
    steps = tuple(
        Step(name, StepCall(path, arguments), needs, retries) for name, path, arguments, needs, retries in calls
    )
    return Request(steps, Settings(*settings))


def stop(directory: Path) -> None:
    """From now on no step of the run begins."""
    (directory / _STOPPED).touch()


def is_stopped(directory: Path) -> bool:
    """Whether no step may begin any more."""
    return (directory / _STOPPED).exists()
