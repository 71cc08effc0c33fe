"""What discovery finds: an entry point and the distribution that declares it."""

from __future__ import annotations

import attrs

from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef, PluginType


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
