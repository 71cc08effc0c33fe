from __future__ import annotations

import pytest
from support import Storage, named

from floe_plugins import PluginError, PluginNotFoundError, PluginRegistry, PluginState, SecretsPlugin
from floe_plugins.testing import override

Old = named("vault", version="1.0")
New = named("vault", version="2.0")
User = named("user", Storage, dependencies=("secrets:vault",))


def version(registry: PluginRegistry) -> str:
    return registry.get(SecretsPlugin, "vault").version


def test_the_plugin_is_another_while_the_block_lasts(registry: PluginRegistry) -> None:
    registry.register(Old)
    with override(registry, "secrets:vault", New) as plugin:
        assert plugin is registry.get(SecretsPlugin, "vault")
        assert version(registry) == "2.0"
    assert version(registry) == "1.0"


def test_the_old_one_is_back_when_the_block_raised(registry: PluginRegistry) -> None:
    registry.register(Old)
    with pytest.raises(KeyError), override(registry, "secrets:vault", New):
        raise KeyError
    assert version(registry) == "1.0"


def test_what_ran_runs_again_with_its_dependents(registry: PluginRegistry) -> None:
    registry.register(Old, User)
    with registry:
        with override(registry, "secrets:vault", New):
            assert registry.state(SecretsPlugin, "vault") is PluginState.STARTED
            assert {info.state for info in registry.infos()} == {PluginState.STARTED}
        assert version(registry) == "1.0"
        assert {info.state for info in registry.infos()} == {PluginState.STARTED}


def test_a_plugin_of_another_ref_is_refused_and_the_old_one_stays(registry: PluginRegistry) -> None:
    registry.register(Old)
    refused = pytest.raises(PluginNotFoundError, match="is secrets:other, and not secrets:vault")
    with refused, override(registry, "secrets:vault", named("other")):
        pass
    assert version(registry) == "1.0"
    assert [str(info.ref) for info in registry.infos()] == ["secrets:vault"]


def test_a_plugin_that_does_not_start_is_an_error(registry: PluginRegistry) -> None:
    def fail(_plugin: object) -> None:
        raise OSError("no disk")

    registry.register(Old)
    with registry:
        with (
            pytest.raises(PluginError, match="no disk"),
            override(registry, "secrets:vault", named("vault", startup=fail)),
        ):
            pass
        assert registry.state(SecretsPlugin, "vault") is PluginState.STARTED


def test_what_is_not_there_cannot_be_overridden(registry: PluginRegistry) -> None:
    with pytest.raises(PluginNotFoundError), override(registry, "secrets:vault", New):
        pass
