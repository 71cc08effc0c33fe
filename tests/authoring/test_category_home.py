"""What a plugin's project says of the platform that it is for."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import pytest
from support import write_distribution

from floe_plugins import FLOE, Category, Platform, PluginMetadata, PluginType
from floe_plugins.authoring.category_home import distribution_of, home_of


class Source(PluginMetadata):
    site_api_version: str


SITE = Platform("site", "1.0", [Category("source", "site.sources", f"{__name__}:Source")])
[SOURCE] = SITE.categories


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])


def test_floes_own_categories_need_nothing_but_this_package() -> None:
    home = home_of(PluginType.SECRETS, FLOE)
    assert (home.module, home.requirements, home.words["conformance"]) == ("floe_plugins", (), "SecretsConformance")
    assert home.words["import_platform"] == ""


def test_of_another_platform_the_module_with_the_platform_is_found() -> None:
    home = home_of(SOURCE, SITE)
    assert (home.module, home.words["import_platform"]) == (__name__, f"from {__name__} import SITE")
    assert (home.words["command"], home.words["file"]) == ("site", "site.toml")


def test_a_class_that_its_package_offers_is_imported_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    package, inner = types.ModuleType("site_of_test"), types.ModuleType("site_of_test.api")
    platform = Platform("site", "1.0", [Category("source", "site.sources", "site_of_test.api:Source")])
    vars(inner).update(Source=Source, SITE=platform)
    vars(package).update(Source=Source, __path__=[])
    monkeypatch.setitem(sys.modules, "site_of_test", package)
    monkeypatch.setitem(sys.modules, "site_of_test.api", inner)
    home = home_of(next(iter(platform.categories)), platform)
    assert (home.module, home.words["import_platform"]) == ("site_of_test", "from site_of_test.api import SITE")


@pytest.mark.parametrize(
    ("spec", "why"),
    [("nowhere_at_all:Source", "cannot be imported: ModuleNotFoundError"), ("pathlib:Path", "has the platform other")],
)
def test_what_cannot_be_found_is_said(spec: str, why: str) -> None:
    other = Platform("other", "1.0", [Category("source", "other.sources", spec)])
    with pytest.raises(ValueError, match=why):
        home_of(next(iter(other.categories)), other)


def test_the_distribution_is_that_of_the_command_line_where_its_modules_are_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_distribution(tmp_path, "site-host", f"[console_scripts]\nsite = {__name__}:main\n")
    write_distribution(tmp_path, "other", "[console_scripts]\nsite = elsewhere:main\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert distribution_of(SOURCE, SITE) == ("site-host", "1.0")


def test_a_distribution_that_is_not_known_is_left_out() -> None:
    assert distribution_of(SOURCE, SITE) is None
    assert home_of(SOURCE, SITE).requirements == ()
