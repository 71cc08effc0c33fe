from __future__ import annotations

from floe_plugins.testing import PluginConformance, SecretsConformance


def test_the_class_of_a_category_has_the_rules_of_all_plugins() -> None:
    assert issubclass(SecretsConformance, PluginConformance)
