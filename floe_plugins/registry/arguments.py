"""Check the arguments of the registry's methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from floe_plugins.core.refs import PluginRef, PluginType
from floe_plugins.core.timeouts import TIMEOUT_NAMES, TOTAL_TIMEOUT_NAMES, check_timeout, check_workers
from floe_plugins.errors import PluginConfigurationError

T = TypeVar("T")

Category = PluginType | Callable[..., Any]


def checked_timeouts(timeouts: Mapping[str, float]) -> dict[str, float]:
    """Return timeouts by name, in seconds.

    Raises:
        PluginConfigurationError: A name is unknown, or a value is not a number of seconds.
    """
    names = (*TIMEOUT_NAMES, *TOTAL_TIMEOUT_NAMES)
    for name in timeouts:
        if name not in names:
            raise PluginConfigurationError(f"timeouts has the key {name!r}; expected {', '.join(names)}")
    return {name: _checked(f"timeouts[{name!r}]", check_timeout, value) for name, value in timeouts.items()}


def checked_workers(workers: object) -> int:
    """Return a number of workers.

    Raises:
        PluginConfigurationError: It is not a whole number in the range allowed.
    """
    return _checked("workers", check_workers, workers)


def _checked(what: str, check: Callable[[object], T], value: object) -> T:
    try:
        return check(value)
    except ValueError as error:
        raise PluginConfigurationError(f"{what} {error}") from None


def ref_of(category: Category, name: str) -> PluginRef:
    """Return the ref of a plugin of a category.

    Raises:
        TypeError: The category is none.
    """
    return PluginRef(category_of(category), name)


def category_of(category: Category) -> PluginType:
    """Return the category of a ``PluginType`` or a category class.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(category, PluginType):
        return category
    if isinstance(category, type):
        return PluginType.of(category)
    raise TypeError(f"a category is a PluginType or a category class, not {category!r}")
