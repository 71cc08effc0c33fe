"""``config``: checks, describes, shows and renews the configuration file. Nothing is started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import click

from floe_plugins import configuration
from floe_plugins.cli.options import PROBLEMS, USAGE, Options, common, fail
from floe_plugins.cli.output import Output, count
from floe_plugins.configuration import ConfigurationFault
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef, PluginType
from floe_plugins.registry.facade import PluginRegistry


@click.group()
@common
def config(_options: Options) -> None:
    """Check, describe, show and renew the configuration file. Starts nothing."""


@attrs.frozen
class _Loaded:
    """The selected plugins of a registry, as far as they could be loaded."""

    registry: PluginRegistry
    plugins: Mapping[PluginRef, Any]
    problems: Sequence[Problem]

    @property
    def distributions(self) -> dict[PluginRef, str]:
        """Where each plugin comes from, as text."""
        infos = {info.ref: info.distribution for info in self.registry.infos()}
        return {ref: str(infos[ref]) for ref in self.plugins if infos.get(ref)}


def _load(options: Options, file: str | None) -> _Loaded:
    if file is not None:
        options.config = file
    registry = options.registry()
    plugins = {PluginRef(PluginType.of(type(plugin)), plugin.name): plugin for plugin in registry.list()}
    return _Loaded(registry, plugins, [problem for problem in registry.problems if problem.stage != "configure"])


@config.command()
@click.argument("file", required=False)
@common
def validate(options: Options, file: str | None) -> None:
    """Check FILE against the schemas of the installed plugins, and report every mistake at once.

    Exit status 2 if there are mistakes, 1 if a plugin cannot be loaded.
    """
    output = options.output()
    loaded = _load(options, file)
    faults, notices = _examine(loaded)
    if options.json:
        output.json(
            {
                "file": loaded.registry.configuration.file,
                "faults": [fault.to_dict() for fault in faults],
                "notices": notices,
                "problems": [problem.to_dict() for problem in loaded.problems],
            }
        )
    else:
        _print(output, loaded, faults, notices)
    if faults:
        raise SystemExit(USAGE)
    if loaded.problems:
        raise SystemExit(PROBLEMS)


def _examine(loaded: _Loaded) -> tuple[list[ConfigurationFault], list[str]]:
    settings = loaded.registry.configuration
    known = [info.ref for info in loaded.registry.infos()]
    faults = [*settings.faults, *configuration.not_installed(settings, known)]
    notices: list[str] = []
    for ref, plugin in loaded.plugins.items():
        found = configuration.examine(settings, ref, plugin, loaded.distributions.get(ref))
        faults.extend(found.faults)
        notices.extend(found.notices)
    return sorted(dict.fromkeys(faults), key=lambda fault: (fault.file or "", fault.line or 0, fault.path)), notices


def _print(output: Output, loaded: _Loaded, faults: Sequence[ConfigurationFault], notices: Sequence[str]) -> None:
    for text in (*map(str, faults), *notices):
        output.line(text)
    output.problems(loaded.problems)
    mistakes = count(len(faults), "mistake") if faults else "no mistakes"
    place = loaded.registry.configuration.file or "the environment"
    output.line(f"{place}: {mistakes}, {count(len(loaded.plugins), 'plugin')} checked")


@config.command()
@common
def schema(options: Options) -> None:
    """Print the JSON Schema of the whole file, for editors, from all installed plugins that are not disabled."""
    output = options.output()
    registry = options.registry(autoload="all")
    loaded = {PluginRef(PluginType.of(type(plugin)), plugin.name): plugin for plugin in registry.list()}
    known: dict[PluginRef, object] = {info.ref: loaded.get(info.ref) for info in registry.infos()}
    output.document(configuration.json_schema(known))


@config.command()
@click.argument("file", required=False)
@common
def show(options: Options, file: str | None) -> None:
    """Show every value in force and where it comes from; secrets are masked."""
    output = options.output()
    loaded = _load(options, file)
    settings, faults = configuration.effective(loaded.registry.configuration, loaded.plugins, loaded.distributions)
    if options.json:
        output.json({"settings": [each.to_dict() for each in settings], "faults": [each.to_dict() for each in faults]})
    else:
        output.table(("setting", "value", "from"), ((each.path, each.value, each.origin) for each in settings))
        for fault in faults:
            output.line(str(fault))
    if faults:
        raise SystemExit(USAGE)


@config.command()
@click.argument("file", required=False)
@common
def migrate(options: Options, file: str | None) -> None:
    """Print FILE with every plugin's table in its present form; the file itself stays as it is."""
    output = options.output()
    loaded = _load(options, file)
    if loaded.registry.configuration.file is None:
        fail("there is no configuration file here: name one", USAGE)
    new = configuration.migrate_text(loaded.registry.configuration, loaded.plugins, loaded.distributions)
    if options.json:
        output.json({"text": new.text, "changed": [str(ref) for ref in new.changed]})
    else:
        output.text(new.text)
