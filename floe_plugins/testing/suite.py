"""The conformance suite of a plugin as tests of pytest that stand in no file."""

from __future__ import annotations

import importlib
import json
import types
from typing import Any

import pytest

from floe_plugins.core.categories import Category
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import FLOE_CATEGORIES
from floe_plugins.core.safe_text import describe_error
from floe_plugins.testing import PluginConformance
from floe_plugins.testing.conformance.case import Case, category_of


def conformance_class(named: str, settings: str, platform: str = "") -> type[Case]:
    """Return the conformance class of the plugin, or the conformance class, that ``MODULE:CLASS`` names.

    ``platform`` is the platform of the plugin, as ``MODULE:NAME`` or as the JSON of ``to_dict``; by default floe.

    Raises:
        UsageError: it cannot be imported, is neither of them, or the settings are no JSON object.
    """
    module, _, name = named.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise pytest.UsageError(f"--floe-plugin {named}: {error}; expected MODULE:CLASS") from None
    try:
        config = json.loads(settings)
    except ValueError as error:
        raise pytest.UsageError(f"floe_plugin_config is no JSON object: {error}") from None
    if isinstance(found, type) and issubclass(found, Case):
        return found
    whose = _platform(platform)
    try:
        category = category_of(found, whose)
    except (TypeError, AttributeError):
        raise pytest.UsageError(
            f"--floe-plugin {named}: it is neither a plugin's class nor a conformance class"
        ) from None
    base = _of_category(category)
    return type(f"Test{name}", (base,), {"plugin": found, "config": config, "platform": whose, "__module__": __name__})


def _platform(named: str) -> Platform:
    if not named:
        return FLOE
    try:
        if named.startswith("{"):
            return Platform.from_dict(json.loads(named))
        module, _, name = named.partition(":")
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError, KeyError, TypeError) as error:
        raise pytest.UsageError(f"--floe-platform {named}: {describe_error(error)}; expected MODULE:NAME") from None
    if not isinstance(found, Platform):
        raise pytest.UsageError(f"--floe-platform {named}: it is no Platform")
    return found


def _of_category(category: Category) -> type[Case]:
    """The conformance class of a category."""
    if category not in FLOE_CATEGORIES:
        return PluginConformance
    try:
        module = importlib.import_module(f"floe_plugins.testing.conformance.{category.slug}")
    except ModuleNotFoundError:
        return PluginConformance
    bases = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, PluginConformance)]
    return next(each for each in bases if each.__module__ == module.__name__)


class SuiteModule(pytest.Module):
    """A module that no file holds, with one conformance class."""

    suite: type[Case]

    @classmethod
    def of(cls, session: pytest.Session, named: str, settings: str, platform: str = "") -> SuiteModule:
        """Return the module of the plugin that ``MODULE:CLASS`` names."""
        suite = conformance_class(named, settings, platform)
        made = cls.from_parent(session, path=session.config.rootpath / named.replace(":", "."), nodeid=named)
        made.suite = suite
        return made

    def _getobj(self) -> types.ModuleType:
        module = types.ModuleType(self.name)
        name = self.suite.__name__
        setattr(module, name if name.startswith("Test") else f"Test{name}", self.suite)
        return module
