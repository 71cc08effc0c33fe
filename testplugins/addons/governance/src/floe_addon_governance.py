"""Four further categories for floe. Each class declares the hooks of its category, as those of floe do."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from floe_plugins import PluginMetadata, hookspec


class QualityPlugin(PluginMetadata):
    """Quality: checks rows of a table against expectations."""

    @hookspec
    @abstractmethod
    def check_rows(self, table: str, rows: Sequence[Mapping[str, object]]) -> Sequence[str]:
        """Return what is wrong with the rows, a sentence each. All plugins are asked."""


class RBACPlugin(PluginMetadata):
    """Access rules: who may do what."""

    @hookspec(firstresult=True)
    @abstractmethod
    def is_allowed(self, user: str, action: str) -> bool | None:
        """Return whether the user may do it; None leaves it to the next plugin."""


class AlertChannelPlugin(PluginMetadata):
    """Alert channel: tells people that something is wrong."""

    @hookspec
    @abstractmethod
    def send_alert(self, text: str) -> None:
        """Send the text. All plugins do."""


class NetworkSecurityPlugin(PluginMetadata):
    """Network security: which connections are open."""

    @hookspec(firstresult=True)
    @abstractmethod
    def is_open(self, host: str, port: int) -> bool | None:
        """Return whether the platform may connect; None leaves it to the next plugin."""
