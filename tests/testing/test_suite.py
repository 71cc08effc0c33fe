from __future__ import annotations

import json
import sys

import pytest

from floe_plugins import Category, Platform, PluginMetadata
from floe_plugins.testing import PluginConformance, SecretsConformance
from floe_plugins.testing.suite import conformance_class


def test_a_plugin_is_tested_by_the_class_of_its_category() -> None:
    found = conformance_class("conformance_plugins:Good", '{"size": 3}')
    assert issubclass(found, SecretsConformance)
    assert (found.plugin.__name__, found.config) == ("Good", {"size": 3})


def test_a_conformance_class_is_taken_as_it_is() -> None:
    assert conformance_class("conformance_plugins:GoodConformance", "{}").__name__ == "GoodConformance"


SITE = Platform("site", "1.0", [Category("source", "site.sources", f"{__name__}:Source")])


class Source(PluginMetadata):
    site_api_version: str


class Folder(Source):
    name = version = site_api_version = "1.0"


@pytest.mark.parametrize("named", [f"{__name__}:SITE", json.dumps(SITE.to_dict())])
def test_a_plugin_of_another_platform_is_tested_by_the_general_rules(
    named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    found = conformance_class(f"{__name__}:Folder", "{}", named)
    assert (found.__bases__, found.platform.name) == ((PluginConformance,), "site")
    assert found().category.slug == "source"


@pytest.mark.parametrize(
    ("named", "text"),
    [("nowhere:SITE", "No module named 'nowhere'"), ("pathlib:Path", "it is no Platform"), ("{}", "expected MODULE")],
)
def test_a_platform_that_is_none_is_wrong_usage(named: str, text: str) -> None:
    with pytest.raises(pytest.UsageError, match=text):
        conformance_class("conformance_plugins:Good", "{}", named)


@pytest.mark.parametrize(
    ("named", "settings", "text"),
    [
        ("nowhere:Plugin", "{}", "No module named 'nowhere'"),
        ("conformance_plugins:Missing", "{}", "Missing"),
        ("pathlib:Path", "{}", "neither a plugin's class nor a conformance class"),
        ("conformance_plugins:Good", "{", "no JSON object"),
    ],
)
def test_anything_else_is_wrong_usage(named: str, settings: str, text: str) -> None:
    with pytest.raises(pytest.UsageError, match=text):
        conformance_class(named, settings)
