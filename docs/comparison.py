"""Find out what docs/comparison.md says of other libraries, and write its tables: ``python docs/comparison.py``.

Needs all of them installed, as ``tox run -m comparison`` does, which compares what is found with the page
(``--check``). Each question is asked in a process of its own, of distributions that are made for it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "comparison.md"
MANY = 300
RUNS = 5
# By how much a ratio may differ from the one on the page: other machines, other disks.
TOLERANCE = 3.0

FLOE = "floe-plugins"
NAMES = (FLOE, "pluggy", "stevedore", "plux", "npe2", "pluginforge", "pyplugy", "pluginkit")
GROUPS = {FLOE: "floe.secrets", "npe2": "napari.manifest"}

# The module of a plugin, for each library.
PLUGINS = {
    FLOE: """
        from floe_plugins import SecretsPlugin
        class Plugin(SecretsPlugin):
            name, version, floe_api_version = "NAME", "1.0", "1.0"
            def get_secret(self, key): return None
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): return None
    """,
    "plux": """
        from plux import Plugin as Base
        class Plugin(Base):
            namespace, name = "compared.plugins", "NAME"
            def load(self): return self
    """,
    "npe2": "def run(): return 1",
    "pluginforge": """
        from pluginforge import BasePlugin
        class Plugin(BasePlugin):
            name, version = "NAME", "1.0"
    """,
    "pyplugy": """
        from pyplugy import Plugin as Base
        class Plugin(Base):
            name, version = "NAME", "1.0"
            def on_load(self, ctx): pass
    """,
}
ANY_PLUGIN = "class Plugin: pass"
MANIFEST = """
name: acme-NAME
display_name: NAME
contributions: {commands: [{id: acme-NAME.run, title: run, python_name: "MODULE:run"}]}
"""

# Functions that list what is installed, and that load what they can and return its names.
ADAPTERS = {
    FLOE: """
        from floe_plugins import PluginRegistry
        def listed():
            return [each.ref.name for each in PluginRegistry(environ={}).discover().candidates]
        def loaded():
            registry = PluginRegistry(environ={})
            with registry:
                told.extend(map(str, registry.problems))
                return [info.ref.name for info in registry.infos() if str(info.state) == "started"]
    """,
    "pluggy": """
        import pluggy
        def listed():
            manager = pluggy.PluginManager("compared")
            manager.load_setuptools_entrypoints(GROUP)
            return [name for name, _ in manager.list_name_plugin()]
        loaded = listed
    """,
    "stevedore": """
        import os
        os.environ["XDG_CACHE_HOME"] = CACHE
        from stevedore import ExtensionManager, _cache
        def listed():
            return [each.name for each in _cache.get_group_all(GROUP)]
        def loaded():
            return ExtensionManager(GROUP).names()
    """,
    "plux": """
        from plux import PluginManager
        def listed():
            return PluginManager(GROUP).list_names()
        def loaded():
            return [each.name for each in PluginManager(GROUP).load_all()]
    """,
    "npe2": """
        from npe2 import PluginManager
        def listed():
            manager = PluginManager(disable=[])
            manager.discover()
            return [each.display_name for each in manager.iter_manifests()]
        def loaded():
            manager, done = PluginManager.instance(), []  # commands are those of the one instance
            manager.discover()
            for each in [*manager.iter_manifests()]:
                try:
                    manager.commands.execute(f"{each.name}.run")
                except Exception as error:
                    told.append(str(error))
                else:
                    done.append(each.display_name)
            return done
    """,
    "pluginforge": """
        from pathlib import Path
        from pluginforge import PluginManager
        config = Path(CACHE, "app.yaml")
        config.write_text(f"plugins: {{entry_point_group: {GROUP}}}")
        def listed():
            return PluginManager(str(config)).list_available_plugins()
        def loaded():
            manager = PluginManager(str(config))
            manager.discover_plugins()
            return [each.name for each in manager.get_active_plugins()]
    """,
    "pyplugy": """
        from pyplugy import PluginManager
        def listed():
            return [each.manifest.name for each in PluginManager().load_entry_points(GROUP)]
        loaded = listed
    """,
    "pluginkit": """
        from pluginkit import PluginManager
        def listed():
            manager = PluginManager("compared")
            report = manager.load_entrypoints_report(GROUP)
            told.extend(f"{each.name}: {each.error}" for each in report.failed)
            told.extend(report.already_loaded)
            return manager.plugin_names()
        loaded = listed
    """,
}
PROBE = """
import json, logging, sys, time
GROUP, CACHE, ASKED = {group!r}, {cache!r}, {asked!r}
sys.path.append({site!r})
told, found, error = [], [], ""
class Keep(logging.Handler):
    def emit(self, record):
        told.append(record.getMessage())
logging.basicConfig(handlers=[Keep()])
{adapter}
begun = time.perf_counter()
try:
    found = globals()[ASKED]()
