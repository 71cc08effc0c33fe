"""What callers write, for type checkers: each line that is wrong says so, and is reported if it is not."""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing_extensions import assert_type

from floe_plugins import ComputePlugin, PluginRegistry, PluginType, SecretsPlugin, StoragePlugin, TelemetryBackendPlugin
from floe_plugins.hookspecs import ObjectInfo


def lists(registry: PluginRegistry) -> None:
    assert_type(registry.list(SecretsPlugin), list[SecretsPlugin])
    assert_type(registry.list(PluginType.COMPUTE), list[ComputePlugin])


def single(registry: PluginRegistry) -> None:
    assert_type(registry.get(SecretsPlugin, "env"), SecretsPlugin)
    assert_type(registry.get(PluginType.SECRETS, "env"), SecretsPlugin)
    assert_type(registry.one(PluginType.STORAGE), StoragePlugin)
    registry.get(PluginType.SECRETS, "env").secret_nmaes()  # type: ignore[attr-defined]


async def waits(registry: PluginRegistry) -> None:
    assert_type(await registry.aget(PluginType.SECRETS, "env"), SecretsPlugin)


def hooks(registry: PluginRegistry) -> None:
    hook = registry.manager(SecretsPlugin).hook
    assert_type(hook.secret_names(prefix=""), "tuple[str, ...] | None")
    hook.secret_nmaes()  # type: ignore[attr-defined]
    hook.secret_names(prefx="")  # type: ignore[call-arg]
    registry.manager(PluginType.STORAGE).hook.get_secret(key="a")  # type: ignore[attr-defined]
    assert_type(registry.manager(StoragePlugin).hook.list(prefix=""), "tuple[ObjectInfo, ...] | None")
    for sent in registry.manager(TelemetryBackendPlugin).hook.flush(deadline=1.0):
        assert_type(sent, bool)


FOUND = ObjectInfo
