from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from drilling import neighbour_of, states, stopped

from floe_plugins import (
    HealthState,
    OrchestratorPlugin,
    PluginError,
    PluginRegistry,
    PluginType,
    SecretsPlugin,
)
from floe_plugins.hookspecs.orchestrator import Plan, Schedule, Step, StepState

# What another process imports; each step adds its name to a file.
STEPS = """
import os, pathlib

def note(name):
    with pathlib.Path(os.environ["NOTES"]).open("a", encoding="utf-8") as file:
        file.write(name + " ")

def load():
    note("load")

def publish():
    note("publish")
    if "FAIL" in os.environ:
        raise RuntimeError("nothing to publish")

class Clean:
    @staticmethod
    def up():
        note("clean")
"""


class Notes:
    """Steps that tell in which order they ran."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def step(self, name: str, *needs: str, retries: int = 0, failures: int = 0) -> Step:
        left = iter(range(failures))

        def run() -> None:
            self.seen.append(name)
            for attempt in left:
                message = f"{name} failed, attempt {attempt + 1}"
                raise ConnectionError(message)

        return Step(name, run, needs, retries)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def registry() -> Iterator[PluginRegistry]:
    with PluginRegistry({"plugins": {"orchestrator": {"dagster": {"job": "nightly"}}}}) as started:
        yield started


@pytest.fixture
def dagster(registry: PluginRegistry) -> OrchestratorPlugin:
    return registry.get(OrchestratorPlugin, "dagster")


@pytest.fixture
def steps_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "shop_steps.py").write_text(STEPS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("shop_steps", None)


@pytest.fixture
def plan(dagster: OrchestratorPlugin, steps_module: Path) -> Plan:  # noqa: ARG001 the module must be there
    import shop_steps  # type: ignore[import-not-found]

    return dagster.build(
        [
            Step("publish it", shop_steps.publish, needs=("load",), retries=1),
            Step("load", shop_steps.load),
            Step("type", shop_steps.Clean.up, needs=("publish it", "load")),
        ]
    )


def command(directory: Path, *args: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "DAGSTER"))}
    return subprocess.run(
        [sys.executable, "-m", "dagster", *args],
        cwd=directory,
        env=env
        | {"PYTHONPATH": str(directory), "DAGSTER_DISABLE_TELEMETRY": "yes", "NOTES": str(directory / "notes")}
        | variables,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def in_new_python(code: str) -> object:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_steps_run_in_the_order_of_what_they_need(dagster: OrchestratorPlugin, notes: Notes) -> None:
    plan = dagster.build([notes.step("c", "b", "a"), notes.step("b", "a"), notes.step("a")])
    assert notes.seen == []

    report = dagster.run(plan)

    assert report.ok
    assert notes.seen == ["a", "b", "c"]
    assert [*report.steps] == ["c", "b", "a"]
    assert {step.attempts for step in report.steps.values()} == {1}
    assert 0 < sum(step.seconds for step in report.steps.values()) < report.seconds


def test_a_plan_runs_again(dagster: OrchestratorPlugin, notes: Notes) -> None:
    plan = dagster.build([notes.step("a")])

    assert dagster.run(plan).ok
    assert dagster.run(plan).ok
    assert notes.seen == ["a", "a"]


def test_a_plan_without_steps_succeeds(dagster: OrchestratorPlugin) -> None:
    report = dagster.run(dagster.build([]))

    assert report.ok
    assert report.steps == {}


def test_a_step_that_raises_is_reported_and_what_needs_it_is_skipped(
    dagster: OrchestratorPlugin, notes: Notes, capfd: pytest.CaptureFixture[str]
) -> None:
    plan = dagster.build(
        [
            notes.step("bad", failures=1),
            notes.step("after", "bad"),
            notes.step("later", "after"),
            notes.step("good"),
        ]
    )

    report = dagster.run(plan)

    assert not report.ok
    assert {name: step.state for name, step in report.steps.items()} == {
        "bad": StepState.FAILED,
        "after": StepState.SKIPPED,
        "later": StepState.SKIPPED,
        "good": StepState.SUCCEEDED,
    }
    assert report.steps["bad"].error == "ConnectionError: bad failed, attempt 1"
    assert report.steps["good"].error == ""
    assert report.steps["after"].attempts == 0
    assert notes.seen == ["bad", "good"]
    assert capfd.readouterr() == ("", "")


@pytest.mark.drill("Dagster step that raises")
def test_a_step_that_raises_is_reported_and_the_platform_goes_on_and_stops_in_order(
    request: pytest.FixtureRequest, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    plugins = {"orchestrator": {"dagster": {"job": "nightly"}}, "secrets": {"neighbour": {}}}
    registry = PluginRegistry({"plugins": plugins}, required=["orchestrator:dagster"])
    request.addfinalizer(registry.shutdown)
    registry.register(neighbour_of("orchestrator:dagster"))
    registry.startup().raise_for_failures()
    dagster = registry.get(OrchestratorPlugin, "dagster")
    written, broken, reports = tmp_path / "written", [True], []

    def load() -> None:
        written.write_text("committed", encoding="utf-8")

    def publish() -> None:
        reports.append(registry.health())
        if broken:
            raise ConnectionError("nothing to publish to")

    def notify() -> None:
        assert registry.get(SecretsPlugin, "neighbour").get_secret("a")

    steps = [Step("load", load), Step("publish", publish, ["load"]), Step("after", list, ["publish"])]
    plan = dagster.build([*steps, Step("notify", notify)])

    report = dagster.run(plan)
    for name, step in report.steps.items():
        record_property("answer", f"run() reports {name} {step.state.value}: {step.error}".rstrip(": "))
    reports.append(registry.health())

    assert not report.ok
    assert {name: (step.state, step.error) for name, step in report.steps.items()} == {
        "load": (StepState.SUCCEEDED, ""),
        "publish": (StepState.FAILED, "ConnectionError: nothing to publish to"),
        "after": (StepState.SKIPPED, "a step that it needs did not succeed"),
        "notify": (StepState.SUCCEEDED, ""),
    }
    assert [health.state for health in reports] == [HealthState.HEALTHY] * 2
    assert states(reports[0]) == {"orchestrator:dagster": "healthy", "secrets:neighbour": "healthy"}
    assert reports[0].statuses[next(iter(registry.resolve()))].details["running"] == 1
    assert written.read_text(encoding="utf-8") == "committed"
    broken.clear()
    assert dagster.run(plan, ["publish", "after"]).ok
    assert stopped(registry) == ["secrets:neighbour", "orchestrator:dagster"]


def test_a_step_is_tried_again_as_often_as_it_says(dagster: OrchestratorPlugin, notes: Notes) -> None:
    plan = dagster.build([notes.step("lucky", retries=2, failures=2), notes.step("hopeless", retries=1, failures=9)])

    report = dagster.run(plan)

    assert report.steps["lucky"].state is StepState.SUCCEEDED
    assert report.steps["lucky"].attempts == 3
    assert report.steps["hopeless"].state is StepState.FAILED
    assert report.steps["hopeless"].attempts == 2
    assert report.steps["hopeless"].error == "ConnectionError: hopeless failed, attempt 2"


def test_the_seconds_of_a_step_count_the_delay_between_its_attempts(notes: Notes) -> None:
    with PluginRegistry({"plugins": {"orchestrator": {"dagster": {"retry_delay": 0.25}}}}) as registry:
        dagster = registry.one(OrchestratorPlugin)

        report = dagster.run(dagster.build([notes.step("a", retries=1, failures=1)]))

    assert report.steps["a"].seconds >= 0.25


def test_a_step_that_exits_has_failed(dagster: OrchestratorPlugin) -> None:
    report = dagster.run(dagster.build([Step("a", lambda: sys.exit(3)), Step("b", lambda: None)]))

    assert report.steps["a"].state is StepState.FAILED
    assert "sys.exit(3)" in report.steps["a"].error
    assert report.steps["b"].state is StepState.SUCCEEDED


@pytest.mark.parametrize(
    ("select", "expected"),
    [(["b"], ["b"]), (["d", "a"], ["a", "d"]), (["d", "b", "c"], ["b", "c", "d"]), (["a", "a"], ["a"])],
)
def test_selected_steps_run_alone_and_in_the_order_of_the_plan(
    dagster: OrchestratorPlugin, notes: Notes, select: Sequence[str], expected: Sequence[str]
) -> None:
    plan = dagster.build([notes.step("d", "c", "b"), notes.step("c", "b"), notes.step("b", "a"), notes.step("a")])

    report = dagster.run(plan, select)

    assert report.ok
    assert notes.seen == expected
    assert sorted(report.steps) == expected


def test_what_a_selected_step_needed_by_way_of_others_must_still_succeed(
    dagster: OrchestratorPlugin, notes: Notes
) -> None:
    plan = dagster.build([notes.step("c", "b"), notes.step("b", "a"), notes.step("a", failures=1)])

    report = dagster.run(plan, ["a", "c"])

    assert report.steps["c"].state is StepState.SKIPPED


def test_a_step_that_is_not_there_cannot_be_selected(dagster: OrchestratorPlugin, notes: Notes) -> None:
    plan = dagster.build([notes.step("a"), notes.step("b")])

    with pytest.raises(ValueError, match="'c' is no step of the plan: a, b"):
        dagster.run(plan, ["a", "c"])

    assert notes.seen == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([("a",), ("a",)], "2 steps are called 'a'"),
        ([("",)], "called ''"),
        ([("a", "x")], "'a' needs 'x', which is no step of the plan: a"),
        (
            [("a", "b"), ("b", "c"), ("c", "a")],
            "need each other: (a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c)$",
        ),
        ([("a", "a")], "need each other: a -> a"),
    ],
)
def test_steps_without_an_order_are_refused(
    dagster: OrchestratorPlugin, notes: Notes, names: Sequence[tuple[str, ...]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        dagster.build([notes.step(*name) for name in names])


def test_a_plan_of_another_orchestrator_is_refused(dagster: OrchestratorPlugin, notes: Notes) -> None:
    with pytest.raises(ValueError, match="another orchestrator"):
        dagster.run(Plan((notes.step("a"),), native="other"))


def test_steps_may_have_any_name(dagster: OrchestratorPlugin, notes: Notes) -> None:
    names = ["load it", "load_it", "load-it", "загрузка", "выгрузка", "type", "config", "class", "floe", "1", "after"]
    steps = [notes.step(name, *names[:number]) for number, name in enumerate(names)]

    report = dagster.run(dagster.build(steps))

    assert report.ok
    assert notes.seen == names
    assert [*report.steps] == names


def test_plans_run_in_several_threads_at_once(dagster: OrchestratorPlugin) -> None:
    together = threading.Barrier(4)
    reports: dict[int, dict[str, StepState]] = {}

    def bad() -> None:
        raise RuntimeError

    def one(number: int, last: Callable[[], object]) -> None:
        # Each waits within a step for the other three.
        plan = dagster.build([Step("meet", lambda: together.wait(60)), Step("last", last, needs=["meet"])])
        reports[number] = {name: step.state for name, step in dagster.run(plan).steps.items()}

    threads = [threading.Thread(target=one, args=(n, bad if n % 2 else list)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {n: steps["last"] for n, steps in reports.items()} == {
        0: StepState.SUCCEEDED,
        1: StepState.FAILED,
        2: StepState.SUCCEEDED,
        3: StepState.FAILED,
    }


def test_one_plan_runs_in_several_threads_at_once(dagster: OrchestratorPlugin) -> None:
    together = threading.Barrier(3)
    plan = dagster.build([Step("meet", lambda: together.wait(60))])
    reports: list[bool] = []

    threads = [threading.Thread(target=lambda: reports.append(dagster.run(plan).ok)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert reports == [True, True, True]


def test_stopping_waits_for_the_running_step_and_begins_no_other(
    registry: PluginRegistry, dagster: OrchestratorPlugin, notes: Notes
) -> None:
    begun, stopping = threading.Event(), threading.Event()
    reports = []

    def long() -> None:
        begun.set()
        assert stopping.wait(60)
        notes.seen.append("long is done")

    plan = dagster.build([Step("long", long), notes.step("next", "long", retries=5)])
    runner = threading.Thread(target=lambda: reports.append(dagster.run(plan)))
    runner.start()
    assert begun.wait(60)
    assert registry.health().statuses[next(iter(registry.resolve()))].details["running"] == 1
    stopper = threading.Thread(target=registry.shutdown)
    stopper.start()
    nothing = dagster.build([])
    with contextlib.suppress(PluginError):
        while True:  # until it is being stopped
            dagster.run(nothing)
    stopping.set()
    stopper.join()
    runner.join()

    assert notes.seen == ["long is done"]
    assert reports[0].steps["long"].state is StepState.SUCCEEDED
    assert reports[0].steps["next"].state is StepState.FAILED
    assert "being stopped" in reports[0].steps["next"].error
    assert reports[0].steps["next"].attempts == 1
    with pytest.raises(PluginError, match="being stopped"):
        dagster.run(plan)


def test_it_starts_again_after_it_was_stopped(
    registry: PluginRegistry, dagster: OrchestratorPlugin, notes: Notes
) -> None:
    registry.stop(PluginType.ORCHESTRATOR, "dagster")
    registry.start(PluginType.ORCHESTRATOR, "dagster")

    assert dagster.run(dagster.build([notes.step("a")])).ok


def test_dagster_loads_what_was_exported_and_runs_it(
    dagster: OrchestratorPlugin, plan: Plan, steps_module: Path
) -> None:
    file = dagster.export(plan, steps_module / "server" / "new", [Schedule("at_night", "0 3 * * *", "Europe/Berlin")])

    assert [*file.parent.iterdir()] == [file]
    validated = command(steps_module, "definitions", "validate", "-f", file)
    assert validated.returncode == 0, validated.stdout + validated.stderr
    executed = command(steps_module, "job", "execute", "-f", file, "-j", "nightly")
    assert executed.returncode == 0, executed.stdout + executed.stderr
    assert (steps_module / "notes").read_text(encoding="utf-8").split() == ["load", "publish", "clean"]


def test_what_was_exported_retries_and_fails_as_the_plan_does(
    dagster: OrchestratorPlugin, plan: Plan, steps_module: Path
) -> None:
    file = dagster.export(plan, steps_module)

    executed = command(steps_module, "job", "execute", "-f", file, "-j", "nightly", FAIL="1")

    assert executed.returncode != 0
    assert "nothing to publish" in executed.stdout + executed.stderr
    assert (steps_module / "notes").read_text(encoding="utf-8").split() == ["load", "publish", "publish"]


def test_an_exported_schedule_is_switched_on_and_knows_its_time_zone(
    dagster: OrchestratorPlugin, plan: Plan, steps_module: Path
) -> None:
    file = dagster.export(plan, steps_module, [Schedule("at_night", "0 3 * * *", "Europe/Berlin")])

    found = in_new_python(
        f"import json, runpy, sys; sys.path.insert(0, {str(steps_module)!r})\n"
        f"[made] = runpy.run_path({str(file)!r})['defs'].schedules\n"
        "facts = [made.name, made.cron_schedule, made.execution_timezone, made.job_name, made.default_status.name]\n"
        "print(json.dumps(facts))"
    )

    assert found == ["at_night", "0 3 * * *", "Europe/Berlin", "nightly", "RUNNING"]


def test_a_second_export_takes_the_place_of_the_first(
    dagster: OrchestratorPlugin, plan: Plan, steps_module: Path
) -> None:
    first = dagster.export(plan, steps_module).read_text(encoding="utf-8")

    second = dagster.export(plan, steps_module, [Schedule("at_night", "0 3 * * *")])

    assert second.read_text(encoding="utf-8") != first
    assert sorted(path.name for path in steps_module.iterdir() if path.is_file()) == ["definitions.py", "shop_steps.py"]


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule("bad", "not cron"),
        Schedule("bad", "0 3 * * *", "Middle/Earth"),
        Schedule("a name", "0 3 * * *"),
    ],
)
def test_a_schedule_that_dagster_cannot_keep_is_refused_and_nothing_is_written(
    dagster: OrchestratorPlugin, plan: Plan, tmp_path: Path, schedule: Schedule
) -> None:
    with pytest.raises(ValueError, match="Dagster refuses a schedule"):
        dagster.export(plan, tmp_path / "server", [schedule])

    assert not (tmp_path / "server").exists()


def test_steps_that_another_process_cannot_import_are_not_exported(
    dagster: OrchestratorPlugin, notes: Notes, tmp_path: Path
) -> None:
    for step in (notes.step("local"), Step("lambda", lambda: None), Step("method", notes.seen.clear)):
        with pytest.raises(ValueError, match=f"step '{step.name}' .* could not import"):
            dagster.export(dagster.build([step]), tmp_path)

    assert [*tmp_path.iterdir()] == []


def test_health_names_the_engine(registry: PluginRegistry) -> None:
    [status] = registry.health().statuses.values()

    assert status.state is HealthState.HEALTHY
    assert not status.default
    assert status.details["engine"]


def test_dagsters_account_of_a_run_goes_to_pythons_logging(
    dagster: OrchestratorPlugin, notes: Notes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "floe_reference_orchestrator_dagster"):
        dagster.run(dagster.build([notes.step("a", failures=1)]))

    assert any("STEP_FAILURE" in record.getMessage() for record in caplog.records)


def test_nothing_is_sent_or_left_behind_and_dagster_is_imported_at_its_first_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("DAGSTER_HOME", raising=False)

    facts = in_new_python("""
import json, os, sys

asked = []
sys.addaudithook(lambda event, args: asked.append(event) if event in {"socket.connect", "socket.getaddrinfo"} else None)
from floe_plugins import OrchestratorPlugin, PluginRegistry
from floe_plugins.hookspecs.orchestrator import Step

with PluginRegistry({"plugins": {"orchestrator": {"dagster": {}}}}) as registry:
    plugin = registry.one(OrchestratorPlugin)
    health = registry.health().state.value
    before = "dagster" in sys.modules
    ok = plugin.run(plugin.build([Step("a", list)])).ok
print(json.dumps([health, before, ok, asked, os.environ["DAGSTER_DISABLE_TELEMETRY"]]))
""")

    assert facts == ["healthy", False, True, [], "yes"]
    assert [*tmp_path.iterdir()] == []
