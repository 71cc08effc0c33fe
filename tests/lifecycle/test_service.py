"""Start in order, stop in reverse, as often as wanted, also when interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, model_validator
from support import SOON, child_environ, named, run_code, write_distribution

from floe_plugins import (
    CircularDependencyError,
    HealthState,
    MissingDependencyError,
    OutcomeState,
    PluginConfigurationError,
    PluginError,
    PluginNotFoundError,
    PluginRegistry,
    PluginStartupError,
    PluginState,
    PluginType,
    SecretsPlugin,
    Stage,
    StoragePlugin,
)

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

SECRETS = PluginType.SECRETS


def test_plugins_start_after_what_they_need_and_stop_in_reverse(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("app", dependencies=("secrets:db", "secrets:log")),
        lab.plugin("db", dependencies=("secrets:log",)),
        lab.plugin("log"),
        workers=1,
    )
    assert lab.names(registry.startup()) == ["log", "db", "app"]
    assert lab.names(registry.shutdown()) == ["app", "db", "log"]
    assert lab.log == ["+log", "+db", "+app", "-app", "-db", "-log"]


def test_startup_twice_starts_once(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    registry.startup()
    again = registry.startup()
    assert again.ok
    assert again.outcomes[0].message == "it was started before"
    assert lab.log == ["+a"]


def test_shutdown_twice_stops_once(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    registry.startup()
    registry.shutdown()
    assert registry.shutdown().outcomes == ()
    assert lab.log == ["+a", "-a"]


def test_a_stopped_plugin_can_be_started_again(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    for _ in range(2):
        assert registry.startup().ok
        assert registry.shutdown().ok
    assert lab.log == ["+a", "-a"] * 2


def test_a_plugin_whose_start_failed_can_be_started_later(lab: Any) -> None:
    down = [ConnectionError("refused")]

    def startup(_plugin: Any) -> None:
        if down:
            raise down.pop()

    registry = lab.registry(lab.plugin("a", startup), lab.plugin("b", dependencies=("secrets:a",)))
    assert not registry.startup().ok
    assert registry.start(SECRETS, "b").ok
    assert registry.problems == ()
    assert registry.state(SECRETS, "a") is PluginState.STARTED


def test_start_of_one_plugin_starts_what_it_needs_and_stop_stops_what_needs_it(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a"),
        lab.plugin("b", dependencies=("secrets:a",)),
        lab.plugin("c", dependencies=("secrets:b",)),
        lab.plugin("d", optional_dependencies=("secrets:a",)),
    )
    assert registry.start(SECRETS, "b").ok
    assert lab.log == ["+a", "+b"]
    registry.startup()
    assert registry.stop(SECRETS, "a").ok
    assert lab.log[-3:] == ["-c", "-b", "-a"]
    assert registry.state(SECRETS, "d") is PluginState.STARTED


def test_stopping_what_is_not_started_does_nothing_and_says_so(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    outcome = registry.stop(SECRETS, "a")
    assert outcome.ok
    assert "not started" in outcome.message
    with pytest.raises(PluginNotFoundError):
        registry.stop(SECRETS, "gone")


def test_no_thread_is_left_after_shutdown(lab: Any) -> None:
    before = set(threading.enumerate())
    registry = lab.registry(*(lab.plugin(f"p{number}") for number in range(5)))
    registry.startup()
    started = set(threading.enumerate()) - before
    assert len(started) == 5
    registry.shutdown()
    for thread in started:
        thread.join(SOON)
    assert not any(thread.is_alive() for thread in started)


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_during_a_hanging_start_is_answered_at_once() -> None:
    code = """
import os, signal, threading
from support import Lab
signal.signal(signal.SIGINT, signal.default_int_handler)  # shells have what runs in the background ignore it
lab = Lab()
# Not print(): its buffer's lock may still be held when the interrupt ends the interpreter.
hanging = lambda plugin: (os.write(1, b"hangs\\n"), threading.Event().wait())
registry = lab.registry(lab.plugin("a"), lab.plugin("b", hanging, dependencies=("secrets:a",)))
try:
    registry.startup()
