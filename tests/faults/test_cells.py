"""Every fault at every stage, each in a process of its own: the platform and all other plugins go on.

By default some cells are run; ``tox run -m faults`` runs all of them.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from faults.catalogue import FAULTS, SECRETS, STAGES, UNCONTAINED, cells, expected
from support import child_environ, write_distribution

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "faults.md").read_text(encoding="utf-8")
SECONDS = 0.4  # the timeouts of a plugin that hangs
MARGIN = 20.0  # what hangs does so for ever

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the cells fork and use sessions")

REPORTED_STAGES = {
    "import": "load",
    "instantiate": "load",
    "metadata": "load",
    "configure": "configure",
    "startup": "start",
}


def chosen() -> list[tuple[str, str]]:
    """All cells, or a sample that has each stage at least twice."""
    every = cells()
    return every if os.environ.get("FAULT_CELLS") == "all" else every[:: len(every) // 20]


def run_cell(stage: str, name: str, directory: Path) -> dict[str, Any]:
    """What the process of a cell wrote, and all that it said."""
    for plugin in ("first", "last", "faulty"):
        module = f"cell_{plugin}"
        at = (stage, name) if plugin == "faulty" else ()
        code = f"from faults import faulty_plugin\nfaulty_plugin.install(__name__, *{(plugin, *at)!r})\n"
        write_distribution(directory / "site", module, f"[floe.secrets]\n{plugin} = {module}:make\n", **{module: code})
    timeouts = {}
    if FAULTS[name].hangs:
        timeouts = dict.fromkeys(("configure", "startup", "health", "shutdown"), SECONDS)
        if REPORTED_STAGES.get(stage) == "load":
            timeouts["load"] = SECONDS
    result, said = directory / "result.json", directory / "said.txt"
    command = [sys.executable, "-m", "faults.probe", str(directory / "site"), str(result), json.dumps(timeouts)]
    with said.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=child_environ(directory / "site"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            status = process.wait(timeout=60)
        finally:
            with contextlib.suppress(ProcessLookupError):  # a child that it forked may be there still
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    output_text = said.read_text(encoding="utf-8", errors="replace")
    assert result.is_file(), f"exit status {status}\n{output_text}"
    found = result.read_text(encoding="utf-8")
    # Python itself says 120 where it cannot flush what a plugin has closed.
    assert status == 0 or (status == 120 and name.startswith("closes standard output")), output_text
    for secret in SECRETS.values():
        assert secret not in output_text
        assert secret not in found
    facts: dict[str, Any] = json.loads(found)
    return facts


def check_calls(facts: dict[str, Any], expectation: str) -> None:
    """Each call ended in time, and nothing left it but documented errors."""
    for name, call in facts["calls"].items():
        assert call["seconds"] < 2 * SECONDS + MARGIN, (name, call)
        raised = call.get("raised", [])
        if name == "raise_for_failures":
            assert not raised or {"PluginError", "ExceptionGroup"} & set(raised), raised
        elif name == "get":
            assert not raised or "PluginError" in raised, raised
        elif name == "startup" and expectation == "refused":
            assert "PluginConfigurationError" in raised, raised
            assert "plugins.secrets.faulty" in call["shown"]
        elif name == "hook":
            assert bool(raised) == (expectation == "raised"), raised
        else:
            assert not raised, (name, call)


@pytest.mark.parametrize(("stage", "name"), chosen(), ids=lambda value: value.replace(" ", "-"))
def test_a_cell_is_contained(stage: str, name: str, tmp_path: Path) -> None:
    expectation = expected(stage, name)
    facts = run_cell(stage, name, tmp_path)
    check_calls(facts, expectation)
    if expectation == "refused":
        return
    started = {each["ref"]: each for each in facts["startup"]["outcomes"]}
    stopped = {each["ref"]: each for each in facts["shutdown"]["outcomes"]}
    for neighbour in ("secrets:first", "secrets:last"):
        assert started[neighbour]["state"] == "succeeded"
        assert facts["health"]["statuses"][neighbour]["state"] == "healthy"
        assert facts["later health"]["statuses"][neighbour]["state"] == "healthy"
        assert stopped[neighbour]["state"] == "succeeded"
    start, status, stop = (found.get("secrets:faulty") for found in (started, facts["health"]["statuses"], stopped))
    assert start is not None
    assert status is not None
    if expectation == "either":
        return
    if expectation in {"works", "raised"}:
        assert start["state"] == "succeeded", start
        assert (status["state"], stop and stop["state"]) == ("healthy", "succeeded"), (status, stop)
    elif stage == "health":
        assert start["state"] == "succeeded", start
        assert status["state"] == "unhealthy"
        assert status["message"]
    elif stage == "shutdown":
        assert (start["state"], status["state"]) == ("succeeded", "healthy"), (start, status)
        assert stop is not None
        assert stop["state"] in {"failed", "timed_out"}
        assert stop["message"]
        assert facts["state"] == "failed"
    else:
        assert start["state"] in {"failed", "timed_out"}, start
        assert start["message"]
        assert start["stage"] == REPORTED_STAGES[stage]
        assert "cell-faulty 1.0" in start["distribution"].replace("_", "-")
        assert "secrets:faulty" in [each["ref"] for each in facts["problems"]]


def test_the_page_counts_the_supervised_cells_and_names_every_fault() -> None:
    section = PAGE.partition("\n## Supervised cells")[2].partition("\n## ")[0]
    assert f"{len(FAULTS)} faults at {len(STAGES)} stages" in " ".join(section.split())
    assert f"{len(cells())} supervised cells" in " ".join(section.split())
    assert [line[2:] for line in section.splitlines() if line.startswith("- ")] == list(FAULTS)


def test_the_page_names_every_cell_that_no_process_of_its_own_contains() -> None:
    section = PAGE.partition("\n## Not contained in one process")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    unsupervised = [name for name in FAULTS if not expected("hook", name)]
    assert [row[0] for row in rows] == [*UNCONTAINED, *unsupervised]
    assert [row[2] for row in rows] == [
        *UNCONTAINED.values(),
        *["the application calls the hook, on its own thread and without a deadline"] * len(unsupervised),
    ]
