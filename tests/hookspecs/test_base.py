"""The base of all plugins: declared attributes, and lifecycle hooks that may be left out or be async."""

from __future__ import annotations

import pytest

import floe_plugins
from floe_plugins import FLOE_API_VERSION, HealthState, PluginMetadata, PluginType


class Bare(PluginMetadata):
    name = "bare"
    version = "1.0"
    floe_api_version = "1.0"


def test_the_hooks_of_the_base_do_nothing_and_are_healthy() -> None:
    plugin = Bare()
    assert plugin.startup() is None
    assert plugin.shutdown() is None
    status = plugin.health_check()
    assert (status.state, status.default) == (HealthState.HEALTHY, True)  # type: ignore[union-attr]


def test_what_is_not_declared_has_a_default() -> None:
    plugin = Bare()
    assert (plugin.description, tuple(plugin.dependencies), tuple(plugin.optional_dependencies)) == ("", (), ())
    assert (plugin.config_schema, plugin.config_version, plugin.config) == (None, 1, None)
    assert not plugin.caller_thread


def test_a_migration_step_that_is_not_written_says_so() -> None:
    with pytest.raises(NotImplementedError, match="version 3"):
        Bare.migrate_config(3, {})


@pytest.mark.parametrize("member", PluginType)
def test_every_category_derives_from_the_base(member: PluginType) -> None:
    assert issubclass(member.spec, PluginMetadata)


def test_the_api_version_is_the_one_that_plugins_declare() -> None:
    assert FLOE_API_VERSION == "1.1"
    assert floe_plugins.hookimpl.project_name == floe_plugins.hookspec.project_name == "floe"
