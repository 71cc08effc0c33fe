"""Distributions add categories to a platform by entry points, which are read without importing anything."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from floe_plugins import Category, Platform, PluginRegistry, PluginType
from floe_plugins.core.platform import FLOE
from floe_plugins.discovery.findings import Scan
from floe_plugins.discovery.scanner import installed_categories, scan
from floe_plugins.reporting.installed_refs import installed_refs

QUALITY = "[floe.categories]\nquality = floe_quality.api:QualityPlugin\n"
CHECKS = "[floe.quality]\nchecks = acme_checks:Checks\n"


def install(site: Path, name: str, entry_points: str) -> None:
    directory = site / f"{name}-1.0.dist-info"
    directory.mkdir(exist_ok=True)
    (directory / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    (directory / "entry_points.txt").write_text(entry_points, encoding="utf-8")


def found(site: Path, platform: Platform | None = None) -> Scan:
    return scan([str(site)], platform)


@pytest.mark.parametrize(("adds", "has"), [("a", "b"), ("b", "a")])
def test_a_category_is_found_wherever_the_distribution_stands_that_adds_it(tmp_path: Path, adds: str, has: str) -> None:
    install(tmp_path, adds, QUALITY)
    install(tmp_path, has, CHECKS)
    result = found(tmp_path)
    assert [str(candidate.ref) for candidate in result.candidates] == ["quality:checks"]
    assert result.problems == ()
    assert "floe_quality" not in sys.modules
    (candidate,) = result.candidates
    assert candidate.type.spec_name == ("floe_quality.api", "QualityPlugin")
    assert installed_refs([str(tmp_path)]) == [candidate.ref]


def test_a_file_that_adds_a_category_may_be_wrong_elsewhere(tmp_path: Path) -> None:
    """What is wrong in it is told once, and its category and plugins are there all the same."""
    wrong = "[floe.computes]\nBig Query = a:A\n[floe.nothing]\nx = a:A\n"
    install(tmp_path, "acme", QUALITY + CHECKS + wrong)
    result = found(tmp_path)
    assert [str(candidate.ref) for candidate in result.candidates] == ["quality:checks"]
    name, group = (problem.message for problem in result.problems)
    assert "'Big Query'" in name
    assert "'floe.nothing' is not a plugin group" in group


def test_without_the_distribution_that_adds_it_the_group_is_reported(tmp_path: Path) -> None:
    install(tmp_path, "acme", "[floe.rbac]\nkeycloak = acme:Keycloak\n")
    result = found(tmp_path)
    (problem,) = result.problems
    assert result.candidates == ()
    assert "'floe.rbac' is not a plugin group" in problem.message
    assert "if a distribution adds this one to floe, install that" in problem.hint
    assert "Did you mean" not in problem.hint


def test_the_entry_point_may_name_the_group_behind_the_slug(tmp_path: Path) -> None:
    install(
        tmp_path,
        "adds",
        "[floe.categories]\nalert_channel.floe.alert_channels = a:Channel\nwidget.acme.widgets = a:W\n",
    )
    install(tmp_path, "has", "[floe.alert_channels]\nslack = b:Slack\n")
    install(tmp_path, "other", "[acme.widgets]\nclock = b:Clock\n")
    platform = FLOE.looking_for(tuple)
    result = found(tmp_path, platform)
    assert {str(candidate.ref) for candidate in result.candidates} == {"alert_channel:slack", "widget:clock"}
    assert platform.categories.parse("acme.widgets").slug == "widget"
    assert [each.slug for each in installed_categories(FLOE, [str(tmp_path)])] == ["alert_channel", "widget"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("compute = a:B", "two categories have the slug 'compute': compute (floe.computes, "),
        ("engine.floe.computes = a:B", "two categories have the group 'floe.computes'"),
        ("other = floe_quality.api:QualityPlugin", "two categories have one class"),
    ],
)
def test_a_category_that_is_there_already_is_left_out_and_told(tmp_path: Path, line: str, message: str) -> None:
    install(tmp_path, "first", QUALITY)
    install(tmp_path, "second", f"[floe.categories]\n{line}\n")
    platform = FLOE.looking_for(tuple)
    # The order within a directory is that of the file system.
    problems = [problem for problem in found(tmp_path, platform).problems if message in problem.message]
    assert len(problems) == 1
    assert problems[0].distribution is not None
    assert "left out" in problems[0].message
    assert platform.categories.parse("compute") is PluginType.COMPUTE


@pytest.mark.parametrize("line", ["Quality = a:B", "quality = a", "quality =", "distribution = a:B", "q.a b = a:B"])
def test_an_entry_point_that_names_no_category_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    install(tmp_path, "adds", f"[floe.categories]\n{line}\n")
    (problem,) = found(tmp_path).problems
    assert "line 2" in problem.message
    assert problem.distribution is not None
    assert problem.distribution.startswith("adds 1.0")
    assert "slug = module:Class" in problem.hint


def test_what_is_added_to_one_registry_is_added_to_no_other_and_goes_with_its_distribution(tmp_path: Path) -> None:
    install(tmp_path, "adds", QUALITY)
    install(tmp_path, "has", CHECKS)
    registry = PluginRegistry(path=[str(tmp_path)], environ={})
    assert [str(each.ref) for each in registry.candidates()] == ["quality:checks"]
    assert "quality" not in FLOE.categories.slugs
    assert "quality" not in PluginRegistry(path=[], environ={}).platform.categories.slugs
    (tmp_path / "adds-1.0.dist-info" / "entry_points.txt").unlink()
    report = registry.discover(refresh=True)
    assert report.candidates == ()
    assert [str(each.ref) for each in report.removed] == ["quality:checks"]
    assert "'floe.quality' is not a plugin group" in report.problems[0].message
    install(tmp_path, "adds", QUALITY)
    assert [str(each.ref) for each in registry.discover(refresh=True).added] == ["quality:checks"]


def test_a_configuration_may_speak_of_a_category_before_anything_was_scanned(tmp_path: Path) -> None:
    install(tmp_path, "adds", QUALITY)
    install(tmp_path, "has", CHECKS)
    config = {
        "registry": {"required": ["quality:checks"], "disable": ["floe.quality"]},
        "plugins": {"quality": {"checks": {}}},
    }
    environ = {"FLOE_PLUGINS__QUALITY__CHECKS__DEPTH": "3", "FLOE_PLUGINS_DISABLE": "quality:other"}
    registry = PluginRegistry(config, path=[str(tmp_path)], environ=environ)
    assert registry.configuration.issues == ()
    assert [str(ref) for ref in registry.configuration.plugins] == ["quality:checks"]
    assert registry.state(registry.platform.categories.parse("quality"), "checks") == "disabled"


def test_a_category_given_to_the_registry_may_have_a_group_of_anybody(tmp_path: Path) -> None:
    install(tmp_path, "acme", "[acme.widgets]\nclock = acme:Clock\n")
    widget = Category("widget", "acme.widgets", "acme.api:Widget")
    registry = PluginRegistry(path=[str(tmp_path)], environ={}, categories=[widget])
    assert [str(candidate.ref) for candidate in registry.candidates(widget)] == ["widget:clock"]
    assert PluginRegistry(path=[str(tmp_path)], environ={}).candidates() == ()


def test_two_platforms_in_one_process_find_their_own_plugins_alone(tmp_path: Path) -> None:
    install(tmp_path, "both", "[floe.storage]\nlocal = a:B\n[site.storage]\ndisk = a:C\n")
    site = Platform("site", "1.0", [Category("storage", "site.storage", "site_host:Storage")])
    floe_registry = PluginRegistry(path=[str(tmp_path)], environ={})
    site_registry = PluginRegistry(path=[str(tmp_path)], environ={}, platform=site)
    assert [str(each.ref) for each in floe_registry.candidates()] == ["storage:local"]
    assert [str(each.ref) for each in site_registry.candidates()] == ["storage:disk"]
    with pytest.raises(TypeError, match="storage is a category of another platform"):
        site_registry.candidates(PluginType.STORAGE)
    assert [each.problems for each in (floe_registry, site_registry)] == [(), ()]


def test_a_second_scan_finds_the_same(tmp_path: Path) -> None:
    install(tmp_path, "has", CHECKS)
    install(tmp_path, "adds", QUALITY)
    platform = FLOE.looking_for(tuple)
    assert found(tmp_path, platform) == found(tmp_path, platform)
