"""Find likely mistakes in a plugin class, and say what to write instead."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType
from typing import Any, NamedTuple

from floe_plugins.core.suggestions import meant
from floe_plugins.errors import PluginError
from floe_plugins.hookspecs.base import LIFECYCLE_HOOKS, PROJECT, hook_names, spec_options
from floe_plugins.inspection.plain_versions import is_version
from floe_plugins.inspection.runtime_metadata import TELL_AUTHOR, RuntimeMetadata
from floe_plugins.loading.implementations import is_newer


class Finding(NamedTuple):
    """A mistake in a class, what its author should do about it, and whether the plugin cannot work with it.

    Attributes:
        message: the mistake, as one line that does not name the plugin.
        advice: what to write, for the author; ``speak_to_author`` makes it a hint for one.
        is_fatal: whether the plugin is not loaded because of it; else it is a warning.
    """

    message: str
    advice: str
    is_fatal: bool = False


def speak_to_author(error: PluginError) -> None:
    """Change the hint of an error for an operator, "Tell the plugin's author: ...", into one for the author.

    >>> from floe_plugins import PluginLoadError
    >>> error = PluginLoadError("it has no name", hint="Tell the plugin's author: write name = ... in the class.")
    >>> speak_to_author(error)
    >>> error.hint
    'Write name = ... in the class.'
    """
    advice = error.hint.removeprefix(f"{TELL_AUTHOR}: ")
    if advice != error.hint:
        error.hint = advice[0].upper() + advice[1:]


def check_class(
    members: Mapping[str, object], category: type, metadata: RuntimeMetadata, project: str = PROJECT
) -> Iterator[Finding]:
    """Yield the likely mistakes in a plugin class. Nothing of the class is called.

    Args:
        members: The attributes of the class, as they are stored there.
        category: The class of its category.
        metadata: What the plugin declares.
        project: The pluggy project whose markers it uses, which is the name of its platform.
    """
    if not is_version(metadata.version):
        message = (
            f"its version {metadata.version!r} is not a valid version (PEP 440), "
            "so that no dependency on a version of it can be met"
        )
        yield Finding(message, 'write a version such as version = "1.0.0"')
    specs = _specs(category, project)
    hooks = {name: spec for name, spec in specs.items() if not is_newer(spec, metadata.floe_api_version)}
    functions = {name: member for name, member in members.items() if isinstance(member, FunctionType)}
    marks = {name: _mark(function, project) for name, function in functions.items()}
    renamed = {mark.get("specname") for mark in marks.values()}
    missing = [name for name in hooks if name not in renamed and not _overrides(members, hooks[name], name)]
    for name, function in functions.items():
        mark = marks[name]
        hook = mark.get("specname") or name
        if hook in hooks:
            spec = hooks[hook]
            is_wrapper = mark.get("wrapper") or mark.get("hookwrapper")
            is_for_callers = hook == name and not is_wrapper and spec_options(spec, project).get("firstresult")
            yield from _in_signature(name, function, spec, direct=is_for_callers and name not in LIFECYCLE_HOOKS)
        elif not name.startswith("_") and not mark:
            yield from _in_name(name, missing)


@functools.cache
def _specs(category: type, project: str) -> Mapping[str, Any]:
    return {name: inspect.getattr_static(category, name) for name in sorted(hook_names(category, project))}


def _mark(function: FunctionType, project: str) -> dict[str, Any]:
    """Return the options that ``@hookimpl`` has left in a function; none if it has left none."""
    found = function.__dict__.get(f"{project}_impl")
    return found if type(found) is dict else {}


def _overrides(members: Mapping[str, object], spec: object, name: str) -> bool:
    return name in members and members[name] is not spec


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
    if not direct:
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
