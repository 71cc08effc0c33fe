"""Folders: pages come from one, and are published in another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydantic
from site_host import Page, PublisherPlugin, SourcePlugin

from floe_plugins import HealthState, HealthStatus


class Folder(pydantic.BaseModel):
    """Which folder."""

    path: Path = pydantic.Field(description="Where the files are")


class FolderSource(SourcePlugin):
    """Reads the Markdown files of a folder."""

    name = "folder"
    version = "1.0.0"
    site_api_version = "1.0"
    description = "the Markdown files of a folder"
    config_schema = Folder
    config: Folder

    def health_check(self) -> HealthStatus:
        """Return whether the folder is there."""
        is_there = self.config.path.is_dir()
        return HealthStatus(HealthState.HEALTHY if is_there else HealthState.UNHEALTHY, str(self.config.path))

    def pages(self) -> Sequence[Page]:
        """Return a page for each file."""
        return [Page(file.stem, file.read_text(encoding="utf-8")) for file in sorted(self.config.path.glob("*.md"))]


class FolderPublisher(PublisherPlugin):
    """Writes pages into a folder."""

    name = "folder"
    version = "1.0.0"
    site_api_version = "1.0"
    description = "HTML files in a folder"
    dependencies = ("renderer",)
    config_schema = Folder
    config: Folder

    def startup(self) -> None:
        """Make the folder."""
        self.config.path.mkdir(parents=True, exist_ok=True)

    def publish(self, name: str, html: str) -> str:
        """Write a page, and return its path."""
        file = self.config.path / f"{name}.html"
        file.write_text(html, encoding="utf-8")
        return str(file)
