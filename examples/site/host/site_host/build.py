"""Build the site: every page of every source, rendered and published."""

from __future__ import annotations

import sys

from floe_plugins import PluginRegistry
from site_host.api import PublisherPlugin, RendererPlugin, SourcePlugin
from site_host.platform import SITE


def build(config: str) -> list[str]:
    """Build the site that a configuration file describes, and return the addresses of its pages."""
    with PluginRegistry(config, platform=SITE) as registry:
        source, renderer, publisher = (
            registry.manager(category).hook for category in (SourcePlugin, RendererPlugin, PublisherPlugin)
        )
        return [
            address
            for pages in source.pages()
            for page in pages
            for address in publisher.publish(name=page.name, html=renderer.render(page=page))
        ]


def main() -> None:
    """Build the site of ``site.toml``, or of the file that is named."""
    sys.stdout.write("".join(f"{address}\n" for address in build((sys.argv[1:] or ["site.toml"])[0])))
