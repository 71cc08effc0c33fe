"""What is loaded and configured before the first plugin starts, and what is wrong with it."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel
from support import SOON, entry_of, named, write_distribution

from floe_plugins import OutcomeState, PluginConfigurationError, PluginRegistry, PluginState, PluginType, Stage

SECRETS = PluginType.SECRETS


def test_wrong_configuration_is_known_before_the_first_plugin_starts(lab: Any) -> None:
    class Schema(BaseModel):
        size: int

    registry = lab.registry(
        lab.plugin("a"),
        lab.plugin("b", config_schema=Schema),
        lab.plugin("c", config_schema=Schema),
        config={"plugins": {"secrets": {"b": {"size": "big"}, "c": {}}}},
    )
    with pytest.raises(PluginConfigurationError) as caught:
        registry.startup()
    assert {error.path for error in caught.value.errors} == {"plugins.secrets.b.size", "plugins.secrets.c.size"}
    assert lab.log == []
    assert registry.state(SECRETS, "b") is PluginState.FAILED
    assert {str(problem.ref) for problem in registry.problems} == {"secrets:b", "secrets:c"}


def test_a_broken_schema_fails_its_own_plugin_and_skips_what_needs_it(lab: Any) -> None:
    class Schema(BaseModel):
        def model_post_init(self, _context: object) -> None:
            raise RuntimeError

    registry = lab.registry(
        lab.plugin("a", config_schema=Schema), lab.plugin("b", dependencies=("secrets:a",)), lab.plugin("c")
    )
    report = registry.startup()
    assert lab.of(report, "a").stage is Stage.CONFIGURE
    assert isinstance(lab.of(report, "a").cause, PluginConfigurationError)
    assert lab.of(report, "b").message.startswith("needs secrets:a, which could not be configured")
    assert lab.log == ["+c"]


def test_a_validator_that_hangs_is_left_behind(lab: Any) -> None:
    class Schema(BaseModel):
        def model_post_init(self, _context: object) -> None:
            lab.hang()

    registry = lab.registry(lab.plugin("a", config_schema=Schema), lab.plugin("b"), timeouts={"configure": 0.1})
    report = registry.startup()
    assert lab.of(report, "a").state is OutcomeState.TIMED_OUT
    assert lab.of(report, "a").stage is Stage.CONFIGURE
    assert lab.of(report, "b").ok


def test_a_plugin_whose_thread_is_busy_with_a_start_that_hangs_is_not_waited_for(lab: Any) -> None:
    class Schema(BaseModel):
        pass

    timeouts = {"startup": 0.1, "configure": 0.1}
    registry = lab.registry(lab.plugin("a", lambda _: lab.hang(), config_schema=Schema), timeouts=timeouts)
    [first] = registry.startup().outcomes
    assert first.state is OutcomeState.TIMED_OUT
    [second] = registry.startup().outcomes
    assert second.message == "its thread is busy with an earlier call that takes too long"
    assert second.cause is not None
    assert "restart the process" in second.cause.hint


def test_what_a_validator_ends_with_too_late_is_not_handed_over(lab: Any) -> None:
    go_on = threading.Event()

    class Schema(BaseModel):
        def model_post_init(self, _context: object) -> None:
            go_on.wait(SOON)

    registry = lab.registry(lab.plugin("a", config_schema=Schema), timeouts={"configure": 0.1})
    assert lab.of(registry.startup(), "a").state is OutcomeState.TIMED_OUT
    go_on.set()
    assert entry_of(registry, "a").worker.submit(lambda: None).wait(SOON)  # behind the late call
    assert "config" not in vars(entry_of(registry, "a").plugin)


def test_selected_plugins_and_what_they_depend_on_are_loaded_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = SimpleNamespace(selected=threading.Barrier(2), needed=threading.Barrier(2))
    monkeypatch.setitem(sys.modules, "prepare_shared", shared)
    needs = {"a": "selected", "b": "selected", "of_a": "needed", "of_b": "needed"}
    for name, together in needs.items():
        dependencies = [f"secrets:of_{name}"] if together == "selected" else []
        code = f"""
            import prepare_shared, support
            prepare_shared.{together}.wait({SOON})
            class Plugin(support.Secrets):
                name = {name!r}; dependencies = {dependencies}
        """
        module = f"prepare_{name}"
        write_distribution(tmp_path, module, f"[floe.secrets]\n{name} = {module}:Plugin\n", **{module: code})
    write_distribution(tmp_path, "other", "[floe.secrets]\nother = prepare_other:Plugin\n", prepare_other="1 / 0")
    monkeypatch.syspath_prepend(str(tmp_path))
    config = {"registry": {"autoload": "configured"}, "plugins": {"secrets": {"a": {}, "b": {}}}}
    registry = PluginRegistry(config, path=[str(tmp_path)], environ={}, timeouts={"load": SOON})
    report = registry.startup()
    registry.shutdown()
    for name in needs:
        del sys.modules[f"prepare_{name}"]
    assert {each.ref.name: each.ok for each in report.outcomes} == dict.fromkeys(needs, True)


def test_a_plugin_is_configured_once_and_not_again_while_it_is_started(lab: Any) -> None:
    validated: list[int] = []

    class Schema(BaseModel):
        def model_post_init(self, _context: object) -> None:
            validated.append(1)

    registry = lab.registry(lab.plugin("a", config_schema=Schema), lab.plugin("b", dependencies=("secrets:a",)))
    registry.startup()
    model = registry.config(SECRETS, "a")
    registry.startup()
    registry.start(SECRETS, "b")
    assert len(validated) == 1
    assert registry.config(SECRETS, "a") is model


def test_configuration_of_a_plugin_without_a_schema_is_refused_before_anything_starts(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"), lab.plugin("b"), config={"plugins": {"secrets": {"a": {"size": 1}}}})
    with pytest.raises(PluginConfigurationError, match=r"plugins\.secrets\.a"):
        registry.startup()
    assert lab.log == []
    assert registry.state(SECRETS, "a") is PluginState.FAILED


def test_the_seconds_of_configuring_are_told(lab: Any) -> None:
    class Schema(BaseModel):
        def model_post_init(self, _context: object) -> None:
            time.sleep(0.05)

    report = lab.registry(lab.plugin("a", config_schema=Schema)).startup()
    assert 0.05 <= lab.of(report, "a").configure_seconds <= report.configure_seconds


def test_a_plugin_without_settings_takes_none_of_the_time_that_configuring_another_takes(lab: Any) -> None:
    class Schema(BaseModel):
        def model_post_init(self, _context: object) -> None:
            time.sleep(0.5)

    report = lab.registry(lab.plugin("a", config_schema=Schema), lab.plugin("b")).startup()
    assert 0 <= lab.of(report, "b").configure_seconds < 0.5


def _installed(tmp_path: Path, name: str, code: str, **options: Any) -> PluginRegistry:
    write_distribution(tmp_path, f"acme-{name}", f"[floe.secrets]\n{name} = {name}:Plugin\n", **{name: code})
    return PluginRegistry(autoload="all", path=[str(tmp_path)], environ={}, **options)


def test_an_entry_that_is_replaced_while_it_is_loaded_is_loaded_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refresh during the load finds the plugin in another version."""
    code = """
        from support import Secrets
        class Plugin(Secrets):
            name = "renewed_plugin"
            def __init__(self):
                renew()
        renew = lambda: None
    """
    registry = _installed(tmp_path, "renewed_plugin", code)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("renewed_plugin")
    renewed: list[int] = []

    def renew() -> None:
        if not renewed:
            renewed.append(1)
            (tmp_path / "acme_renewed_plugin-1.0.dist-info").rename(tmp_path / "acme_renewed_plugin-2.0.dist-info")
            registry.discover(refresh=True)

    module.renew = renew  # type: ignore[attr-defined]
    [outcome] = registry.startup().outcomes
    assert (outcome.ok, outcome.message) == (True, "")
    assert registry.info(SECRETS, "renewed_plugin").state is PluginState.STARTED
    registry.shutdown()


