"""Taking a made plugin in: what it is given, what it may get wrong, and what it says differently than its source."""

from __future__ import annotations

from collections.abc import Sequence

import pluggy

from floe_plugins.core.problem import Problem
from floe_plugins.core.safe_text import describe_error, safe_str
from floe_plugins.core.state import Stage
from floe_plugins.errors import PluginLoadError
from floe_plugins.execution.entry import Entry
from floe_plugins.hookspecs.base import PluginMetadata
from floe_plugins.inspection import static_metadata


def hook_validation_error(entry: Entry, error: Exception) -> PluginLoadError:
    """The error of a plugin that its category's manager did not take in."""
    if isinstance(error, (pluggy.PluginValidationError, ValueError)):
        hint = "A hook takes the arguments that its contract names, or fewer."
        message = f"its hooks do not fit the contract: {' '.join(safe_str(error).split())}"
    else:
        hint = "Tell the plugin's author."
        message = f"looking for its hooks failed with {describe_error(error)}"
    return PluginLoadError(message, ref=entry.ref, distribution=entry.distribution, hint=hint)


def inject(entry: Entry, plugin: PluginMetadata, name: str, value: object) -> None:
    """Set an attribute that plugins get from the platform.

    Raises:
        PluginLoadError: the plugin refuses it.
    """
    try:
        # Frozen attrs and dataclass plugins refuse ordinary assignment.
        object.__setattr__(plugin, name, value)
    except Exception as error:
        message = f"its attribute {name!r} cannot be set: {describe_error(error)}"
        hint = f"Leave {name!r} to the platform: no property, and no __slots__ without it."
        raise PluginLoadError(message, ref=entry.ref, distribution=entry.distribution, hint=hint) from error


def metadata_differences(entry: Entry) -> Sequence[Problem]:
    """Where a loaded plugin says of itself what its source does not."""
    if entry.candidate is None:
        return ()
    known = static_metadata.read(entry.candidate)
    found = []
    for name in ("version", "floe_api_version", "description", "dependencies", "optional_dependencies"):
        declared, real = getattr(known, name), getattr(entry.metadata, name)
        if declared is not None and declared != real:
            found.append(
                Problem(
                    stage=Stage.LOAD,
                    ref=entry.ref,
                    distribution=entry.distribution,
                    message=f"its source declares {name} {declared!r}, the loaded plugin says {real!r}",
                    hint="What the loaded plugin says is in force; tell its author.",
                )
            )
    return found
