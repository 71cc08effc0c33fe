"""Find the implementations of hooks in a plugin, wherever it keeps them, and the errors in them."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

import pluggy

from floe_plugins.core.safe_text import type_name
from floe_plugins.core.suggestions import closest
from floe_plugins.errors import PluginLoadError
from floe_plugins.hookspecs.base import LIFECYCLE_HOOKS
from floe_plugins.inspection.compatibility import api_mismatch

# What pluggy calls; anything else that stands for a hook is refused, or looked up by name when a lifecycle hook is due.
_METHODS = (types.FunctionType, staticmethod, classmethod, types.MethodType)
_INNER: dict[type, str] = {
    staticmethod: "__func__",
    classmethod: "__func__",
    types.MethodType: "__func__",
    property: "fget",
    functools.cached_property: "func",
    functools.partialmethod: "func",
    functools.singledispatchmethod: "func",
}
# The usual values in a class and an instance, which carry no mark.
_DATA = frozenset(
    {type(None), bool, int, float, str, bytes, tuple, list, dict, set, frozenset, type, types.GetSetDescriptorType}
)
_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
NO_OPTIONS: pluggy.HookimplOpts = {
    "wrapper": False,
    "hookwrapper": False,
    "optionalhook": False,
    "tryfirst": False,
    "trylast": False,
    "specname": None,
}


class _ValidationError(pluggy.PluginValidationError):
    def __init__(self, message: str) -> None:
        super().__init__(None, message)


class PluginHookError(PluginLoadError, _ValidationError):
    """A plugin's hooks do not fit; pluggy's users know this as ``pluggy.PluginValidationError``.

    Attributes:
        plugin: The plugin. It is not pickled.
    """

    def __init__(self, message: str, *, plugin: object = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.plugin = plugin


class Implementation(NamedTuple):
    """An attribute of a plugin that stands for a hook.

    Attributes:
        name: The attribute.
        member: What is stored there.
        hook: The hook.
        options: Its options.
        is_marked: Whether it has them from ``@hookimpl``.
    """

    name: str
    member: object
    hook: str
    options: pluggy.HookimplOpts
    is_marked: bool


def find(
    plugin: object, bases: tuple[type, ...], inherited: Mapping[str, object], mark: str
) -> Iterator[Implementation]:
    """Yield what a plugin marks as hooks, and what it overrides. No property is evaluated.

    Args:
        plugin: The plugin.
        bases: The classes that it need not be searched for: the category and its bases.
        inherited: The hooks of the category, as its class has them.
        mark: The attribute in which ``@hookimpl`` leaves its options.
    """
    cls: Any = plugin if issubclass(type(plugin), type) else type(plugin)
    members = class_members(cls, bases)
    if cls is not plugin:
        # A method that the plugin keeps at hand under another name is the same implementation.
        stored = dict(_stored(plugin, members))
        members.update(pair for pair in stored.items() if pair[0] in inherited or not _is_own(pair[1], plugin, members))
    for name, member in members.items():
        if type(member) is types.FunctionType:
            options = member.__dict__.get(mark)
        else:
            options = None if type(member) in _DATA else _mark(member, mark)
        if options is not None:
            yield Implementation(name, member, options.get("specname") or name, options, is_marked=True)
        elif name in inherited and member is not inherited[name]:
            yield Implementation(name, member, name, NO_OPTIONS.copy(), is_marked=False)


def class_members(cls: type, bases: tuple[type, ...]) -> dict[str, object]:
    """Return the attributes of a class and its bases as they are stored there, without those of ``bases``."""
    own = cls.__mro__[: -len(bases)]
    if cls.__mro__[len(own) :] != bases:
        own = cls.__mro__  # a mixin stands behind the category, which may hide some of it
    found: dict[str, object] = {}
    for base in reversed(own):
        # A copy is a dict, which update() takes in whole; the proxy is read item by item.
        found.update(base.__dict__.copy())
    return found


def _stored(plugin: object, members: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield what the instance itself holds, in its slots and its ``__dict__``."""
    for name, member in members.items():
        if type(member) is types.MemberDescriptorType:
            try:
                yield name, member.__get__(plugin, type(plugin))
            except AttributeError:
                continue
    yield from _dict(plugin).items()


