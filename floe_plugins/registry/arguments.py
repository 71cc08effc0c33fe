"""Check the arguments of the registry's methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from floe_plugins.core.refs import PluginRef, PluginType
from floe_plugins.core.timeouts import TIMEOUT_NAMES, TOTAL_TIMEOUT_NAMES, check_timeout, check_workers
from floe_plugins.errors import PluginConfigurationError

T = TypeVar("T")

Category = PluginType | str | Callable[..., Any]
# Where a name may be left out.
CategoryOrRef = Category | PluginRef


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


def ref_of(category: CategoryOrRef, name: str | None = None) -> PluginRef:
    """Return the ref of a plugin of a category; without a name, ``category`` is the ref.

    Raises:
        TypeError: The category is none, or a name is missing.
        ValueError: A text names no category, or is no ref.
    """
    if name is not None:
        return PluginRef(category_of(category), name)
    if isinstance(category, PluginRef):
        return category
    if isinstance(category, str) and not isinstance(category, PluginType):
        return PluginRef.parse(category)
    shown = category.slug if isinstance(category, PluginType) else getattr(category, "__name__", repr(category))
    raise TypeError(f"the name of a {shown} plugin is missing: expected a category and a name, or a ref")


def category_of(category: CategoryOrRef) -> PluginType:
    """Return the category of a ``PluginType``, a category class, or a slug or group.

    Raises:
        TypeError: It is none of these.
        ValueError: There is no such category.
    """
    if isinstance(category, PluginType):
        return category
    if isinstance(category, str):
        return PluginType.parse(category)
    if isinstance(category, type):
        return PluginType.of(category)
    raise TypeError(f"a category is a PluginType, a category class or a text such as 'compute', not {category!r}")
