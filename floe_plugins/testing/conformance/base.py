"""The base class of all conformance classes: the rules for plugins of every category."""

from __future__ import annotations

from floe_plugins.testing.conformance.case import Case


class PluginConformance(Case):
    """The rules that plugins of all categories keep. Use the class of your plugin's category, which adds its own."""
