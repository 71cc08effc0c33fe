"""The stages of a plugin's way, and the states that it can be in."""

from __future__ import annotations

from enum import Enum


class Stage(str, Enum):
    """Where on its way a plugin was."""

    DISCOVER = "discover"
    LOAD = "load"
    CONFIGURE = "configure"
    RESOLVE = "resolve"
    START = "start"
    CHECK = "check"
    STOP = "stop"

    __str__ = str.__str__


class PluginState(str, Enum):
    """The one state that each plugin is in."""

    DISCOVERED = "discovered"
    LOADED = "loaded"
    CONFIGURED = "configured"
    STARTED = "started"
    FAILED = "failed"
    SKIPPED = "skipped"
    STOPPED = "stopped"
    DISABLED = "disabled"

    __str__ = str.__str__
