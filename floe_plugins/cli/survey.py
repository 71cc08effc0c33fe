"""What ``list``, ``show`` and ``graph`` tell of plugins. Imports none of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef, PluginType

if TYPE_CHECKING:
    from floe_plugins.cli.options import Options
    from floe_plugins.registry.facade import PluginRegistry
    from floe_plugins.registry.overview import Overview
    from floe_plugins.registry.plugin_info import PluginInfo

_NO_FILE = "none (no floe.toml, floe.yaml or floe.json here, and none named)"


class Survey:
    """All plugins of the configured registry, as the commands show them."""

    def __init__(self, registry: PluginRegistry) -> None:
        self.registry = registry
        self.overview: Overview = registry.overview()

    @classmethod
    def make(cls, options: Options) -> Survey:
        """Return the survey of what the options configure.

        Raises:
            PluginConfigurationError: the configuration cannot be read.
        """
        return cls(options.registry())

    @property
    def configuration(self) -> str | None:
        """The configuration file that is in force, if there is one."""
        return self.registry.configuration.file

    def configuration_line(self) -> str:
        """Return a line that says which configuration file is in force."""
        return f"configuration: {self.configuration or _NO_FILE}"

    def state(self, ref: PluginRef) -> str:
        """Return the state of a plugin, ``refused`` where the version check is known to refuse it."""
        info = self.overview.infos[ref]
        return "refused" if info.refused else info.state.value

    def infos(self, category: PluginType | None = None) -> list[PluginInfo]:
        """Return what is known of the plugins of a category, or of all, by ref."""
        return [info for ref, info in self.overview.infos.items() if category in {None, ref.type}]

    def facts(self, ref: PluginRef) -> dict[str, Any]:
        """Return what is known of a plugin as JSON data."""
        facts: Mapping[str, Any] = self.overview.infos[ref].to_dict()
        chosen = {"selected": self.overview.selected(ref), "reason": self.overview.reasons[ref]}
        return {**facts, "state": self.state(ref), **chosen}

    def problems(self, category: PluginType | None = None) -> tuple[Problem, ...]:
        """Return all problems, without those that are known to concern other categories."""
        of_plugins: Iterable[Problem] = (problem for info in self.infos() for problem in info.problems)
        # Discovery and the plugin may both report the same problem.
        known = dict.fromkeys((*self.registry.problems, *of_plugins))
        return tuple(each for each in known if category is None or each.ref is None or each.ref.type is category)
