"""One configuration from a file or a mapping, and the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from floe_plugins.configuration.model import VARIABLE_PREFIX, Configuration
from floe_plugins.core.refs import PluginRef

if TYPE_CHECKING:
    # Most processes only look up or list plugins and have neither file nor variables: parsers are left to the others.
    from floe_plugins.configuration.content import Content
    from floe_plugins.configuration.issues import ConfigurationIssue

Source = str | os.PathLike[str] | Mapping[str, Any] | Configuration


def load(
    source: Source | None = None, *, environ: Mapping[str, str] | None = None, collect: bool = False
) -> Configuration:
    """What the source and the environment say, with references filled in and no schema asked yet.

    Without a source the environment alone counts. With ``collect``, mistakes
    that leave the rest readable are kept in ``issues`` instead of raised, so that they
    can be reported together with those that the plugins' schemas find.

    Raises:
        PluginConfigurationError: with every mistake found.
    """
    if isinstance(source, Configuration):
        return source
    if environ is None:
        environ = os.environ
    configuration = Configuration() if source is None else _read(_content(source, environ))
    if any(name.startswith(VARIABLE_PREFIX) for name in environ):
        from floe_plugins.configuration.environment import overlay

        plugins, issues = overlay(configuration.plugins, environ)
        configuration = attrs.evolve(configuration, plugins=plugins, issues=(*configuration.issues, *issues))
    if configuration.issues and not collect:
        from floe_plugins.configuration.issues import raise_issues

        raise_issues(configuration.issues)
    return configuration


def _content(source: str | os.PathLike[str] | Mapping[str, Any], environ: Mapping[str, str]) -> Content:
    from floe_plugins.configuration.content import Content
    from floe_plugins.configuration.file import read_source

    if isinstance(source, Mapping):
        return Content(source, None, environ)
    file = read_source(source)
    return Content(file.parse(), file, environ)


def not_installed(configuration: Configuration, known: Iterable[PluginRef]) -> list[ConfigurationIssue]:
    """A fault for every plugin that is configured or required and is not among the known ones."""
    spelt = {str(ref) for ref in known}
    alike = {PluginRef(ref.type, ref.name.replace("-", "_")) for ref in known}
    issues: list[ConfigurationIssue] = []
    for ref in dict.fromkeys((*configuration.plugins, *configuration.required)):
        settings = configuration.plugins.get(ref)
        by_variable = ref in alike and (settings is None or not settings.table)
        if str(ref) not in spelt and not by_variable:
            issues.append(_missing(configuration, ref, spelt))
    return issues


def _missing(configuration: Configuration, ref: PluginRef, known: Iterable[str]) -> ConfigurationIssue:
    from floe_plugins.configuration.issues import ConfigurationIssue, dotted
    from floe_plugins.configuration.sections import close_to

    path = ("plugins", ref.type.slug, ref.name) if ref in configuration.plugins else ("registry", "required")
    source = configuration.source
    line, column = (source.position(path) if source else None) or (None, None)
    settings = configuration.plugins.get(ref)
    variables = settings.variables if settings else {}
    in_file = source is not None and (source.holds(path) or not variables)
    close = close_to(ref, known)
    custom = f"floe-{ref.type.slug}-{ref.name}".replace("_", "-")
    install = f"Install the distribution that provides it, by custom: pip install {custom}"
    return ConfigurationIssue(
        path=dotted(path),
        rule="not_installed",
        message=f"no installed distribution provides {ref}",
        hint=f"{close} {install}".strip(),
        file=source.file if source and in_file else None,
        line=line if in_file else None,
        column=column if in_file else None,
        variable=None if in_file or not variables else next(iter(variables.values())).name,
        ref=ref,
    )


def _read(content: Content) -> Configuration:
    from floe_plugins.configuration.sections import read_sections

    registry, plugins = read_sections(content)
    fields: dict[str, Any] = {"autoload": "configured", **registry}
    return Configuration(
        **fields,
        file=content.source.file if content.source else None,
        plugins=plugins,
        issues=tuple(content.issues),
        source=content.source,
    )
