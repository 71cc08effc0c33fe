"""The hooks of a category as its source declares them: none is left out, and every name can be imported."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

import floe_plugins
from floe_plugins import PluginType, hookspecs
from floe_plugins.authoring.contract import read_contract


@pytest.mark.parametrize("category", PluginType)
def test_all_hooks_are_read_with_their_docstrings(category: PluginType) -> None:
    hooks = read_contract(category).hooks
    declared = {name for name in dir(category.spec) if hasattr(getattr(category.spec, name), "floe_spec")}
    assert hooks.keys() == declared
    for name, hook in hooks.items():
        function = getattr(category.spec, name)
        assert list(inspect.signature(function).parameters)[1:] == list(hook.arguments)
        assert (inspect.getdoc(function) or "").splitlines()[0] in hook.docstring[0]
        assert hook.is_required == (name in category.spec.__abstractmethods__)


@pytest.mark.parametrize("category", PluginType)
def test_the_names_of_a_contract_are_imported_from_public_places(category: PluginType) -> None:
    imports = read_contract(category).imports
    for name in imports:
        found: dict[str, Any] = {}
        exec(imports[name], found)  # noqa: S102 the statement is what is tested
        assert name in found
    private = {name for name in imports if imports[name].startswith("from floe_plugins.hookspecs.")}
    assert not {name for name in private if is_record(name)}


def is_record(name: str) -> bool:
    return name in hookspecs.__all__ or name in floe_plugins.__all__


def test_remarks_to_the_linter_of_this_project_are_left_out() -> None:
    signature = read_contract(PluginType.DBT).hooks["build"].signature
    assert "        full_refresh: bool = False," in signature
