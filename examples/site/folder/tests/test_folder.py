"""The contracts of sources and publishers, sentence by sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from site_folder import FolderPublisher, FolderSource
from site_host import Page, RendererPlugin
from site_host.testing import PublisherConformance, SiteConformance, SourceConformance


class Plain(RendererPlugin):
    """The renderer that publishers need."""

    name, version, site_api_version, description = "plain", "1.0", "1.0", "texts as they are"

    def render(self, page: Page) -> str:
        return page.text


class InScratch(SiteConformance):
    def settings(self) -> Mapping[str, Any]:
        folder = self.scratch / "pages"
        folder.mkdir(exist_ok=True)
        (folder / "hello.md").write_text("# Hello", encoding="utf-8")
        return {"path": str(folder)}


class TestFolderSource(InScratch, SourceConformance):
    plugin = FolderSource


class TestFolderPublisher(InScratch, PublisherConformance):
    plugin = FolderPublisher
    plugins = {Plain: {}}  # noqa: RUF012
