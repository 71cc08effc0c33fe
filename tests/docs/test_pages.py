"""The pages that are made from the code are what the code says now, and every page has its place on the site."""

from __future__ import annotations

import re

import pytest
from docs_scripts import DOCS, script

import floe_plugins
from floe_plugins import PluginError, PluginType, Problem, Stage, errors

pytestmark = pytest.mark.once


@pytest.mark.parametrize("category", PluginType)
def test_the_page_of_a_category_is_what_its_hookspec_says(category: PluginType) -> None:
    made = script("category_pages").pages()[f"{category.slug}.md"]
    assert made == (DOCS / "reference" / f"{category.slug}.md").read_text(encoding="utf-8"), (
        "python docs/category_pages.py makes it"
    )
    hooks = {name for name in vars(category.spec) if hasattr(vars(category.spec)[name], "floe_spec")}
    assert hooks <= {*re.findall(r"^### (\w+)$", made, re.MULTILINE), "startup", "shutdown", "health_check"}
    assert category.group in made


@pytest.mark.parametrize("category", PluginType)
def test_each_hook_says_since_which_api_it_is_there(category: PluginType) -> None:
    page = (DOCS / "reference" / f"{category.slug}.md").read_text(encoding="utf-8")
    for name, hook in vars(category.spec).items():
        since = getattr(hook, "floe_added_in", None)
        if since is not None:
            assert f"Since API {since}." in hook.__doc__
            section = page.partition(f"\n### {name}\n")[2].partition("\n### ")[0]
            assert f"*Since API {since}.* A plugin of an older API, or without it, has the default" in section


def test_the_catalogue_has_each_error_and_is_what_the_source_says() -> None:
    made = script("error_catalogue").page()
    assert made == (DOCS / "reference" / "errors.md").read_text(encoding="utf-8"), (
        "python docs/error_catalogue.py makes it"
    )
    for name, found in vars(errors).items():
        if isinstance(found, type) and issubclass(found, PluginError):
            assert f"\n## {name}\n" in made
    assert "| several distributions provide it: ... | Uninstall all but one" in made


def test_each_error_and_each_stage_leads_to_a_heading_of_the_catalogue() -> None:
    made = script("error_catalogue").page()
    headings = {heading.lower() for heading in re.findall(r"^###? (\w+)$", made, re.MULTILINE)}
    classes = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, PluginError)]
    urls = [each("it failed").docs_url for each in classes]
    urls += [Problem(stage=stage, message="it failed").docs_url for stage in Stage]
    for url in urls:
        page, _, anchor = url.partition("#")
        assert page.endswith("/docs/reference/errors.md")
        assert anchor in headings, url
    assert len(set(urls)) == len(classes) + len(Stage)


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = set()
    for index in (DOCS / "index.md", DOCS / "reference" / "index.md"):
        for block in re.findall(r":::\{toctree\}\n(.*?)\n:::", index.read_text(encoding="utf-8"), re.DOTALL):
            names = [line for line in block.splitlines() if line and not line.startswith(":")]
            listed |= {(index.parent / name).relative_to(DOCS).as_posix() for name in names}
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    assert listed | {"index"} == pages


def test_every_public_name_is_in_the_reference() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in sorted((DOCS / "reference").glob("*.md")))
    known = {*re.findall(r"floe_plugins\.(\w+)", pages), *re.findall(r"^## (\w+)$", pages, re.MULTILINE)}
    assert set(floe_plugins.__all__) - {"__version__"} <= known
