"""The base class of all conformance classes: the rules for plugins of every category."""

from __future__ import annotations

from floe_plugins.testing.conformance.general.configuration import ConfigurationRules
from floe_plugins.testing.conformance.general.health import HealthRules
from floe_plugins.testing.conformance.general.importing import ImportRules
from floe_plugins.testing.conformance.general.leftovers import LeavingRules
from floe_plugins.testing.conformance.general.lifecycle import LifecycleRules
from floe_plugins.testing.conformance.general.metadata import MetadataRules


# pytest runs the rules of the last base first: what an engine's import changes is seen by who lets it be imported.
class PluginConformance(MetadataRules, ConfigurationRules, LifecycleRules, HealthRules, ImportRules, LeavingRules):
    """The rules that plugins of all categories keep.

    Use the class of your plugin's category, which adds its own. For a category that floe does not have, this is the
    one; a host derives from it a class with the rules of its category, and with its ``platform``.

    pytest collects a derived class whose name begins with ``Test``, and each rule is a test: it makes an instance of
    the class, and a registry of its own in which the plugin is alone with those that it depends on. Plugins are run
    in this process, except where a rule is about importing them.

    >>> from floe_plugins.testing import PluginConformance
    >>> class TestAcme(PluginConformance):
    ...     plugin = ...  # your class
    ...     plugins = {}  # the classes that it depends on, each with its settings
    ...     seconds = 60  # how long one rule may take
    ...     old_configs = {1: {"pth": "data"}}  # settings of config_version 1, which migrate_config converts
    ...     def settings(self):
    ...         return {"path": str(self.scratch / "data")}
    """
