"""A pytest plugin that has pluggy's own tests use the manager of a category.

The manager is that of a registry. Only what checks plugins before they reach it is left out, since pluggy's tests
register any objects under any names: ``register`` and ``unregister`` go to the manager's own table.
"""

from __future__ import annotations

from typing import Any

import pluggy
import pytest
from differences import DIFFERENCES

from floe_plugins import PluginRegistry, PluginType
from floe_plugins.loading.plugin_manager import CategoryManager


class AdaptedManager(CategoryManager):
    def __init__(self, project_name: str) -> None:
        registry = PluginRegistry(autoload="none", environ={})
        super().__init__(
            PluginType.SECRETS,
            registry._store,
            load=registry._services().load,
            supervise=registry._services().lifecycle.supervise,
            register=registry.register,
            unregister=self._taken_out,
        )
        self.project_name = project_name  # type: ignore[misc]

    def register(self, plugin: Any, name: str | None = None) -> str | None:
        if plugin is None:
            return None
        name = name or self.get_canonical_name(plugin)
        if self.is_blocked(name):
            return None
        self.add(plugin, name)
        return name

    def _taken_out(self, ref: Any) -> Any:
        plugin = self.get_plugin(ref.name)
        self.remove(ref.name)
        return plugin


_original = pluggy.PluginManager
# The modules of tests, and their conftest.py, take it from here when they are imported.
pluggy.PluginManager = AdaptedManager  # type: ignore[misc]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    pluggy.PluginManager = _original  # type: ignore[misc]
    expected = dict(DIFFERENCES)
    for item in items:
        reason = expected.get(_name(item))
        if reason is not None:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
    missing = expected.keys() - {_name(item) for item in items}
    if missing:
        raise pytest.UsageError(f"pluggy has no such tests: {', '.join(sorted(missing))}")
    if not any("AdaptedManager" in repr(getattr(item.module, "PluginManager", None)) for item in items):
        raise pytest.UsageError("no module of pluggy's tests uses the category's manager")


def _name(item: pytest.Item) -> str:
    return f"{item.path.name}::{getattr(item, 'originalname', item.name)}"
