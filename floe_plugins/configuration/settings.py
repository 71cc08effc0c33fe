"""The settings of one plugin as its sources give them, before validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from floe_plugins.configuration.issues import KeyPath


@attrs.frozen
class Variable:
    """An environment variable that sets one value of one plugin.

    Attributes:
        name: Its name, as the environment spells it.
        text: Its value, which may be secret, and is not in the ``repr``.
    """

    name: str
    text: str = attrs.field(repr=False)


_EMPTY: Mapping[Any, Any] = {}  # shared by all instances and never changed


@attrs.frozen(kw_only=True, slots=False)  # one per plugin; instances with slots take longer to create
class PluginSettings:
    """The settings of one plugin, by source. Its ``repr`` contains no values.

    Attributes:
        table: The plugin's table in the file or mapping, interpolated, without the reserved keys.
        variables: Environment variables by the path that they set. Paths are in lower case.
        arguments: Values passed in code. They take precedence over all others.
        distribution: The distribution that must provide the plugin (the pin).
        config_version: The schema version that the table is written for. None means not stated.
        environment_paths: Paths of values that are the text of one environment variable.
        secret_values: The texts that values got from environment variables with a secret name, by path and variable.
        paths_with_issues: Paths of values that have an issue already.

    >>> settings = PluginSettings(table={"password": "hunter2"}, distribution="acme-duck")
    >>> settings
    PluginSettings(distribution='acme-duck', config_version=None)
    >>> settings.table["password"]
    'hunter2'
    """

    table: Mapping[str, Any] = attrs.field(default=_EMPTY, repr=False)
    variables: Mapping[KeyPath, Variable] = attrs.field(default=_EMPTY, repr=False)
    arguments: Mapping[str, Any] = attrs.field(default=_EMPTY, repr=False)
    distribution: str | None = None
    config_version: int | None = None
    environment_paths: frozenset[KeyPath] = attrs.field(default=frozenset(), repr=False)
    secret_values: Mapping[KeyPath, Mapping[str, str]] = attrs.field(default=_EMPTY, repr=False)
    paths_with_issues: frozenset[KeyPath] = attrs.field(default=frozenset(), repr=False)


EMPTY_SETTINGS = PluginSettings()
