"""An allow-list stands for the files of a distribution: no other module is imported in their place."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import write_distribution

from floe_plugins import Candidate, Distribution, PluginLoadError, PluginRef
from floe_plugins.inspection.origin import refuse_foreign_module

CODE = """
    from floe_plugins import SecretsPlugin
    class Plugin(SecretsPlugin):
        name = "acme"; version = "1"; floe_api_version = "1.0"
        def get_secret(self, key): ...
        def secret_names(self, prefix=""): return ()
        def put_secret(self, key, value): ...
"""
GROUPS = "[floe.secrets]\nacme = origin_acme:Plugin\n"


def candidate(site: Path, value: str = "origin_acme:Plugin") -> Candidate:
    info = str(site / "trusted-1.0.dist-info")
    return Candidate(PluginRef.parse("secrets:acme"), value, Distribution("trusted", "1.0", info))


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory of a trusted distribution, on ``sys.path`` behind the directory ``first``."""
    directory = tmp_path / "site"
    write_distribution(directory, "trusted", GROUPS, origin_acme=CODE)
    (tmp_path / "first").mkdir()
    monkeypatch.syspath_prepend(str(directory))
    monkeypatch.syspath_prepend(str(tmp_path / "first"))
    return directory


def refused(found: Candidate) -> str:
    with pytest.raises(PluginLoadError) as caught:
        refuse_foreign_module(found)
    return caught.value.message


def test_a_module_beside_the_metadata_is_the_distributions(site: Path) -> None:
    refuse_foreign_module(candidate(site))


def test_a_module_that_record_lists_is_the_distributions_and_another_beside_it_is_not(site: Path) -> None:
    record = site / "trusted-1.0.dist-info" / "RECORD"
    record.write_text("trusted-1.0.dist-info/METADATA,,\norigin_acme.py,sha256=x,1\n", encoding="utf-8")
    refuse_foreign_module(candidate(site))
    record.write_text("trusted-1.0.dist-info/METADATA,,\nother_origin_acme.py,,\n", encoding="utf-8")
    assert "origin_acme.py, which is not a file of the distribution" in refused(candidate(site))


def test_a_module_earlier_on_sys_path_is_refused_and_named(site: Path, tmp_path: Path) -> None:
    (tmp_path / "first" / "origin_acme.py").write_text("raise SystemExit", encoding="utf-8")
    assert str(tmp_path / "first" / "origin_acme.py") in refused(candidate(site))


def test_a_package_above_the_module_is_not_even_imported_from_elsewhere(site: Path, tmp_path: Path) -> None:
    for directory in (site, tmp_path / "first"):
        (directory / "origin_package").mkdir()
        (directory / "origin_package" / "__init__.py").write_text("raise SystemExit('ran')", encoding="utf-8")
        (directory / "origin_package" / "part.py").touch()
    assert "first" in refused(candidate(site, "origin_package.part:Plugin"))


@pytest.mark.parametrize("value", ["sys:exit", "json:loads", "zipimport:zipimporter"])
def test_modules_of_python_itself_are_refused(site: Path, value: str) -> None:
    assert "not a file of the distribution" in refused(candidate(site, value))


def test_a_package_of_several_distributions_may_contain_the_module(site: Path) -> None:
    (site / "origin_shared").mkdir()
    (site / "origin_shared" / "part.py").touch()
    refuse_foreign_module(candidate(site, "origin_shared.part:Plugin"))
    assert "no file" in refused(candidate(site, "origin_shared:Plugin"))


def test_a_module_that_is_not_there_is_left_to_the_import(site: Path) -> None:
    refuse_foreign_module(candidate(site, "origin_nowhere.part:Plugin"))


@pytest.mark.parametrize("how", ["direct_url.json", ".pth"])
def test_the_directory_of_an_editable_install_is_the_distributions(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    source = tmp_path / "my source"
    source.mkdir()
    (source / "origin_editable.py").touch()
    monkeypatch.syspath_prepend(str(source))
    found = candidate(site, "origin_editable:Plugin")
    assert "my source" in refused(found)
    info = site / "trusted-1.0.dist-info"
    if how == ".pth":
        (site / "_trusted.pth").write_text(str(source), encoding="utf-8")
        (info / "RECORD").write_text("_trusted.pth,,\n", encoding="utf-8")
    else:
        document = {"url": source.as_uri(), "dir_info": {"editable": True}}
        (info / "direct_url.json").write_text(json.dumps(document), encoding="utf-8")
    refuse_foreign_module(found)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"url": 3}', '{"url": "file:///", "dir_info": {}}', "[" * 100_000])
def test_a_broken_direct_url_file_makes_nothing_editable(site: Path, tmp_path: Path, text: str) -> None:
    (site / "trusted-1.0.dist-info" / "direct_url.json").write_text(text, encoding="utf-8")
    (tmp_path / "first" / "origin_acme.py").touch()
    assert "first" in refused(candidate(site))


@pytest.mark.parametrize(("only", "ran"), [("trusted", False), ("", True)])
def test_a_foreign_module_does_not_run_under_an_allow_list(
    environment: Callable[..., Any], tmp_path: Path, only: str, *, ran: bool
) -> None:
    write_distribution(tmp_path / "site", "trusted", GROUPS, origin_acme=CODE)
    write_distribution(tmp_path / "other", "evil", "", origin_acme=f"print('ran')\n{textwrap.dedent(CODE)}")
    variables = {"PYTHONPATH": f"{tmp_path / 'other'}:{tmp_path / 'site'}", "FLOE_PLUGINS_ONLY": only}
    config = tmp_path / "floe.toml"
    config.write_text('registry = {autoload = "all"}\n', encoding="utf-8")
    done = environment().run(["-m", "floe_plugins", "check", "--config", str(config)], env=variables, check=False)
    assert ("ran" in done.stderr.split()) is ran
    assert done.returncode == (0 if ran else 1)
    assert ("Python would import 'origin_acme'" in done.stdout) is not ran


def test_a_record_that_is_too_long_counts_as_none(site: Path) -> None:
    record = site / "trusted-1.0.dist-info" / "RECORD"
    record.write_text("other.py,,\n".ljust(1 << 24, "\n"), encoding="utf-8")
    assert "not a file of the distribution" in refused(candidate(site))
    record.write_text("other.py,,\n".ljust((1 << 24) + 1, "\n"), encoding="utf-8")
    refuse_foreign_module(candidate(site))
