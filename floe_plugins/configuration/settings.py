"""What the operator says about one plugin, before any schema is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from floe_plugins.configuration.issues import KeyPath


@attrs.frozen
class Variable:
    """An environment variable that sets one value of one plugin."""

    name: str
    text: str = attrs.field(repr=False)


_EMPTY: Mapping[Any, Any] = {}  # one for all, since nothing is ever put into it


@attrs.frozen(kw_only=True, slots=False)  # there is one for each plugin, and slots take longer to fill
class PluginSettings:
    """What is said about one plugin, by source. ``repr`` shows no value.

    Attributes:
        table: its table in the file or mapping, references filled in, reserved keys taken out.
        variables: values from the environment by path; names are in lower case.
        arguments: values given in code, which win over all others.
        distribution: the distribution that must provide it (the pin).
        config_version: the version of its schema that the table is written for.
        textual: paths whose value is the text of environment variables alone.
        secret: paths whose value comes from a variable with a secret name.
        faulted: paths that already have a fault.
    """

    table: Mapping[str, Any] = attrs.field(default=_EMPTY, repr=False)
    variables: Mapping[KeyPath, Variable] = attrs.field(default=_EMPTY, repr=False)
    arguments: Mapping[str, Any] = attrs.field(default=_EMPTY, repr=False)
    distribution: str | None = None
    config_version: int | None = None
    textual: frozenset[KeyPath] = attrs.field(default=frozenset(), repr=False)
    secret: frozenset[KeyPath] = attrs.field(default=frozenset(), repr=False)
    paths_with_issues: frozenset[KeyPath] = attrs.field(default=frozenset(), repr=False)


NOTHING = PluginSettings()
