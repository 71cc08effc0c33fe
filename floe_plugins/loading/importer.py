"""Candidate -> checked plugin: import, gate, make, check. Runs plugin code on the calling thread."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any, NamedTuple

from floe_plugins._version import FLOE_API_VERSION, __version__
from floe_plugins.core.candidate import Candidate
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import describe_error
from floe_plugins.core.suggestions import closest
from floe_plugins.discovery.entry_points_txt import parse_value
from floe_plugins.errors import PluginError, PluginIncompatibleError, PluginLoadError
from floe_plugins.hookspecs.base import LIFECYCLE_HOOKS, PROJECT, PluginMetadata
from floe_plugins.inspection import compatibility
from floe_plugins.inspection.runtime_metadata import RuntimeMetadata, read_attribute, read_metadata

_THIS = __name__.partition(".")[0]
_MARKS = frozenset({f"{PROJECT}_impl"})
_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class CheckedPlugin(NamedTuple):
    """A checked plugin, and what it says of itself."""

    plugin: Any
    metadata: RuntimeMetadata


def import_plugin(candidate: Candidate) -> CheckedPlugin:
    """The checked plugin of a candidate; may take as long as its import takes.

    Raises:
        PluginIncompatibleError: a gate refuses it.
        PluginLoadError: it cannot be imported or made, or is no such plugin.
    """
    refusal = compatibility.find_incompatibility(candidate)
    if refusal is not None:
        raise refusal
    origin = str(candidate.distribution)
    found = _resolve(candidate, origin)
    made = instantiate(found, candidate.ref, origin)
    if made.metadata.name != candidate.name:
        raise PluginLoadError(
            f"the plugin calls itself {made.metadata.name!r}, its entry point {candidate.name!r}",
            ref=candidate.ref,
            distribution=origin,
            hint="Give the class and the entry point in pyproject.toml the same name.",
        )
    return made


def _resolve(candidate: Candidate, origin: str) -> Any:
    value = parse_value(candidate.value)
    try:
        if value is None:
            raise ValueError("the value is not module:Class")  # noqa: TRY301 handled as every failed import
        found: Any = importlib.import_module(value.module)
        for name in filter(None, value.attribute.split(".")):
            found = getattr(found, name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _import_failure(error, candidate, origin) from error
    return found


def _import_failure(error: BaseException, candidate: Candidate, origin: str) -> PluginError:
    if _wants_newer_platform(error):
        return PluginIncompatibleError(
            f"it uses a name that floe-plugins {__version__} does not have ({describe_error(error)})",
            ref=candidate.ref,
            distribution=origin,
            requires="a newer floe-plugins",
            provides=__version__,
            hint="Upgrade floe-plugins, or install a release of the plugin that was made for this version.",
        )
    return PluginLoadError(
        f"importing {candidate.value!r} failed with {describe_error(error)}",
        ref=candidate.ref,
        distribution=origin,
        hint=_import_hint(error, candidate),
    )


def _wants_newer_platform(error: BaseException) -> bool:
    if isinstance(error, ImportError) and error.name:
        return error.name.partition(".")[0] == _THIS
    return isinstance(error, AttributeError) and getattr(error.obj, "__name__", None) == _THIS


def _import_hint(error: BaseException, candidate: Candidate) -> str:
    value = parse_value(candidate.value)
    module = value.module if value else ""
    name = candidate.distribution.name
    if isinstance(error, ModuleNotFoundError) and error.name:
        if module == error.name or module.startswith(f"{error.name}."):
            return f"The distribution does not contain the module; reinstall {name} or tell its author."
        return f"Install what provides {error.name!r}; {name} may not declare that it needs it."
    if isinstance(error, AttributeError) and getattr(error.obj, "__name__", None) == module:
        return "The entry point names something that the module does not have; tell the plugin's author."
    return f"Upgrade or reinstall {name}, or disable the plugin with FLOE_PLUGINS_DISABLE={candidate.ref}."


def instantiate(
    found: Any, ref: PluginRef | None, origin: str | None, category: type[Any] | None = None
) -> CheckedPlugin:
    """A checked plugin of a class, an instance or a factory without arguments.

    ``category`` is that of ``ref`` by default. The API version of a class is looked
    at before the class is called.

    Raises:
        PluginIncompatibleError: its API version does not fit.
        PluginLoadError: it cannot be made, or is no such plugin.
    """
    try:
        plugin = _made(found, category or (ref.type.spec if ref else PluginMetadata), ref, origin)
        return CheckedPlugin(plugin, _check_instance(plugin, ref, origin))
    except (PluginLoadError, PluginIncompatibleError, KeyboardInterrupt):
        raise
    except BaseException as error:
        # Its own class may answer in any way when it is looked at.
        message = f"looking at the plugin failed with {describe_error(error)}"
        raise PluginLoadError(message, ref=ref, distribution=origin, hint="Tell the plugin's author.") from error


def _made(found: Any, expected: type[Any], ref: PluginRef | None, origin: str | None) -> Any:
    if isinstance(found, expected):
        return found
    if inspect.isclass(found):
        _check_class(found, expected, ref, origin)
        return _call(found, expected, ref, origin)
    if callable(found) and not isinstance(found, PluginMetadata):
        return _call(found, expected, ref, origin)
    raise _not_a_plugin(found, expected, ref, origin)


def _check_class(cls: type[Any], expected: type[Any], ref: PluginRef | None, origin: str | None) -> None:
    if not issubclass(cls, expected):
        raise _not_a_plugin(cls, expected, ref, origin)
    missing = sorted(getattr(cls, "__abstractmethods__", ()))
    if missing:
        raise PluginLoadError(
            f"{cls.__qualname__} is abstract: it does not implement {', '.join(missing)}",
            ref=ref,
            distribution=origin,
            hint=f"Override every abstract hook of {expected.__name__}.",
        )
    metadata = inspect.getattr_static(cls, "floe_api_version", None)
    if not hasattr(metadata, "__get__"):
        check_api_version(metadata, ref, origin)


def check_api_version(metadata: object, ref: PluginRef | None, origin: str | None) -> None:
    """Do nothing if a plugin made for that API version runs here.

    Raises:
        PluginIncompatibleError: it does not.
    """
    if type(metadata) is str and metadata == FLOE_API_VERSION:
        return  # the most common case needs no parsing
    refusal = compatibility.api_incompatibility(ref, origin, metadata)
    if refusal is not None:
        raise refusal


def _call(factory: Callable[[], Any], expected: type[Any], ref: PluginRef | None, origin: str | None) -> Any:
    name = getattr(factory, "__qualname__", repr(factory))
    try:
        plugin = factory()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        message = f"making the plugin by calling {name} failed with {describe_error(error)}"
        hint = "A plugin is made without arguments; it opens what it needs in startup()."
        raise PluginLoadError(message, ref=ref, distribution=origin, hint=hint) from error
    if not isinstance(plugin, expected):
        raise _not_a_plugin(plugin, expected, ref, origin)
    return plugin


def _not_a_plugin(found: object, expected: type[Any], ref: PluginRef | None, origin: str | None) -> PluginLoadError:
    shown = f"the class {found.__qualname__}" if isinstance(found, type) else f"an object of {type(found).__qualname__}"
    group = f" in the group {ref.type.group}" if ref else ""
    return PluginLoadError(
        f"the entry point gives {shown}, which is no {expected.__name__}",
        ref=ref,
        distribution=origin,
        hint=f"An entry point{group} names a class that derives from {expected.__name__}.",
    )


def _check_instance(plugin: PluginMetadata, ref: PluginRef | None, origin: str | None) -> RuntimeMetadata:
    check_api_version(read_attribute(plugin, "floe_api_version", ref, origin), ref, origin)
    metadata = read_metadata(plugin, ref, origin)
    for fault in _hook_errors(plugin):
        raise PluginLoadError(fault, ref=ref, distribution=origin, hint="Tell the plugin's author.")
    return metadata


def _hook_errors(plugin: PluginMetadata) -> Iterable[str]:
    category = next(cls for cls in type(plugin).__mro__ if cls.__module__.startswith(f"{_THIS}."))
    hooks = _hooks(category)
    for name, function in _functions(type(plugin)):
        options = _options(function, "impl")
        hook = (options or {}).get("specname") or name
        if hook not in hooks:
            if options is not None and not options.get("optionalhook"):
                close = _closest(hook, hooks)
                yield f"{name!r} is marked as a hook, and {category.__name__} has no hook {hook!r}{close}"
        elif hook in LIFECYCLE_HOOKS:
            if options and (options.get("wrapper") or options.get("hookwrapper")):
                yield f"{name!r} cannot be a wrapper: lifecycle hooks are called on each plugin on its own"
        elif _is_async(function):
            yield f"{name!r} cannot be async: only {', '.join(LIFECYCLE_HOOKS)} are awaited"


@functools.cache
def _hooks(category: type) -> frozenset[str]:
    return frozenset(name for name in dir(category) if _options(getattr(category, name, None), "spec") is not None)


def _functions(cls: type) -> Iterable[tuple[str, FunctionType]]:
    members: dict[str, object] = {}
    for base in reversed(cls.__mro__):
        if base is not object and base.__module__.partition(".")[0] != _THIS:
            # A copy is a dict, which update() takes in whole; the proxy is read item by item.
            members.update(base.__dict__.copy())
    return [(name, value) for name, value in members.items() if isinstance(value, FunctionType)]


def _is_async(function: FunctionType) -> bool:
    if function.__code__.co_flags & _ASYNC:
        return True
    # inspect unwraps and looks for marks, which takes longer than all other checks of a hook.
    return not _MARKS.issuperset(function.__dict__) and inspect.iscoroutinefunction(function)


def _options(function: object, kind: str) -> Any:
    return getattr(function, f"{PROJECT}_{kind}", None)


def _closest(hook: str, hooks: Iterable[str]) -> str:
    close = closest(hook, hooks)
    return f" (did you mean {close[0]!r}?)" if close else ""
