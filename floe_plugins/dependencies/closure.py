"""The plugins that a start includes: those that are asked for, and what they depend on, wave after wave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from floe_plugins.core.categories import Category
from floe_plugins.core.refs import PluginRef
from floe_plugins.dependencies.requirement import Requirement


class Closure:
    """Plugins with all that they depend on.

    Args:
        usable: The plugins that may be started.
        selected: The plugins that are started in any case, and so meet what others require of a category.

    Attributes:
        requirements: What each plugin that is included requires.
        because: For each that is included although nobody asked for it, the first plugin that requires it.
    """

    def __init__(self, usable: Iterable[PluginRef], selected: Iterable[PluginRef]) -> None:
        self.requirements: dict[PluginRef, Sequence[Requirement]] = {}
        self.because: dict[PluginRef, PluginRef] = {}
        self._usable = frozenset(usable)
        self._selected = self._usable.intersection(selected)
        self._by_name: dict[str, tuple[PluginRef, ...]] = {}
        for ref in sorted(self._usable):
            self._by_name[ref.name] = (*self._by_name.get(ref.name, ()), ref)
        self._there = _by_category(self._usable)
        # What runs grows with each wave, and is sorted again when it is asked for.
        self._running: Mapping[Category, tuple[PluginRef, ...]] | None = None

    def include(
        self,
        refs: Iterable[PluginRef],
        read: Callable[[Sequence[PluginRef]], Mapping[PluginRef, Sequence[Requirement]]],
    ) -> None:
        """Include the usable ones of ``refs`` and all that they depend on.

        ``read`` is called with each wave of plugins that are included, and returns what they require.
        """
        wave = sorted(self._usable.intersection(refs))
        while wave:
            self.requirements.update(read(wave))
            self._running = None
            wave = self._add_named(wave) or self._add_of_categories()

    def _add_named(self, wave: Sequence[PluginRef]) -> list[PluginRef]:
        added: set[PluginRef] = set()
        for ref in wave:
            for requirement in self.requirements[ref]:
                named = self.named(requirement)
                if len(named) == 1 and named[0] not in self.requirements:
                    self.because.setdefault(named[0], ref)
                    added.add(named[0])
        return sorted(added)

    def _add_of_categories(self) -> list[PluginRef]:
        """Return the plugins that a category requirement adds; call it last, since named ones may meet it."""
        for ref in sorted(self.requirements):
            for requirement in self.requirements[ref]:
                if requirement.name is None:
                    added = [other for other in self.members(ref, requirement) if other not in self.requirements]
                    if added:
                        self.because.update(dict.fromkeys(added, ref))
                        return added
        return []

    def named(self, requirement: Requirement) -> tuple[PluginRef, ...]:
        """Return the plugins that a requirement with a name may mean; none if it has no name."""
        if requirement.category is None:
            return self._by_name.get(requirement.name or "", ())
        ref = PluginRef(requirement.category, requirement.name or "")
        return (ref,) if ref in self._usable else ()

    def members(self, ref: PluginRef, requirement: Requirement) -> tuple[PluginRef, ...]:
        """Return the plugins that meet what a plugin requires of a category: those that run, or the only one."""
        if self._running is None:
            self._running = _by_category(self._selected | self.requirements.keys())
        running = _others(self._running, requirement, ref)
        if running:
            return running
        there = self.others(requirement, ref)
        return there if len(there) == 1 else ()

    def of_category(self, requirement: Requirement) -> tuple[PluginRef, ...]:
        """Return all usable plugins of the category of a requirement, sorted."""
        return () if requirement.category is None else self._there.get(requirement.category, ())

    def others(self, requirement: Requirement, ref: PluginRef) -> tuple[PluginRef, ...]:
        """Return the same without one of them."""
        return _others(self._there, requirement, ref)


def _by_category(refs: Iterable[PluginRef]) -> Mapping[Category, tuple[PluginRef, ...]]:
    return {category: tuple(found) for category, found in groupby(sorted(refs), attrgetter("type"))}


def _others(
    groups: Mapping[Category, tuple[PluginRef, ...]], requirement: Requirement, ref: PluginRef
) -> tuple[PluginRef, ...]:
    found = () if requirement.category is None else groups.get(requirement.category, ())
    return tuple(each for each in found if each != ref) if ref.type == requirement.category else found
