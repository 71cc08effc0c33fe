"""Write the table of the conformance suite into ``docs/conformance.md``: ``python docs/conformance_table.py``."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from floe_plugins.testing import PluginConformance, conformance
from floe_plugins.testing.conformance.runner import rules

PAGE = Path(__file__).parent / "conformance.md"
BEGIN = "<!-- the rest is made by docs/conformance_table.py -->\n"


def classes() -> dict[str, type[PluginConformance]]:
    """The conformance class of each category, by its name."""
    found: dict[str, type[PluginConformance]] = {}
    for module in pkgutil.iter_modules(conformance.__path__, f"{conformance.__name__}."):
        for each in vars(importlib.import_module(module.name)).values():
            if isinstance(each, type) and issubclass(each, PluginConformance) and each is not PluginConformance:
                found[each.__name__] = each
    return dict(sorted(found.items()))


def tables() -> str:
    """All rules with their sentences: those of all plugins, and those of each category."""
    groups = {"All plugins": rules(PluginConformance)}
    groups |= {f"`{name}`": rules(each, without=PluginConformance) for name, each in classes().items()}
    text: list[str] = []
    for title, found in groups.items():
        text += [f"## {title}", "", f"{len(found)} rules.", "", "| rule | sentence |", "|---|---|"]
        for name, rule in found.items():
            sentence = rule.wanted.replace("|", "\\|").replace("``", "`")
            text.append(f"| `{name}` | {sentence} |")
        text.append("")
    return "\n".join(text)


def page() -> str:
    """The whole page as it is to be."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[0] + BEGIN + "\n" + tables()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
