"""What can be imported from ``floe_plugins``, and what importing it costs."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import floe_plugins

HEAVY = {"pydantic", "pluggy", "packaging", "importlib.metadata", "logging", "json", "attrs", "attr"}


def loaded_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", floe_plugins.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(floe_plugins, name) is not None
    assert name in dir(floe_plugins)


def test_a_misspelt_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="PluginRegstry"):
        _ = floe_plugins.PluginRegstry


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert not (loaded_after("import floe_plugins") - loaded_after("")) & HEAVY


def test_discovering_imports_neither_pydantic_nor_pluggy_nor_packaging() -> None:
    code = "from floe_plugins import PluginRegistry; PluginRegistry().discover()"
    assert not loaded_after(code) & {"pydantic", "pluggy", "packaging"}


def test_discovering_imports_nothing_that_only_configuring_or_calling_needs() -> None:
    ours = ("_worker", "static_metadata", "wiring", "configuration.content", "configuration.sources")
    late = {"logging", "difflib", "tomllib", "importlib.metadata", *(f"floe_plugins.{name}" for name in ours)}
    code = "from floe_plugins import PluginRegistry; PluginRegistry(path=[], environ={}).discover()"
    assert not (loaded_after(code) - loaded_after("")) & late


def test_star_import_gives_the_public_names() -> None:
    namespace: dict[str, object] = {}
    exec("from floe_plugins import *", namespace)  # noqa: S102 a star import is not allowed in a function
    assert set(floe_plugins.__all__) <= namespace.keys()
