"""Import modules and names on first use, so that importing this package stays cheap."""

from __future__ import annotations

import importlib

# As in ``floe_plugins/__init__.py``: this module is imported with it.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any


def lazy_exports(
    namespace: dict[str, Any], modules: Mapping[str, Sequence[str]], more: Callable[[], Mapping[str, str]] = dict
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package whose names are imported on first use (PEP 562).

    ``__all__`` is one of these names, and lists them.

    Args:
        namespace: the package's ``globals()``.
        modules: the names that each submodule exports, by its name relative to the package.
        more: returns further names with the full names of their modules; called when a name is not in the table.
    """
    package = namespace["__name__"]
    homes = {name: f"{package}.{module}" for module, names in modules.items() for name in names}

    def getattribute(name: str) -> object:
        if name not in homes:
            homes.update(more())
        if name in homes:
            value: object = getattr(importlib.import_module(homes[name]), name)
        elif name == "__all__":
            value = sorted(homes)
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        namespace[name] = value
        return value

    return getattribute, lambda: sorted({*namespace, "__all__", *homes, *more()})


class LazyModule:
    """A stand-in for a module that is imported when one of its attributes is first used.

    Modules that need pydantic in annotations only bind a stand-in to its name, so that
    ``typing.get_type_hints`` can resolve them and importing the module does not import pydantic.
    """

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            # Tools such as doctest look for these on every object; they must not cause the import.
            raise AttributeError(name)
        return getattr(importlib.import_module(self._module), name)

    def __repr__(self) -> str:
        return f"<{self._module}, imported on first use>"
