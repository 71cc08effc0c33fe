"""The process that leads a run: ``python -m floe_reference_orchestrator_dagster.lead DIRECTORY``.

It ends the run, and itself, once it can read something from its standard input
or the other end of that is closed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from floe_plugins.hookspecs.orchestrator import Step
from floe_reference_orchestrator_dagster import _request
from floe_reference_orchestrator_dagster.definitions import LOGS, job_of, side_by_side, stored_in

import dagster  # isort: skip  # telemetry is switched off by the import above

if TYPE_CHECKING:
    from dagster import JobDefinition

GRACE = 0.5  # seconds that interrupted steps have to tidy up


def job_in(directory: str) -> JobDefinition:
    """The job of a run, as each process of it makes it."""
    place = Path(directory)
    steps, (job, retry_delay, max_concurrent) = _request.read(place)

    def guarded(step: Step) -> None:
        if _request.is_stopped(place):
            raise dagster.Failure("not begun: the orchestrator is being stopped", allow_retries=False)
        step.run()

    executor = side_by_side(max_concurrent, copies=True)
    return job_of(steps, name=job, retry_delay=retry_delay, guard=guarded, executor=executor)


def main(directory: str) -> None:
    """Run the steps; whether they succeeded stands in Dagster's own log of the run."""
    threading.Thread(target=_end_when_told, daemon=True).start()
    job = dagster.build_reconstructable_job(__spec__.name, job_in.__name__, (directory,))
    with stored_in(Path(directory)) as instance:
        dagster.execute_job(job, instance, run_config=LOGS, raise_on_error=False)


def _end_when_told() -> None:
    os.read(0, 1)
    # Dagster passes it on to the steps, and waits for their end however long that takes.
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(GRACE)
    if sys.platform != "win32":
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1])
