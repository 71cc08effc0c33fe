"""What can be imported from ``floe_plugins``, and what importing it costs."""

from __future__ import annotations

import inspect
import json
import sys
import typing
from collections.abc import Iterator

import attrs
import pytest
from support import run_code

import floe_plugins

HEAVY = {"pydantic", "pluggy", "packaging", "importlib.metadata", "logging", "json", "attrs", "attr"}


def loaded_after(code: str) -> set[str]:
    done = run_code(f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))", check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", floe_plugins.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(floe_plugins, name) is not None
    assert name in dir(floe_plugins)


def test_a_misspelt_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="PluginRegstry"):
        _ = floe_plugins.PluginRegstry


def test_importing_the_package_imports_nothing_heavy() -> None:
    assert not (loaded_after("import floe_plugins") - loaded_after("")) & HEAVY


def test_discovering_imports_neither_pydantic_nor_pluggy_nor_packaging() -> None:
    code = "from floe_plugins import PluginRegistry; PluginRegistry().discover()"
    assert not loaded_after(code) & {"pydantic", "pluggy", "packaging"}


def test_discovering_imports_nothing_that_only_configuring_or_calling_needs() -> None:
    ours = (
        "execution.worker",
        "inspection.static_metadata",
        "registry.services",
        "configuration.document",
        "configuration.file",
    )
    late = {"logging", "difflib", "tomllib", "importlib.metadata", *(f"floe_plugins.{name}" for name in ours)}
    code = "from floe_plugins import PluginRegistry; PluginRegistry(path=[], environ={}).discover()"
    assert not (loaded_after(code) - loaded_after("")) & late


def test_star_import_gives_the_public_names() -> None:
    namespace: dict[str, object] = {}
    exec("from floe_plugins import *", namespace)  # noqa: S102 a star import is not allowed in a function
    assert set(floe_plugins.__all__) <= namespace.keys()


def annotated() -> Iterator[tuple[str, typing.Any]]:
    """What tools ask for types: all that is public, what hooks take and give, and the methods of all of it."""
    public = {name: getattr(floe_plugins, name) for name in floe_plugins.__all__}
    for category in floe_plugins.PluginType:
        spec = category.spec.__module__
        public |= {name: value for name, value in vars(sys.modules[spec]).items() if is_of(value, spec)}
    for name, value in sorted(public.items()):
        if inspect.isfunction(value):
            yield name, value
        elif inspect.isclass(value):
            yield name, value
            yield from ((f"{name}.{method}", function) for method, function in methods(value))


def methods(cls: type) -> Iterator[tuple[str, typing.Any]]:
    for name in dir(cls):
        static = inspect.getattr_static(cls, name)
        function = static.fget if isinstance(static, property) else getattr(static, "__func__", static)
        if (name == "__init__" or not name.startswith("_")) and is_of(function, "floe_plugins"):
            yield name, function


def is_of(value: object, module: str) -> bool:
    named = str(getattr(value, "__name__", "_"))
    return (not named.startswith("_") or named == "__init__") and str(getattr(value, "__module__", "")).startswith(
        module
    )


@pytest.mark.parametrize("value", [pytest.param(value, id=name) for name, value in annotated()])
def test_the_types_of_what_is_public_can_be_asked_for(value: typing.Any) -> None:
    hints = typing.get_type_hints(value, include_extras=True)
    assert hints.keys() >= getattr(value, "__annotations__", {}).keys()
    assert not [hint for hint in hints.values() if isinstance(hint, (str, typing.ForwardRef))]


@pytest.mark.parametrize("cls", [floe_plugins.Configuration, floe_plugins.PluginRegistry, floe_plugins.HealthReport])
def test_attrs_resolves_the_types_of_records(cls: type) -> None:
    assert not [field for field in attrs.fields(attrs.resolve_types(cls)) if isinstance(field.type, str)]


def test_asking_a_plugin_for_types_knows_its_own_and_the_contracts() -> None:
    class Secrets(floe_plugins.SecretsPlugin):
        region: str = "eu"

    import pydantic

    hints = typing.get_type_hints(Secrets)
    assert hints["region"] is str
    assert hints["config_schema"] == type[pydantic.BaseModel] | None
    assert typing.get_type_hints(Secrets.get_secret)["return"] == pydantic.SecretStr | None


def test_neither_writing_a_plugin_nor_looking_through_its_modules_imports_pydantic() -> None:
    code = "import doctest, sys; from floe_plugins import SecretsPlugin as plugin; dir(plugin)"
    finding = "doctest.DocTestFinder().find(sys.modules[plugin.__module__])"
    assert not loaded_after(f"{code}; {finding}") & {"pydantic"}
