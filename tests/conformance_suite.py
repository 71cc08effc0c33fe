"""What the tests of the conformance suite share: run rules on a plugin, and find the rules that it breaks."""

from __future__ import annotations

from typing import Any

from floe_plugins.testing import PluginConformance
from floe_plugins.testing.conformance.runner import Result, rules, run


def conformance(base: type[Any], plugin: type[Any], **attributes: Any) -> type[Any]:
    """A conformance class for a plugin."""
    return type(f"Test{plugin.__name__}", (base,), {"plugin": plugin, **attributes})


def own_rules(cls: type[Any]) -> list[str]:
    """The rules that a category adds to those of all plugins."""
    return sorted(rules(cls, without=PluginConformance))


def check(cls: type[Any]) -> Result:
    """What comes of the rules of the class's category."""
    return run(cls, own_rules(cls))


def broken(cls: type[Any]) -> dict[str, str]:
    """The rules of the category that a plugin breaks, and what was seen."""
    return {name: error.seen for name, error in check(cls).failed.items()}
