"""Check a project or a wheel before it is installed, by what its metadata and sources say. Runs nothing of it."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from floe_plugins.authoring.category_home import distribution_of
from floe_plugins.authoring.class_reading import Found, read_class
from floe_plugins.authoring.project_site import ProjectError, lay_out
from floe_plugins.authoring.wheel import WheelError, unpack
from floe_plugins.core.candidate import Candidate, Distribution
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.dependencies.requirement import Requirement
from floe_plugins.discovery.entry_points_txt import parse_value
from floe_plugins.discovery.metadata_files import distribution_at, read_header, read_requirements
from floe_plugins.discovery.scanner import scan
from floe_plugins.inspection import static_metadata
from floe_plugins.inspection.compatibility import PACKAGE, find_incompatibility
from floe_plugins.inspection.plain_versions import is_version
from floe_plugins.inspection.source_files import locations

_SUFFIXES = (".py", ".so", ".pyd")


class Validation(NamedTuple):
    """What a project or wheel would install, and what is wrong with it.

    Attributes:
        kind: ``"project"`` or ``"wheel"``.
        distribution: its name and version as far as known.
        plugins: the entry points that it declares in the platform's groups.
        found: what is wrong.
    """

    kind: str
    distribution: str
    plugins: tuple[Candidate, ...]
    found: tuple[Found, ...]


def validate(path: Path, platform: Platform = FLOE) -> Validation:
    """Check the project in a directory, or a wheel. Imports and runs nothing of it, and writes nothing beside it.

    Raises:
        ValueError: there is neither a project nor a wheel at ``path``.
    """
    if path.is_dir():
        kind = "project"
        if not (path / "pyproject.toml").is_file():
            raise ValueError(f"{path} has no pyproject.toml: give the directory of a project, or a wheel")
    elif path.is_file():
        kind = "wheel"
        if path.suffix != ".whl":
            raise ValueError(f"{path} is not a wheel: give a file that ends in .whl, or the directory of a project")
    else:
        raise ValueError(f"{path} is neither a directory nor a file")
    with tempfile.TemporaryDirectory(prefix="validate-") as directory:
        site = Path(directory).resolve()
        try:
            warnings: list[str] = []
            if kind == "project":
                warnings = lay_out(path.resolve(), site)
            else:
                unpack(path, site)
        except ProjectError as error:
            return Validation(kind, "", (), (Found(str(error), error.hint),))
        except WheelError as error:
            return Validation(kind, "", (), (Found(str(error), "Build it anew with a tool for wheels"),))
        return _in_site(kind, path, site, warnings, platform)


def _in_site(kind: str, path: Path, site: Path, warnings: list[str], platform: Platform) -> Validation:
    infos = sorted(str(each) for each in site.glob("*.dist-info"))
    if len(infos) != 1:
        message = f"it has {len(infos)} directories NAME-VERSION.dist-info, and a wheel has one"
        return Validation(kind, "", (), (Found(message, "Build it anew with a tool for wheels"),))
    distribution = distribution_at(infos[0])
    found = [Found(each, is_warning=True) for each in warnings]
    # What is installed beside it may add categories to the platform.
    scanned = scan([str(site), *filter(None, sys.path)], platform)
    plugins = tuple(each for each in scanned.candidates if Path(each.distribution.path).parent == site)
    is_versioned = not any("version" in each for each in warnings)
    found += _in_metadata(kind, distribution, _hosts(plugins, platform), is_versioned=is_versioned)
    for problem in scanned.problems:
        if str(site) in (problem.distribution or ""):
            found.append(Found(problem.message, problem.hint, None if problem.ref is None else str(problem.ref)))
    if not plugins and not any(not each.is_warning for each in found):
        groups = ", ".join(platform.categories.by_group)
        found.append(Found("it declares no plugins", f"Add an entry point in one of the groups {groups}"))
    for candidate in plugins:
        root = path.resolve() if kind == "project" else site
        for each in _in_candidate(candidate, root, platform):
            found.append(each._replace(ref=str(candidate.ref)))
    name = f"{distribution.name} {distribution.version}".strip()
    shown = [each._replace(message=each.message.replace(str(site), str(path))) for each in found]
    return Validation(kind, name, plugins, tuple(dict.fromkeys(shown)))


def _hosts(plugins: Iterable[Candidate], platform: Platform) -> list[str]:
    """Return the distributions of which plugins should require one; none if it is not known where the platform is."""
    owners = {distribution_of(each.type, platform) for each in plugins}
    known = sorted(owner[0] for owner in owners if owner is not None)
    return [PACKAGE, *known] if known or platform.name == FLOE.name else []


def _in_metadata(kind: str, distribution: Distribution, hosts: Sequence[str], *, is_versioned: bool) -> Iterator[Found]:
    if kind == "wheel" and not Path(distribution.path, "METADATA").is_file():
        yield Found("it has no METADATA, so that installers refuse it", "Build it anew with a tool for wheels")
        return
    try:
        versions = [*read_header(distribution.path, "Version")]
        names = [line.lower().replace("_", "-") for line in read_requirements(distribution)]
    except OSError as error:
        yield Found(f"its METADATA cannot be read: {error}", "Build it anew with a tool for wheels")
        return
    for version in versions if is_versioned else ():
        yield from _in_version(version, "its distribution's version")
    if hosts and not any(name.startswith(tuple(hosts)) for name in names):
        hint = f'Write dependencies = ["{hosts[-1]}"] with the versions that it works with'
        yield Found(f"it does not require {hosts[-1]}", hint, is_warning=True)


def _in_version(version: str, what: str) -> Iterator[Found]:
    if not is_version(version):
        yield Found(f"{what} {version!r:.100} is not a valid version (PEP 440)", 'Write a version such as "1.0.0"')


def _in_candidate(candidate: Candidate, root: Path, platform: Platform) -> Iterator[Found]:
    value = parse_value(candidate.value)
    file = None if value is None else _file(candidate, value.module)
    if file is None:
        message = f"its entry point is {candidate.value!r:.200}, and there is no such module"
        yield Found(message, "Correct the entry point, or add the module to the distribution")
        return
    if not file.resolve().is_relative_to(root):
        yield Found("its module is a symbolic link that leads out of the project", "Put a copy in its place")
        return
    declared = static_metadata.read(candidate)
    if declared.name is not None and declared.name != candidate.name:
        message = f"its class has the name {declared.name!r:.100}, and its entry point {candidate.name!r}"
        yield Found(message, "Give both the same name")
    if declared.version is not None:
        yield from _in_version(declared.version, "its version")
    error = find_incompatibility(candidate, declared, platform)
    if error is not None:
        yield Found(error.message, error.hint)
    if static_metadata.takes_api_from_platform(candidate):
        hint = f'Write {candidate.type.api_attribute} = "{platform.api_version}"'
        message = "its API version is whatever the platform has, so that no check protects it from another API"
        yield Found(message, hint, is_warning=True)
    for text in (*(declared.dependencies or ()), *(declared.optional_dependencies or ())):
        try:
            needed = Requirement.parse(text, platform.categories)
        except ValueError as failure:
            yield Found(str(failure), "Correct its dependencies")
            continue
        if needed.name is not None and needed.matches(candidate.ref, None):
            yield Found("it depends on itself", f"Remove {text!r:.100} from its dependencies")
    yield from read_class(candidate)


def _file(candidate: Candidate, module: str) -> Path | None:
    relative = module.replace(".", os.sep)
    for package, location in locations(candidate.distribution):
        if package:
            continue
        place = Path(location, relative)
        if place.is_dir():
            init = place / "__init__.py"
            return init if init.is_file() else place
        siblings = place.parent.iterdir() if place.parent.is_dir() else ()
        for each in siblings:
            if each.name.partition(".")[0] == place.name and each.suffix in _SUFFIXES and each.is_file():
                return each
    return None
