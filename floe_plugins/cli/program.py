"""The platform whose command line this process is. There is one in a process."""

from __future__ import annotations

from floe_plugins.core.categories import Categories, Category
from floe_plugins.core.platform import FLOE, Platform

_current = FLOE


def use(platform: Platform) -> None:
    """Let this process be the command line of a platform, or a host of it. By default it is that of floe."""
    global _current  # noqa: PLW0603 a process has one command line
    _current = platform


def platform() -> Platform:
    """Return the platform, as its host declares it."""
    return _current


def name() -> str:
    """Return the name of the command, such as ``floe-plugins``."""
    return _current.command


def configuration_line(file: str | None) -> str:
    """Return a line that says which configuration file is in force, or that there is none."""
    return f"configuration: {file or f'none (no {_current.files} here, and none named)'}"


def categories() -> Categories:
    """Return the categories of the platform, and those that installed distributions add to it, once asked for."""

    def more() -> list[Category]:
        from floe_plugins.discovery.scanner import installed_categories

        return installed_categories(_current)

    return _current.categories.with_more(more)
