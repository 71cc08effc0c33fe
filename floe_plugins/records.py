"""What is found and what is known of plugins, as frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, cast

import attrs

from floe_plugins.refs import PluginRef, PluginType


def shown(value: object) -> str:
    """``value`` as text, whatever it does when it is asked for one: it may be a plugin's own."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 what it raises says nothing about what it is
        return f"<{type(value).__name__} that cannot be shown>"


def words(error: BaseException) -> str:
    """What an error says; nothing if it cannot speak, since a plugin's own class may be broken, too."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 what it raises in turn says nothing about what went wrong
        return ""


def told(error: BaseException) -> str:
    """An error in a few words: its type, and what it says if it says anything."""
    text = words(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def plain(value: Any, levels: int = 64) -> Any:
    """``value`` as JSON can hold it: records as dicts, enums by lower-case name, refs and errors as text.

    What is nested deeper than ``levels``, or cannot be read, is given as text.
    """
    try:
        return _plain(value, levels - 1) if levels else shown(value)
    except Exception:  # noqa: BLE001 it may be a plugin's own
        return shown(value)


def _plain(value: Any, levels: int) -> Any:
    if isinstance(value, Enum):
        return value.name.lower()
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item, levels) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)) and not isinstance(value, PluginRef):
        return [plain(item, levels) for item in value]
    if isinstance(value, BaseException):
        return told(value)
    return value if value is None or type(value) in {bool, int, float, str} else shown(value)


class Record:
    """The base of the records, which are frozen attrs classes."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """The record's fields as JSON can hold them: times in seconds, enums by lower-case name."""
        return {field.name: plain(getattr(self, field.name)) for field in attrs.fields(cast("Any", type(self)))}


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


@attrs.frozen
class Distribution(Record):
    """An installed distribution: what pip calls it, and where its metadata lies."""

    name: str
    version: str
    path: str

    def __str__(self) -> str:
        return f"{self.name} {self.version} in {self.path}" if self.version else f"{self.name} in {self.path}"


@attrs.frozen
class Candidate(Record):
    """An entry point in one of the groups, with its distribution: found, not imported."""

    ref: PluginRef
    value: str
    distribution: Distribution

    @property
    def type(self) -> PluginType:
        """The category."""
        return self.ref.type

    @property
    def name(self) -> str:
        """The entry point's name, which is the plugin's."""
        return self.ref.name


@attrs.frozen(kw_only=True)
class Problem(Record):
    """A fact about what does not work, whose it is, and what to do."""

    stage: Stage
    message: str
    ref: PluginRef | None = None
    distribution: str | None = None
    hint: str = ""
    cause: BaseException | None = attrs.field(default=None, eq=False)

    def __str__(self) -> str:
        subject = str(self.ref) if self.ref else ""
        if self.distribution:
            origin = f"from {self.distribution}"
            subject = f"{subject} ({origin})" if subject else origin
        text = f"{self.stage}: {subject}: {self.message}" if subject else f"{self.stage}: {self.message}"
        return f"{text}. {self.hint}" if self.hint else text


@attrs.frozen(kw_only=True)
class DiscoveryReport(Record):
    """What one scan found, and how it differs from the scan before."""

    candidates: tuple[Candidate, ...] = ()
    problems: tuple[Problem, ...] = ()
    added: tuple[Candidate, ...] = ()
    removed: tuple[Candidate, ...] = ()
    changed: tuple[Candidate, ...] = ()
    seconds: float = 0.0