def _is_own(value: object, plugin: object, members: Mapping[str, object]) -> bool:
    if type(value) is not types.MethodType or value.__self__ is not plugin:
        return False
    function = value.__func__
    return type(function) is types.FunctionType and members.get(function.__name__) is function


def _dict(found: object) -> dict[str, Any]:
    try:
        own = object.__getattribute__(found, "__dict__")
    except AttributeError:
        return {}
    return own if type(own) is dict else {}


def _mark(member: object, mark: str) -> pluggy.HookimplOpts | None:
    """Return the options in an object, or in the function that it wraps. None of its own code runs."""
    while True:
        options: Any = _dict(member).get(mark)
        inner = _INNER.get(type(member))
        if type(options) is dict or inner is None:
            return options if type(options) is dict else None  # type: ignore[return-value]
        member = getattr(member, inner)


def is_newer(hook: object, api_version: str) -> bool:
    """Return whether a hook was added after the API version that a plugin was written for.

    A method of the plugin that has its name is then something else.

    >>> from floe_plugins import ComputePlugin
    >>> [is_newer(ComputePlugin.lease, version) for version in ("1.0", "1.1")], is_newer(ComputePlugin.execute, "1.0")
    ([True, False], False)
    """
    added = getattr(hook, "floe_added_in", None)
    return added is not None and api_mismatch(added, api_version) is not None


def is_method(implementation: Implementation) -> bool:
    """Return whether pluggy can call it."""
    return isinstance(implementation.member, _METHODS)


def method_of(plugin: object, name: str) -> Callable[[], Any]:
    """Return what calls a method of a plugin. None of the plugin's code runs before."""
    cls, found = type(plugin), inspect.getattr_static(plugin, name)
    is_plain = inspect.getattr_static(cls, "__getattribute__") is object.__getattribute__
    if is_plain and type(found) is types.FunctionType and found is inspect.getattr_static(cls, name):
        return types.MethodType(found, plugin)
    # Looking it up runs the plugin's code, which belongs on the plugin's thread.
    return lambda: getattr(plugin, name)()  # noqa: PLW0108 the look-up itself has to wait


def errors(found: Collection[Implementation], hooks: Collection[str], category: str) -> Iterator[str]:
    """Yield what is wrong with implementations: unknown hooks, and what cannot be called as it has to be.

    Args:
        found: The implementations of one plugin.
        hooks: The hooks that there are.
        category: The name of the category's class.
    """
    for each in found:
        name, options = repr(each.name), each.options
        if each.hook not in hooks:
            if not options.get("optionalhook"):
                meant = "".join(f" (did you mean {hook!r}?)" for hook in closest(each.hook, hooks))
                yield f"{name} is marked as a hook, and {category} has no hook {each.hook!r}{meant}"
        elif not (is_method(each) or _is_looked_up(each)):
            yield f"{name} cannot be called as a hook: expected a method, not an object of {type_name(each.member)}"
        elif each.hook in LIFECYCLE_HOOKS:
            if options.get("wrapper") or options.get("hookwrapper"):
                yield f"{name} cannot be a wrapper: lifecycle hooks are called on each plugin on its own"
        elif _is_async(each.member):
            yield f"{name} cannot be async: only {', '.join(LIFECYCLE_HOOKS)} are awaited"


def _is_looked_up(each: Implementation) -> bool:
    """Whether it is an attribute that is asked for when a lifecycle hook is due, as a property is."""
    can_be_called = callable(each.member) or hasattr(type(each.member), "__get__")
    return each.name == each.hook and each.hook in LIFECYCLE_HOOKS and can_be_called


def _is_async(member: object) -> bool:
    function: Any = member
    while type(function) in _INNER:
        function = getattr(function, _INNER[type(function)])
    if type(function) is not types.FunctionType:
        return False
    if function.__code__.co_flags & _ASYNC:
        return True
    # inspect unwraps and looks for marks, which takes longer than all other checks of a hook.
    return any(not key.endswith("_impl") for key in function.__dict__) and inspect.iscoroutinefunction(function)
