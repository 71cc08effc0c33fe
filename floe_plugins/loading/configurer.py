"""Validate the configuration of loaded plugins, and hand it to them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import attrs

from floe_plugins.configuration.issues import raise_issues
from floe_plugins.configuration.loader import not_installed
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.redaction.sources import redactor_of_model
from floe_plugins.configuration.schema.error_reporter import BROKEN_SCHEMA
from floe_plugins.configuration.schema.validation import validate_and_log
from floe_plugins.configuration.values import TOO_DEEP, is_too_deep
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.entries.entry import Entry
from floe_plugins.entries.store import EntryStore
from floe_plugins.errors import PluginConfigurationError, PluginError, PluginTimeoutError
from floe_plugins.hookspecs.base import PluginMetadata
from floe_plugins.loading.loader import Loader
from floe_plugins.loading.registration import inject


@attrs.frozen(eq=False)
class Configurer:
    """Configures the plugins of one registry."""

    store: EntryStore
    loader: Loader

    def configure(self, entry: Entry, arguments: Mapping[str, Any] | None = None) -> None:
        """Validate a loaded plugin's configuration and hand it over; runs plugin code on the calling thread.

        It is not handed over if nobody waits for the call any more.

        Args:
            entry: The plugin.
            arguments: Configuration that wins over all other; by default what it was given by argument before.

        Raises:
            PluginConfigurationError: It is invalid.
        """
        plugin = self.loader.load(entry)
        arguments = entry.overrides if arguments is None else arguments
        if self.is_needed(entry, arguments):
            with self.store.events.call(entry.ref, Stage.CONFIGURE, self.store.timeout(entry, Stage.CONFIGURE)):
                self._validate(self.store.configuration, entry, plugin, arguments)

    def is_needed(self, entry: Entry, arguments: Mapping[str, Any] | None = None) -> bool:
        """Return whether a loaded plugin has a schema or settings. Without them, none of its code runs.

        Most plugins without a schema have no settings either, and need no pydantic.
        """
        found = self.store.configuration.settings(entry.ref)
        has_settings = found.table or found.variables or found.config_version or arguments or entry.overrides
        return bool(has_settings) or inspect.getattr_static(entry.plugin, "config_schema", None) is not None

    def configure_on_own_thread(self, entry: Entry, arguments: Mapping[str, Any] | None = None) -> None:
        """Do the same on the plugin's thread; blocks at most for its deadline.

        Raises:
            PluginConfigurationError: It is invalid.
            PluginTimeoutError: Its schema takes too long. What it ends with is not handed over.
        """
        self.loader.load(entry)
        if not self.is_needed(entry, arguments) or entry.worker.is_current_thread:
            self.configure(entry, arguments)
            return
        seconds = self.store.timeout(entry, Stage.CONFIGURE)
        if entry.worker.overdue is not None:
            raise _overdue(entry, "its thread is busy with an earlier call that takes too long", seconds)
        call = entry.worker.submit(lambda: self.configure(entry, arguments))
        if not call.wait(seconds) and call.detach():
            error = _overdue(entry, f"its configuration was not validated within {seconds:g} s", seconds)
            self.store.events.overdue(entry.ref, Stage.CONFIGURE, error.message)
            raise error
        call.result()

    @staticmethod
    def _validate(
        configuration: Configuration, entry: Entry, plugin: PluginMetadata, arguments: Mapping[str, Any] | None
    ) -> None:
        model, issues = validate_and_log(configuration, entry.ref, plugin, entry.distribution, arguments)
        # A schema may accept what is wrong in the file itself, such as NaN.
        raise_issues([*(issue for issue in configuration.issues if issue.ref == entry.ref), *issues])
        if entry.worker.is_current_thread and entry.worker.overdue is not None:
            return
        settings = configuration.settings(entry.ref)
        if arguments is not None:
            settings = attrs.evolve(settings, arguments=arguments)
        # First: setting the attribute may run code of the plugin.
        entry.worker.background.redactor = redactor_of_model(settings, model)
        inject(entry, plugin, "config", model)
        entry.model, entry.overrides = model, arguments

    def override(self, entry: Entry, mapping: Mapping[str, Any] | None) -> Any:
        """Configure a plugin by argument and return the validated model; None without a schema.

        If it fails, what was in force before stays so.

        Raises:
            PluginConfigurationError: It is invalid, or the plugin is started.
            PluginTimeoutError: Its schema takes too long.
        """
        if not isinstance(mapping, Mapping):
            message = f"the configuration must be a mapping, and is of type {type(mapping).__name__}"
            raise entry.failure(PluginConfigurationError, message)
        if is_too_deep(mapping):
            raise entry.failure(PluginConfigurationError, f"the configuration is invalid: {TOO_DEEP}")
        if entry.state is PluginState.STARTED:
            hint = "Stop it, configure it and start it again."
            raise entry.failure(PluginConfigurationError, "it is started with the configuration it has", hint=hint)
        self.configure_on_own_thread(entry, dict(mapping))
        return entry.model

    def review(self, errors: Mapping[PluginRef, PluginError]) -> None:
        """Refuse to start anything with an invalid configuration; a broken schema fails its own plugin alone.

        Raises:
            PluginConfigurationError: With every issue of all plugins.
        """
        settings = self.store.configuration
        found = [
            issue for error in errors.values() if isinstance(error, PluginConfigurationError) for issue in error.errors
        ]
        # A required plugin that is missing has its own outcome.
        mentioned = attrs.evolve(settings, required=())
        switched_off = self.store.policy.is_off
        raise_issues(
            [
                *settings.issues,
                *not_installed(mentioned, self.store.entries(), switched_off=switched_off),
                *(issue for issue in found if issue.rule != BROKEN_SCHEMA),
            ]
        )


def _overdue(entry: Entry, message: str, seconds: float) -> PluginTimeoutError:
    return entry.timed_out(Stage.CONFIGURE, seconds, message, "Raise timeouts.configure, or tell the plugin's author.")
