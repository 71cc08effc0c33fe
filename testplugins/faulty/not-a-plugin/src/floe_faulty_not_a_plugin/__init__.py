"""Its entry point leads to a class that is no plugin."""

from __future__ import annotations


class NotAPluginSecrets:
    name = "not-a-plugin"
    version = "0.1.0"
    floe_api_version = "1.0"
