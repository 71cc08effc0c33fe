"""Load a configuration from a file or a mapping, and from the environment."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from floe_plugins.configuration.model import Configuration, normalize_ref
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import PluginRef
from floe_plugins.errors import PluginConfigurationError

if TYPE_CHECKING:
    # Most processes have no configuration at all, so parsers are imported only when needed.
    from floe_plugins.configuration.document import Document
    from floe_plugins.configuration.file import ConfigurationFile
    from floe_plugins.configuration.issues import ConfigurationIssue

    _Unread = str | os.PathLike[str] | Mapping[str, Any] | ConfigurationFile

Source = str | os.PathLike[str] | Mapping[str, Any] | Configuration


def load(
    source: Source | ConfigurationFile | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    collect: bool = False,
    platform: Platform = FLOE,
) -> Configuration:
    """Load a configuration and interpolate its references. Plugins' schemas are not validated.

    Args:
        source: The path of a file, or a mapping with the same content, or what was read of a file. Without a
            source, only the environment is read. A ``Configuration`` is returned unchanged.
        environ: The environment variables; ``os.environ`` by default. Those that begin with
            the platform's prefix, such as ``FLOE_PLUGINS__``, take precedence over the source.
        collect: Store issues in ``Configuration.issues`` instead of raising them, so that they can be
            reported together with those of the plugins' schemas. A file that cannot be read or
            parsed is raised in any case.
        platform: The platform whose configuration it is.

    Raises:
        PluginConfigurationError: The configuration is invalid. ``errors`` contains all issues.

    >>> configuration = load({"plugins": {"compute": {"duckdb": {"path": "${HOME}/db"}}}}, environ={"HOME": "/root"})
    >>> [str(ref) for ref in configuration.plugins]
    ['compute:duckdb']
    >>> load({"registry": {"workers": 0}}, environ={}, collect=True).issues[0].message
    'not a valid number of workers'
    """
    if isinstance(source, Configuration):
        return source
    if environ is None:
        environ = os.environ
    prefix = platform.settings_prefix
    configuration = Configuration() if source is None else _read(_document(source, environ, platform))
    if any(name.startswith(prefix) for name in environ):
        from floe_plugins.configuration.environment import apply_environment

        plugins, issues = apply_environment(configuration.plugins, environ, platform)
        configuration = attrs.evolve(configuration, plugins=plugins, issues=(*configuration.issues, *issues))
    if configuration.issues and not collect:
        from floe_plugins.configuration.issues import raise_issues

        raise_issues(configuration.issues)
    return configuration


def _document(source: _Unread, environ: Mapping[str, str], platform: Platform) -> Document:
    from floe_plugins.configuration.document import Document
    from floe_plugins.configuration.file import ConfigurationFile, read_source

    if isinstance(source, Mapping):
        return Document(source, None, environ, platform)
    if not isinstance(source, (str, os.PathLike, ConfigurationFile)):  # pyright: ignore[reportUnnecessaryIsInstance] as callers may
        message = f"the configuration must be a file, a mapping or a Configuration, not {type(source).__name__}"
        raise PluginConfigurationError(message)
    file = source if isinstance(source, ConfigurationFile) else read_source(source, platform)
    return Document(file.parse(), file, environ, platform)


def not_installed(
    configuration: Configuration, known: Iterable[PluginRef], *, switched_off: bool = False
) -> list[ConfigurationIssue]:
    """Return an issue for each configured or required plugin that is not among the known ones.

    With ``switched_off``, nobody has looked for installed plugins, and the issues say so.

    >>> configuration = load({"registry": {"required": ["compute:duckdb"]}}, environ={})
    >>> [issue.message for issue in not_installed(configuration, known=[])]
    ['no installed distribution provides compute:duckdb']
    """
    from floe_plugins.configuration.issues import MAX_LINES

    names = {str(ref) for ref in known}
    normalized = {normalize_ref(ref) for ref in known}
    issues: list[ConfigurationIssue] = []
    for ref in dict.fromkeys((*configuration.plugins, *configuration.required)):
        settings = configuration.plugins.get(ref)
        by_variable = ref in normalized and (settings is None or not settings.table)
        if str(ref) not in names and not by_variable:
            # Looking for similar refs takes long, and a message lists no more issues.
            similar = names if len(issues) < MAX_LINES else ()
            issues.append(_missing(configuration, ref, similar, switched_off=switched_off))
    return issues


def _missing(
    configuration: Configuration, ref: PluginRef, known: Iterable[str], *, switched_off: bool
) -> ConfigurationIssue:
    from floe_plugins.configuration.issues import ConfigurationIssue, dotted
    from floe_plugins.configuration.sections import close_to

    path = ("plugins", ref.type.slug, ref.name) if ref in configuration.plugins else ("registry", "required")
    source = configuration.source
    settings = configuration.plugins.get(ref)
    variables = settings.variables if settings else {}
    in_file = source is not None and (source.contains(path) or not variables)
    close = close_to(ref, known)
    # A guessed name would invite anybody to register it; a pin is what the operator knows to exist.
    pin = settings.distribution if settings else None
    group = f"a distribution with an entry point {ref.name!r} in the group {ref.type.group}"
    install = "Register it, or switch installed plugins on" if switched_off else f"Install {pin or group}"
    message = f"no installed distribution provides {ref}"
    if switched_off:
        message = f"{ref} is not registered, and installed plugins are switched off (autoload is none)"
    return ConfigurationIssue(
        path=dotted(path),
        rule="switched_off" if switched_off else "not_installed",
        message=message,
        hint=f"{close} {install}".strip(),
        variable=None if in_file or not variables else next(iter(variables.values())).name,
        ref=ref,
        **(source.where(path) if source and in_file else {}),
    )


def _read(document: Document) -> Configuration:
    from floe_plugins.configuration.sections import read_sections

    registry, plugins = read_sections(document)
    fields: dict[str, Any] = {"autoload": "configured", **registry}
    return Configuration(
        **fields,
        file=document.source.file if document.source else None,
        plugins=plugins,
        issues=tuple(document.issues),
        source=document.source,
    )
