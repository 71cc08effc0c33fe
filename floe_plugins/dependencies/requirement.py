"""A declared dependency: what it says, and what meets it."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import NamedTuple, NoReturn

from floe_plugins.core.categories import NAME_RULE, Categories, Category, is_name
from floe_plugins.core.refs import FLOE_CATEGORIES, PluginRef

_MAX_LENGTH = 10_000
_MAX_QUOTED = 200
_OPERATORS = "<>=!~"
_EXPECTED = 'expected "category:name", "category" or "name", such as "compute:duckdb>=1.2"'


class Requirement(NamedTuple):
    """A dependency as a plugin declares it.

    Attributes:
        category: the category, or None where only a name is given.
        name: the plugin's name, or None where any plugin of the category will do.
        specifier: the versions that will do, such as ">=1.2"; empty for all.
    """

    category: Category | None
    name: str | None
    specifier: str = ""

    def __str__(self) -> str:
        category = self.category.slug if self.category else ""
        return f"{category}{':' if category and self.name else ''}{self.name or ''}{self.specifier}"

    @staticmethod
    def parse(text: object, categories: Categories = FLOE_CATEGORIES) -> Requirement:
        """Read ``compute:duckdb``, ``compute`` or ``duckdb``, a named one with or without a version specifier.

        A word that names a category means the category.

        >>> Requirement.parse("compute:duckdb >= 1.2")
        Requirement(category=<PluginType.COMPUTE: 'floe.computes'>, name='duckdb', specifier='>= 1.2')
        >>> Requirement.parse("compute").name is None, Requirement.parse("duckdb").category is None
        (True, True)

        Raises:
            ValueError: ``text`` is none of these; the message says what is wrong with it.
        """
        if not isinstance(text, str):
            return _refuse(text, "it is not text")
        if len(text) > _MAX_LENGTH:
            return _refuse(text, f"it has more than {_MAX_LENGTH} characters")
        return _parse(text, categories, categories.revision)

    def among(self, known: Iterable[PluginRef]) -> tuple[PluginRef, ...]:
        """Return the plugins among ``known`` that it names, whatever their version, sorted."""
        return tuple(
            sorted(
                ref
                for ref in known
                if (self.category is None or ref.type == self.category) and self.name in {None, ref.name}
            )
        )

    def matches(self, ref: PluginRef, version: str | None) -> bool:
        """Return whether the plugin ``ref`` of that version meets it; a version that is not known yet does.

        >>> duckdb = PluginRef.parse("compute:duckdb")
        >>> [Requirement.parse("duckdb>=1.2").matches(duckdb, version) for version in ("1.1", "1.2rc1", "2.0", None)]
        [False, False, True, True]
        """
        if not self.among((ref,)):
            return False
        if not self.specifier or version is None:
            return True
        from packaging.specifiers import SpecifierSet
        from packaging.version import Version

        try:
            # As for pip, what is installed counts even if it is a pre-release.
            return SpecifierSet(self.specifier).contains(Version(version), prereleases=True)
        except ValueError:  # no version of PEP 440, or more digits than Python converts
            return False


@functools.lru_cache(maxsize=4096)
def _parse(text: str, categories: Categories, _revision: int) -> Requirement:
    begun = text.lstrip()
    end = next((place for place, each in enumerate(begun) if each.isspace() or each in _OPERATORS), len(begun))
    subject, rest = begun[:end], begun[end:].lstrip()
    if not subject or (rest and rest[0] not in _OPERATORS):
        return _refuse(text, _EXPECTED)
    specifier = _specifier(text, rest)
    left, colon, name = subject.partition(":")
    try:
        category = categories.parse(left)
    except ValueError as error:
        if colon:
            return _refuse(text, str(error))
        category, name = None, left
    if category is not None and not colon:
        if specifier:
            return _refuse(text, "a category has no version; name the plugin of it that is meant")
        return Requirement(category, None)
    if not is_name(name):
        return _refuse(text, f"a plugin's name is made of {NAME_RULE}; {_EXPECTED}")
    return Requirement(category, name, specifier)


def _specifier(text: str, specifier: str) -> str:
    if not specifier:
        return ""
    from packaging.specifiers import SpecifierSet

    try:
        SpecifierSet(specifier)
    except ValueError:  # InvalidSpecifier, or more digits than Python converts
        return _refuse(text, f'{specifier.strip()!r} is not a version specifier such as ">=1.2,<2"')
    return specifier.strip()


def _refuse(text: object, why: str) -> NoReturn:
    quoted = f"{text[:_MAX_QUOTED]}..." if isinstance(text, str) and len(text) > _MAX_QUOTED else text
    raise ValueError(f"{quoted!r} is not a dependency: {why}") from None
