"""The README's examples run as they are printed, and CI runs the README's commands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(marker: str) -> str:
    """The fenced block after an HTML comment."""
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found, f"README.md has no block {marker!r}"
    return found[1]


@pytest.fixture
def author(tmp_path: Path) -> Path:
    """The README's plugin as a project."""
    project = tmp_path / "acme"
    (project / "src").mkdir(parents=True)
    (project / "src" / "acme_secrets.py").write_text(block("author"), encoding="utf-8")
    (project / "pyproject.toml").write_text(block("author-project"), encoding="utf-8")
    return project


def test_the_author_s_plugin_is_listed_with_what_its_source_says(environment: Any, author: Path) -> None:
    listed = environment(author).json(["-m", "floe_plugins", "list", "--json"])
    assert listed["problems"] == []
    [plugin] = listed["plugins"]
    assert (plugin["ref"], plugin["version"], plugin["floe_api_version"]) == ("secrets:json-file", "1.0.0", "1.0")
    assert plugin["description"] == "Secrets from a JSON file"


def test_the_developer_s_example_prints_what_its_comments_say(environment: Any, author: Path) -> None:
    plugins = environment(author)
    (plugins.home / "secrets.json").write_text(json.dumps({"token": "s3cret"}), encoding="utf-8")
    code = block("developer")
    said = plugins.run(code).stdout.splitlines()
    assert said == ["**********", "healthy", "secrets:json-file succeeded", "('token',)"]
    for line, comment in zip(said, re.findall(r"^\s*print\(.*#\s(.*)$", code, re.MULTILINE), strict=True):
        assert line in comment


def test_the_guide_s_example_of_a_test_passes(environment: Any) -> None:
    guide = (ROOT / "docs" / "authors.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    environment().run(code)


def test_each_command_is_one_line() -> None:
    for marker in ("main-job", "tests", "small"):
        assert len(block(marker).strip().splitlines()) == 1


def test_every_command_that_is_named_exists(environment: Any) -> None:
    plugins = environment()
    for words in set(re.findall(r"^    floe-plugins (\w+)", README, re.MULTILINE)):
        assert "Usage: floe-plugins" in plugins.run(["-m", "floe_plugins", words, "--help"]).stdout
