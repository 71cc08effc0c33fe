"""The projects that are made for authors: of every category, and right as they are."""

from __future__ import annotations

import ast
import configparser
import errno
import re
import sys
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from floe_plugins import FLOE_API_VERSION, Category, Platform, PluginMetadata, PluginType, testing
from floe_plugins.authoring.project import Project, new_project, write_project

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import PluginEnvironment

SITE = Platform("site", "1.0", [Category("source", "site.sources", f"{__name__}:Source")])


class Source(PluginMetadata):
    """Source: where pages come from."""

    site_api_version: str

    @SITE.hookspec
    @abstractmethod
    def pages(self) -> list[str]:
        """Return the pages."""

    @SITE.hookspec
    def count(self, text: str) -> int | None:
        """Return how many there are."""


LONGEST = "a-very-long-name-of-thirty-two-c"


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A project of each category, written: its ref and its directory."""
    directory = tmp_path_factory.mktemp("projects")
    found: dict[str, Path] = {}
    for category in PluginType:
        project = new_project(category, "acme")
        found[str(project.ref)] = directory / project.distribution
        write_project(project, directory / project.distribution)
    return found


@pytest.mark.once
def test_all_of_them_build_and_pass_their_own_tests_and_those_of_their_contracts(
    projects: dict[str, Path], environment: Callable[..., PluginEnvironment]
) -> None:
    plugins = environment(*projects.values())
    tests = [str(path / "tests") for path in projects.values()]
    options = ["-q", "--import-mode=importlib", "-W", "error", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = plugins.run(["-m", "pytest", *options, *tests], check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("failed") == 0


@pytest.mark.once
def test_all_of_them_are_found_and_loaded(
    projects: dict[str, Path], environment: Callable[..., PluginEnvironment]
) -> None:
    document = environment(*projects.values()).json(["-m", "floe_plugins", "check", "--all", "--json"])
    assert document["checked"] == sorted(projects)
    assert (document["problems"], document["warnings"]) == ([], [])


@pytest.mark.parametrize("name", ["acme", LONGEST, "3d", "a_b"])
@pytest.mark.parametrize("category", PluginType)
def test_no_line_is_too_long_and_all_of_it_is_what_it_claims_to_be(category: PluginType, name: str) -> None:
    project = new_project(category, name)
    for path, text in project.files.items():
        assert "@" not in text.replace("@pytest", "").replace("@v", "").replace("@context", "").replace("@prop", "")
        assert text == "" or text.endswith("\n")
        if path.endswith(".py"):
            ast.parse(text)
            assert max(map(len, text.splitlines())) <= 120, path
    facts = tomllib.loads(project.files["pyproject.toml"])
    entry_point = {category.group: {name: f"{project.package}:{project.cls}"}}
    assert facts["project"]["entry-points"] == entry_point
    configparser.ConfigParser(interpolation=None).read_string(project.files["tox.ini"])


@pytest.mark.parametrize("category", PluginType)
def test_a_class_has_every_hook_and_a_literal_api_version(category: PluginType) -> None:
    project = new_project(category, "acme")
    tree = ast.parse(project.files[f"src/{project.package}/plugin.py"])
    [cls] = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == project.cls]
    methods = {node.name: node for node in cls.body if isinstance(node, ast.FunctionDef)}
    hooks = {name for name in dir(category.spec) if hasattr(getattr(category.spec, name), "floe_spec")}
    assert hooks <= methods.keys()
    for name in hooks:
        assert ast.get_docstring(methods[name])
        assert f"{name} is not supported" not in ast.unparse(methods[name])
    assert f"floe_api_version = '{FLOE_API_VERSION}'" in ast.unparse(cls)


def test_a_category_without_a_template_gets_a_class_that_supports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PluginType.SECRETS, "slug", "twelfth")
    project = new_project(PluginType.SECRETS, "acme")
    module = project.files[f"src/{project.package}/plugin.py"]
    assert 'raise UnsupportedOperationError("get_secret is not supported")' in module


def test_a_project_for_another_platform_says_its_words_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, __name__, sys.modules[__name__])
    project = new_project(next(iter(SITE.categories)), "acme", SITE)
    assert (project.distribution, str(project.ref)) == ("site-source-acme", "source:acme")
    texts = {path: text.replace("floe-plugins", "").replace("floe_plugins", "") for path, text in project.files.items()}
    assert not [path for path, text in texts.items() if "floe" in text.lower() and path != "pyproject.toml"]
    facts = tomllib.loads(project.files["pyproject.toml"])
    assert facts["project"]["entry-points"] == {"site.sources": {"acme": "site_source_acme:AcmeSource"}}
    module = project.files["src/site_source_acme/plugin.py"]
    assert 'site_api_version = "1.0"' in module
    assert 'raise UnsupportedOperationError("pages is not supported")' in module
    assert "return super().count(text)" in module
    assert "platform = SITE" in project.files["tests/test_conformance.py"]
    assert "platform=SITE" in project.files["tests/test_plugin.py"]


@pytest.mark.parametrize("name", ["source", "site", "distribution", "plugins"])
def test_what_means_something_else_on_a_platform_is_reserved_there(name: str) -> None:
    with pytest.raises(ValueError, match="reserved"):
        new_project(next(iter(SITE.categories)), name, SITE)


def test_a_category_whose_class_cannot_be_read_has_no_project() -> None:
    site = Platform("site", "1.0", [Category("source", "site.sources", "nowhere_at_all.api:Source")])
    with pytest.raises(ValueError, match=r"category source cannot be read: the source of nowhere_at_all\.api"):
        new_project(next(iter(site.categories)), "acme", site)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "not a plugin name"),
        ("Acme", "lower-case"),
        ("ac me", "not a plugin name"),
        ("-acme", "not a plugin name"),
        ("../acme", "not a plugin name"),
        ("a" * 33, "up to 32"),
        ("storage", "reserved"),
        ("semantic-layer", "reserved"),
        ("distribution", "reserved"),
    ],
)
def test_what_cannot_be_a_name_is_refused(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        new_project(PluginType.SECRETS, name)


def project() -> Project:
    return new_project(PluginType.SECRETS, "acme")


def a_file(place: Path) -> None:
    place.write_text("mine", encoding="utf-8")


def a_full_directory(place: Path) -> None:
    place.mkdir()
    (place / "mine").write_text("mine", encoding="utf-8")


def a_link(place: Path) -> None:
    place.symlink_to(place.parent / "elsewhere")


@pytest.mark.parametrize("make", [a_file, a_full_directory, a_link])
def test_nothing_is_written_where_something_is(tmp_path: Path, make: Any) -> None:
    place = tmp_path / "acme"
    make(place)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(FileExistsError, match="acme exists"):
        write_project(project(), place)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("exists", [True, False])
def test_what_cannot_be_written_whole_is_removed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, exists: bool
) -> None:
    made, place, opened, full = project(), tmp_path / "new", Path.open, iter([False] * 5)

    def open_until_full(path: Path, *args: Any, **options: Any) -> Any:
        if next(full, True):
            raise OSError(errno.ENOSPC, "No space left on device")
        return opened(path, *args, **options)

    if exists:
        place.mkdir()
    monkeypatch.setattr(Path, "open", open_until_full)
    with pytest.raises(OSError, match="No space left"):
        write_project(made, place)
    assert [*tmp_path.rglob("*")] == ([place] if exists else [])


def test_an_empty_directory_will_do(tmp_path: Path) -> None:
    write_project(project(), tmp_path)
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == set(project().files)


@pytest.mark.parametrize("category", PluginType)
def test_the_conformance_class_of_a_project_is_there(category: PluginType) -> None:
    text = new_project(category, "acme").files["tests/test_conformance.py"]
    [name] = re.findall(r"from floe_plugins\.testing import (\w+)$", text, re.MULTILINE)
    assert issubclass(getattr(testing, name), testing.PluginConformance)
    assert name != "PluginConformance"