except BaseException as raised:
    error = type(raised).__name__
    told.append(str(raised))
seconds = time.perf_counter() - begun
imported = any(name.startswith("acme_") for name in sys.modules)
print("\\n" + json.dumps([found, error, told, imported, seconds]))
"""
BASELINE = """
from importlib.metadata import entry_points
def listed():
    return [each.name for each in entry_points(group=GROUP)]
"""


def write_site(site: Path, library: str, sources: dict[str, str], requires: str = "") -> None:
    """Write a distribution for each source of a plugin, by name."""
    for name, source in sources.items():
        module = f"acme_{name}"
        info = site / f"{module}-1.0.dist-info"
        info.mkdir(parents=True)
        needed = f"Requires-Dist: {requires}\n" if requires else ""
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.0\n{needed}")
        value = f"{module}:Plugin"
        if library == "npe2":
            value = f"{module}:napari.yaml"
            (site / module).mkdir()
            (site / module / "napari.yaml").write_text(MANIFEST.replace("NAME", name).replace("MODULE", module))
            (site / module / "__init__.py").write_text(source)
        else:
            (site / f"{module}.py").write_text(source)
        (info / "entry_points.txt").write_text(f"[{group_of(library)}]\n{name} = {value}\n")
        (info / "RECORD").write_text("")


def group_of(library: str) -> str:
    """The group of entry points."""
    return GROUPS.get(library, "compared.plugins")


def plugin(library: str, name: str, first: str = "") -> str:
    """The source of a plugin that works, after a first line."""
    return f"{first}\n{textwrap.dedent(PLUGINS.get(library, ANY_PLUGIN)).replace('NAME', name)}"


class Answer:
    """What a library did."""

    def __init__(self, output: str) -> None:
        lines = output.strip().splitlines() or ['[[], "the process ended", [], false, 0]']
        self.found, self.error, self.told, self.imported, self.seconds = json.loads(lines[-1])


def ask(library: str, asked: str, sources: dict[str, str], **options: str) -> Answer:
    """Ask a library in a new process, with these plugins installed."""
    with tempfile.TemporaryDirectory() as directory:
        write_site(Path(directory, "site"), library, sources, options.pop("requires", ""))
        return ask_in(Path(directory), library, asked, **options)


def ask_in(directory: Path, library: str, asked: str, adapter: str = "") -> Answer:
    """Ask a library in a new process about what is installed in a directory."""
    facts = {"group": group_of(library), "cache": str(directory), "asked": asked, "site": str(directory / "site")}
    code = PROBE.format(adapter=textwrap.dedent(adapter or ADAPTERS[library]), **facts)
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 code of this file
    if not done.stdout.strip() and "Traceback" in done.stderr:
        raise RuntimeError(f"{library}: {done.stderr}")
    return Answer(done.stdout)


def lists_without_import(library: str) -> str:
    """Whether a list of what is installed comes about without imports."""
    answer = ask(library, "listed", {"good": plugin(library, "good")})
    assert answer.found == ["good"], (library, answer.found, answer.error, answer.told)
    return "no" if answer.imported else "yes"


def broken(first: str) -> Callable[[str], str]:
    """What becomes of a plugin that works beside one that does not."""

    def probe(library: str) -> str:
        sources = {"bad": plugin(library, "bad", first), "good": plugin(library, "good")}
        answer = ask(library, "loaded", sources)
        if answer.error:
            return f"{answer.error}, none is loaded"
        assert answer.found == ["good"], (library, answer.found, answer.told)
        words = " ".join(answer.told)
        if "acme-bad 1.0" in words:
            return "the other is loaded; plugin and distribution are named"
        return f"the other is loaded; {'the plugin is named' if 'bad' in words else 'silent'}"

    return probe


def same_name(library: str) -> str:
    """What becomes of two plugins of one name."""
    if library == "npe2":
        return "cannot be: a plugin has the name of its distribution"
    sources = {"one": plugin(library, "same"), "two": plugin(library, "same")}
    with tempfile.TemporaryDirectory() as directory:
        site = Path(directory, "site")
        write_site(site, library, sources)
        for file in site.glob("*.dist-info/entry_points.txt"):
            file.write_text(file.read_text().replace("one =", "same =").replace("two =", "same ="))
        answer = ask_in(Path(directory), library, "loaded")
    if answer.error:
        return f"{answer.error}, none is loaded"
    words = " ".join(answer.told)
    told = "both are named" if "acme-one" in words and "acme-two" in words else "told" if words else "silent"
    loaded = {0: "neither is loaded", 1: "one is loaded", 2: "both are loaded"}[len(answer.found)]
    return f"{loaded}; {told}"


def too_new(library: str) -> str:
    """What becomes of a plugin whose distribution requires a newer library."""
    requires = f"{library}>=99"
    answer = ask(library, "loaded", {"good": plugin(library, "good")}, requires=requires)
    return "loaded" if answer.found else "refused, not imported" if not answer.imported else "refused"


def ratio(library: str) -> str:
    """How much longer a list of many takes than reading their entry points."""
    with tempfile.TemporaryDirectory() as directory:
        names = {f"p{number:03}": plugin(library, f"p{number:03}") for number in range(MANY)}
        write_site(Path(directory, "site"), library, names)
        # Side by side, so that both meet the same load.
        pairs = [[ask_in(Path(directory), library, "listed", each) for each in ("", BASELINE)] for _ in range(RUNS)]
    assert all(len(own.found) == MANY for own, _ in pairs), library
    own, bare = (statistics.median(each[place].seconds for each in pairs) for place in (0, 1))
    found = own / bare
    return f"{found:.1f}" if found < 10 else f"{found:.0f}"  # noqa: PLR2004 two digits


TYPED = {
    FLOE: """
        from floe_plugins import PluginRegistry, SecretsPlugin
        PluginRegistry().manager(SecretsPlugin).hook.secret_nmaes(prefix="")
    """,
    "pluggy": """
        import pluggy
        pluggy.PluginManager("compared").hook.secret_nmaes(prefix="")
    """,
    "pluginforge": """
        from pluginforge import PluginManager
        PluginManager("app.yaml").call_hook("secret_nmaes", prefix="")
    """,
    "pluginkit": """
        from pluginkit import ExtensionPoint, PluginManager
        class Specs:
            @staticmethod
            @ExtensionPoint("compared")
            def secret_names(prefix: str) -> str: raise NotImplementedError
        PluginManager("compared").caller(Specs.secret_nmaes)(prefix="")
    """,
    "stevedore": """
        from stevedore import ExtensionManager
        ExtensionManager("compared").map_method("secret_nmaes", prefix="")
    """,
}


def typed(library: str) -> str:
    """Whether a type checker knows the names of hooks."""
    if library not in TYPED:
        return "no hooks that are called by name"
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "call.py")
        file.write_text(textwrap.dedent(TYPED[library]))
        command = [sys.executable, "-m", "mypy", "--no-incremental", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory)  # noqa: S603 mypy
    return "mypy finds it" if "secret_nmaes" in done.stdout else "not found"


QUESTIONS: dict[str, Callable[[str], str]] = {
    "Installed plugins are listed without importing them": lists_without_import,
    "One of two plugins raises when it is imported": broken("raise RuntimeError('bad luck')"),
    "One of two plugins calls `sys.exit()` when it is imported": broken("raise SystemExit(3)"),
    "Two distributions offer a plugin of one name": same_name,
    "A distribution requires a version of the library that is not installed": too_new,
    "The name of a hook is misspelt where it is called": typed,
}
RATIO = f"Seconds to list {MANY} distributions, as a multiple of `importlib.metadata.entry_points()`"


def rows() -> Iterator[tuple[str, list[str]]]:
    """The questions, with the answer of each library."""
    yield "Version", [metadata.version(name) for name in NAMES]
    for question, probe in QUESTIONS.items():
        yield question, [probe(name) for name in NAMES]
    yield RATIO, [ratio(name) for name in NAMES]


def tables(found: dict[str, list[str]]) -> str:
    """A table for each question: cells of one table would be too narrow to read."""
    lines: list[str] = []
    for question, answers in found.items():
        lines += [f"### {question}", "", "| library | found |", "|---|---|"]
        lines += [f"| {name} | {answer} |" for name, answer in zip(NAMES, answers, strict=True)]
        lines.append("")
    return "\n".join(lines)


def read(page: str) -> dict[str, list[str]]:
    """The answers on the page."""
    found: dict[str, list[str]] = {}
    for part in page.split("\n### ")[1:]:
        question, _, text = part.partition("\n")
        found[question] = [line.split("|")[2].strip() for line in text.splitlines() if line.startswith("| ")][1:]
    return found


def differences(page: dict[str, list[str]], found: dict[str, list[str]]) -> Iterator[str]:
    """Yield what the page says otherwise; versions may be newer, and ratios differ."""
    for question, answers in found.items():
        for name, new, old in zip(NAMES, answers, page.get(question, [""] * len(NAMES)), strict=True):
            if question == RATIO:
                close = old and 1 / TOLERANCE <= float(new) / float(old) <= TOLERANCE
            else:
                close = question == "Version" or new == old
            if not close:
                yield f"{question}: {name}: the page says {old!r}, and now it is {new!r}"


def main() -> None:
    """Write the tables, or compare them with the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    options: Any = parser.parse_args()
    found = dict(rows())
    text = PAGE.read_text(encoding="utf-8")
    if options.check:
        wrong = [*differences(read(text), found)]
        sys.exit("\n".join(wrong) or 0)
    head, mark, _ = text.partition("<!-- what docs/comparison.py found -->\n")
    PAGE.write_text(f"{head}{mark}\n{tables(found)}", encoding="utf-8")


if __name__ == "__main__":
    main()
