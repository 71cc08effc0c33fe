"""Make the project of a new plugin: a distribution that builds, and passes its tests and checks unchanged."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from floe_plugins._version import __version__
from floe_plugins.authoring.category_home import home_of
from floe_plugins.authoring.contract import read_contract
from floe_plugins.authoring.plugin_module import Names, compose, replaced, requirements, tidied
from floe_plugins.core.categories import NAME_RULE, RESERVED_SLUG, Category, is_name
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import FLOE_CATEGORIES, PluginRef

if TYPE_CHECKING:
    from importlib.abc import Traversable

_MAX_NAME = 32  # with which the lines of the templates are not too long
_LICENCE = "LICENSE"


class Project(NamedTuple):
    """A project that is made for a plugin.

    Attributes:
        ref: the plugin.
        distribution: the name of its distribution, which is that of its directory too.
        package: the name of its import package.
        cls: the name of its class.
        files: the content of each file, by its path in the directory.
    """

    ref: PluginRef
    distribution: str
    package: str
    cls: str
    files: Mapping[str, str]


def new_project(category: Category, name: str, platform: Platform = FLOE) -> Project:
    """Return the project of a new plugin of a category of the platform. Writes nothing.

    >>> from floe_plugins import PluginType
    >>> project = new_project(PluginType.SECRETS, "acme")
    >>> project.distribution, project.package, project.cls
    ('floe-secrets-acme', 'floe_secrets_acme', 'AcmeSecrets')

    Raises:
        ValueError: ``name`` is no name of a plugin, or is reserved; or the class of the category cannot be read.
    """
    _check_name(name, platform)
    try:
        contract = read_contract(category)
    except (LookupError, OSError, SyntaxError) as error:
        raise ValueError(f"the category {category.slug} cannot be read: {error}") from None
    slug = category.slug
    kind = category.spec_name[1].removesuffix("Plugin")
    camel = "".join(part.capitalize() for part in name.replace("_", "-").split("-"))
    cls = f"{kind}{camel}" if camel[0].isdigit() else f"{camel}{kind}"
    distribution = f"{platform.name}-{slug}-{name}".replace("_", "-")
    package = distribution.replace("-", "_")
    home = home_of(category, platform)
    template = replaced(_category_text("plugins", category), {"spec": category.spec_name[1], "spec_home": home.module})
    needed = {f"floe-plugins>={__version__}", "pydantic>=2.8", *requirements(template), *home.requirements}
    if "import attrs" in template:
        needed.add("attrs>=23.1")
    values = {
        "name": name,
        "slug": slug,
        "category": slug.replace("_", " "),
        "group": category.group,
        "class": cls,
        "config": f"{cls}Config",
        "spec": category.spec_name[1],
        "distribution": distribution,
        "package": package,
        "api": platform.api_version,
        "api_attribute": platform.api_attribute,
        "api_env": f"api{platform.api_version.replace('.', '')}",
        "dependencies": "\n".join(f'  "{each}",' for each in sorted(needed)),
        "year": str(datetime.now(timezone.utc).year),
        "health": "HEALTHY" if _has_template(category) else "DEGRADED",
        **home.words,
    }
    attributes = replaced(_text("class.txt"), values).splitlines()
    names = Names(cls, f"{cls}Config", tuple(attributes))
    module = compose(template, contract, names, f"The {values['category']} plugin {name}.")
    own_tests = replaced(_category_text("tests", category), values).strip("\n")
    values["conformance_settings"] = replaced(_category_text("conformance", category), values)
    values["own_tests"] = f"\n\n\n{own_tests}" if own_tests else ""
    made = {path: replaced(_text(f"project/{source}"), values) for path, source in _FILES.items()}
    made = {path: tidied(text, package) if path in _MODULES else text for path, text in made.items()}
    made = {replaced(path, values): text for path, text in made.items()}
    made[f"src/{package}/plugin.py"] = module
    made[f"src/{package}/py.typed"] = ""
    return Project(PluginRef(category, name), distribution, package, cls, dict(sorted(made.items())))


_FILES = {
    "pyproject.toml": "pyproject.txt",
    "tox.ini": "tox.txt",
    "README.md": "readme.txt",
    "CHANGELOG.md": "changelog.txt",
    _LICENCE: "licence.txt",
    ".gitignore": "gitignore.txt",
    ".github/workflows/ci.yml": "ci.txt",
    "src/@package@/__init__.py": "init.txt",
    "tests/test_conformance.py": "test_conformance.txt",
    "tests/test_plugin.py": "test_plugin.txt",
}


_MODULES = {"src/@package@/__init__.py", "tests/test_conformance.py", "tests/test_plugin.py"}


def write_project(project: Project, directory: Path) -> None:
    """Write the files of a project into a directory that is new or empty.

    Raises:
        FileExistsError: the directory is not empty, or is no directory. Nothing was written.
        OSError: a file cannot be written. What was written is removed again.
    """
    if directory.is_symlink() or (directory.exists() and not directory.is_dir()):
        raise FileExistsError(f"{directory} exists and is no directory")
    if directory.is_dir() and [*directory.iterdir()]:
        raise FileExistsError(f"{directory} exists and is not empty")
    existed, written = directory.is_dir(), list[Path]()
    try:
        for path, text in project.files.items():
            place = directory / path
            place.parent.mkdir(parents=True, exist_ok=True)
            # Newlines as they are: a project is the same on every system.
            with place.open("x", encoding="utf-8", newline="\n") as file:
                written.append(place)
                file.write(text)
    except OSError:
        # Else the next attempt would find a directory that is not empty.
        _remove(written, [directory / path for path in project.files], directory, itself=not existed)
        raise


def _remove(written: Iterable[Path], all_files: Iterable[Path], directory: Path, *, itself: bool) -> None:
    """Remove files, and the directories of all files where nothing else is in them."""
    for place in written:
        with suppress(OSError):
            place.unlink()
    directories = {parent for place in all_files for parent in place.parents if directory in parent.parents}
    for place in [*sorted(directories, reverse=True), *([directory] if itself else [])]:
        with suppress(OSError):
            place.rmdir()


def _check_name(name: str, platform: Platform) -> None:
    if not name or len(name) > _MAX_NAME or not is_name(name):
        raise ValueError(f"{name[:_MAX_NAME]!r} is not a plugin name: expected up to {_MAX_NAME} {NAME_RULE}")
    reserved = {*platform.categories.slugs, RESERVED_SLUG, platform.name, "plugins"}
    if name in reserved or name.replace("-", "_") in reserved:
        raise ValueError(f"{name!r} is reserved: alone in a dependency or a rule it means something else")


def _has_template(category: Category) -> bool:
    return category in FLOE_CATEGORIES and _template("plugins", category).is_file()


def _template(folder: str, category: Category) -> Traversable:
    # Another platform may have a category of the same slug.
    name = category.slug if category in FLOE_CATEGORIES else "any"
    return files("floe_plugins.authoring") / "templates" / folder / f"{name}.txt"


def _category_text(folder: str, category: Category) -> str:
    place = _template(folder, category)
    return place.read_text(encoding="utf-8") if place.is_file() else _text(f"{folder}/any.txt")


def _text(name: str) -> str:
    return files("floe_plugins.authoring").joinpath("templates", *name.split("/")).read_text(encoding="utf-8")
