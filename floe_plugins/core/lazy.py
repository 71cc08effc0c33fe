"""Modules that only annotations name, imported when somebody resolves these."""

from __future__ import annotations

import importlib
from typing import Any


class LazyModule:
    """Stands for a module that is too heavy to import for its names alone.

    ``typing.get_type_hints`` evaluates annotations in their module; a name that is
    there for type checkers only would be unknown to it.
    """

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            # Asked for by tools that look at every object they see.
            raise AttributeError(name)
        return getattr(importlib.import_module(self._module), name)

    def __repr__(self) -> str:
        return f"<{self._module}, imported when needed>"
