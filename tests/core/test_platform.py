"""A platform is data: its words follow from its name, it cannot be changed, and it passes to another process."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import pytest

from floe_plugins import FLOE, Category, Platform, PluginType

PAGE = Category("page", "site.pages", "site_host.api:PagePlugin")
SITE = Platform("site", "2.1", [PAGE])


def test_the_words_follow_from_the_name() -> None:
    assert (SITE.prefix, SITE.command, SITE.title) == ("SITE", "site", "site")
    assert SITE.files == "site.toml, site.yaml or site.json"
    assert "site.yml" in SITE.file_names
    assert (SITE.variable("STRICT"), SITE.settings_prefix) == ("SITE_STRICT", "SITE__")
    assert (SITE.api_attribute, SITE.categories_group, SITE.example) == (
        "site_api_version",
        "site.categories",
        "page:my-plugin",
    )


def test_each_word_may_be_given() -> None:
    other = Platform(
        "site", "1.0", [PAGE], prefix="MY_SITE", file_names=["site.conf.toml"], command="sitectl", title="Site"
    )
    assert other.variable("ONLY") == "MY_SITE_ONLY"
    assert (other.files, other.command, other.title) == ("site.conf.toml", "sitectl", "Site")


def test_floe_is_a_platform_of_the_eleven_categories() -> None:
    assert list(FLOE.categories) == list(PluginType)
    assert (FLOE.prefix, FLOE.command, FLOE.file_names) == (
        "FLOE_PLUGINS",
        "floe-plugins",
        ("floe.toml", "floe.yaml", "floe.yml", "floe.json"),
    )


@pytest.mark.parametrize("name", ["", "my-site", "2site", "Site", "a__b", "_site", "site.host", "ß"])
def test_a_name_that_is_no_identifier_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name of a platform: expected an identifier of lower-case"):
        Platform(name, "1.0", [PAGE])


@pytest.mark.parametrize("prefix", ["site", "MY-SITE", "SITE_", "A__B", ""])
def test_a_prefix_that_variables_could_not_have_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="cannot be the prefix of environment variables"):
        Platform("site", "1.0", [PAGE], prefix=prefix)


def test_what_is_not_of_its_type_is_refused() -> None:
    with pytest.raises(TypeError, match="the name of a platform is a text"):
        Platform(None, "1.0", [])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="the API version of a platform is a text"):
        Platform("site", 1.0, [])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="expected a Category"):
        Platform("site", "1.0", ["site.pages"])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="expected a Category"):
        FLOE.with_categories(["site.pages"])  # type: ignore[list-item]


@pytest.mark.parametrize("version", ["", "abc", "v1"])
def test_an_api_version_that_is_none_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match=r"expected MAJOR\.MINOR"):
        Platform("site", version, [])


def test_the_group_that_adds_categories_is_nobodys() -> None:
    with pytest.raises(ValueError, match=r"site\.categories is where distributions add categories"):
        Platform("site", "1.0", [Category("kind", "site.categories", "a:B")])


def test_a_platform_cannot_be_changed() -> None:
    with pytest.raises(AttributeError, match="cannot be changed"):
        SITE.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("platform", [SITE, FLOE, FLOE.with_categories([PAGE])])
def test_a_platform_passes_to_another_process(platform: Platform) -> None:
    for other in (
        Platform.from_dict(json.loads(json.dumps(platform.to_dict()))),
        pickle.loads(pickle.dumps(platform)),  # noqa: S301 our own
    ):
        assert other.to_dict() == platform.to_dict()
        assert list(other.categories) == list(platform.categories)


def test_floes_categories_stay_members_of_the_enum_in_another_process() -> None:
    assert next(iter(Platform.from_dict(FLOE.to_dict()).categories)) is PluginType.COMPUTE


def test_refs_are_those_of_the_platforms_categories() -> None:
    assert str(SITE.ref("page:blog")) == str(SITE.ref("site.pages:blog")) == "page:blog"
    with pytest.raises(ValueError, match="'blog' is not a ref: expected category:name, such as page:my-plugin"):
        SITE.ref("blog")
    with pytest.raises(ValueError, match="there is no category 'compute'; the categories are page"):
        SITE.ref("compute:duckdb")


def test_a_platform_with_further_categories_is_another_one() -> None:
    more = SITE.with_categories([Category("feed", "acme.feeds", "acme:Feed")])
    assert more.categories.slugs == ["page", "feed"]
    assert SITE.categories.slugs == ["page"]
    with pytest.raises(ValueError, match="two categories have the slug 'page'"):
        SITE.with_categories([Category("page", "acme.pages", "acme:Page")])


def test_the_example_of_the_guide_says_what_its_table_says(capsys: pytest.CaptureFixture[str]) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "platforms.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    exec(compile(code, "platforms.md", "exec"), {})  # noqa: S102 our own
    assert capsys.readouterr().out == "SITE_AUTOLOAD site.toml, site.yaml or site.json ['source', 'publisher']\n"
