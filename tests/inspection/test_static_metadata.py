"""What a class declares, read from source: every case is also imported, and must not contradict it."""

from __future__ import annotations

import importlib
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import run_code

from floe_plugins import Candidate, Distribution, PluginMetadata, PluginRef, PluginType
from floe_plugins.inspection import static_metadata
from floe_plugins.inspection.static_metadata import UNKNOWN, StaticMetadata

FIELDS = ("name", "version", "floe_api_version", "description", "dependencies", "optional_dependencies")
DUCKDB = """
class DuckDB(ComputePlugin):
    name = "duckdb"
    version = "1.2"
    floe_api_version = "1.0"
"""
PLAIN = f"from floe_plugins import ComputePlugin\n{DUCKDB}"
KNOWN = StaticMetadata(
    name="duckdb",
    version="1.2",
    floe_api_version="1.0",
    description="",
    dependencies=(),
    optional_dependencies=(),
    category=PluginType.COMPUTE,
)

Write = Callable[..., Candidate]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the modules of a distribution, and give the candidate for ``acme:DuckDB`` or another value."""

    def write(modules: dict[str, str] | str, value: str = "acme:DuckDB", site: Path = tmp_path) -> Candidate:
        for name, source in ({"acme.py": modules} if isinstance(modules, str) else modules).items():
            path = site / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(source), encoding="utf-8")
        info = tmp_path / "acme-1.0.dist-info"
        info.mkdir()
        return Candidate(PluginRef.parse("compute:duckdb"), value, Distribution("acme", "1.0", str(info)))

    return write


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """The class as Python makes it."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(value: str) -> Any:
        for name in [name for name in sys.modules if name.partition(".")[0] == "acme"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        module, _, attribute = value.partition(":")
        return getattr(importlib.import_module(module), attribute)

    return load


def assert_no_contradiction(known: StaticMetadata, cls: Any) -> None:
    for field in FIELDS:
        said = getattr(known, field)
        found = getattr(cls, field, None)
        assert said is None or said == (tuple(found) if isinstance(found, list) else found)
    assert known.category is None or issubclass(cls, known.category.spec)


def body(*lines: str) -> str:
    return PLAIN + "".join(f"    {line}\n" for line in lines)


SAME = {
    "plain": PLAIN,
    "annotated": PLAIN.replace("version = ", "version: str = "),
    "without values annotated": body("config: int", "description: str"),
    "category by module": PLAIN.replace("from floe_plugins import", "from floe_plugins.hookspecs.compute import"),
    "category under another name": PLAIN.replace("import ComputePlugin", "import ComputePlugin as Base").replace(
        "(ComputePlugin)", "(Base)"
    ),
    "category by attribute": f"import floe_plugins as fp\n{DUCKDB}".replace("(Comp", "(fp.Comp"),
    "category by dotted import": PLAIN.replace(
        "from floe_plugins import ComputePlugin", "import floe_plugins.hookspecs.compute"
    ).replace("(ComputePlugin)", "(floe_plugins.hookspecs.compute.ComputePlugin)"),
    "version from a constant": PLAIN.replace('version = "1.2"', "version = __version__").replace(
        "\nclass", '\n__version__ = "1.2"\nclass'
    ),
    "with docstring, methods and a cookie": "# -*- coding: utf-8 -*-\n" + body('"""Docs."""', "def x(self): pass"),
    "a final class": PLAIN.replace("\nclass", "\nfrom typing import final\n@final\nclass"),
    "an alias": PLAIN.replace("DuckDB(", "Real(") + "DuckDB = Real\n",
    "reading attributes of itself": body("def x(self): return self.version, DuckDB.version"),
    "an invalid escape": "import re\nPATTERN = '\\d'\n" + PLAIN,
    "the word global in a comment": "# a global exec of sys.modules['x']\n" + PLAIN,
    "a base of its own": PLAIN.replace("DuckDB(", "Common(") + "class DuckDB(Common):\n    def startup(self): pass\n",
    "a plain mixin": PLAIN.replace("DuckDB(Comp", "DuckDB(Mixin, Comp").replace(
        "\nclass", "\nclass Mixin:\n    def y(self): pass\nclass", 1
    ),
    "a diamond": "from floe_plugins import ComputePlugin\n"
    "class A(ComputePlugin):\n    version = '0'\n    name = 'duckdb'\n"
    "class B(A): pass\n"
    "class C(A):\n    version = '1.2'\n    floe_api_version = '1.0'\n"
    "class DuckDB(B, C): pass\n",
}


@pytest.mark.filterwarnings("ignore:invalid escape")
@pytest.mark.parametrize("source", SAME.values(), ids=list(SAME))
def test_what_is_plainly_declared_is_known(write: Write, loaded: Callable[[str], Any], source: str) -> None:
    assert static_metadata.read(write(source)) == KNOWN
    assert_no_contradiction(KNOWN, loaded("acme:DuckDB"))


UNCLEAR = {
    "decorated": PLAIN.replace("\nclass", "\n@(lambda cls: cls)\nclass"),
    "bound twice": PLAIN + "DuckDB = type('DuckDB', (DuckDB,), {'version': '2'})\n",
    "under a condition": "from floe_plugins import ComputePlugin\nif 1:\n" + textwrap.indent(DUCKDB, "    "),
    "in a try": "from floe_plugins import ComputePlugin\ntry:\n"
    + textwrap.indent(DUCKDB, "    ")
    + "except Exception: pass\n",
    "after a star import": "from os.path import *\n" + PLAIN,
    "changed afterwards": PLAIN + "DuckDB.version = '2'\n",
    "changed by setattr": PLAIN + "setattr(DuckDB, 'version', '2')\n",
    "changed by a function": PLAIN
    + "def f():\n    global DuckDB\n    DuckDB = type('D', (DuckDB,), {'version': '2'})\nf()\n",
    "changed through globals": PLAIN + "globals()['DuckDB'] = type('D', (DuckDB,), {'version': '2'})\n",
    "changed by exec": PLAIN + 'exec(\'DuckDB = type("D", (DuckDB,), {"version": "2"})\')\n',
    "a module replaced": PLAIN
    + "import sys, types\nnew = types.ModuleType('acme')\n"
    + "new.DuckDB = type('D', (DuckDB,), {'version': '2'})\nsys.modules[__name__] = new\n",
    "deleted and made again": PLAIN + "Old = DuckDB\ndel DuckDB\nclass DuckDB(Old):\n    version = '2'\n",
    "the target of a loop": PLAIN + "for DuckDB in [type('D', (DuckDB,), {'version': '2'})]: pass\n",
    "bound by a walrus": PLAIN + "[DuckDB := type('D', (DuckDB,), {'version': '2'})]\n",
    "bound by a match": PLAIN + "match type('D', (DuckDB,), {'version': '2'}):\n    case DuckDB: pass\n",
    "a function": "def DuckDB(): pass\n",
    "an instance": PLAIN.replace("DuckDB(", "Real(") + "DuckDB = 'not ' + Real.version\n",
    "a metaclass": PLAIN.replace("(ComputePlugin)", "(ComputePlugin, metaclass=type(ComputePlugin))"),
    "given on demand": "def __getattr__(name): return int\n",
}


@pytest.mark.parametrize("source", UNCLEAR.values(), ids=list(UNCLEAR))
def test_what_is_not_plain_is_known_when_loaded(write: Write, loaded: Callable[[str], Any], source: str) -> None:
    assert static_metadata.read(write(source)) == UNKNOWN
    assert loaded("acme:DuckDB")


PARTLY = {
    "a call": (body("description = 'a'.upper()"), "description"),
    "a property": (body("@property", "def description(self): return 'x'"), "description"),
    "bound twice": (body("description = 'a'", "description = 'b'"), "description"),
    "under a condition": (body("if True:", "    description = 'a'"), "description"),
    "set by an instance": (body("def __init__(self): self.description = 'x'"), "description"),
    "added to": (body("dependencies = ('a',)", "dependencies += ('b',)"), "dependencies"),
    "unpacked": (body("description, x = 'a', 'b'"), "description"),
    "from a loop": (body("for description in 'ab': pass"), "description"),
    "from another attribute": ("other = 'b'\n" + body("other = 'a'", "description = other"), "description"),
    "imported from elsewhere": (
        body("description = where").replace("from floe", "from os.path import sep as where\nfrom floe", 1),
        "description",
    ),
    "not texts": (body("dependencies = (1, 2)"), "dependencies"),
    "a bare text for several": (body("dependencies = 'secrets:env'"), "dependencies"),
    "not a text": (body("description = 3"), "description"),
}


@pytest.mark.parametrize(("source", "field"), PARTLY.values(), ids=list(PARTLY))
def test_an_attribute_that_is_no_literal_is_known_when_loaded_and_the_others_are_known(
    write: Write, loaded: Callable[[str], Any], source: str, field: str
) -> None:
    known = static_metadata.read(write(source))
    assert getattr(known, field) is None
    assert [getattr(known, each) is None for each in FIELDS].count(True) == 1
    assert known.category is PluginType.COMPUTE
    assert loaded("acme:DuckDB")


def test_declared_dependencies_are_texts_in_order(write: Write) -> None:
    known = static_metadata.read(
        write(body("dependencies = ['secrets:env', 'compute']", "optional_dependencies = ('catalog:x>=1',)"))
    )
    assert known.dependencies == ("secrets:env", "compute")
    assert known.optional_dependencies == ("catalog:x>=1",)


@pytest.mark.parametrize("literal", ["1.0", "None", "''", "['1']"])
def test_an_api_version_is_given_as_it_stands_so_that_nonsense_can_be_refused(write: Write, literal: str) -> None:
    known = static_metadata.read(write(PLAIN.replace('floe_api_version = "1.0"', f"floe_api_version = {literal}")))
    assert repr(known.floe_api_version) == literal


def test_undeclared_and_defaulted_attributes_are_told_apart(write: Write) -> None:
    known = static_metadata.read(write("from floe_plugins import SecretsPlugin\nclass DuckDB(SecretsPlugin): pass\n"))
    assert known == StaticMetadata(
        description="", dependencies=(), optional_dependencies=(), category=PluginType.SECRETS
    )


@pytest.mark.parametrize("member", PluginType, ids=lambda member: member.slug)
def test_the_defaults_and_the_category_are_those_of_the_real_classes(write: Write, member: PluginType) -> None:
    name = member.spec.__name__
    known = static_metadata.read(write(f"from floe_plugins import {name}\nclass DuckDB({name}): pass\n"))
    assert known.category is member
    assert_no_contradiction(known, member.spec)
    for field in ("description", "dependencies", "optional_dependencies"):
        assert getattr(known, field) == getattr(PluginMetadata, field)


@pytest.mark.parametrize(
    ("base", "category"),
    [
        ("Unknown", None),
        ("Unknown, ComputePlugin", PluginType.COMPUTE),
        ("ComputePlugin, StoragePlugin", None),
        ("ShinyPlugin", None),
        ("make_base()", None),
    ],
)
def test_below_an_unknown_base_only_the_class_itself_is_known(
    write: Write, base: str, category: PluginType | None
) -> None:
    source = PLAIN.replace(
        "import ComputePlugin", "import ComputePlugin, ShinyPlugin, StoragePlugin\nfrom x import Unknown"
    )
    known = static_metadata.read(write(source.replace("(ComputePlugin)", f"({base})")))
    assert (known.name, known.version, known.floe_api_version) == ("duckdb", "1.2", "1.0")
    assert known.category is category
    if "Storage" not in base:
        assert known.description is None


def test_what_an_unknown_base_may_come_before_is_unknown(write: Write) -> None:
    source = (
        "class P:\n    description = 'p'\nclass A(P): version = '1'\nfrom x import Q\nclass DuckDB(A, Q): name = 'd'\n"
    )
    assert static_metadata.read(write(source)) == StaticMetadata(name="d")


def test_a_class_changed_where_it_stands_is_unknown_where_it_is_exported(write: Write) -> None:
    modules = {
        "acme/__init__.py": "from .impl import Real as DuckDB\n",
        "acme/impl.py": PLAIN.replace("DuckDB(", "Real(") + "Real.version = '2'\n",
    }
    assert static_metadata.read(write(modules)) == UNKNOWN


@pytest.mark.parametrize(
    "base",
    ["@decorate\nclass Common(ComputePlugin)", "class Common(ComputePlugin, metaclass=M)"],
)
def test_a_base_that_is_not_plain_is_unknown(write: Write, base: str) -> None:
    source = (
        f"from floe_plugins import ComputePlugin\n{base}: description = 'x'\nclass DuckDB(Common): name = 'duckdb'\n"
    )
    assert static_metadata.read(write(source)) == StaticMetadata(name="duckdb")


def test_a_base_that_changes_its_subclasses_makes_all_unknown_but_the_category(write: Write) -> None:
    source = (
        "from floe_plugins import ComputePlugin\n"
        "class Common(ComputePlugin):\n    def __init_subclass__(cls): cls.version = '9'\n"
        "class DuckDB(Common): version = '1'\n"
    )
    assert static_metadata.read(write(source)) == StaticMetadata(category=PluginType.COMPUTE)


PACKAGES: dict[str, tuple[dict[str, str], str]] = {
    "re-exported": (
        {"acme/__init__.py": "from acme.impl import DuckDB\n", "acme/impl.py": PLAIN},
        "acme:DuckDB",
    ),
    "re-exported relatively": (
        {"acme/__init__.py": "from .impl import Other as DuckDB\n", "acme/impl.py": PLAIN.replace("DuckDB(", "Other(")},
        "acme:DuckDB",
    ),
    "twice": (
        {
            "acme/__init__.py": "from .sub import DuckDB\n",
            "acme/sub/__init__.py": "from ..impl import DuckDB\n",
            "acme/impl.py": PLAIN,
        },
        "acme:DuckDB",
    ),
    "a submodule of a namespace package": ({"acme/deep/er/impl.py": PLAIN}, "acme.deep.er.impl:DuckDB"),
    "with its base and its version elsewhere": (
        {
            "acme/__init__.py": "__version__ = '1.2'\n",
            "acme/base.py": "import floe_plugins\nclass Base(floe_plugins.ComputePlugin): floe_api_version = '1.0'\n",
            "acme/impl.py": "from . import __version__\nfrom .base import Base\n"
            "class DuckDB(Base):\n    name = 'duckdb'\n    version = __version__\n",
        },
        "acme.impl:DuckDB",
    ),
}


@pytest.mark.parametrize(("modules", "value"), PACKAGES.values(), ids=list(PACKAGES))
def test_names_are_followed_through_the_files_of_the_distribution(
    write: Write, loaded: Callable[[str], Any], modules: dict[str, str], value: str
) -> None:
    assert static_metadata.read(write(modules, value)) == KNOWN
    assert_no_contradiction(KNOWN, loaded(value))


@pytest.mark.parametrize(
    "modules",
    [
        {},
        {"acme.py": ""},
        {"acme.py": "def broken(:\n"},
        {"acme.py": "x = 1\0"},
        {"acme.py": "DuckDB = " + "(" * 5000},
        {"acme.py": "DuckDB = " + "-" * 100_000 + "1"},
        {"acme.py": "#" * 2_000_000 + "\n" + PLAIN},
        {"acme.py": "from acme import DuckDB\n"},
        {"acme.py": "from other_distribution import DuckDB\n"},
        {"acme/__init__.py": "from .a import DuckDB\n", "acme/a.py": "from . import DuckDB\n"},
        {"acme/__init__.py": "from ....far import DuckDB\n"},
        {"acme.py": "class DuckDB(DuckDB): pass\n"},
        {"acme.py": "class A(B): pass\nclass B(A): pass\nclass DuckDB(A): pass\n"},
        {"acme.py": "class A: pass\nclass B(A): pass\nclass DuckDB(A, B): pass\n"},
    ],
)
def test_hopeless_sources_say_nothing_and_raise_nothing(write: Write, modules: dict[str, str]) -> None:
    assert static_metadata.read(write(modules)) == UNKNOWN


@pytest.mark.parametrize("value", ["acme", "acme:Outer.DuckDB", "nonsense here", "", "acme:Gone", "acme.gone:DuckDB"])
def test_values_that_name_no_top_level_class_say_nothing(write: Write, value: str) -> None:
    assert static_metadata.read(write(PLAIN, value)) == UNKNOWN


def test_nothing_is_imported(write: Write) -> None:
    candidate = write({"acme/__init__.py": "raise SystemExit('imported')\n", "acme/impl.py": PLAIN}, "acme.impl:DuckDB")
    code = f"""
import sys
from floe_plugins import Candidate, Distribution, PluginRef
from floe_plugins.inspection import static_metadata
known = static_metadata.read(Candidate(PluginRef.parse("compute:duckdb"), "acme.impl:DuckDB",
                             Distribution("acme", "1.0", {candidate.distribution.path!r})))
assert known.version == "1.2", known
print([name for name in ("acme", "pluggy", "pydantic", "importlib.metadata") if name in sys.modules])
"""
    done = run_code(code)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_warnings_of_foreign_sources_are_left_to_their_import(write: Write) -> None:
    assert static_metadata.read(write("PATTERN = '\\d'\n" + PLAIN)) == KNOWN


@pytest.mark.parametrize("link", ["pth", "finder", "finder of one module"])
def test_editable_installs_are_read_where_their_source_lies(write: Write, tmp_path: Path, link: str) -> None:
    site, source = tmp_path, tmp_path / "project" / "src"
    modules = {"acme.py": PLAIN} if link.endswith("module") else {"acme/__init__.py": PLAIN}
    candidate = write(modules, site=source)
    info = Path(candidate.distribution.path)
    if link == "pth":
        (site / "_acme.pth").write_text(f"# comment\nimport nothing\n{source}\n")
        (info / "RECORD").write_text("_acme.pth,,\nacme-1.0.dist-info/RECORD,,\n")
    else:
        mapping = {"acme": str(source / "acme")}
        (site / "__editable___acme_1_0_finder.py").write_text(f"import sys\nMAPPING: dict[str, str] = {mapping!r}\n")
        (info / "RECORD").write_text("__editable__.acme-1.0.pth,,\n__editable___acme_1_0_finder.py,,\n")
        (site / "__editable__.acme-1.0.pth").write_text("import __editable___acme_1_0_finder")
    assert static_metadata.read(candidate) == KNOWN


def graph(levels: int, width: int) -> str:
    """Classes each of which derives from all of the level below."""
    lines, bases = ["from floe_plugins import ComputePlugin"], ["ComputePlugin"]
    for level in range(levels):
        names = [f"C{level}_{number}" for number in range(width)]
        lines += [f"class {name}({', '.join(bases)}): pass" for name in names]
        bases = names
    return "\n".join([*lines, DUCKDB.replace("(ComputePlugin)", f"({', '.join(bases)})")])


@pytest.mark.parametrize(
    ("levels", "width", "whole"), [(16, 2, True), (40, 2, True), (49, 2, True), (49, 16, False), (2, 200, False)]
)
def test_a_wide_graph_of_classes_takes_no_time(tmp_path: Path, levels: int, width: int, *, whole: bool) -> None:
    (tmp_path / "wide_graph.py").write_text(graph(levels, width), encoding="utf-8")
    distribution = Distribution("acme", "1.0", str(tmp_path / "acme-1.0.dist-info"))
    begun = time.process_time()
    found = static_metadata.read(Candidate(PluginRef.parse("compute:duckdb"), "wide_graph:DuckDB", distribution))
    assert time.process_time() - begun < 60
    assert found.version == "1.2"
    assert (found.dependencies == ()) is whole


def test_an_expression_nested_very_deeply_is_known_when_loaded(tmp_path: Path) -> None:
    text = f"{PLAIN}    nested = {'+'.join(['x'] * 3_000)}\n"
    (tmp_path / "deep_module.py").write_text(text, encoding="utf-8")
    distribution = Distribution("acme", "1.0", str(tmp_path / "acme-1.0.dist-info"))
    assert static_metadata.read(Candidate(PluginRef.parse("compute:duckdb"), "deep_module:DuckDB", distribution)) in {
        UNKNOWN,
        KNOWN,
    }


@pytest.mark.parametrize(("bases", "known"), [(16, True), (17, False)])
def test_a_class_of_more_bases_than_the_page_says_is_known_when_loaded(
    tmp_path: Path, bases: int, *, known: bool
) -> None:
    found = read_graph(tmp_path, 1, bases)
    assert (found.version, found.dependencies) == ("1.2", () if known else None)


@pytest.mark.parametrize(("levels", "known"), [(42, True), (43, False)])
def test_more_classes_than_the_page_says_are_known_when_loaded(tmp_path: Path, levels: int, *, known: bool) -> None:
    """Three classes on each level, and the plugin's own: 127 and 130."""
    found = read_graph(tmp_path, levels, 3)
    assert (found.version, found.dependencies) == ("1.2", () if known else None)


def read_graph(site: Path, levels: int, width: int) -> StaticMetadata:
    (site / "graph_module.py").write_text(graph(levels, width), encoding="utf-8")
    distribution = Distribution("acme", "1.0", str(site / "acme-1.0.dist-info"))
    return static_metadata.read(Candidate(PluginRef.parse("compute:duckdb"), "graph_module:DuckDB", distribution))
