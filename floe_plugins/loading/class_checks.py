"""Find what the author of a plugin class has most likely not meant, and say what to write instead."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any, NamedTuple

from floe_plugins.core.suggestions import meant
from floe_plugins.errors import PluginError
from floe_plugins.hookspecs.base import LIFECYCLE_HOOKS, PROJECT
from floe_plugins.inspection.plain_versions import release
from floe_plugins.inspection.runtime_metadata import TELL_AUTHOR, RuntimeMetadata


class Finding(NamedTuple):
    """What is wrong with a class, what its author has to do about it, and whether the plugin cannot work."""

    message: str
    advice: str
    is_fatal: bool = False

    @property
    def hint(self) -> str:
        """What an operator is told to do about it."""
        return f"{TELL_AUTHOR}: {self.advice}."


def speak_to_author(error: PluginError) -> None:
    """Change the hint of an error from what an operator is told to what the author is told, who can do it at once.

    >>> from floe_plugins import PluginLoadError
    >>> error = PluginLoadError("it has no name", hint="Tell the plugin's author: write name = ... in the class.")
    >>> speak_to_author(error)
    >>> error.hint
    'Write name = ... in the class.'
    """
    advice = error.hint.removeprefix(f"{TELL_AUTHOR}: ")
    if advice != error.hint:
        error.hint = advice[0].upper() + advice[1:]


def check_class(members: Mapping[str, object], category: type, metadata: RuntimeMetadata) -> Iterator[Finding]:
    """Yield what is most likely wrong with a plugin class, given its own attributes and its category.

    Nothing of the class is called.
    """
    yield from _in_version(metadata.version)
    hooks = _hooks(category)
    missing = [name for name in sorted(hooks) if not _overrides(members, category, name)]
    for name, member in members.items():
        if not isinstance(member, FunctionType):
            continue
        options = getattr(member, f"{PROJECT}_impl", None) or {}
        hook = options.get("specname") or name
        if hook in hooks:
            is_called_directly = hook == name and not options.get("wrapper") and not options.get("hookwrapper")
            yield from _in_signature(name, member, inspect.getattr_static(category, hook), direct=is_called_directly)
        elif not name.startswith("_") and not options:
            yield from _in_name(name, missing)


@functools.cache
def _hooks(category: type) -> frozenset[str]:
    return frozenset(name for name in dir(category) if hasattr(getattr(category, name, None), f"{PROJECT}_spec"))


def _in_version(version: str) -> Iterator[Finding]:
    if release(version) is not None:
        return
    from packaging.version import Version

    try:
        Version(version)
    except ValueError:  # InvalidVersion, and Python's own limit on digits
        message = f"its version {version!r} is none of PEP 440, so that no dependency on a version of it can be met"
        yield Finding(message, 'write a version such as version = "1.0.0"')


def _overrides(members: Mapping[str, object], category: type, name: str) -> bool:
    if name in members and members[name] is not inspect.getattr_static(category, name):
        return True
    options = (
        getattr(member, f"{PROJECT}_impl", None) for member in members.values() if isinstance(member, FunctionType)
    )
    return any(isinstance(each, dict) and each.get("specname") == name for each in options)


def _in_name(name: str, missing: list[str]) -> Iterator[Finding]:
    for hook in meant(name, missing):
        message = f"its method {name!r} is no hook and is never called; {hook!r} is one, which it does not implement"
        yield Finding(message, f"call the method {hook!r} if that is meant, or give it a name that is less like it")


def _in_signature(name: str, function: FunctionType, spec: Any, *, direct: bool) -> Iterator[Finding]:
    code, declared = function.__code__, _arguments(spec)
    if code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS):
        return
    names = code.co_varnames[: code.co_argcount]
    if not names or names[0] in declared:
        message = f"{name!r} cannot be called as a hook: it has no 'self', and gets the plugin as its first argument"
        yield Finding(message, f"write def {name}{_signature(spec)}", is_fatal=True)
        return
    if not direct or name in LIFECYCLE_HOOKS or not (getattr(spec, f"{PROJECT}_spec", None) or {}).get("firstresult"):
        return
    own, needed = names[1:], len(names) - 1 - len(function.__defaults__ or ())
    default = len(declared) - len(spec.__defaults__ or ())
    if own != tuple(declared)[: len(own)]:
        seen = f"takes its arguments in the order {', '.join(own)}"
    elif len(own) < len(declared):
        seen = f"leaves out {', '.join(map(repr, declared[len(own) :]))}"
    elif needed > default:
        seen = f"has no default for {', '.join(map(repr, declared[default:needed]))}"
    else:
        return
    message = f"its hook {name!r} {seen}: who asks the registry for the plugin and calls {name}() as documented fails"
    yield Finding(message, f"write def {name}{_signature(spec)}")


def _arguments(function: Callable[..., Any]) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)[1:]


def _signature(function: Callable[..., Any]) -> str:
    plain = [
        each.replace(annotation=inspect.Parameter.empty) for each in inspect.signature(function).parameters.values()
    ]
    return str(inspect.Signature(plain))
