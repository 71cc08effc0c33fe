"""The installed plugins as ``list``, ``show`` and ``graph`` print them. Imports no plugin."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from floe_plugins.cli import logs, program
from floe_plugins.cli.exit import USAGE_ERROR, fail
from floe_plugins.cli.help_texts import variables
from floe_plugins.core.candidate import Candidate
from floe_plugins.core.categories import Category
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import escape
from floe_plugins.core.suggestions import closest
from floe_plugins.errors import PluginNotFoundError

if TYPE_CHECKING:
    from floe_plugins.cli.options import Options
    from floe_plugins.registry.facade import PluginRegistry
    from floe_plugins.registry.plugin_info import PluginInfo
    from floe_plugins.reporting.overview import Overview
    from floe_plugins.reporting.static_details import StaticDetails


class InstalledPlugins:
    """All plugins of the configured registry, as the commands show them."""

    def __init__(self, registry: PluginRegistry) -> None:
        self.registry = registry
        from floe_plugins.reporting.overview import overview
        from floe_plugins.reporting.unused_switches import unused_switches

        self.overview: Overview = overview(registry)
        self.warnings = unused_switches(registry, os.environ, variables(registry.platform))

    @classmethod
    def make(cls, options: Options) -> InstalledPlugins:
        """Return those of the configured registry; tell of switches that do nothing, if no document will.

        Raises:
            PluginConfigurationError: the configuration cannot be read.
        """
        installed = cls(options.registry())
        if not options.json and not options.quiet:
            for text in installed.warnings:
                logs.write("warning", f"warning: {escape(text)}")
        return installed

    @property
    def configuration(self) -> str | None:
        """The configuration file that is in force, if there is one."""
        return self.registry.configuration.file

    def configuration_line(self) -> str:
        """Return a line that says which configuration file is in force."""
        return program.configuration_line(self.configuration)

    def nothing(self, category: Category | None = None) -> str:
        """Return a line that says why there is nothing to show."""
        if self.registry.discover().switched_off:
            return "Installed plugins are switched off."
        return f"No {'plugin' if category is None else f'{category.slug} plugin'} is installed."

    def find(self, text: str) -> PluginRef:
        """Return the ref that a text means: a ref, or a name that only one plugin has.

        Exits with status 2 if there is none, and suggests what is close.
        """
        refs = self.overview.infos
        if ":" not in text:
            named = [ref for ref in refs if ref.name == text]
            if len(named) == 1:
                return named[0]
            close = list(map(str, named)) or _closest(text, refs)
            hint = f" Did you mean {' or '.join(close)}?" if close else ""
            fail(
                f"{text!r} is not a ref: expected category:name, such as {self.registry.platform.example}.{hint}",
                USAGE_ERROR,
            )
        try:
            ref = self.registry.platform.ref(text)
            return self.registry.info(ref.type, ref.name).ref
        except (ValueError, PluginNotFoundError) as error:
            fail(str(error), USAGE_ERROR)

    def state(self, ref: PluginRef) -> str:
        """Return the state of a plugin, ``refused`` where the version check is known to refuse it."""
        info = self.overview.infos[ref]
        return "refused" if info.refused else info.state.value

    def infos(self, category: Category | None = None) -> list[PluginInfo]:
        """Return what is known of the plugins of a category, or of all, by ref."""
        return [info for ref, info in self.overview.infos.items() if category in {None, ref.type}]

    def facts(self, ref: PluginRef) -> dict[str, Any]:
        """Return what is known of a plugin as JSON data."""
        facts: Mapping[str, Any] = self.overview.infos[ref].to_dict()
        chosen = {"selected": self.overview.selected(ref), "reason": self.overview.reasons[ref]}
        return {**facts, "state": self.state(ref), **chosen}

    def details(self, ref: PluginRef) -> StaticDetails:
        """Return what the source of a plugin's class says of it."""
        from floe_plugins.reporting.static_details import UNKNOWN, details_of

        distribution, value = self.overview.infos[ref].distribution, self.overview.infos[ref].entry_point
        if distribution is None or value is None:
            return UNKNOWN
        return details_of(Candidate(ref, value, distribution))

    def place(self, ref: PluginRef) -> str:
        """Return where the class of a plugin is, or why what it declares is not known before it is loaded."""
        info, details = self.overview.infos[ref], self.details(ref)
        if details.file:
            return f"{details.file}:{details.line}"
        if info.distribution is None or info.entry_point is None:
            return "known when loaded"
        where = f" in {info.distribution.path}" if info.distribution.path else ""
        return f"no source of {info.entry_point} found{where}: its module is missing, or is imported from elsewhere"

    def problems(self, category: Category | None = None) -> tuple[Problem, ...]:
        """Return all problems, without those that are known to concern other categories."""
        of_plugins: Iterable[Problem] = (problem for info in self.infos() for problem in info.problems)
        # Discovery and the plugin may both report the same problem.
        known = dict.fromkeys((*self.registry.problems, *of_plugins))
        return tuple(each for each in known if category is None or each.ref is None or each.ref.type == category)


def _closest(name: str, refs: Iterable[PluginRef]) -> list[str]:
    """Return the refs whose name is close to a text, or that are close to it themselves."""
    known = list(refs)
    names = closest(name, {ref.name for ref in known}, 3)
    return [str(ref) for each in names for ref in known if ref.name == each] or closest(name, map(str, known), 3)
