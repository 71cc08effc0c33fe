from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from support import Lab, write_distribution

from floe_plugins import PluginError, PluginRegistry
from floe_plugins.server.views.plugin_table import PluginTables, plugin_table

PLUGIN = """
    from floe_plugins import SecretsPlugin
    class Plugin(SecretsPlugin):
        name = "{name}"
        version = "2.0"
        floe_api_version = "{api}"
        description = "Keeps secrets"
        dependencies = {needs}
    raise AssertionError("imported")
"""


def registry_of(site: Path, *, needs: str = "()", api: str = "1.0", **options: Any) -> PluginRegistry:
    for name, its_needs in (("one", "()"), ("two", needs)):
        code = PLUGIN.format(name=name, needs=its_needs, api=api)
        write_distribution(
            site, f"acme-{name}", f"[floe.secrets]\n{name} = acme_{name}:Plugin\n", **{f"acme_{name}": code}
        )
    return PluginRegistry(path=[str(site)], environ={}, **options)


def test_a_plugin_is_described_from_its_source_and_is_not_imported(tmp_path: Path) -> None:
    found = plugin_table(registry_of(tmp_path, needs="('secrets:one',)"))
    assert found.rows["secrets:two"] == {
        "ref": "secrets:two",
        "category": "secrets",
        "name": "two",
        "version": "2.0",
        "floe_api_version": "1.0",
        "description": "Keeps secrets",
        "distribution": "acme-two 1.0",
        "dependencies": ["secrets:one"],
        "optional_dependencies": [],
        "state": "discovered",
        "selected": True,
        "required": False,
        "reason": "",
        "needs": ["secrets:one"],
        "needed_by": [],
    }
    assert found.rows["secrets:one"]["needed_by"] == ["secrets:two"]
    assert not {"acme_one", "acme_two"} & sys.modules.keys()


def test_why_a_plugin_is_not_used_is_said(tmp_path: Path) -> None:
    found = plugin_table(
        registry_of(tmp_path, autoload="configured", disable=["secrets:one"], required=["compute:gone"])
    )
    one, two = found.rows.values()
    assert (one["state"], one["selected"]) == ("disabled", False)
    assert one["reason"]
    assert (two["state"], two["selected"]) == ("discovered", False)
    assert two["reason"] == "it is not selected, since autoload is 'configured' and nothing configures it"
    assert found.missing.keys() == {"compute:gone"}
    assert [problem["ref"] for problem in found.problems] == ["compute:gone"]
    assert found.problems[0].keys() == {"ref", "distribution", "stage", "message", "hint"}


def test_a_plugin_that_would_be_refused_says_why(tmp_path: Path) -> None:
    row = plugin_table(registry_of(tmp_path, api="9.0")).rows["secrets:one"]
    assert row["state"] == "discovered"
    assert "9.0" in row["reason"]


def test_a_plugin_that_failed_says_why_and_one_that_runs_says_nothing(lab: Lab) -> None:
    registry = lab.registry(lab.plugin("a", startup=lab.fail), lab.plugin("b"), required=["secrets:b"])
    registry.startup()
    a, b = plugin_table(registry).rows.values()
    assert (a["state"], a["required"]) == ("failed", False)
    assert "refused" in a["reason"]
    assert (b["state"], b["required"], b["reason"], b["distribution"]) == ("started", True, "", None)


def test_nothing_is_read_again_while_nothing_changes(lab: Lab) -> None:
    registry = lab.registry(lab.plugin("a"))
    tables = PluginTables(registry)
    first = tables.latest()
    assert tables.latest() is first
    registry.startup()
    assert tables.latest().rows["secrets:a"]["state"] == "started"
    registry.register(lab.plugin("b"))
    assert tables.latest().rows.keys() == {"secrets:a", "secrets:b"}


def test_where_problems_are_strict_the_first_one_is_raised(tmp_path: Path) -> None:
    for name in ("acme", "other"):
        write_distribution(tmp_path, name, "[floe.secrets]\ntwin = acme:Plugin\n")
    registry = PluginRegistry(path=[str(tmp_path)], environ={"FLOE_PLUGINS_STRICT": "1"})
    with pytest.raises(PluginError):
        plugin_table(registry)
