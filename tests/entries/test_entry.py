"""What the registry keeps of one plugin."""

from __future__ import annotations

import threading

from support import Secrets

from floe_plugins import (
    CircularDependencyError,
    MissingDependencyError,
    PluginConfigurationError,
    PluginError,
    PluginLoadError,
    PluginRef,
    PluginShutdownError,
    PluginStartupError,
    PluginTimeoutError,
    Stage,
)
from floe_plugins.entries.entry import Entry
from floe_plugins.loading.importer import instantiate

REF = PluginRef.parse("secrets:a")


def test_the_worker_is_made_once_under_many_threads_and_released_without_being_made() -> None:
    entry = Entry(REF)
    entry.release_thread()
    assert not entry.busy
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(entry.worker)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(map(id, found))) == 1


def test_dependencies_are_those_of_the_loaded_plugin_and_unknown_without_one() -> None:
    cls = type("A", (Secrets,), {"name": "a", "dependencies": ("compute",), "optional_dependencies": ["dbt:core"]})
    plugin, metadata = instantiate(cls)
    entry = Entry(REF, plugin=plugin, metadata=metadata)
    assert entry.declared.dependencies == ("compute",)
    assert entry.declared.optional_dependencies == ("dbt:core",)
    assert Entry(REF).declared.dependencies is None


def test_a_problem_has_the_stage_of_its_error() -> None:
    entry = Entry(REF)
    stages: dict[PluginError, Stage] = {
        PluginLoadError("x"): Stage.LOAD,
        PluginConfigurationError("x"): Stage.CONFIGURE,
        MissingDependencyError("x"): Stage.RESOLVE,
        CircularDependencyError("x"): Stage.RESOLVE,
        PluginStartupError("x"): Stage.START,
        PluginShutdownError("x"): Stage.STOP,
        PluginTimeoutError("x", stage="check"): Stage.CHECK,
    }
    for error, stage in stages.items():
        problem = entry.problem(error)
        assert (problem.stage, problem.ref, problem.cause) == (stage, REF, error)
