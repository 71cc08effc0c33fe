"""The home of a category: which distribution has its class, and what a plugin's project says of the platform."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from typing import NamedTuple

from floe_plugins._version import __version__
from floe_plugins.core.categories import Category
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import FLOE_CATEGORIES
from floe_plugins.inspection.compatibility import PACKAGE


class Home(NamedTuple):
    """Where a category comes from.

    Attributes:
        module: the module from which plugins import the class of the category.
        requirements: the distributions that they need for it.
        words: what the texts of a project say of the platform, by the names of their places.
    """

    module: str
    requirements: tuple[str, ...]
    words: Mapping[str, str]


def home_of(category: Category, platform: Platform) -> Home:
    """Return the home of a category. Imports the class of one that is not floe's.

    Raises:
        ValueError: its module, or the one with the platform, cannot be imported or found.
    """
    module, spec = "floe_plugins", category.spec_name[1]
    found = None
    if category not in FLOE_CATEGORIES:
        module = _home(category.spec_name[0], spec)
        found = distribution_of(category, platform)
    owner, version = (PACKAGE, __version__) if found is None else found
    is_ours = platform.name == FLOE.name
    conformance = f"{spec.removesuffix('Plugin')}Conformance" if category in FLOE_CATEGORIES else "PluginConformance"
    pinned = owner if owner != PACKAGE else f"{PACKAGE}[cli,testing]"
    words = {
        "spec_home": module,
        "host": platform.name,
        "title": platform.title,
        "link": f"[{PACKAGE}](https://pypi.org/project/{PACKAGE}/)" if is_ours else f"`{platform.title}`",
        "installed": f"'{PACKAGE}[cli]' " if is_ours else "" if owner == PACKAGE else f"{owner} ",
        "command": platform.command,
        "file": platform.file_names[0],
        "pin": f"{pinned}~={version}",
        "conformance": conformance.replace("DBT", "Dbt"),
        "import_platform": "",
        "given_platform": "",
        "platform_attribute": "",
    }
    if not is_ours:
        place, name = _place_of(platform, category.spec_name[0])
        words["import_platform"] = f"from {place} import {name}"
        words["given_platform"] = f", platform={name}"
        words["platform_attribute"] = f"\n    platform = {name}"
    return Home(module, () if owner == PACKAGE else (f"{owner}>={version}",), words)


def distribution_of(category: Category, platform: Platform) -> tuple[str, str] | None:
    """Return the name and the version of the distribution that has the class of a category; None if it is unknown.

    Of several that have modules of its package, the first that ``importlib.metadata`` names.
    """
    top = category.spec_name[0].partition(".")[0]
    # An editable installation does not list its modules: then the one with the command line, or with the category.
    names = [*metadata.packages_distributions().get(top, ()), *_owners("console_scripts", platform.command, top)]
    names += _owners(platform.categories_group, None, top)
    return next(((name, metadata.version(name)) for name in names), None)


def _owners(group: str, name: str | None, top: str) -> Iterator[str]:
    for each in metadata.entry_points(group=group):
        if each.dist is not None and name in {None, each.name} and each.value.split(".")[0].split(":")[0] == top:
            yield each.dist.name


def _home(module: str, name: str) -> str:
    """Return the module that authors import a class from: its package, if that offers it, else its own."""
    try:
        cls = getattr(importlib.import_module(module), name)
    except Exception as error:  # noqa: BLE001 the module is the host's own
        raise ValueError(f"the class {module}:{name} cannot be imported: {type(error).__name__}: {error}") from None
    top = module.partition(".")[0]
    return top if getattr(sys.modules.get(top), name, None) is cls else module


def _place_of(platform: Platform, module: str) -> tuple[str, str]:
    """Return the module and the name of a platform, in the package of one of its category classes."""
    top = module.partition(".")[0]
    places = sorted((each for each in [*sys.modules] if each == top or each.startswith(f"{top}.")), key=len)
    found = [
        (value is not platform, place, name)
        for place in places
        for name, value in vars(sys.modules[place]).items()
        if isinstance(value, Platform) and value.name == platform.name
    ]
    if found:
        # The command line may have another copy of it, with categories that were added.
        return min(found, key=lambda each: each[0])[1:]
    raise ValueError(f"no module of {top} that is imported with {module} has the platform {platform.name}")
