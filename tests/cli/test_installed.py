"""What the commands that run no plugin tell of plugins."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import named, new_registry, write_distribution

from floe_plugins import PluginRegistry, PluginType
from floe_plugins.cli.exit import CommandError
from floe_plugins.cli.installed import InstalledPlugins


@pytest.fixture
def installed(tmp_path: Path) -> InstalledPlugins:
    plugin = "from floe_plugins import SecretsPlugin\nclass Plugin(SecretsPlugin):\n    floe_api_version = '9.0'\n"
    write_distribution(tmp_path, "acme", "[floe.secrets]\na = one:Plugin\ntwice = one:Plugin\nbad\n", one=plugin)
    write_distribution(tmp_path, "other", "[floe.storage]\ntwice = one:Plugin\n")
    return InstalledPlugins(PluginRegistry(path=[str(tmp_path)], environ={}))


def test_a_name_of_one_plugin_is_found_and_one_of_two_is_not(installed: InstalledPlugins) -> None:
    assert str(installed.find("a")) == "secrets:a"
    assert str(installed.find("storage:twice")) == "storage:twice"
    with pytest.raises(CommandError, match=re.escape("Did you mean secrets:twice or storage:twice?")) as caught:
        installed.find("twice")
    assert caught.value.status == 2


def test_problems_of_a_category_are_its_own_and_those_of_distributions(installed: InstalledPlugins) -> None:
    refs = {str(problem.ref) for problem in installed.problems(PluginType.SECRETS)}
    assert refs == {"None", "secrets:a", "secrets:twice"}
    assert {str(problem.ref) for problem in installed.problems(PluginType.STORAGE)} == {"None", "storage:twice"}


def test_facts_say_refused_where_the_registry_says_discovered(installed: InstalledPlugins) -> None:
    facts = installed.facts(installed.find("a"))
    assert (facts["state"], facts["selected"]) == ("refused", True)


def test_a_plugin_registered_in_code_has_no_place() -> None:
    registry = new_registry()
    [ref] = registry.register(named("own"))
    assert InstalledPlugins(registry).details(ref).file is None
