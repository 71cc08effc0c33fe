"""Unload the modules of a plugin, where nothing else holds on to them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any

from floe_plugins.core.candidate import Candidate
from floe_plugins.discovery.entry_points_txt import parse_value
from floe_plugins.loading.stale_imports import file_of

_NATIVE = (".so", ".pyd", ".dll")
_MRO: Any = type.__dict__["__mro__"]


def own_modules(candidate: Candidate) -> dict[str, ModuleType]:
    """Return the imported modules of a plugin by name: its package with all that is in it, or its one module.

    A namespace package, which several distributions share, belongs to none of them.
    """
    value = parse_value(candidate.value)
    parts = value.module.split(".") if value else []
    prefixes = [".".join(parts[: count + 1]) for count in range(len(parts))]
    top = next((prefix for prefix in prefixes if file_of(sys.modules.get(prefix)) is not None), None)
    if top is None:
        return {}
    return {
        name: module
        for name, module in list(sys.modules.items())
        if (name == top or name.startswith(f"{top}.")) and type(module) is ModuleType
    }


def obstacle(own: Mapping[str, ModuleType]) -> str | None:
    """Return why modules cannot be unloaded; None if nothing is known to be against it."""
    if not own:
        return "its modules are not known"
    for name, module in own.items():
        if str(file_of(module)).endswith(_NATIVE):
            return f"{name} is native code, which cannot be unloaded"
    for holder, module in list(sys.modules.items()):
        if holder not in own and type(module) is ModuleType:
            for name in _held(module, holder, own):
                return f"the module {holder} has {name} from it"
    return None


def comes_from(plugin: object, own: Mapping[str, ModuleType]) -> bool:
    """Return whether the class of a plugin, or one of its bases, was defined in one of these modules."""
    return any(_module_of(base) in own for base in _MRO.__get__(type(plugin)))


def unload(own: Mapping[str, ModuleType]) -> None:
    """Forget modules, so that they are imported anew."""
    for name, module in own.items():
        if sys.modules.get(name) is module:
            del sys.modules[name]
        parent, _, child = name.rpartition(".")
        if parent in sys.modules and sys.modules[parent].__dict__.get(child) is module:
            del sys.modules[parent].__dict__[child]


def _held(module: ModuleType, holder: str, own: Mapping[str, ModuleType]) -> Iterator[str]:
    """Yield the names under which another module has something of these modules."""
    modules = {id(each) for each in own.values()}
    for name, value in list(module.__dict__.items()):
        if id(value) in modules:
            if own.get(f"{holder}.{name}") is not value:  # a package has its own modules as attributes
                yield name
        elif _module_of(value) in own:
            yield name


def _module_of(value: object) -> str | None:
    """Return the name of the module in which a class or function, or the class of an object, was defined.

    None of its code runs.
    """
    cls: Any = value if issubclass(type(value), type) else type(value)
    is_function = type(value) is FunctionType
    found: object = value.__module__ if is_function else type.__getattribute__(cls, "__dict__").get("__module__")
    return found if type(found) is str else None
