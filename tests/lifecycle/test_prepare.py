"""What is loaded and configured before the first plugin starts, and what is wrong with it."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import BaseModel
from support import SOON, write_distribution

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
