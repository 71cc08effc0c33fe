"""The plugins that a start includes: those that are asked for, and what they depend on, wave after wave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

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
            wave = self._add_named(wave) or self._add_of_categories()

    def _add_named(self, wave: Sequence[PluginRef]) -> list[PluginRef]:
        for ref in wave:
            for requirement in self.requirements[ref]:
                named = self.named(requirement)
                if len(named) == 1 and named[0] not in self.requirements:
                    self.because.setdefault(named[0], ref)
        return sorted(self.because.keys() - self.requirements.keys())

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
        running = requirement.among((self._selected | self.requirements.keys()) - {ref})
        there = requirement.among(self._usable - {ref})
        return running or (there if len(there) == 1 else ())
