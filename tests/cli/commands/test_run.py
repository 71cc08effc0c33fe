"""``run``: start, report, stop and exit."""

from __future__ import annotations

import json
from collections.abc import Callable
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
    # Some of the broken ones are storages as well.
    config = write("registry: {autoload: all}\nplugins: {compute: {duckdb: {storage: local}}}\n")
    done = floe((*reference, *faulty), "run", "--once", "--json", "--config", config)
    assert done.returncode == 0, done.stderr
    states = {o["ref"]: o["state"] for o in json.loads(done.stdout)["startup"]["outcomes"]}
    assert {ref for ref, state in states.items() if state == "succeeded"} == {
        "compute:duckdb",
        "storage:local",
        "secrets:env",
    }
    assert {state for ref, state in states.items() if ":" in ref} == {"succeeded", "failed"}


def test_what_a_healthy_plugin_says_is_shown_whole(floe: Any, write: Callable[..., str], tmp_path: Path) -> None:
    root = tmp_path / ("long" * 40)
    config = write(f"plugins: {{storage: {{local: {{root: {root}}}}}}}\n")
    assert f"{root} can be written" in floe(("storage-local",), "run", "--once", "--config", config).stdout


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


def test_run_names_a_required_plugin_that_is_left_out(floe: Any, write: Callable[..., str]) -> None:
    config = "registry: {required: ['compute:duckdb']}"
    done = floe(("storage-local",), "run", "--once", "--no-plugins", "--config", write(config))
    assert done.returncode == 1
    assert "compute:duckdb [resolve] a required plugin is missing" in done.stdout
    assert "installed plugins are switched off" in done.stdout
    assert "platform unhealthy" in done.stdout
    assert "Install" not in done.stdout
    assert "pip install" not in done.stdout


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


@pytest.mark.parametrize("case", WRONG)
def test_wrong_configuration_is_one_message_and_exit_status_2(
    floe: Any, tmp_path: Path, case: str, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    text, name = WRONG[case]
    path = write(text, name) if text is not None else str(tmp_path / name)
    done = floe(reference, "run", "--once", "--config", path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert name in done.stderr
    assert "started" not in done.stdout


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


def test_a_timeline_that_cannot_be_written_is_a_failure_and_keeps_no_plugin_from_running(
    floe: Any, tmp_path: Path, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    done = floe(reference, "run", "--once", "--timeline", str(tmp_path / "nowhere" / "start.svg"), "--config", write())
    assert done.returncode == 1
    assert "start.svg: No such file or directory" in done.stderr
    assert "platform healthy" in done.stdout


def test_progress_goes_to_standard_error(floe: Any, reference: tuple[str, ...], write: Callable[..., str]) -> None:
    done = floe(reference, "run", "--once", "--json", "--config", write())
    for words in ("compute:duckdb started in", "storage:local stopped in"):
        assert words in done.stderr


def test_the_platform_of_the_readme_starts_and_stops(
    floe: Any, reference: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLOE_DATA", raising=False)
    example = Path(__file__).parents[3] / "examples" / "floe.yaml"
    done = floe(reference, "run", "--once", "--json", "--config", str(example))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    states = {each["ref"]: each["state"] for each in document["startup"]["outcomes"]}
    assert states == dict.fromkeys(("storage:local", "secrets:env", "compute:duckdb"), "succeeded")
    assert document["health"]["state"] == "healthy"
    assert document["shutdown"]["ok"]
    requirements = example.with_name("requirements.txt").read_text(encoding="utf-8")
    assert all(f"./testplugins/reference/{name}\n" in requirements for name in reference)


@pytest.mark.once
def test_the_end_of_a_host_is_told_once(sudden: Any) -> None:
    done = sudden("exit 0", "startup")("run")
    assert done.returncode == 1
    assert done.stderr.count("secrets:evil ended the host") == 1
    assert done.stderr.count("from acme 1.0") == 1


@pytest.mark.once
def test_run_says_whose_an_unhealthy_plugin_is_and_what_to_do(floe: Any) -> None:
    shown = floe(("failing-check", "storage-local"), "run", "--once").stdout
    [told] = shown.split("secrets:failing-check is unhealthy\n")[1:]
    owner, hint, last = told.splitlines()[:3]
    assert owner.strip().startswith("from floe-faulty-failing-check")
    assert "floe-plugins doctor secrets:failing-check" in hint
    assert last.startswith("platform ")
    assert "storage:local is" not in shown