def test_what_a_load_is_needed_for_has_its_error_and_others_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = _installed(tmp_path, "cannot_load", "raise OSError('not today')")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.register(named("needing", dependencies=("secrets:cannot_load",)), named("free"))
    outcomes = {each.ref.name: each for each in registry.startup().outcomes}
    assert outcomes["free"].ok
    failed, skipped = outcomes["cannot_load"], outcomes["needing"]
    assert (failed.state, failed.stage, failed.attempts) == (OutcomeState.FAILED, Stage.LOAD, 0)
    assert "not today" in failed.message
    assert failed.cause is not None
    assert skipped.state is OutcomeState.SKIPPED
    assert "needs secrets:cannot_load, which could not be loaded: " in skipped.message
    assert skipped.cause is not None
    assert skipped.cause.__cause__ is failed.cause
    registry.shutdown()


def test_where_no_thread_can_be_started_loading_is_what_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = _installed(tmp_path, "unloadable", "from support import Secrets as Plugin")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.register(named("free"))

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        outcomes = {each.ref.name: each for each in registry.startup().outcomes}
    failed = outcomes["unloadable"]
    assert (failed.state, failed.stage) == (OutcomeState.FAILED, Stage.LOAD)
    assert failed.message == "loading failed with RuntimeError: can't start new thread"
    assert "unloadable" in str(failed.distribution)
    assert outcomes["free"].ok
    registry.shutdown()


def test_a_plugin_with_settings_and_no_schema_is_asked_on_its_own_thread(lab: Any) -> None:
    threads: list[str] = []

    def look_up(plugin: Any, name: str) -> Any:
        if name in {"config_schema", "config_version"}:
            threads.append(threading.current_thread().name)
        return object.__getattribute__(plugin, name)

    registry = lab.registry(lab.plugin("a"), config={"plugins": {"secrets": {"a": {"size": 1}}}})
    type(registry.get(SECRETS, "a")).__getattribute__ = look_up
    with pytest.raises(PluginConfigurationError):
        registry.startup()
    assert set(threads) == {"secrets:a"}
