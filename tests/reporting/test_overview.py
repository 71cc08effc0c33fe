"""Why plugins are selected or not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support import named, new_registry, write_distribution

from floe_plugins import Category, Platform, PluginRef, PluginRegistry
from floe_plugins.reporting.overview import overview

PLUGIN = """
raise SystemExit("imported")
class Plugin(SecretsPlugin):
    name = "{name}"
    version = "1.0"
    floe_api_version = "1.0"
    dependencies = {dependencies}
"""


def reasons(site: Path, config: Any, **dependencies: tuple[str, ...]) -> dict[str, str]:
    for name, needed in dependencies.items():
        code = f"from floe_plugins import SecretsPlugin\n{PLUGIN.format(name=name, dependencies=needed)}"
        write_distribution(site, f"acme-{name}", f"[floe.secrets]\n{name} = {name}:Plugin\n", **{name: code})
    found = overview(PluginRegistry(config, path=[str(site)], environ={}))
    assert found.infos.keys() == found.reasons.keys()
    return {
        ref.name: f"{'selected' if found.selected(ref) else 'not selected'}: {reason}"
        for ref, reason in found.reasons.items()
    }


def test_without_a_configuration_all_are_selected(tmp_path: Path) -> None:
    assert reasons(tmp_path, None, a=()) == {"a": "selected: all installed plugins are selected (autoload is all)"}


def test_with_a_configuration_each_has_a_reason(tmp_path: Path) -> None:
    config = {
        "registry": {"required": ["secrets:a"], "disable": ["secrets:e"]},
        "plugins": {"secrets": {"b": {"distribution": "acme-b"}}},
    }
    assert reasons(tmp_path, config, a=("secrets:c",), b=(), c=(), d=(), e=()) == {
        "a": "selected: required by the configuration",
        "b": "selected: configured; pinned to the distribution acme-b",
        "c": "selected: needed by secrets:a",
        "d": "not selected: neither configured nor required, nor needed by a selected plugin",
        "e": "not selected: disabled by 'secrets:e' in registry.disable",
    }


def test_a_plugin_registered_in_code_says_so() -> None:
    registry = new_registry()
    registry.register(named("own"))
    assert overview(registry).reasons[PluginRef.parse("secrets:own")] == "registered in code"


def test_a_plugin_is_refused_by_the_api_of_its_own_platform_alone(tmp_path: Path) -> None:
    site = Platform("site", "7.2", [Category("page", "site.pages", "site_host:PagePlugin")])
    for name, api in (("old", "7.1"), ("new", "7.3")):
        code = f"from site_host import PagePlugin\nclass Plugin(PagePlugin):\n    site_api_version = {api!r}\n"
        write_distribution(tmp_path, f"acme-{name}", f"[site.pages]\n{name} = {name}:Plugin\n", **{name: code})
    found = overview(PluginRegistry(path=[str(tmp_path)], environ={}, platform=site))
    assert {ref.name: info.refused for ref, info in found.infos.items()} == {
        "new": "the plugin requires site API 7.3, this platform provides 7.2",
        "old": "",
    }
