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

CategoryLike = Category | str | Callable[..., Any]
# Where a name may be left out.
CategoryOrRef = CategoryLike | PluginRef


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
    names = (*TIMEOUT_NAMES, *TOTAL_TIMEOUT_NAMES)
    for name in timeouts or ():
        if name not in names:
            raise PluginConfigurationError(f"timeouts has the key {name!r}; expected {', '.join(names)}")
    seconds = {name: _checked(f"timeouts[{name!r}]", check_timeout, value) for name, value in (timeouts or {}).items()}
    return attrs.evolve(
        settings,
        required=tuple(dict.fromkeys((*settings.required, *required))),
        timeouts={**settings.timeouts, **seconds},
        workers=settings.workers if workers is None else _checked("workers", check_workers, workers),
    )


def _checked(what: str, check: Callable[[object], T], value: object) -> T:
    try:
        return check(value)
    except ValueError as error:
        raise PluginConfigurationError(f"{what} {error}") from None


def ref_of(categories: Categories, category: CategoryOrRef, name: str | None = None) -> PluginRef:
    """Return the ref of a plugin of a category; without a name, ``category`` is the ref.

    Raises:
        TypeError: The category is none of these categories, or a name is missing.
        ValueError: A text names no category, or is no ref.
    """
    if name is not None:
        return PluginRef(category_of(categories, category), name)
    if isinstance(category, PluginRef):
        category_of(categories, category.type)
        return category
    if isinstance(category, str) and not isinstance(category, Category):
        return PluginRef.parse(category, categories)
    shown = category.slug if isinstance(category, Category) else getattr(category, "__name__", repr(category))
    raise TypeError(f"the name of a {shown} plugin is missing: expected a category and a name, or a ref")


def category_of(categories: Categories, category: CategoryOrRef) -> Category:
    """Return the category, given as such, as its class, or as a slug or group.

    Raises:
        TypeError: It is none of these categories.
        ValueError: A text names no category.
    """
    if isinstance(category, Category):
        found = categories.find(category.group)
        if found is None:
            known = ", ".join(categories.slugs)
            raise TypeError(f"{category.slug} is a category of another platform; those of this one are {known}")
        return found
    if isinstance(category, str):
        return categories.parse(category)
    if isinstance(category, type):
        return categories.of(category)
    raise TypeError(f"a category is a PluginType, another Category, its class or its slug, not {category!r}")
