"""Categories of plugins as data, and the table of the categories that a platform has."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")

NAME_RULE = "lower-case letters, digits, '-' and '_', beginning and ending with a letter or digit, without '__'"

# Stands for distributions in rules such as ``distribution:acme``.
RESERVED_SLUG = "distribution"


def is_name(text: str) -> bool:
    """Return whether ``text`` is a valid plugin name; ``NAME_RULE`` describes the rule.

    >>> is_name("duck-db"), is_name("Duck__DB")
    (True, False)
    """
    # Compiling a regular expression would take longer than checking all names of most installations.
    return _NAME.issuperset(text) and text[:1] not in "-_" and text[-1:] not in "-_" and "__" not in text


def derives(cls: type, base: type) -> bool:
    """Return whether a class derives from another one.

    Unlike ``issubclass``, this asks neither their metaclasses nor other classes that derive from ``base``: a plugin
    whose class answers such a question in its own way would answer for all plugins of its category.

    >>> derives(bool, int), derives(int, bool)
    (True, False)
    """
    return type.__subclasscheck__(base, cls)


class Category(str):  # noqa: SLOT000 members of an enum have no slots
    """A category of plugins: a text, which is the name of its entry-point group, and what it is called elsewhere.

    The class that declares its hooks is given by name, so that nothing is imported to know the category.

    >>> from floe_plugins import Category
    >>> Category("page", "site.pages", "site_host.api:PagePlugin").group
    'site.pages'

    Args:
        slug: the name of the category in refs and configuration, such as ``page``.
        group: the entry-point group of its plugins, such as ``site.pages``.
        spec: the category class, as ``module:Class``.
        origin: the distribution that adds the category to a platform, for messages.
        platform: the name of its platform, which sets it.

    Raises:
        ValueError: one of them cannot be what it is to be; the message says what was expected.
    """

    slug: str
    origin: str
    platform: str
    _spec: str

    def __new__(cls, slug: str, group: str, spec: str, origin: str = "", platform: str = "") -> Category:  # noqa: D102, PYI034 Self is not in typing on 3.10
        if not is_name(slug) or "-" in slug or slug == RESERVED_SLUG:
            expected = f"lower-case letters, digits and '_', and not {RESERVED_SLUG!r}"
            raise ValueError(f"{slug!r} cannot be the slug of a category: expected {expected}")
        if not group or not all(part.replace("-", "_").replace("_", "a").isalnum() for part in group.split(".")):
            message = "expected an entry-point group, such as 'site.pages'"
            raise ValueError(f"{group!r} cannot be the group of the category {slug}: {message}")
        module, _, name = spec.partition(":")
        if not name.isidentifier() or not all(part.isidentifier() for part in module.split(".")):
            raise ValueError(f"{spec!r} cannot be the class of the category {slug}: expected 'module:Class'")
        made = str.__new__(cls, group)
        made.slug, made.origin, made.platform, made._spec = slug, origin, platform, spec  # noqa: SLF001 its own
        return made

    def __getnewargs__(self) -> tuple[str, ...]:  # type: ignore[override] # pyright: ignore[reportIncompatibleMethodOverride] those of this class
        return self.slug, self.group, self._spec, self.origin, self.platform

    def on(self, platform: str) -> Category:
        """Return the category as one of the platform of that name."""
        return self if self.platform == platform else Category(self.slug, self.group, self._spec, self.origin, platform)

    @property
    def api_attribute(self) -> str:
        """The attribute in which plugins say for which API they were written, such as ``floe_api_version``."""
        return f"{self.platform}_api_version"

    @property
    def group(self) -> str:
        """The entry-point group, such as ``floe.computes``."""
        return str.__str__(self)

    @property
    def spec_name(self) -> tuple[str, str]:
        """The module and the name of the category class. Imports nothing."""
        module, _, name = self._spec.partition(":")
        return module, name

    @property
    def spec(self) -> type[Any]:
        """The category class, whose hooks plugins implement. Imports its module.

        Raises:
            ImportError: there is no such module, or it cannot be imported.
            AttributeError: the module has no such class.
        """
        module, name = self.spec_name
        category: type[Any] = getattr(importlib.import_module(module), name)
        return category


class Categories:
    """A table of categories, by slug, group and class. Each is there once.

    A text that is not in the table may name a category that an installed distribution adds: then, and once, ``more``
    is asked for these. One that was added and is no longer can still be found, since what is loaded runs on.

    >>> page = Category("page", "site.pages", "site_host.api:PagePlugin")
    >>> table = Categories([page])
    >>> table.parse("page") is table.parse("site.pages") is page, table.find("compute"), len(table)
    (True, None, 1)

    Attributes:
        by_group: the categories by their groups.
        by_slug: the categories by their slugs.
        revision: a number that grows with each change of the table.

    Raises:
        ValueError: two of the categories have one slug, group or class.
    """

    def __init__(self, categories: Iterable[Category], more: Callable[[], Iterable[Category]] | None = None) -> None:
        self._own = tuple(categories)
        self._added: list[Category] = []
        self._former: dict[object, Category] = {}
        self._more = more
        self.revision = 1
        self._all: tuple[Category, ...] = ()
        self._by_text: dict[str, Category] = {}
        self._by_class: dict[tuple[str, str], Category] = {}
        self.by_group: dict[str, Category] = {}
        self.by_slug: dict[str, Category] = {}
        for category in self._own:
            self._append(category)

    def _append(self, category: Category) -> None:
        name = category.spec_name
        for what, text in (("slug", category.slug), ("group", category.group)):
            if text in self._by_text:
                both = f"{_shown(self._by_text[text])} and {_shown(category)}"
                raise ValueError(f"two categories have the {what} {text!r}: {both}")
        if name in self._by_class:
            raise ValueError(f"two categories have one class: {_shown(self._by_class[name])} and {_shown(category)}")
        self._by_class[name] = self._by_text[category.slug] = self._by_text[category.group] = category
        self.by_slug[category.slug] = self.by_group[category.group] = category
        self._all += (category,)

    def __iter__(self) -> Iterator[Category]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    @property
    def slugs(self) -> list[str]:
        """The slugs of all, in the order of the table."""
        return [category.slug for category in self._all]

    def add(self, added: Iterable[Category]) -> list[tuple[Category, str]]:
        """Let these be the categories beside the table's own, and return those that cannot be, each with the reason."""
        accepted: list[Category] = []
        refused: list[tuple[Category, str]] = []
        table = self._with_own()
        for category in added:
            try:
                table._append(category)  # noqa: SLF001 of this class
            except ValueError as error:
                refused.append((category, str(error)))
            else:
                accepted.append(category)
        self._more = None
        if [each.__getnewargs__() for each in accepted] != [each.__getnewargs__() for each in self._added]:
            for each in self._added:
                self._former.update({each.slug: each, each.group: each, each.spec_name: each})
            # Replaced as a whole: other threads may be reading.
            self._all, self._by_text, self._by_class = table._all, table._by_text, table._by_class  # noqa: SLF001
            self.by_group, self.by_slug = table.by_group, table.by_slug
            self.revision += 1
            self._added = accepted
        return refused

    def with_more(self, more: Callable[[], Iterable[Category]]) -> Categories:
        """Return a table of the same categories, which asks ``more`` for those that it does not know."""
        made = self._with_own()
        made._more = more  # noqa: SLF001 of this class
        return made

    def _with_own(self) -> Categories:
        """Return a table of this one's own categories."""
        if self._added:
            return Categories(self._own)
        # Faster than filling a table anew.
        made = object.__new__(Categories)
        made.__dict__.update(self.__dict__, _added=[], _former={}, _more=None)
        made._by_text, made._by_class = {**self._by_text}, {**self._by_class}
        made.by_group, made.by_slug = {**self.by_group}, {**self.by_slug}
        return made

    def find(self, text: object) -> Category | None:
        """Return the category with a slug (``compute``) or group (``floe.computes``); None if there is none."""
        found = self._by_text.get(text) if isinstance(text, str) else None
        if found is None and self._more is not None:
            more, self._more = self._more, None
            self.add(more())
            return self.find(text)
        return self._former.get(text) if found is None and isinstance(text, str) else found

    def find_slug(self, slug: object) -> Category | None:
        """Return the category with a slug; None if there is none."""
        found = self.find(slug)
        return found if found is not None and found.slug == slug else None

    def parse(self, text: str) -> Category:
        """Return the category with a slug (``compute``) or group (``floe.computes``).

        Raises:
            ValueError: there is no such category; the message lists all categories.
        """
        found = self.find(text)
        if found is None:
            raise ValueError(f"there is no category {text!r}; the categories are {', '.join(self.slugs)}")
        return found

    def of(self, plugin_class: type) -> Category:
        """Return the category of a plugin class.

        Raises:
            TypeError: ``plugin_class`` does not derive from a category class.
        """
        for base in plugin_class.__mro__:
            found = self.of_class((base.__module__, base.__name__))
            if found is not None:
                return found
        if self._more is not None:
            self.find(None)
            return self.of(plugin_class)
        names = ", ".join(category.spec_name[1] for category in self)
        raise TypeError(f"{plugin_class.__qualname__} does not derive from a category class: expected one of {names}")

    def of_class(self, name: tuple[str, str]) -> Category | None:
        """Return the category whose class has this module and name; None if there is none."""
        return self._by_class.get(name) or self._former.get(name)


def _shown(category: Category) -> str:
    origin = f", added by {category.origin}" if category.origin else ""
    return f"{category.slug} ({category.group}, {':'.join(category.spec_name)}{origin})"
