"""The stages that a plugin passes through, the states it can be in, and the modes of loading."""

from __future__ import annotations

from enum import Enum

AUTOLOAD_MODES = ("all", "configured", "none")


class Stage(str, Enum):
    """The stage in which a problem occurred or an outcome was reached.

    ``DISCOVER`` and ``RESOLVE`` run none of the plugin's code. ``CHECK`` is that of health.

    >>> print(Stage.LOAD)
    load
    """

    DISCOVER = "discover"
    LOAD = "load"
    CONFIGURE = "configure"
    RESOLVE = "resolve"
    START = "start"
    CHECK = "check"
    STOP = "stop"

    __str__ = str.__str__


class PluginState(str, Enum):
    """The current state of a plugin; each plugin is in exactly one.

    ``SKIPPED`` means that a dependency failed or is missing, ``DISABLED`` that the
    configuration or the environment keeps the plugin from being loaded. ``FAILED`` is a plugin whose load,
    configuration, start or stop failed.

    >>> PluginState("started") is PluginState.STARTED, str(PluginState.STARTED)
    (True, 'started')
    """

    DISCOVERED = "discovered"
    LOADED = "loaded"
    CONFIGURED = "configured"
    STARTED = "started"
    FAILED = "failed"
    SKIPPED = "skipped"
    STOPPED = "stopped"
    DISABLED = "disabled"

    __str__ = str.__str__
