"""The configuration as a record: what each source says, before any schema is asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from floe_plugins.core.lazy import LazyModule
from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef

if TYPE_CHECKING:
    # Every process makes one of these; most have nothing to say in it.
    from floe_plugins.configuration import file as _sources
    from floe_plugins.configuration import issues as _issues
    from floe_plugins.configuration import settings as _settings
else:
    _issues = LazyModule("floe_plugins.configuration.issues")
    _settings = LazyModule("floe_plugins.configuration.settings")
    _sources = LazyModule("floe_plugins.configuration.file")

VARIABLE_PREFIX = "FLOE_PLUGINS__"


def _refs(plugins: Mapping[PluginRef, _settings.PluginSettings]) -> str:
    return "<" + ", ".join(str(ref) for ref in plugins) + ">"


@attrs.frozen(kw_only=True)
class Configuration(Record):
    """What one file or mapping and the environment say. Neither ``repr`` nor ``to_dict`` shows a plugin's values.

    Attributes:
        file: where it was read from; None for a mapping and for the environment alone.
        autoload: which plugins are selected: "all", the "configured" ones, or "none".
        disable: refs (``compute:spark``), categories (``compute``) and ``distribution:NAME`` that are never imported.
        only: the distributions whose plugins may be loaded; None allows all.
        required: plugins without which the platform is not up.
        timeouts: deadlines in seconds for ``load``, ``configure``, ``startup``, ``shutdown`` and ``health``.
        plugin_timeouts: the same for single plugins, which win.
        workers: how many plugins start side by side; None leaves it to the registry.
        plugins: the settings of each plugin that is mentioned.
        issues: mistakes that were collected instead of raised.
    """

    file: str | None = None
    autoload: str = "all"
    disable: tuple[str, ...] = ()
    only: tuple[str, ...] | None = None
    required: tuple[PluginRef, ...] = ()
    timeouts: Mapping[str, float] = attrs.field(factory=dict[str, float])
    plugin_timeouts: Mapping[PluginRef, Mapping[str, float]] = attrs.field(factory=dict[PluginRef, Mapping[str, float]])
    workers: int | None = None
    plugins: Mapping[PluginRef, _settings.PluginSettings] = attrs.field(factory=dict, repr=_refs)
    issues: tuple[_issues.ConfigurationIssue, ...] = ()
    source: _sources.ConfigurationFile | None = attrs.field(default=None, repr=False, eq=False)

    @property
    def pins(self) -> Mapping[PluginRef, str]:
        """The distribution that each pinned plugin must come from."""
        return {ref: pin for ref, settings in self.plugins.items() if (pin := settings.distribution)}

    def settings(self, ref: PluginRef) -> _settings.PluginSettings:
        """What is said about a plugin, also by variables that spell its name with ``_`` for ``-``."""
        found = self.plugins.get(ref)
        if found is not None:
            return found
        from floe_plugins.configuration.settings import NOTHING

        spelt = PluginRef(ref.type, ref.name.replace("-", "_"))
        found = self.plugins.get(spelt, NOTHING)
        return NOTHING if found.table else found

    def aligned(self, known: Iterable[PluginRef]) -> Configuration:
        """A copy in which what only variables say is filed under the known refs, ``my-plugin`` for ``MY_PLUGIN``.

        A name that fits no known ref, or several, stays as it is.
        """
        refs = set(known)
        spelt: dict[PluginRef, list[PluginRef]] = {}
        for ref in refs - self.plugins.keys():
            spelt.setdefault(PluginRef(ref.type, ref.name.replace("-", "_")), []).append(ref)
        plugins = {
            spelt[ref][0] if ref not in refs and not settings.table and len(spelt.get(ref, ())) == 1 else ref: settings
            for ref, settings in self.plugins.items()
        }
        return attrs.evolve(self, plugins=plugins) if plugins.keys() != self.plugins.keys() else self

    def with_arguments(self, ref: PluginRef, arguments: Mapping[str, Any]) -> Configuration:
        """A copy in which these values win over the environment and the file."""
        settings = attrs.evolve(self.settings(ref), arguments=arguments)
        return attrs.evolve(self, plugins={**self.plugins, ref: settings})

    def to_dict(self) -> dict[str, Any]:
        """The fields as JSON can hold them; of plugins the pins and the names of their settings alone."""
        plugins = {
            str(ref): {
                "distribution": settings.distribution,
                "config_version": settings.config_version,
                "settings": sorted({*map(str, settings.table), *(str(path[0]) for path in settings.variables)}),
            }
            for ref, settings in self.plugins.items()
        }
        described = attrs.evolve(self, plugins={}, source=None)
        fields = super(Configuration, described).to_dict()
        del fields["source"]
        return {**fields, "plugins": plugins}
