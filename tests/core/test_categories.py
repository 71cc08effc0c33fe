"""Categories are data: a slug, a group and the name of a class, each of which is there once in a table."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from floe_plugins import Category, PluginRef, PluginType
from floe_plugins.core.categories import Categories
from floe_plugins.core.record import to_plain

PAGE = Category("page", "site.pages", "site_host.api:PagePlugin")
FEED = Category("feed", "site.feeds", "site_host.api:FeedPlugin")


def test_nothing_is_imported_to_know_a_category() -> None:
    assert (PAGE.slug, PAGE.group, PAGE.spec_name) == ("page", "site.pages", ("site_host.api", "PagePlugin"))
    with pytest.raises(ModuleNotFoundError, match="site_host"):
        _ = PAGE.spec


@pytest.mark.parametrize("copied", [pickle.loads(pickle.dumps(PAGE)), copy.deepcopy(PAGE)])  # noqa: S301 our own
def test_a_copy_is_the_same_category(copied: Category) -> None:
    assert copied == PAGE
    assert (copied.slug, copied.spec_name) == (PAGE.slug, PAGE.spec_name)
    assert {PluginRef(PAGE, "a"): 1}[PluginRef(copied, "a")] == 1


def test_documents_have_the_slug() -> None:
    assert to_plain({"type": PAGE, "ref": PluginRef(PAGE, "blog")}) == {"type": "page", "ref": "page:blog"}
    assert to_plain(PluginType.LINEAGE_BACKEND) == "lineage_backend"


@pytest.mark.parametrize("slug", ["", "Page", "my-page", "a__b", "distribution", "page:x"])
def test_a_slug_that_refs_or_variables_could_not_hold_is_refused(slug: str) -> None:
    with pytest.raises(ValueError, match="cannot be the slug of a category: expected lower-case letters"):
        Category(slug, "site.pages", "site_host:PagePlugin")


@pytest.mark.parametrize("group", ["", "site pages", "site..pages", "site.pages]"])
def test_a_group_that_is_none_is_refused(group: str) -> None:
    with pytest.raises(ValueError, match="cannot be the group of the category page: expected an entry-point group"):
        Category("page", group, "site_host:PagePlugin")


@pytest.mark.parametrize("spec", ["", "site_host", "site_host:", "site-host:Page", "site_host:a.b", ".a:B"])
def test_a_class_that_cannot_be_imported_by_that_name_is_refused(spec: str) -> None:
    with pytest.raises(ValueError, match="cannot be the class of the category page: expected 'module:Class'"):
        Category("page", "site.pages", spec)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (Category("page", "site.other", "a:B"), "two categories have the slug 'page'"),
        (Category("other", "site.pages", "a:B"), "two categories have the group 'site.pages'"),
        (Category("other", "site.other", "site_host.api:PagePlugin"), "two categories have one class"),
    ],
)
def test_two_categories_with_one_slug_group_or_class_are_refused_with_both(other: Category, what: str) -> None:
    with pytest.raises(ValueError, match=what) as raised:
        Categories([PAGE, other])
    assert "site.pages" in str(raised.value)
    assert other.group in str(raised.value)


def test_a_table_asks_for_further_categories_once_and_only_for_what_it_does_not_know() -> None:
    asked: list[int] = []

    def more() -> list[Category]:
        asked.append(1)
        return [FEED]

    table = Categories([PAGE], more)
    assert table.parse("page") is PAGE
    assert not asked
    assert table.parse("feed") is FEED
    assert table.parse("site.feeds") is FEED
    with pytest.raises(ValueError, match="there is no category 'blog'; the categories are page, feed"):
        table.parse("blog")
    assert len(asked) == 1


def test_added_categories_replace_those_that_were_added_before_and_never_the_tables_own() -> None:
    table = Categories([PAGE])
    revision = table.revision
    assert table.add([FEED]) == []
    assert list(table) == [PAGE, FEED]
    assert table.revision > revision
    revision = table.revision
    assert table.add([FEED]) == []
    assert table.revision == revision
    ((refused, reason),) = table.add([Category("page", "other.pages", "a:B", "acme 1.0")])
    assert refused.group == "other.pages"
    assert "acme 1.0" in reason
    assert list(table) == [PAGE]


def test_a_category_that_was_added_and_is_no_longer_can_still_be_named() -> None:
    table = Categories([PAGE])
    table.add([FEED])
    table.add([])
    assert (list(table), table.slugs, table.find("feed"), table.find_slug("feed")) == ([PAGE], ["page"], FEED, FEED)
    assert table.of_class(FEED.spec_name) == FEED
    again = Category("feed", "other.feeds", "a:B")
    assert table.add([again]) == []
    assert table.find("feed") == again


class Outsider:
    pass


def test_the_category_of_a_class_is_that_of_its_first_base_in_the_table() -> None:
    table = Categories([Category("page", "site.pages", f"{__name__}:Outsider")])
    derived: Any = type("Derived", (Outsider,), {})
    assert table.of(derived).slug == "page"
    with pytest.raises(TypeError, match="int does not derive from a category class: expected one of Outsider"):
        table.of(int)
