"""A renderer: headings and paragraphs of Markdown."""

from __future__ import annotations

from html import escape

from site_host import Page, RendererPlugin


class Markdown(RendererPlugin):
    """Makes HTML of headings and paragraphs."""

    name = "markdown"
    version = "1.0.0"
    site_api_version = "1.0"
    description = "headings and paragraphs of Markdown"

    def render(self, page: Page) -> str:
        """Return the HTML of a page."""
        blocks = [block.strip() for block in page.text.split("\n\n") if block.strip()]
        return "\n".join(
            f"<h1>{escape(block[2:])}</h1>" if block.startswith("# ") else f"<p>{escape(block)}</p>" for block in blocks
        )
