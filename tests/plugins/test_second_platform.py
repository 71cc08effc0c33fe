"""A host that is not floe has all of the machinery under its own name; ``examples/site`` is one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.once

SITE = Path(__file__).parents[2] / "examples" / "site"


@pytest.fixture
def site(environment: Callable[..., Any]) -> Any:
    installed = environment(SITE / "host", SITE / "markdown", SITE / "folder")
    shutil.copy(SITE / "site.toml", installed.home)
    shutil.copytree(SITE / "pages", installed.home / "pages")
    return installed


def command(*arguments: str) -> list[str]:
    return ["-c", "import sys; sys.argv[0] = 'site'; from site_host.cli import main; main()", *arguments]


def test_it_lists_checks_and_runs_its_plugins_and_builds_the_site(site: Any) -> None:
    listed = site.json(command("list", "--json"))
    assert [each["ref"] for each in listed["plugins"]] == ["publisher:folder", "renderer:markdown", "source:folder"]
    assert site.json(command("check", "--json"))["problems"] == []
    outcomes = site.run(command("run", "--once")).stdout
    assert all(ref in outcomes for ref in ("publisher:folder", "renderer:markdown", "source:folder"))
    built = site.run("from site_host.build import main; main()").stdout
    assert built == f"{Path('public', 'hello.html')}\n"
    assert "<h1>Hello</h1>" in (site.home / "public" / "hello.html").read_text(encoding="utf-8")


def test_it_speaks_its_own_words(site: Any) -> None:
    told = site.run(command("--help")).stdout
    assert "SITE_AUTOLOAD" in told
    assert "site.toml" in told
    assert "floe" not in told.lower()
    wrong = site.run(command("show", "compute:duckdb"), check=False)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("site: ")
    assert "the categories are source, renderer, publisher" in wrong.stderr
    hidden = site.json(command("list", "--json"), env={"SITE_DISABLE": "source", "FLOE_PLUGINS_DISABLE": "renderer"})
    assert [each["ref"] for each in hidden["plugins"] if each["state"] == "disabled"] == ["source:folder"]
    schema = site.json(command("config", "schema"))
    assert schema["title"] == "site configuration"
    assert set(schema["properties"]["plugins"]["properties"]) == {"source", "renderer", "publisher"}


def test_a_plugin_for_another_version_of_its_api_is_refused_in_its_words(site: Any) -> None:
    module = site.path / "site_markdown.py"
    module.write_text(
        module.read_text(encoding="utf-8").replace('site_api_version = "1.0"', 'site_api_version = "2.0"')
    )
    checked = site.run(command("check"), check=False)
    assert checked.returncode == 1
    assert "the plugin requires site API 2.0, this platform provides 1.0" in checked.stdout


def test_the_host_has_less_than_250_lines() -> None:
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in SITE.glob("host/**/*.py")) < 250
