"""The platform: three categories, an API version, and all words that follow from the name."""

from __future__ import annotations

from floe_plugins import Category, Platform

SITE = Platform(
    "site",
    "1.0",
    [
        Category("source", "site.sources", "site_host.api:SourcePlugin"),
        Category("renderer", "site.renderers", "site_host.api:RendererPlugin"),
        Category("publisher", "site.publishers", "site_host.api:PublisherPlugin"),
    ],
)
