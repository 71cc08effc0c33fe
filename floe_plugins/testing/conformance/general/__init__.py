"""The rules for plugins of all categories: metadata, configuration, lifecycle, health, importing."""