except KeyboardInterrupt:
    print(*lab.log, *(str(info.state) for info in registry.infos()))
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=child_environ()) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "hangs\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.read() == "+a +b -a stopped failed\n"


def required(*names: str) -> dict[str, Any]:
    return {"required": [f"secrets:{name}" for name in names]}


def test_a_required_plugin_that_is_missing_has_an_outcome_a_status_and_a_problem_until_it_comes(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"), **required("gone"))
    report = registry.startup()
    assert not report.ok
    outcome = lab.of(report, "gone")
    assert (outcome.required, outcome.stage, outcome.state) == (True, Stage.RESOLVE, OutcomeState.FAILED)
    assert lab.of(report, "a").ok
    with pytest.raises(PluginNotFoundError, match="secrets:gone"):
        report.raise_for_failures()
    health = registry.health()
    assert health.state is HealthState.UNHEALTHY
    assert health.statuses[outcome.ref].message.startswith("it is required, and missing")
    [problem] = registry.problems
    assert (problem.ref, problem.stage) == (outcome.ref, Stage.RESOLVE)

    registry.register(lab.plugin("gone"))
    assert registry.problems == ()
    assert registry.startup().ok
    assert registry.health().state is HealthState.HEALTHY


def test_a_required_plugin_of_another_category_is_not_asked_for_by_a_categorys_hooks(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"), required=["compute:gone", "secrets:gone"])
    hook = registry.manager(SECRETS).hook
    assert [(str(each.ref), each.ok) for each in hook.startup()] == [("secrets:gone", False), ("secrets:a", True)]
    assert [(str(each.ref), each.ok, each.required) for each in hook.health_check()] == [
        ("secrets:gone", False, True),
        ("secrets:a", True, False),
    ]


def test_the_context_manager_raises_if_a_required_plugin_does_not_start_and_stops_the_others(lab: Any) -> None:
    faulty = lab.plugin("b", lab.fail)
    with lab.registry(lab.plugin("a"), faulty):  # not required: isolated
        pass
    lab.log.clear()
    registry = lab.registry(lab.plugin("a"), faulty, **required("b"), workers=1)
    with pytest.raises(PluginStartupError, match="refused"), registry:
        pytest.fail("entered")
    assert lab.log == ["+a", "+b", "-b", "-a"]
    needing = lab.plugin("c", dependencies=("secrets:b",))
    with pytest.raises(MissingDependencyError, match=r"needs secrets:b.*refused"):
        lab.registry(faulty, needing, **required("c")).__enter__()
    with pytest.raises(ExceptionGroup) as caught:
        lab.registry(faulty, needing, **required("b", "c", "gone")).__enter__()
    assert sorted(type(each).__name__ for each in caught.value.exceptions) == [
        "PluginNotFoundError",
        "PluginStartupError",
    ]


def test_failures_are_logged_as_warnings_and_those_of_required_plugins_as_errors(lab: Any, caplog: Any) -> None:
    caplog.set_level("INFO", "floe_plugins")
    registry = lab.registry(
        lab.plugin("good"), lab.plugin("bad", lab.fail), lab.plugin("must", lab.fail), **required("must", "gone")
    )
    registry.startup()
    levels = {
        str(record.args[0]).partition(":")[2]: record.levelname for record in caplog.records if len(record.args) > 1
    }
    assert levels == {"good": "INFO", "bad": "WARNING", "must": "ERROR", "gone": "ERROR"}


def test_get_of_a_plugin_that_failed_to_start_says_so_until_it_starts(lab: Any) -> None:
    down = [ConnectionError("refused")]
    got = []

    def startup(plugin: Any) -> None:
        got.append(plugin.registry.get(SECRETS, "a"))
        if down:
            raise down[0]

    registry = lab.registry(lab.plugin("a", startup), lab.plugin("b", dependencies=("secrets:a",)))
    plugin = registry.get(SECRETS, "a")
    registry.startup()
    with pytest.raises(PluginStartupError, match="refused") as caught:
        registry.get(SECRETS, "a")
    assert caught.value.exception is down[0]
    with pytest.raises(MissingDependencyError, match="needs secrets:a"):
        registry.get(SecretsPlugin, "b")
    assert registry.list() == []
    assert {problem.ref.name for problem in registry.problems} == {"a", "b"}
    down.clear()
    assert registry.startup().ok
    assert registry.get(SECRETS, "a") is plugin
    assert got == [plugin, plugin]
    assert len(registry.list()) == 2


def test_a_plugin_whose_stop_failed_is_still_given(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a", shutdown=lab.fail))
    registry.startup()
    registry.shutdown()
    assert registry.state(SECRETS, "a") is PluginState.FAILED
    assert registry.get(SECRETS, "a").name == "a"


STRICT = {"FLOE_PLUGINS_STRICT": "1", "FLOE_PLUGINS_AUTOLOAD": "0"}


def test_strict_raises_the_first_failure_of_a_start_and_nothing_stays_started(lab: Any) -> None:
    registry = PluginRegistry(environ=STRICT)
    registry.register(lab.plugin("a"), lab.plugin("b", lab.fail, dependencies=("secrets:a",)))
    with pytest.raises(PluginStartupError, match="refused"):
        registry.startup()
    assert lab.log == ["+a", "+b", "-b", "-a"]
    with pytest.raises(PluginStartupError, match="refused"):
        registry.start(SECRETS, "b")
    assert registry.shutdown().outcomes == ()


def test_strict_raises_what_keeps_plugins_from_starting_before_any_starts(lab: Any) -> None:
    class Broken(BaseModel):
        @model_validator(mode="after")
        def check(self) -> Broken:
            raise RuntimeError("bad")

    for other, options, error in (
        (lab.plugin("b", config_schema=Broken), {}, PluginConfigurationError),
        (None, required("gone"), PluginNotFoundError),
    ):
        registry = PluginRegistry(environ=STRICT, **options)
        registry.register(lab.plugin("a"), *([other] if other else []))
        with pytest.raises(error):
            registry.startup()
        assert lab.log == []


def test_strict_raises_at_load_before_any_starts(environment: Any) -> None:
    said = environment("storage-local", "import-error").json(
        """
        import json
        from floe_plugins import PluginError, PluginRegistry, PluginType
        registry = PluginRegistry()
        try:
            registry.startup()
        except PluginError as error:
            print(json.dumps([type(error).__name__, registry.state(PluginType.STORAGE, "local")]))
        """,
        env={"FLOE_PLUGINS_STRICT": "1"},
    )
    assert said == ["PluginLoadError", "loaded"]


def test_one_worker_starts_plugins_in_the_resolved_order_and_stops_them_in_the_exact_reverse(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("c"),
        lab.plugin("a", dependencies=("secrets:d",)),
        lab.plugin("d", optional_dependencies=("secrets:f",)),
        lab.plugin("b"),
        lab.plugin("f"),
        lab.plugin("e", dependencies=("secrets:b", "secrets:c")),
        workers=1,
    )
    order = [ref.name for ref in registry.resolve()]
    registry.startup()
    registry.shutdown()
    assert lab.log == [f"+{name}" for name in order] + [f"-{name}" for name in reversed(order)]


@pytest.mark.parametrize(
    ("disable", "distributions", "reason"),
    [([], 2, "several distributions provide it"), (["secrets:a"], 1, "it is disabled")],
)
def test_a_required_plugin_that_is_disabled_or_there_twice_is_reported_as_missing(
    tmp_path: Path, disable: list[str], distributions: int, reason: str
) -> None:
    for number in range(distributions):
        write_distribution(tmp_path, f"acme-{number}", "[floe.secrets]\na = nowhere_required:Plugin\n")
    registry = PluginRegistry(
        {"registry": {"autoload": "all", "required": ["secrets:a"]}},
        disable=disable,
        path=[str(tmp_path)],
        environ={},
    )
    report = registry.startup()
    [outcome] = report.outcomes
    assert (report.ok, outcome.state, outcome.required) == (False, OutcomeState.FAILED, True)
    assert reason in outcome.message
    health = registry.health()
    assert health.state is health.statuses[outcome.ref].state is HealthState.UNHEALTHY
    assert [problem.ref for problem in registry.problems if reason in problem.message] == [outcome.ref]


def test_get_returns_the_loaded_plugin_before_the_start_during_it_and_after_the_stop(lab: Any) -> None:
    got: list[Any] = []

    def startup(plugin: Any) -> None:
        got.extend(plugin.registry.get(SECRETS, name) for name in "ab")

    registry = lab.registry(lab.plugin("a"), lab.plugin("b", startup, dependencies=("secrets:a",)))
    plugins = [registry.get(SECRETS, name) for name in "ab"]
    registry.startup()
    registry.shutdown()
    assert got == plugins == [registry.get(SECRETS, name) for name in "ab"]


def test_the_cause_of_every_failure_is_an_error_of_this_package(lab: Any) -> None:
    class Broken(BaseModel):
        @model_validator(mode="after")
        def check(self) -> Broken:
            raise RuntimeError("bad")

    registry = lab.registry(
        lab.plugin("raises", lab.fail),
        lab.plugin("hangs", lab.hang, timeouts={"startup": 0.1}),
        lab.plugin("returns", lambda _: False),
        lab.plugin("needs", dependencies=("secrets:raises",)),
        lab.plugin("broken", config_schema=Broken),
        lab.plugin("stops-badly", None, lab.fail),
        lab.plugin("stops-late", None, lab.hang, timeouts={"shutdown": 0.1}),
        **required("gone"),
    )
    failed = [each for report in (registry.startup(), registry.shutdown()) for each in report.outcomes if not each.ok]
    assert len(failed) == 8
    assert all(isinstance(each.cause, PluginError) for each in failed)


TWICE = """
import logging, os, signal
from floe_plugins import PluginType
from support import Lab
signal.signal(signal.SIGINT, signal.default_int_handler)
lab = Lab()
says = lambda word: lambda plugin: os.write(1, word) and lab.hang()
class Holds(logging.Handler):
    # Holds up the thread that takes note of what was interrupted.
    def emit(self, record):
        if "interrupted" in record.getMessage() and not lab.forever.is_set():
            says(b"holds\\n")(None)
registry = lab.registry(*{plugins})
try:
    {call}
except KeyboardInterrupt:
    states = [str(registry.state(PluginType.SECRETS, name)) for name in "ab"]
    lab.forever.set()
    print(*lab.log, *states, registry.shutdown().ok, lab.log[-1])
"""


def interrupted(plugins: str, call: str, *words: str) -> str:
    """What a process prints that is interrupted each time that it has printed a word."""
    command = [sys.executable, "-c", TWICE.format(plugins=plugins, call=call)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=child_environ()) as process:
        assert process.stdout is not None
        for word in words:
            assert process.stdout.readline() == f"{word}\n"
            process.send_signal(signal.SIGINT)
        said: str = process.stdout.read()
        return said


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_during_a_stop_leaves_what_hangs_behind_and_the_others_running() -> None:
    plugins = '(lab.plugin("a"), lab.plugin("b", None, says(b"stops\\n"), dependencies=("secrets:a",)))'
    call = "registry.startup(); registry.shutdown()"
    said = interrupted(plugins, call, "stops")
    assert said == "+a +b -b started failed True -a\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_a_second_ctrl_c_leaves_at_once() -> None:
    plugins = (
        '(lab.plugin("a", None, says(b"stops\\n")), lab.plugin("b", says(b"starts\\n"), dependencies=("secrets:a",)))'
    )
    said = interrupted(plugins, "registry.startup()", "starts", "stops")
    assert said.startswith("+a +b -a failed failed")
    plugins = '(lab.plugin("a", None, says(b"stops\\n")), lab.plugin("b"))'
    call = 'registry.startup(); logging.getLogger("floe_plugins").addHandler(Holds()); registry.shutdown()'
    assert interrupted(plugins, call, "stops", "holds").startswith("+a +b")


def test_get_of_an_optional_dependency_that_failed_says_why_while_the_other_plugin_starts(lab: Any) -> None:
    caught: list[PluginError] = []

    def startup(plugin: Any) -> None:
        assert plugin.registry.one(StoragePlugin).name == "works"
        try:
            plugin.registry.get(SECRETS, "fails")
        except PluginError as error:
            caught.append(error)

    report = lab.registry(
        lab.plugin("fails", lab.fail),
        lab.plugin("works", base=lab.storage),
        lab.plugin("a", startup, dependencies=("storage:works",), optional_dependencies=("secrets:fails",)),
    ).startup()
    assert lab.of(report, "a").ok
    assert [type(error) for error in caught] == [PluginStartupError]
    assert "refused" in str(caught[0])


def test_starting_the_required_plugins_gives_the_report(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"), **required("a"))
    assert lab.names(registry._services().lifecycle.start_required()) == ["a"]


def test_a_required_plugin_that_is_skipped_without_an_error_is_told_too(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a", lambda plugin: plugin.registry.unregister(SECRETS, "b") and None),
        lab.plugin("b"),
        workers=1,
        **required("b"),
    )
    with pytest.raises(PluginStartupError, match="it was taken out meanwhile") as caught:
        registry.__enter__()
    assert str(caught.value.ref) == "secrets:b"
    assert lab.log == ["+a", "-a"]


def test_a_plugin_that_was_found_is_not_given_once_its_configuration_is_invalid_until_it_is_valid(lab: Any) -> None:
    class Schema(BaseModel):
        size: int

    registry = lab.registry(lab.plugin("a", config_schema=Schema))
    plugin = registry.get(SECRETS, "a")
    with pytest.raises(PluginConfigurationError):
        registry.startup()
    with pytest.raises(PluginConfigurationError):
        registry.get(SECRETS, "a")
    registry.configure(SECRETS, "a", {"size": 1})
    assert registry.startup().ok
    assert registry.get(SECRETS, "a") is plugin


def test_resolving_loads_what_only_the_plugin_can_tell_and_a_plan_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = (
        "from support import Secrets\nclass Plugin(Secrets):\n    name = 'a'\n    dependencies = tuple(['secrets:b'])\n"
    )
    write_distribution(tmp_path, "resolved", "[floe.secrets]\na = resolved_plugin:Plugin\n", resolved_plugin=code)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={})
    registry.register(named("b"))
    assert [ref.name for ref in registry.resolve(plan=True)] == ["a", "b"]
    assert "resolved_plugin" not in sys.modules
    assert [ref.name for ref in registry.resolve()] == ["b", "a"]
    del sys.modules["resolved_plugin"]


@pytest.mark.parametrize(
    ("needs", "error"), [("secrets:gone", MissingDependencyError), ("secrets:ring", CircularDependencyError)]
)
def test_there_is_no_order_of_plugins_that_need_what_is_not_there_or_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, needs: str, error: type[PluginError]
) -> None:
    code = f"from support import Secrets\nclass Plugin(Secrets):\n    name = 'ring'\n    dependencies = ({needs!r},)\n"
    write_distribution(tmp_path, "unordered", "[floe.secrets]\nring = unordered_plugin:Plugin\n", unordered_plugin=code)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={})
    for plan in (True, False):
        with pytest.raises(error, match=needs):
            registry.resolve(plan=plan)
    del sys.modules["unordered_plugin"]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_during_a_hanging_check_is_answered_at_once() -> None:
    code = """
    import os, signal, threading, time
    from support import Lab, SOON
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lab, checking = Lab(), threading.Event()
    hanging = lambda plugin: (checking.set(), threading.Event().wait())
    registry = lab.registry(lab.plugin("a", health_check=hanging), timeouts={"health": SOON, "shutdown": 0.1})
    registry.startup()
    def interrupt():
        checking.wait(SOON)
        time.sleep(0.3)  # a signal that comes just before a thread blocks does not wake it
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=interrupt, daemon=True).start()
    begun = time.monotonic()
    try:
        registry.health()
    except KeyboardInterrupt:
        os.write(1, b"soon" if time.monotonic() - begun < SOON / 2 else b"late")
    """
    assert run_code(code, check=True).stdout == "soon"
