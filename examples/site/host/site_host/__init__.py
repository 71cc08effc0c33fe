"""A static-site generator whose parts are plugins."""

from site_host.api import Page, PublisherPlugin, RendererPlugin, SourcePlugin
from site_host.platform import SITE

__all__ = ["SITE", "Page", "PublisherPlugin", "RendererPlugin", "SourcePlugin"]
