from __future__ import annotations

import pytest

from floe_plugins.testing import SecretsConformance
from floe_plugins.testing.suite import conformance_class


def test_a_plugin_is_tested_by_the_class_of_its_category() -> None:
    found = conformance_class("conformance_plugins:Good", '{"size": 3}')
    assert issubclass(found, SecretsConformance)
    assert (found.plugin.__name__, found.config) == ("Good", {"size": 3})


def test_a_conformance_class_is_taken_as_it_is() -> None:
    assert conformance_class("conformance_plugins:GoodConformance", "{}").__name__ == "GoodConformance"


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
