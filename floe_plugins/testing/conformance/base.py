"""The base class of all conformance classes: the rules for plugins of every category."""

from __future__ import annotations

from floe_plugins.testing.conformance.general.configuration import ConfigurationRules
from floe_plugins.testing.conformance.general.health import HealthRules
from floe_plugins.testing.conformance.general.importing import ImportRules
from floe_plugins.testing.conformance.general.lifecycle import LifecycleRules
from floe_plugins.testing.conformance.general.metadata import MetadataRules


class PluginConformance(MetadataRules, ConfigurationRules, LifecycleRules, HealthRules, ImportRules):
    """The rules that plugins of all categories keep.

    Use the class of your plugin's category, which adds its own. For a category that floe does not have, this is the
    one; a host derives from it a class with the rules of its category, and with its ``platform``.
    """
