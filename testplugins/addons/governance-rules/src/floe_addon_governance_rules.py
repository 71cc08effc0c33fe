"""A plugin for each category of ``floe-addon-governance``, and one that needs a newer API of floe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pydantic
from floe_addon_governance import AlertChannelPlugin, NetworkSecurityPlugin, QualityPlugin, RBACPlugin


class NotNull(QualityPlugin):
    """Finds values that are missing, and tells the alert channel."""

    name = "not-null"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "no value is missing"
    dependencies = ("alert_channel:memory",)

    def check_rows(self, table: str, rows: Sequence[Mapping[str, object]]) -> Sequence[str]:
        """Return a sentence for each missing value."""
        wrong = [f"{table}.{key} is missing" for row in rows for key, value in row.items() if value is None]
        for text in wrong:
            self.registry.get(AlertChannelPlugin, "memory").send_alert(text)
        return wrong


class Settings(pydantic.BaseModel):
    """Who the administrators are."""

    users: list[str] = []


class Admins(RBACPlugin):
    """Lets administrators do everything."""

    name = "admins"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "administrators may do everything"
    config_schema = Settings
    config: Settings

    def is_allowed(self, user: str, action: str) -> bool | None:
        """Return True for an administrator."""
        return True if user in self.config.users else None


class Memory(AlertChannelPlugin):
    """Keeps alerts in memory."""

    name = "memory"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "alerts in memory"

    def startup(self) -> None:
        """Begin with none."""
        self.sent: list[str] = []

    def send_alert(self, text: str) -> None:
        """Keep the text."""
        self.sent.append(text)


class AllowList(NetworkSecurityPlugin):
    """Opens ports of this machine alone."""

    name = "allow-list"
    version = "0.1.0"
    floe_api_version = "1.0"
    description = "this machine alone"

    def is_open(self, host: str, port: int) -> bool | None:
        """Return whether it is this machine."""
        return host == "localhost" and port > 0


class Newer(RBACPlugin):
    """Was written for an API that is not there yet: it is refused before it is imported."""

    name = "newer"
    version = "0.1.0"
    floe_api_version = "2.0"

    def is_allowed(self, user: str, action: str) -> bool | None:
        """Return nothing."""
        return None
