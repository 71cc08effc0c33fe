"""The contract of renderers, sentence by sentence."""

from __future__ import annotations

from site_host.testing import RendererConformance
from site_markdown import Markdown


class TestMarkdown(RendererConformance):
    plugin = Markdown
