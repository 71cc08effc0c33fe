"""Turn a candidate into a checked plugin: gate, import, instantiate, check. Runs plugin code on the calling thread."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

from floe_plugins._version import __version__
from floe_plugins.core.candidate import Candidate, Distribution
from floe_plugins.core.categories import Category, derives
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import type_name
from floe_plugins.core.suggestions import closest
from floe_plugins.discovery.entry_points_txt import parse_value
from floe_plugins.errors import PluginError, PluginIncompatibleError, PluginLoadError
from floe_plugins.execution import boundary
from floe_plugins.execution.boundary import ForeignError
from floe_plugins.hookspecs.base import PluginMetadata
from floe_plugins.inspection import compatibility
from floe_plugins.inspection.origin import is_editable, refuse_foreign_module
from floe_plugins.inspection.runtime_metadata import RuntimeMetadata, read_attribute, read_metadata
from floe_plugins.loading import stale_imports
from floe_plugins.loading.class_checks import speak_to_author

_PACKAGE = __name__.partition(".")[0]
_MISSPELT = 0.85  # a name less like another may be one of a newer release
_EXPORTING = (f"{_PACKAGE}.hookspecs", _PACKAGE)
_AUTHOR = "Tell the plugin's author."


class CheckedPlugin(NamedTuple):
    """A checked plugin and its metadata.

    Attributes:
        plugin: The instance. It is foreign: its attributes are read on its own thread.
        metadata: What it declares, as plain values.
    """

    plugin: Any
    metadata: RuntimeMetadata


def import_plugin(
    candidate: Candidate,
    check_hooks: Callable[[Any], None] | None = None,
    platform: Platform = FLOE,
    *,
    only_own_files: bool = False,
) -> CheckedPlugin:
    """Import a candidate and return its checked plugin; may take as long as its import takes.

    Args:
        candidate: The candidate.
        check_hooks: Raises a ``PluginLoadError`` if a plugin's hooks cannot be called.
        platform: Whose plugin it is to be.
        only_own_files: Whether to refuse a module that is no file of the candidate's distribution.

    Raises:
        PluginIncompatibleError: A gate refuses it.
        PluginLoadError: It cannot be imported or instantiated, or is no such plugin.
    """
    refusal = compatibility.find_incompatibility(candidate, platform=platform)
    if refusal is not None:
        raise refusal
    with about(candidate.ref, candidate.distribution):
        if only_own_files:
            refuse_foreign_module(candidate)
        was_imported = stale_imports.is_imported(candidate)
        try:
            checked = _import(candidate, check_hooks, platform)
        except PluginError as error:
            if was_imported:
                stale_imports.remember(candidate, None, was_imported=True)
                error.hint = stale_imports.advice(candidate) or error.hint
            raise
        stale_imports.remember(candidate, type(checked.plugin).__module__, was_imported=was_imported)
        return checked


def _import(candidate: Candidate, check_hooks: Callable[[Any], None] | None, platform: Platform) -> CheckedPlugin:
    expected = category_class(candidate.type)
    found = _resolve(candidate, platform)
    checked = instantiate(found, expected, f" in the group {candidate.type.group}", check_hooks, platform)
    if checked.metadata.name != candidate.name:
        raise PluginLoadError(
            f"the plugin calls itself {checked.metadata.name!r}, its entry point {candidate.name!r}",
            hint="Give the class and the entry point in pyproject.toml the same name.",
        )
    return checked


@contextmanager
def about(
    ref: PluginRef | None, distribution: Distribution | str | None, cls: type | None = None
) -> Generator[None, None, None]:
    """Within the block, errors that name no plugin are about this one; without a ref, they name its class.

    They speak to the plugin's author if it is not installed, or installed from where its author works on it.

    >>> try:
    ...     with about(PluginRef.parse("compute:acme"), "acme 1.0 in /site"):
    ...         raise PluginLoadError("it has no name")
    ... except PluginLoadError as error:
    ...     print(error)
    compute:acme (from acme 1.0 in /site): it has no name

    Raises:
        PluginError: the block's own, completed.
    """
    try:
        yield
    except PluginError as error:
        if ref is None and cls is not None and cls.__qualname__ not in error.message:
            error.message = f"{cls.__qualname__}: {error.message}"
        if error.ref is None:
            error.ref = ref
        if error.distribution is None and distribution is not None:
            error.distribution = str(distribution)
        if distribution is None or (isinstance(distribution, Distribution) and is_editable(distribution)):
            speak_to_author(error)
        raise


def category_class(category: Category) -> type[Any]:
    """Return the class of a category; imports its module.

    Raises:
        PluginLoadError: It cannot be imported, or is no class that plugins can derive from.
    """
    name = ":".join(category.spec_name)

    def error_of(failure: ForeignError) -> PluginError:
        return PluginLoadError(f"{what} failed with {failure}", hint=hint)

    of = category.origin or "the platform"
    what = f"importing {name!r}, the class of the category {category.slug},"
    hint = f"The category comes from {of}; reinstall or remove that, or tell its author."
    found = boundary.call_or_raise(lambda: category.spec, error_of)
    if not isinstance(found, type) or not derives(found, PluginMetadata):
        message = f"{name!r} is no class that derives from PluginMetadata, and cannot be that of a category"
        raise PluginLoadError(message, hint=hint)
    return found


def _resolve(candidate: Candidate, platform: Platform) -> Any:
    value = parse_value(candidate.value)

    def find() -> Any:
        if value is None:
            raise ValueError("the value is not module:Class")
        found: Any = importlib.import_module(value.module)
        for name in filter(None, value.attribute.split(".")):
            found = getattr(found, name)
        return found

    return boundary.call_or_raise(find, lambda failure: _import_error(failure, candidate, platform))


def _import_error(failure: ForeignError, candidate: Candidate, platform: Platform) -> PluginError:
    error = failure.exception
    missing = error.name if type(error) in {ImportError, ModuleNotFoundError} else None  # type: ignore[attr-defined]
    owner = _module_without_attribute(error)
    if owner == _PACKAGE or (type(missing) is str and missing.partition(".")[0] == _PACKAGE):
        message = f"it uses a name that floe-plugins {__version__} does not have ({failure})"
        meant = _meant_name(error)
        if meant:
            return PluginLoadError(message, hint=f"{meant} Otherwise tell the plugin's author.")
        return PluginIncompatibleError(
            message,
            requires="a newer floe-plugins",
            provides=__version__,
            hint="Upgrade floe-plugins, or install a release of the plugin that was made for this version.",
        )
    hint = _import_hint(missing if type(error) is ModuleNotFoundError else None, owner, candidate, platform)
    return PluginLoadError(f"importing {candidate.value!r} failed with {failure}", hint=hint)


def _meant_name(error: BaseException) -> str:
    """Return where the name that an import from this package wanted is, or a name like it; empty if there is none."""
    text = error.msg if type(error) is ImportError and type(error.msg) is str else ""
    for wanted in re.findall(r"(?:cannot import name|has no attribute) '(\w+)'", text):
        homes = {name: home for home in _EXPORTING for name in importlib.import_module(home).__all__}
        for name in [wanted] if wanted in homes else closest(wanted, homes, likeness=_MISSPELT):
            return f"Write 'from {homes[name]} import {name}' if that is meant."
    return ""


def _module_without_attribute(error: BaseException) -> object:
    """Return the name of the module that lacks an attribute, if that is the error."""
    if type(error) is not AttributeError or type(error.obj) is not ModuleType:
        return None
    return error.obj.__dict__.get("__name__")


def _import_hint(missing: object, owner: object, candidate: Candidate, platform: Platform) -> str:
    value = parse_value(candidate.value)
    module = value.module if value else ""
    name = candidate.distribution.name
    if type(missing) is str and missing:
        if module == missing or module.startswith(f"{missing}."):
            return f"The distribution does not contain the module; reinstall {name} or tell its author."
        return f"Install what provides {missing!r}; {name} may not declare that it needs it."
    if owner == module:
        return "The entry point names something that the module does not have; tell the plugin's author."
    return f"Upgrade or reinstall {name}, or disable the plugin with {platform.variable('DISABLE')}={candidate.ref}."


def instantiate(
    found: Any,
    expected: type[Any] = PluginMetadata,
    group: str = "",
    check_hooks: Callable[[Any], None] | None = None,
    platform: Platform = FLOE,
) -> CheckedPlugin:
    """Return a checked plugin of a class, an instance or a factory without arguments.

    The API version of a class is looked at before the class is called.

    Raises:
        PluginIncompatibleError: Its API version does not fit.
        PluginLoadError: It cannot be instantiated, or is no such plugin.
    """
    try:
        plugin = _instance(found, expected, group, platform)
        check_api_version(read_attribute(plugin, platform.api_attribute), platform)
        metadata = read_metadata(plugin, platform.api_attribute)
        if check_hooks is not None:
            check_hooks(plugin)
        return CheckedPlugin(plugin, metadata)
    except (PluginLoadError, PluginIncompatibleError):
        raise
    except ForeignError as error:
        failure = error
    except BaseException as error:  # noqa: BLE001 its own class may answer in any way when it is looked at
        failure = boundary.describe(error)
    raise boundary.caused_by(PluginLoadError(f"looking at the plugin failed with {failure}", hint=_AUTHOR), failure)


def _instance(found: Any, expected: type[Any], group: str, platform: Platform) -> Any:
    if derives(type(found), expected):
        return found
    if inspect.isclass(found):
        _check_class(found, expected, group, platform)
        return _call(found, expected, group)
    if callable(found) and not derives(type(found), PluginMetadata):
        return _call(found, expected, group)
    raise _not_a_plugin(found, expected, group)


def _check_class(cls: type[Any], expected: type[Any], group: str, platform: Platform) -> None:
    if not derives(cls, expected):
        raise _not_a_plugin(cls, expected, group)
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    if missing:
        like = [
            each
            for each in (closest(name, vars(cls).keys() - {*missing}, likeness=_MISSPELT) for name in missing)
            if each
        ]
        meant = f", and has {', '.join(repr(each) for [each] in like)}" if like else ""
        raise PluginLoadError(
            f"{cls.__qualname__} is abstract: it does not implement {', '.join(missing)}{meant}",
            hint=f"Override every abstract hook of {expected.__name__}.",
        )
    declared = inspect.getattr_static(cls, platform.api_attribute, None)
    if declared is None:
        declared = _default_of_field(cls, platform.api_attribute)
    if not hasattr(declared, "__get__"):
        check_api_version(declared, platform)


def _default_of_field(cls: type[Any], name: str) -> object:
    """Return the default of a field of an attrs class or a pydantic model, which the class itself does not have."""
    own = vars(cls)
    for field in own.get("__attrs_attrs__", ()):
        if field.name == name:
            return field.default
    for fields in ("__pydantic_fields__", "model_fields"):  # the second before pydantic 2.10
        if type(own.get(fields)) is dict and name in own[fields]:
            return own[fields][name].default
    return None


def check_api_version(declared: object, platform: Platform = FLOE) -> None:
    """Do nothing if a plugin made for that API version runs here.

    >>> check_api_version(FLOE.api_version)
    >>> try:
    ...     check_api_version("99.0")
    ... except PluginIncompatibleError as error:
    ...     print(error.requires)
    99.0

    Raises:
        PluginIncompatibleError: It does not.
    """
    if type(declared) is str and declared == platform.api_version:
        return  # the most common case needs no parsing
    refusal = compatibility.api_incompatibility(None, None, declared, platform=platform)
    if refusal is not None:
        raise refusal


def _call(factory: Callable[[], Any], expected: type[Any], group: str) -> Any:
    def error_of(failure: ForeignError) -> PluginError:
        name = getattr(factory, "__qualname__", "the entry point")
        message = f"making the plugin by calling {name} failed with {failure}"
        return PluginLoadError(message, hint="A plugin is made without arguments; it opens what it needs in startup().")

    plugin = boundary.call_or_raise(factory, error_of)
    if not derives(type(plugin), expected):
        raise _not_a_plugin(plugin, expected, group)
    return plugin


def _not_a_plugin(found: object, expected: type[Any], group: str) -> PluginLoadError:
    shown = f"the class {found.__qualname__}" if isinstance(found, type) else f"an object of {type_name(found)}"
    return PluginLoadError(
        f"the entry point gives {shown}, which is no {expected.__name__}",
        hint=f"An entry point{group} names a class that derives from {expected.__name__}.",
    )
