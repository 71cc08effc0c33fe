"""``run`` and ``health``: start, serve, stop, and leave."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


def test_run_once_starts_checks_and_stops(floe: Any, reference: tuple[str, ...], write: Callable[..., str]) -> None:
    done = floe(reference, "run", "--once", "--config", write())
    assert done.returncode == 0, done.stderr
    for ref in ("storage:local", "secrets:env", "compute:duckdb"):
        assert ref in done.stdout
    assert "platform healthy: 3 plugins" in done.stdout


def test_run_once_prints_one_json_document(floe: Any, reference: tuple[str, ...], write: Callable[..., str]) -> None:
    done = floe(reference, "run", "--once", "--json", "--config", write())
    document = json.loads(done.stdout)
    order = [outcome["ref"] for outcome in document["startup"]["outcomes"]]
    assert order.index("storage:local") < order.index("compute:duckdb")
    assert document["startup"]["ok"]
    assert document["shutdown"]["ok"]
    assert document["health"]["state"] == "healthy"
    stopped = [outcome["ref"] for outcome in document["shutdown"]["outcomes"]]
    assert stopped.index("compute:duckdb") < stopped.index("storage:local")


def test_run_starts_the_rest_and_names_what_is_broken(
    floe: Any, reference: tuple[str, ...], faulty: tuple[str, ...], write: Callable[..., str]
) -> None:
    config = write("registry: {autoload: all}\n")
    done = floe((*reference, *faulty), "run", "--once", "--json", "--config", config)
    assert done.returncode == 0, done.stderr
    states = {o["ref"]: o["state"] for o in json.loads(done.stdout)["startup"]["outcomes"]}
    assert {ref for ref, state in states.items() if state == "succeeded"} == {
        "compute:duckdb",
        "storage:local",
        "secrets:env",
    }
    assert {state for ref, state in states.items() if ":" in ref} == {"succeeded", "failed"}


@pytest.mark.parametrize("broken", ["failing-start", "import-error"])
def test_run_exits_1_if_a_required_plugin_fails(
    floe: Any, environment: Any, broken: str, write: Callable[..., str]
) -> None:
    listed = environment(broken).json(["-m", "floe_plugins", "list", "--json"])
    ref = listed["plugins"][0]["ref"]
    config = write(f"registry: {{autoload: all, required: ['{ref}']}}\n")
    assert floe((broken,), "run", "--once", "--config", config).returncode == 1
    config = write("registry: {autoload: all}\n")
    assert floe((broken,), "run", "--once", "--config", config).returncode == 0


WRONG = {
    "no such file": (None, "no-such.yaml"),
    "syntax": ("plugins: [", "floe.yaml"),
    "top level": ("- a\n- b\n", "floe.yaml"),
    "category": ("plugins: {computer: {x: {}}}", "floe.yaml"),
    "value": ("plugins: {secrets: {env: {prefix: [1]}}}", "floe.yaml"),
    "key": ("plugins: {secrets: {env: {prefx: A}}}", "floe.yaml"),
    "not installed": ("plugins: {secrets: {vault: {}}}", "floe.yaml"),
    "kind of file": ("x", "floe.ini"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_configuration_is_one_message_and_exit_status_2(
    floe: Any, tmp_path: Path, mistake: str, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    text, name = WRONG[mistake]
    path = write(text, name) if text is not None else str(tmp_path / name)
    done = floe(reference, "run", "--once", "--config", path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert name in done.stderr
    assert "started" not in done.stdout


@pytest.fixture
def serving(environment: Any, write: Callable[..., str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``floe-plugins run`` with a plugin, and wait until it serves."""
    with contextlib.ExitStack() as stack:

        def serve(name: str, config: str) -> subprocess.Popen[str]:
            plugins = environment(name)
            process = subprocess.Popen(
                [sys.executable, "-m", "floe_plugins", "run", "--json", "--config", write(config)],
                env=plugins.variables(),
                cwd=plugins.home,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout
            events = [json.loads(process.stdout.readline())["event"] for _ in range(2)]
            assert events == ["startup", "health"]
            return process

        yield serve


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_until_it_is_told_to_stop(serving: Any, number: signal.Signals) -> None:
    process = serving("storage-local", "plugins: {storage: {local: {root: data}}}")
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert json.loads(out)["event"] == "shutdown"
    assert process.returncode == 0


def test_told_twice_to_stop_it_leaves_at_once(serving: Any) -> None:
    process = serving("hanging-stop", "registry: {autoload: all, timeouts: {shutdown: 600}}")
    process.send_signal(signal.SIGINT)
    assert any("stopping" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT


def test_run_shows_where_the_time_went_and_draws_it(
    floe: Any, tmp_path: Path, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    picture = tmp_path / "start.svg"
    config = write()
    done = floe(reference, "run", "--once", "--timings", "--timeline", str(picture), "--config", config)
    assert done.returncode == 0, done.stderr
    assert "What decided how long it took" in done.stdout
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    document = json.loads(floe(reference, "run", "--once", "--timings", "--json", "--config", config).stdout)
    assert {row["ref"] for row in document["blame"]} == {"compute:duckdb", "storage:local", "secrets:env"}
    assert document["critical_chain"][-1] == "compute:duckdb"


def test_progress_goes_to_standard_error(floe: Any, reference: tuple[str, ...], write: Callable[..., str]) -> None:
    done = floe(reference, "run", "--once", "--json", "--config", write())
    for words in ("compute:duckdb started in", "storage:local stopped in"):
        assert words in done.stderr


def test_health_says_how_the_platform_is(floe: Any) -> None:
    assert "platform healthy" in floe(("storage-local",), "health").stdout
    done = floe(("storage-local", "degraded"), "health", "--json")
    assert (done.returncode, json.loads(done.stdout)["health"]["state"]) == (0, "degraded")
