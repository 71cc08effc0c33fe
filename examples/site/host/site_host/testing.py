"""What authors of plugins test with: the rules for every plugin, and those of each category."""

from __future__ import annotations

from floe_plugins.testing import PluginConformance, rule
from site_host.api import Page
from site_host.platform import SITE


class SiteConformance(PluginConformance):
    """The rules for every plugin of the platform."""

    platform = SITE


class SourceConformance(SiteConformance):
    """The rules for sources."""

    @rule('return [Page("hello", "# Hello")]')
    def test_pages_have_names_for_files(self) -> None:
        """Pages have different names, each of which can be that of a file."""
        with self.started() as plugin:
            names = [page.name for page in plugin.pages()]
        self.expect(len(names) == len(set(names)), f"pages() returned pages named {names}")
        self.expect(all(name and "/" not in name for name in names), f"pages() returned pages named {names}")


class RendererConformance(SiteConformance):
    """The rules for renderers."""

    @rule("return None  # it is no text of mine")
    def test_a_page_becomes_text_or_is_left_to_others(self) -> None:
        """`render` returns the HTML of a page, or None."""
        with self.started() as plugin:
            html = plugin.render(page=Page("hello", "# Hello & welcome"))
        self.expect(html is None or "Hello" in html, f"render() returned {html!r}")


class PublisherConformance(SiteConformance):
    """The rules for publishers."""

    @rule("return str(file)")
    def test_a_page_has_an_address(self) -> None:
        """`publish` returns the address of the page, also if it is published again."""
        with self.started() as plugin:
            first, second = (plugin.publish(name="hello", html=f"<p>{text}</p>") for text in ("one", "two"))
        self.expect(first and first == second, f"publish() returned {first!r}, then {second!r}")
