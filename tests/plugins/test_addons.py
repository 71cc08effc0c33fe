"""A distribution adds categories to floe, whose plugins are found, listed, gated, checked and started as all others."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

from floe_plugins import HealthState, PluginLoadError, PluginRegistry

pytestmark = pytest.mark.once

REFS = ["alert_channel:memory", "network_security:allow-list", "quality:not-null", "rbac:admins", "rbac:newer"]
CONFIG = {"registry": {"autoload": "all", "disable": ["rbac:newer"]}, "plugins": {"rbac": {"admins": {"users": ["a"]}}}}


def test_they_are_found_gated_started_and_called(environment: Callable[..., Any]) -> None:
    installed = environment("governance", "governance-rules")
    with installed.visible():
        registry = PluginRegistry(CONFIG, path=[str(installed.path)], environ={})
        assert sorted(str(each.ref) for each in registry.candidates()) == REFS
        assert registry.problems == ()
        categories = registry.platform.categories
        newer = registry.info(categories.parse("rbac"), "newer")
        assert newer.floe_api_version == "2.0"
        with registry:
            assert registry.manager(categories.parse("rbac")).hook.is_allowed(user="a", action="drop") is True
            wrong = registry.manager(categories.parse("quality")).hook.check_rows(table="t", rows=[{"x": None}])
            assert wrong == [["t.x is missing"]]
            assert registry.get(categories.parse("floe.alert_channels"), "memory").sent == ["t.x is missing"]


def test_the_command_line_knows_them(environment: Callable[..., Any]) -> None:
    installed = environment("governance", "governance-rules")
    listed = installed.json(["-m", "floe_plugins", "list", "--json"])
    assert sorted(each["ref"] for each in listed["plugins"]) == REFS
    refused = next(each for each in listed["plugins"] if each["ref"] == "rbac:newer")
    assert "requires floe API 2.0" in refused["refused"]
    only = installed.json(["-m", "floe_plugins", "list", "--category", "floe.alert_channels", "--json"])
    assert [each["ref"] for each in only["plugins"]] == ["alert_channel:memory"]
    done = installed.run(["-m", "floe_plugins", "run", "--once", "--disable", "rbac:newer"])
    assert "alert_channel:memory" in done.stdout


def test_the_conformance_suite_knows_them(environment: Callable[..., Any]) -> None:
    installed = environment("governance", "governance-rules")
    named = ["--floe-plugin", "floe_addon_governance_rules:AllowList"]
    options = ["-q", "-c", os.devnull, "--rootdir", str(installed.home), "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = installed.run(["-m", "pytest", *options, *named], check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_without_its_category_a_plugin_is_a_problem_that_says_what_is_missing(environment: Callable[..., Any]) -> None:
    installed = environment("governance", "governance-rules")
    (installed.path / "floe_addon_governance.py").unlink()
    with installed.visible():
        registry = PluginRegistry(path=[str(installed.path)], environ={})
        with pytest.raises(PluginLoadError, match="the class of the category quality, failed") as raised:
            registry.get(registry.platform.categories.parse("quality"), "not-null")
        assert "floe-addon-governance 0.1.0" in (raised.value.hint or "")


def test_a_plugin_that_runs_can_be_named_and_stopped_when_its_category_is_gone(environment: Callable[..., Any]) -> None:
    installed = environment("governance", "governance-rules")
    with installed.visible():
        registry = PluginRegistry(CONFIG, path=[str(installed.path)], environ={})
        with registry:
            installed.uninstall("floe-addon-governance")
            assert len(registry.discover(refresh=True).problems) == 4
            assert registry.get("rbac:admins").name == "admins"
            assert registry.health().state is HealthState.HEALTHY
            assert registry.stop("rbac:admins").ok
            assert registry.state("rbac", "admins") == "stopped"


def test_where_the_distribution_with_the_category_is_gone_its_plugins_are_problems(
    environment: Callable[..., Any],
) -> None:
    installed = environment("governance-rules")
    registry = PluginRegistry(path=[str(installed.path)], environ={})
    assert registry.candidates() == ()
    assert len(registry.problems) == 4
    assert all("if a distribution adds this one to floe, install that" in each.hint for each in registry.problems)
