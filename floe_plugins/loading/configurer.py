"""Validate the configuration of loaded plugins, and hand it to them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from floe_plugins.configuration.issues import raise_issues
from floe_plugins.configuration.loader import not_installed
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.redaction.sources import redactor_of_model
from floe_plugins.configuration.schema.error_reporter import BROKEN_SCHEMA
from floe_plugins.configuration.schema.validation import validate_and_log
from floe_plugins.configuration.settings import PluginSettings
from floe_plugins.configuration.values import TOO_DEEP, is_too_deep
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.entries.entry import Entry
from floe_plugins.entries.store import EntryStore
from floe_plugins.errors import PluginConfigurationError, PluginError, PluginTimeoutError
from floe_plugins.execution.call import Call
from floe_plugins.hookspecs.base import PluginMetadata
from floe_plugins.loading.loader import Loader
from floe_plugins.loading.registration import inject


@attrs.frozen(eq=False)
class Configurer:
    """Configures the plugins of one registry."""

    store: EntryStore
    loader: Loader

    def configure(self, entry: Entry, is_given_up: Callable[[], bool] = bool) -> None:
        """Validate a loaded plugin's configuration and hand it over; runs plugin code on the calling thread.

        It is not handed over if ``is_given_up`` says so by then.

        Raises:
            PluginConfigurationError: It is invalid.
        """
        plugin = self.loader.load(entry)
        settings = self.store.configuration
        if not has_schema(entry) and not self.is_configured(entry):
            # Most plugins without a schema are not configured either: they need no pydantic.
            return
        with self.store.events.call(entry.ref, Stage.CONFIGURE, self.store.timeout(entry, Stage.CONFIGURE)):
            self._validate(settings, entry, plugin, is_given_up)

    def is_configured(self, entry: Entry) -> bool:
        """Whether there is any configuration for a plugin."""
        found = self.store.configuration.settings(entry.ref)
        return bool(found.table or found.variables or found.config_version or entry.overrides)

    def configure_on_own_thread(self, entry: Entry) -> None:
        """Validate a plugin's configuration and hand it over, on the plugin's thread; blocks at most for its deadline.

        Raises:
            PluginConfigurationError: It is invalid.
            PluginTimeoutError: Its schema takes too long. What it ends with is not handed over.
        """
        self.loader.load(entry)
        if not has_schema(entry) or entry.worker.is_current_thread:
            self.configure(entry)
            return
        seconds = self.store.timeout(entry, Stage.CONFIGURE)
        call: Call[None] = Call(lambda: self.configure(entry, lambda: call.detached))
        if entry.worker.overdue is not None:
            raise _overdue(entry, "its thread is busy with an earlier call that takes too long", seconds)
        entry.worker.enqueue(call)
        if not call.wait(seconds) and call.detach():
            error = _overdue(entry, f"its configuration was not validated within {seconds:g} s", seconds)
            self.store.events.overdue(entry.ref, Stage.CONFIGURE, error.message)
            raise error
        call.result()

    def _validate(
        self, settings: Configuration, entry: Entry, plugin: PluginMetadata, is_given_up: Callable[[], bool]
    ) -> None:
        model, issues = validate_and_log(settings, entry.ref, plugin, entry.distribution, entry.overrides)
        # A schema may accept what is wrong in the file itself, such as NaN.
        raise_issues([*(issue for issue in settings.issues if issue.ref == entry.ref), *issues])
        if is_given_up():
            return
        redactor = redactor_of_model(_with_overrides(settings, entry), model)
        entry.worker.background.redactor = redactor  # setting its attribute may run code of the plugin
        inject(entry, plugin, "config", model)
        entry.model = model

    def override(self, entry: Entry, mapping: Mapping[str, Any] | None) -> Any:
        """Configure a plugin by argument and return the validated model.

        Raises:
            PluginConfigurationError: It is invalid, or the plugin is started.
        """
        if not isinstance(mapping, Mapping):
            message = f"the configuration must be a mapping, and is of type {type(mapping).__name__}"
            raise entry.failure(PluginConfigurationError, message)
        if is_too_deep(mapping):
            raise entry.failure(PluginConfigurationError, f"the configuration is invalid: {TOO_DEEP}")
        if entry.state is PluginState.STARTED:
            hint = "Stop it, configure it and start it again."
            raise entry.failure(PluginConfigurationError, "it is started with the configuration it has", hint=hint)
        before = entry.overrides
        entry.overrides = dict(mapping)
        try:
            self.configure_on_own_thread(entry)
        except PluginError:
            entry.overrides = before
            raise
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


def _with_overrides(settings: Configuration, entry: Entry) -> PluginSettings:
    found = settings.settings(entry.ref)
    return found if entry.overrides is None else attrs.evolve(found, arguments=entry.overrides)


def has_schema(entry: Entry) -> bool:
    """Whether a loaded plugin may have a ``config_schema``; without one, configuring it runs none of its code."""
    return inspect.getattr_static(entry.plugin, "config_schema", None) is not None
