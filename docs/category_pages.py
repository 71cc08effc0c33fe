"""Make one page for each category from its hookspec: ``python docs/category_pages.py`` writes docs/reference/*.md."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from floe_plugins import PluginMetadata, PluginType

DIRECTORY = Path(__file__).parent / "reference"
WIDTH = 76  # of what a page shows without scrolling
HEADING = re.compile(r"^(Raises|Args|Attributes|Returns):$")


def write() -> None:
    """Write the pages of all categories."""
    for name, text in pages().items():
        path = DIRECTORY / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def pages() -> dict[str, str]:
    """The text of each page, by the name of its file."""
    return {f"{category.slug}.md": "\n".join(page(category)) + "\n" for category in PluginType}


def page(category: PluginType) -> Iterator[str]:
    """The lines of the page of one category."""
    spec, slug = category.spec, category.slug
    module = inspect.getmodule(spec)
    introduction, _, example = (inspect.getdoc(spec) or "").partition(">>> ")
    yield from (f"# {title(category)}", "", f"*Made from `{spec.__module__}` by `docs/category_pages.py`.*", "")
    yield from markdown(inspect.getdoc(module) or "")
    yield ""
    yield from markdown(introduction)
    yield from ("", "| | |", "|---|---|")
    yield f"| entry-point group | `{category.group}` |"
    yield f"| class | `floe_plugins.{spec.__name__}` |"
    yield f"| refs | `{slug}:NAME` |"
    yield f"| settings in the file | `plugins.{slug}.NAME` |"
    yield f"| settings as variables | `FLOE_PLUGINS__{slug.upper()}__NAME__FIELD` |"
    yield f'| in code | `registry.get({spec.__name__}, "NAME")`, `registry.one({spec.__name__})` |'
    yield ""
    if example:
        yield from ("## Example", "", "```pycon", *(">>> " + example).splitlines(), "```", "")
    yield from ("## Hooks", "")
    yield "`startup`, `shutdown` and `health_check` are those of [every category](../authors.md)."
    newer = [name for name, hook in hooks(spec) if hasattr(hook, "floe_added_in")]
    if newer:
        links = ", ".join(f"[{name}](#{name})" for name in newer)
        yield f"All are of API 1.0 and have to be there, except {links}: those are newer, and each has a default."
    for name, hook in hooks(spec):
        yield from ("", f"### {name}", "", "```python", *signature(name, hook), "```", "")
        since = getattr(hook, "floe_added_in", None)
        if since is not None:
            yield f"*Since API {since}.* A plugin of an older API, or without it, has the default{default(hook)}"
            yield ""
        asked = "One plugin is asked." if hook.floe_spec["firstresult"] else "All active plugins are asked."
        text = (inspect.getdoc(hook) or "").replace(f"\n\nSince API {since}.", "")
        yield from (asked, "", *markdown(text))
    records = [each for _, each in inspect.getmembers(module, inspect.isclass) if is_record(each, spec)]
    if records:
        yield from ("", "## Records and errors", "", "Importable from `floe_plugins.hookspecs`.")
    for each in records:
        yield from ("", f"### {each.__name__}", "")
        paragraphs = (inspect.getdoc(each) or "").split("\n\n")
        yield from markdown("\n\n".join(text for text in paragraphs if not text.startswith(">>>")))


def default(hook: Any) -> str:
    """How the sentence about a default ends: with what it does if its body does no more than raise an error."""
    [function] = ast.parse(inspect.cleandoc(inspect.getsource(hook))).body
    assert isinstance(function, ast.FunctionDef)
    body = [each for each in function.body[1:] if not isinstance(each, ast.Delete)]
    return ", which raises `UnsupportedOperationError`." if isinstance(body[0], ast.Raise) else ", described below."


def title(category: PluginType) -> str:
    """The name of a category in a heading."""
    words = category.slug.replace("_", " ")
    return "dbt" if words == "dbt" else words.capitalize()


def hooks(spec: type[Any]) -> Iterator[tuple[str, Any]]:
    """The hooks that a category class declares itself."""
    for name, member in vars(spec).items():
        if name not in vars(PluginMetadata) and hasattr(member, "floe_spec"):
            yield name, member


def is_record(found: type[Any], spec: type[Any]) -> bool:
    """Whether a class is one that hooks take, return or raise."""
    return found is not spec and found.__module__ == spec.__module__ and not found.__name__.startswith("_")


def signature(name: str, hook: Any) -> Iterator[str]:
    """A hook's definition as the source has it, without decorators and docstring; a parameter a line if it is long."""
    source = inspect.getsource(hook)
    definition = inspect.cleandoc(source[source.index("def ") : source.index('"""')].rstrip())
    definition = re.sub(r"\s+# noqa.*", "", definition)
    assert definition.startswith(f"def {name}(")
    if "\n" in definition or len(definition) <= WIDTH:
        yield from definition.splitlines()
        return
    [function] = ast.parse(f"{definition} ...").body
    assert isinstance(function, ast.FunctionDef)
    required = len(function.args.args) - len(function.args.defaults)
    yield f"def {name}("
    for place, argument in enumerate(function.args.args):
        default = f" = {ast.unparse(function.args.defaults[place - required])}" if place >= required else ""
        yield f"    {ast.unparse(argument)}{default},"
    yield f") -> {ast.unparse(function.returns)}:" if function.returns else "):"


def markdown(text: str) -> Iterator[str]:
    """A docstring in the words of Markdown."""
    text = text.replace("``", "`").strip()
    in_list = False
    for line in text.splitlines():
        heading = HEADING.match(line)
        if heading:
            in_list = True
            yield f"**{heading[1]}**"
            yield ""
        elif in_list and line.startswith("    ") and not line.startswith("     "):
            name, _, words = line.strip().partition(": ")
            yield f"- `{name}`: {words}"
        elif in_list and line.strip():
            yield f"  {line.strip()}"
        else:
            in_list = in_list and not line
            yield line


if __name__ == "__main__":
    write()
