"""The public surface as plain data, and what in a newer surface breaks those who rely on an older one.

``python tests/api/snapshot.py > tests/api/1.1.json`` writes the present surface.
"""

from __future__ import annotations

import enum
import importlib
import inspect
import json
import sys
from collections.abc import Iterator
from typing import Any

import attrs

import floe_plugins
from floe_plugins import PluginType

Surface = dict[str, Any]


def surface() -> Surface:
    """Every public name with what callers rely on, and every hook with what authors rely on."""
    return {
        "version": floe_plugins.FLOE_API_VERSION,
        "names": {name: describe(getattr(floe_plugins, name)) for name in sorted(floe_plugins.__all__)},
        "hooks": {member.slug: hooks(member.spec) for member in PluginType},
        "records": {
            **{member.slug: records(member.spec.__module__) for member in PluginType},
            "running": running(),
        },
    }


def describe(value: object) -> Any:
    if inspect.isclass(value) and issubclass(value, enum.Enum):
        return {"members": {member.name: member.value for member in value}}
    if inspect.isclass(value):
        found: dict[str, Any] = {"bases": [base.__name__ for base in value.__mro__[1:-1]]}
        if attrs.has(value):
            found["fields"] = [field.name for field in attrs.fields(value)]
        found["methods"] = {name: parameters(method) for name, method in methods(value)}
        return found
    return parameters(value) if inspect.isfunction(value) else type(value).__name__


def methods(cls: type) -> Iterator[tuple[str, Any]]:
    for name in sorted(dir(cls)):
        static = inspect.getattr_static(cls, name)
        if (not name.startswith("_") or name == "__init__") and not name.startswith("__attrs"):
            function = getattr(static, "__func__", static)
            if inspect.isfunction(function) and function.__module__.startswith("floe_plugins"):
                yield name, function
            elif isinstance(static, property):
                yield name, None


def parameters(function: Any) -> Any:
    if function is None:
        return "property"
    return [
        {"name": each.name, "kind": each.kind.name, "required": each.default is each.empty}
        for each in inspect.signature(function).parameters.values()
    ]


def hooks(spec: type) -> dict[str, Any]:
    found = {}
    for name in sorted(dir(spec)):
        function = inspect.getattr_static(spec, name)
        options = getattr(function, "floe_spec", None)
        if options is not None:
            found[name] = {
                "parameters": parameters(function),
                "one_answer": options["firstresult"],
                "abstract": name in spec.__abstractmethods__,
            }
    return found


def records(module_name: str) -> dict[str, Any]:
    module = sys.modules[module_name]
    classes = {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module_name and not name.endswith("Plugin")
    }
    return {name: describe(value) for name, value in sorted(classes.items()) if attrs.has(value) or is_enum(value)}


def running() -> dict[str, Any]:
    module = importlib.import_module("floe_plugins.hookspecs.running")
    return {name: describe(getattr(module, name)) for name in ("InThread", "RunState", "Running")}


def is_enum(value: type) -> bool:
    return issubclass(value, enum.Enum)


def breaks(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Where ``new`` takes away what ``old`` promised."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() - new.keys():
            yield f"{path}.{key} is gone"
        for key in old.keys() & new.keys():
            yield from breaks(old[key], new[key], f"{path}.{key}")
        for key in new.keys() - old.keys():
            if isinstance(new[key], dict) and new[key].get("abstract"):
                yield f"{path}.{key} is new and has to be implemented"
    elif is_parameters(old) and is_parameters(new):
        yield from parameter_breaks(old, new, path)
    elif isinstance(old, list) and isinstance(new, list):
        yield from (f"{path} lost {item!r}" for item in old if item not in new)
    elif old != new:
        yield f"{path} was {old!r} and is {new!r}"


def is_parameters(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def parameter_breaks(old: list[Any], new: list[Any], path: str) -> Iterator[str]:
    positions = {item["name"]: place for place, item in enumerate(new)}
    for place, item in enumerate(old):
        if item["name"] not in positions:
            yield f"{path} lost the parameter {item['name']!r}"
            continue
        now = new[positions[item["name"]]]
        if now["kind"] != item["kind"] or (item["kind"] != "KEYWORD_ONLY" and positions[item["name"]] != place):
            yield f"{path}: the parameter {item['name']!r} is passed in another way"
        if now["required"] and not item["required"]:
            yield f"{path}: the parameter {item['name']!r} has become required"
    known = {item["name"] for item in old}
    for item in new:
        if item["name"] not in known and item["required"] and not item["kind"].startswith("VAR_"):
            yield f"{path}: the parameter {item['name']!r} is new and required"


if __name__ == "__main__":
    json.dump(surface(), sys.stdout, indent=1)
    sys.stdout.write("\n")
