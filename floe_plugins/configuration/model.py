"""The configuration of a platform as a record, before plugins' schemas validate it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from floe_plugins.core.lazy import LazyModule
from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef

if TYPE_CHECKING:
    # Every process creates a configuration, but most have an empty one and need none of these modules.
    from floe_plugins.configuration import file as _sources
    from floe_plugins.configuration import issues as _issues
    from floe_plugins.configuration import settings as _settings
else:
    _issues = LazyModule("floe_plugins.configuration.issues")
    _settings = LazyModule("floe_plugins.configuration.settings")
    _sources = LazyModule("floe_plugins.configuration.file")


def normalize_key(key: str) -> str:
    """Return a key in lower case with ``_`` for ``-``, as environment variables spell it.

    >>> normalize_key("Max-Size")
    'max_size'
    """
    return key.lower().replace("-", "_")


def normalize_ref(ref: PluginRef) -> PluginRef:
    """Return the ref with its name as environment variables spell it.

    >>> str(normalize_ref(PluginRef.parse("secrets:my-vault")))
    'secrets:my_vault'
    """
    return PluginRef(ref.type, normalize_key(ref.name))


def _refs(plugins: Mapping[PluginRef, _settings.PluginSettings]) -> str:
    return "<" + ", ".join(str(ref) for ref in plugins) + ">"


@attrs.frozen(kw_only=True)
class Configuration(Record):
    """The configuration of a platform. ``repr`` and ``to_dict`` contain no values of plugins' settings.

    It holds what file, environment and arguments say, before the schemas of plugins have seen it: ``registry.config``
    returns what they make of it. It cannot be changed; one record may be given to several registries.

    Attributes:
        file: The file that was read; None for a mapping and for the environment alone.
        autoload: Which installed plugins are selected: "all", "configured" (those with settings, and the required ones;
            what they need is started with them) or "none", with which no other can be had either.
        disable: Refs (``compute:spark``), categories (``compute``) and ``distribution:NAME`` that are never imported.
        only: The distributions whose plugins may be loaded; None allows all.
        required: Plugins that must run for the platform to be up.
        timeouts: Timeouts in seconds for ``load``, ``configure``, ``startup``, ``shutdown`` and ``health``; for all
            plugins together, ``startup_total`` and ``shutdown_total``. What is missing has its default.
        plugin_timeouts: Timeouts of single plugins, in seconds. They take precedence over ``timeouts``.
        workers: The maximum number of plugins that start concurrently; None for the registry's default.
        plugins: The settings of each plugin that has a table or a variable.
        issues: The issues that ``load`` collected instead of raising them.
        source: The text of the file that was read.

    >>> configuration = Configuration(autoload="none", required=(PluginRef.parse("compute:duckdb"),))
    >>> configuration.autoload
    'none'
    >>> configuration.to_dict()["required"]
    ['compute:duckdb']
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
        """The distribution that must provide each pinned plugin; a plugin that is not in it may come from any."""
        return {ref: pin for ref, settings in self.plugins.items() if (pin := settings.distribution)}

    def settings(self, ref: PluginRef) -> _settings.PluginSettings:
        """Return the settings of a plugin, including variables that spell its name with ``_`` for ``-``.

        A plugin without settings has empty ones. They may contain secrets; their ``repr`` contains no values.

        >>> from floe_plugins.configuration.loader import load
        >>> found = load({"plugins": {"compute": {"duckdb": {"threads": 4}}}}, environ={})
        >>> found.settings(PluginRef.parse("compute:duckdb")).table["threads"]
        4
        """
        found = self.plugins.get(ref)
        if found is not None:
            return found
        from floe_plugins.configuration.settings import EMPTY_SETTINGS

        found = self.plugins.get(normalize_ref(ref), EMPTY_SETTINGS)
        return EMPTY_SETTINGS if found.table else found

    def aligned(self, known: Iterable[PluginRef]) -> Configuration:
        """Return a copy in which settings from variables are stored under the refs of known plugins.

        So ``my-plugin`` gets the settings that ``MY_PLUGIN`` in a variable refers to. A name that
        matches no known plugin, or several, does not change.
        """
        if not self.plugins:
            return self
        refs = set(known)
        matches: dict[PluginRef, list[PluginRef]] = {}
        for ref in refs - self.plugins.keys():
            matches.setdefault(normalize_ref(ref), []).append(ref)
        plugins: dict[PluginRef, _settings.PluginSettings] = {}
        for ref, settings in self.plugins.items():
            found = [] if ref in refs or settings.table else matches.get(ref, [])
            plugins[found[0] if len(found) == 1 else ref] = settings
        return attrs.evolve(self, plugins=plugins) if plugins.keys() != self.plugins.keys() else self

    def with_arguments(self, ref: PluginRef, arguments: Mapping[str, Any]) -> Configuration:
        """Return a copy in which these values take precedence over the environment and the file."""
        settings = attrs.evolve(self.settings(ref), arguments=arguments)
        return attrs.evolve(self, plugins={**self.plugins, ref: settings})

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values. Plugins have their pin, version and the names of their settings."""
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
