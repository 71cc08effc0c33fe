"""Write the table of the conformance suite into ``docs/conformance.md``: ``python docs/conformance_table.py``."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
import textwrap
from pathlib import Path

from floe_plugins.testing import PluginConformance, conformance
from floe_plugins.testing.conformance.runner import rules

PAGE = Path(__file__).parent / "conformance.md"
TESTS = Path(__file__).parents[1] / "tests" / "testing" / "conformance"
SHORT = 40  # characters of a default that is shown
BEGIN = "<!-- the rest is made by docs/conformance_table.py -->\n"


def classes() -> dict[str, type[PluginConformance]]:
    """The conformance class of each category, by its name."""
    found: dict[str, type[PluginConformance]] = {}
    for module in pkgutil.iter_modules(conformance.__path__, f"{conformance.__name__}."):
        for each in vars(importlib.import_module(module.name)).values():
            if isinstance(each, type) and issubclass(each, PluginConformance) and each is not PluginConformance:
                found[each.__name__] = each
    return dict(sorted(found.items()))


def faulty_plugins(module: Path) -> dict[str, str]:
    """The faulty plugin of each rule, as ``FAULTY`` in a test module names them: a class, or code that is run."""
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="FAULTY")], value=ast.Dict() as table)
                | ast.AnnAssign(target=ast.Name(id="FAULTY"), value=ast.Dict() as table)
            ):
                return {
                    ast.literal_eval(rule): _shown(plugin)
                    for rule, plugin in zip(table.keys, table.values, strict=True)
                    if rule is not None
                }
    return {}


def _shown(plugin: ast.expr) -> str:
    match plugin:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Constant(value=str() as code):
            return code.replace("\n", "; ")
    return ast.unparse(plugin)


def faulty_of(cls: type[PluginConformance]) -> dict[str, str]:
    """The faulty plugin of each rule of a category, or of the rules of all plugins."""
    name = cls.__module__.rpartition(".")[2]
    patterns = ["general/test_*.py"] if cls is PluginConformance else [f"test_{name}.py", f"parts/test_{name}_*.py"]
    modules = [path for pattern in patterns for path in sorted(TESTS.glob(pattern))]
    return {rule: plugin for module in modules for rule, plugin in faulty_plugins(module).items()}


def tables() -> str:
    """All rules with their sentences and faulty plugins: those of all plugins, and those of each category."""
    groups = {"All plugins": (rules(PluginConformance), faulty_of(PluginConformance))}
    for name, each in classes().items():
        groups[f"`{name}`"] = (rules(each, without=PluginConformance), faulty_of(each))
    text = ["## Rules and faulty plugins", "", "| class | rules | faulty plugins, one of each |", "|---|---|---|"]
    text += [f"| {title} | {len(found)} | {len(found.keys() & faulty)} |" for title, (found, faulty) in groups.items()]
    text.append("")
    for title, (found, faulty) in groups.items():
        told = facts_of(PluginConformance) if title == "All plugins" else facts_of(classes()[title.strip("`")])
        text += [f"## {title}", "", "| attribute or method | default | what it says |", "|---|---|---|"]
        text += [f"| {' | '.join(map(_cell, cells))} |" for cells in told]
        text += ["", "| rule | sentence | its faulty plugin |", "|---|---|---|"]
        for name, rule in found.items():
            sentence = rule.wanted.replace("``", "`")
            cells = (f"`{name}`", sentence, f"`{faulty[name]}`" if name in faulty else "none")
            text.append(f"| {' | '.join(map(_cell, cells))} |")
        text.append("")
    return "\n".join(text)


def facts_of(cls: type[PluginConformance]) -> list[tuple[str, str, str]]:
    """What a class can be told of a plugin: each attribute and method to override, its default, and its meaning."""
    common = () if cls is PluginConformance else PluginConformance.__mro__
    found: dict[str, tuple[str, str, str]] = {}
    for base in cls.__mro__[:-1]:
        if base in common:
            continue
        section = (inspect.getdoc(base) or "").partition("Attributes:\n")[2].partition("\n\n")[0]
        for entry in re.split(r"\n(?=\S)", textwrap.dedent(section)):
            name, _, meaning = " ".join(entry.split()).partition(": ")
            if name and not hasattr(PluginConformance if common else object, name):
                found.setdefault(name, (f"`{name}`", _default(cls, name), _sentence(meaning)))
        for name, method in vars(base).items():
            doc = inspect.getdoc(method) if inspect.isfunction(method) else ""
            if doc and not name.startswith("_") and name != "use" and re.search("[Oo]verride", doc):
                parameters = ", ".join(list(inspect.signature(method).parameters)[1:])
                found.setdefault(name, (f"`{name}({parameters})`", "", _sentence(" ".join(doc.split()))))
    return list(found.values())


def _default(cls: type[PluginConformance], name: str) -> str:
    value = getattr(cls, name, None)
    is_plain = isinstance(value, (str, bool, int, float, tuple)) and value != ()
    return f"`{value!r}`" if is_plain and len(repr(value)) <= SHORT else ""


def _sentence(text: str) -> str:
    return text.replace("``", "`")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def page() -> str:
    """The whole page as it is to be."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[0] + BEGIN + "\n" + tables()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
