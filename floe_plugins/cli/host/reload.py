"""Read the configuration file again, and restart the plugins whose settings have changed."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs

from floe_plugins.cli.host.validation import validate
from floe_plugins.configuration.issues import configuration_error
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.settings import PluginSettings
from floe_plugins.configuration.standard_input import MARK, NAME
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState
from floe_plugins.errors import PluginConfigurationError, PluginError
from floe_plugins.registry.facade import PluginRegistry
from floe_plugins.reporting.schema_calls import call_each

_RESTART = "restart the platform for it"


@attrs.define(eq=False)
class Reload:
    """One reading of the configuration file while its platform runs.

    A plugin whose settings have changed is stopped with its dependents, configured and started again. If the settings
    are wrong, it goes on as it is, and if it does not start with them, it starts with the old ones. What else has
    changed is refused: it needs a new start of the platform. An invalid file changes nothing.
    """

    _registry: PluginRegistry
    _file: str | None
    _lines: list[str] = attrs.field(factory=list, init=False)

    def run(self) -> dict[str, Any]:
        """Apply what can be applied, and return what was done, a line for each change, under ``lines``.

        Blocks while plugins stop and start, each at most for its deadlines. A failure is one of the lines, and not
        raised.
        """
        if self._file is None:
            return {"lines": ["nothing was reloaded: there is no configuration file"]}
        if self._file == MARK:
            return {"lines": [f"nothing was reloaded: the configuration came from {NAME}, which is read once"]}
        try:
            new = load(self._file, platform=self._registry.platform).aligned(
                candidate.ref for candidate in self._registry.candidates()
            )
        except PluginConfigurationError as error:
            return {"lines": [f"nothing was reloaded: {error}"]}
        old = self._registry.configuration
        self._refuse(old, new)
        for ref in sorted(set(old.plugins) & set(new.plugins)):
            if old.settings(ref) != new.settings(ref):
                try:
                    self._lines.append(self._apply(ref, new))
                except PluginError as error:  # what was done for the others is told all the same
                    self._lines.append(f"{ref}: its settings have changed, and it was not restarted: {error}")
        return {"lines": self._lines or ["the configuration was read again: nothing has changed"]}

    def _refuse(self, old: Configuration, new: Configuration) -> None:
        for ref in sorted(set(new.plugins) - set(old.plugins)):
            self._lines.append(f"{ref} is new in the configuration: {_RESTART}")
        for ref in sorted(set(old.plugins) - set(new.plugins)):
            self._lines.append(f"{ref} is no longer in the configuration: {_RESTART}")
        for field in attrs.fields(Configuration):
            if field.name in _OF_THE_PLATFORM and getattr(old, field.name) != getattr(new, field.name):
                self._lines.append(f"registry.{field.name} has changed: {_RESTART}")

    def _apply(self, ref: PluginRef, new: Configuration) -> str:
        registry, settings = self._registry, new.settings(ref)
        if registry.state(*ref) is not PluginState.STARTED:
            self._set(ref, settings)
            return f"{ref}: its settings have changed; it is not started, and has them when it is"
        error = self._error(ref, new)
        if error is not None:
            return f"{ref}: its new settings are refused, it goes on with the old ones: {error}"
        # Not what registry.resolve() returns: it raises where any plugin of the platform cannot be started.
        before = [info.ref for info in registry.infos() if info.state is PluginState.STARTED]
        stopped = registry.stop(*ref)
        if not stopped.ok:
            return f"{ref}: its settings have changed, and it could not be stopped: {stopped.message}"
        old = self._set(ref, settings)
        failure = self._failure(ref)
        if not failure:
            return f"{ref}: its settings have changed; {self._start(before)}"
        self._set(ref, old)
        failed_again = self._failure(ref)
        then = f"with the old ones neither: {failed_again}" if failed_again else "it goes on with the old ones"
        return f"{ref}: it did not start with its new settings, {then}: {failure}; {self._start(before)}"

    def _error(self, ref: PluginRef, new: Configuration) -> PluginError | None:
        """Return what is wrong with the new settings of a plugin, which goes on meanwhile."""
        calls = call_each(self._registry, partial(validate, new), [ref])
        for problem in calls.problems:
            return PluginError(problem.message, ref=ref, distribution=problem.distribution, hint=problem.hint)
        issues = calls.results[ref].issues
        return configuration_error(*issues) if issues else None

    def _failure(self, ref: PluginRef) -> str:
        """Start a plugin, and return why it did not; empty if it did."""
        try:
            outcome = self._registry.start(*ref)
        except PluginError as error:
            return str(error)
        return "" if outcome.ok else outcome.message

    def _set(self, ref: PluginRef, settings: PluginSettings) -> PluginSettings:
        """Put the settings of one plugin in force for its next start, and return those before."""
        store = self._registry._store  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] no application may do this
        old = store.configuration.settings(ref)
        store.configuration = attrs.evolve(store.configuration, plugins={**store.configuration.plugins, ref: settings})
        return old

    def _start(self, refs: list[PluginRef]) -> str:
        registry = self._registry
        failed: list[str] = []
        for ref in refs:
            if registry.state(*ref) is PluginState.STOPPED:
                self._failure(ref)
            if registry.state(*ref) is not PluginState.STARTED:
                failed.append(f"{ref} was not started again, it is {registry.state(*ref)}")
        return "; ".join(failed) or "it was restarted, and what depends on it"


_OF_THE_PLATFORM = frozenset({"autoload", "disable", "only", "required", "timeouts", "workers"})
