"""Check the arguments of the registry's methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import attrs

from floe_plugins.configuration.model import Configuration
from floe_plugins.core.categories import Categories, Category
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.timeouts import TIMEOUT_NAMES, TOTAL_TIMEOUT_NAMES, check_timeout, check_workers
from floe_plugins.errors import PluginConfigurationError

T = TypeVar("T")

CategoryLike = Category | Callable[..., Any]


def with_arguments(
    settings: Configuration,
    *,
    required: Iterable[PluginRef],
    timeouts: Mapping[str, float] | None,
    workers: int | None,
) -> Configuration:
    """Return settings in which these arguments take precedence.

    Raises:
        PluginConfigurationError: One of them is not what it should be.
    """
    return attrs.evolve(
        settings,
        required=tuple(dict.fromkeys((*settings.required, *required))),
        timeouts={**settings.timeouts, **checked_timeouts(timeouts or {})},
        workers=settings.workers if workers is None else checked_workers(workers),
    )


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


def ref_of(categories: Categories, category: CategoryLike, name: str) -> PluginRef:
    """Return the ref of a plugin of a category.

    Raises:
        TypeError: The category is none of these categories.
    """
    return PluginRef(category_of(categories, category), name)


def category_of(categories: Categories, category: CategoryLike) -> Category:
    """Return the category, given as such or as its class.

    Raises:
        TypeError: It is none of these categories.
    """
    if isinstance(category, Category):
        found = categories.find(category.group)
        if found is None:
            known = ", ".join(categories.slugs)
            raise TypeError(f"{category.slug} is a category of another platform; those of this one are {known}")
        return found
    if isinstance(category, type):
        return categories.of(category)
    raise TypeError(f"a category is a PluginType, another Category or a category class, not {category!r}")
