"""Explain the settings of one plugin, or a field of them, with the plugin's schema."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from floe_plugins.cli.host.process import Result
from floe_plugins.cli.host.session import Session
from floe_plugins.configuration.model import Configuration
from floe_plugins.core.refs import PluginRef
from floe_plugins.errors import PluginError
from floe_plugins.reporting.explanation import Explanation, UnknownFieldError, explain, split
from floe_plugins.reporting.schema_calls import call_each


def run(session: Session) -> Result:
    """Return what is known of the field. Of all plugins, only the one that the options name is loaded.

    Raises:
        PluginError: There is no such plugin, it cannot be loaded, or its schema does not answer.
    """
    registry = session.registry()
    ref = registry.platform.ref(session.options["ref"])
    registry._services().load(ref)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] the host is part of the platform
    path = split(session.options["field"])
    calls = call_each(registry, partial(_explain, registry.configuration, path), [ref])
    for problem in calls.problems:
        error = PluginError(problem.message, ref=ref, distribution=problem.distribution, hint=problem.hint)
        error.exception = getattr(problem.cause, "exception", None)
        raise error
    found = calls.results[ref]
    if isinstance(found, UnknownFieldError):
        raise found
    facts = {**found.to_dict(), "issues": session.issues(found.issues)}
    return Result({"configuration": registry.configuration.file, "ref": str(ref), **facts})


def _explain(
    configuration: Configuration, path: Sequence[str], ref: PluginRef, plugin: object, distribution: str | None
) -> Explanation | UnknownFieldError:
    try:
        return explain(configuration, ref, plugin, distribution, path)
    except UnknownFieldError as error:
        return error.with_traceback(None)
