"""What plugins implement: one class for each category."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import NamedTuple

from floe_plugins import PluginMetadata
from site_host.platform import SITE

hookspec = SITE.hookspec


class Page(NamedTuple):
    """A page: the name of its file without an ending, and its text."""

    name: str
    text: str


class SourcePlugin(PluginMetadata):
    """Source: where the texts of pages come from."""

    site_api_version: str

    @hookspec
    @abstractmethod
    def pages(self) -> Iterable[Page]:
        """Return the pages. All sources are asked."""


class RendererPlugin(PluginMetadata):
    """Renderer: makes HTML of a text."""

    site_api_version: str

    @hookspec(firstresult=True)
    @abstractmethod
    def render(self, page: Page) -> str | None:
        """Return the HTML of the page; None leaves it to the next renderer."""


class PublisherPlugin(PluginMetadata):
    """Publisher: puts finished pages where readers find them."""

    site_api_version: str

    @hookspec
    @abstractmethod
    def publish(self, name: str, html: str) -> str:
        """Publish a page and return its address. All publishers do."""
