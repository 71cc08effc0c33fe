"""The report of a scan."""

from __future__ import annotations

import json
from pathlib import Path

from floe_plugins import DiscoveryReport, PluginRegistry


def install(site: Path, name: str, version: str) -> Path:
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[floe.secrets]\n{name} = {name}:Plugin\n", encoding="utf-8")
    return info


def names(report: DiscoveryReport) -> dict[str, list[str]]:
    lists = {"added": report.added, "removed": report.removed, "changed": report.changed}
    return {key: [f"{c.name} {c.distribution.version}" for c in found] for key, found in lists.items()}


def test_the_first_report_has_every_candidate_as_added(tmp_path: Path) -> None:
    install(tmp_path, "a", "1.0")
    report = PluginRegistry(path=[str(tmp_path)], environ={}).discover()
    assert report.added == report.candidates
    assert names(report) == {"added": ["a 1.0"], "removed": [], "changed": []}
    assert report.seconds > 0


def test_a_later_report_has_the_difference_to_the_one_before(tmp_path: Path) -> None:
    kept, upgraded, gone = (install(tmp_path, name, "1.0") for name in ("a", "b", "c"))
    registry = PluginRegistry(path=[str(tmp_path)], environ={})
    registry.discover()
    upgraded.rename(tmp_path / "b-2.0.dist-info")
    gone.rename(tmp_path / "c-1.0.removed")
    install(tmp_path, "d", "1.0")
    assert kept.is_dir()
    report = registry.discover(refresh=True)
    assert names(report) == {"added": ["d 1.0"], "removed": ["c 1.0"], "changed": ["b 2.0"]}


def test_a_report_is_json_data(tmp_path: Path) -> None:
    install(tmp_path, "a", "1.0")
    (tmp_path / "b-1.0.dist-info").mkdir()
    (tmp_path / "b-1.0.dist-info" / "entry_points.txt").write_text("[floe.secrets]\n", encoding="utf-8")
    printed = json.loads(json.dumps(PluginRegistry(path=[str(tmp_path)], environ={}).discover().to_dict()))
    assert printed["candidates"][0]["ref"] == "secrets:a"
    assert {problem["stage"] for problem in printed["problems"]} == {"discover"}
