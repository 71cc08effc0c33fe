"""What plugins need and what meets it, as far as it is known before any of them is loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from floe_plugins.core.categories import Categories
from floe_plugins.core.refs import FLOE_CATEGORIES, PluginRef
from floe_plugins.dependencies.requirement import Requirement


class Declared(NamedTuple):
    """What is known of a plugin before it is loaded. None means "known when loaded"."""

    required: tuple[str, ...] | None = None
    optional: tuple[str, ...] | None = None
    version: str | None = None
    disabled: bool = False


class StaticDependency(NamedTuple):
    """A declared dependency and what becomes of it.

    Attributes:
        text: the dependency as it is declared.
        optional: whether the plugin does without it.
        category: whether any plugin of a category will do.
        state: ``met``, ``missing``, ``disabled``, ``ambiguous``, ``incompatible`` (another version), ``unselected`` (an
            optional one that is there) or ``invalid``.
        refs: the plugins that it means, sorted: those that meet it, those to choose from, or those that cannot.
    """

    text: str
    optional: bool
    category: bool
    state: str
    refs: tuple[PluginRef, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON data."""
        return {**self._asdict(), "refs": list(map(str, self.refs))}


class StaticDependencies(NamedTuple):
    """The needs of all plugins.

    Attributes:
        of: the needs of each plugin, as far as they are known.
        unknown: the plugins whose needs, or some of them, are known when they are loaded.
        started: the selected plugins and, as far as it is known, all that they need.
        because: for each of those that is not selected itself, the first plugin that needs it.
    """

    of: Mapping[PluginRef, tuple[StaticDependency, ...]]
    unknown: frozenset[PluginRef]
    started: frozenset[PluginRef]
    because: Mapping[PluginRef, PluginRef]

    def dependents(self) -> dict[PluginRef, tuple[PluginRef, ...]]:
        """Return the plugins that need each plugin, sorted; those that can do without it among them."""
        found: dict[PluginRef, set[PluginRef]] = {}
        for ref, dependencies in self.of.items():
            for dependency in dependencies:
                for other in dependency.refs if dependency.state != "ambiguous" else ():
                    found.setdefault(other, set()).add(ref)
        return {ref: tuple(sorted(others)) for ref, others in found.items()}

    def graph(self) -> dict[PluginRef, tuple[PluginRef, ...]]:
        """Return, for each plugin, the plugins that have to be started before it."""
        return {
            ref: tuple(sorted({other for each in dependencies if _orders(each) for other in each.refs}))
            for ref, dependencies in self.of.items()
        }


def find_dependencies(
    declared: Mapping[PluginRef, Declared], selected: Iterable[PluginRef], categories: Categories = FLOE_CATEGORIES
) -> StaticDependencies:
    """Return what each plugin needs and what meets it. The plan of a start, made without loading, agrees with it."""
    finder = _Finder(declared, selected, categories)
    unknown = frozenset(ref for ref, each in declared.items() if each.required is None or each.optional is None)
    return StaticDependencies(
        {ref: finder.dependencies(ref) for ref in sorted(declared)}, unknown, frozenset(finder.started), finder.because
    )


class _Finder:
    def __init__(
        self, declared: Mapping[PluginRef, Declared], selected: Iterable[PluginRef], categories: Categories
    ) -> None:
        self._categories = categories
        self._declared = declared
        self._usable = {ref for ref, each in declared.items() if not each.disabled}
        self._by_name: dict[str, list[PluginRef]] = {}
        for ref in sorted(self._usable):
            self._by_name.setdefault(ref.name, []).append(ref)
        self.started = self._usable.intersection(selected)
        self.because: dict[PluginRef, PluginRef] = {}
        self._required: dict[PluginRef, list[Requirement]] = {}
        wave = sorted(self.started)
        while wave:
            for ref in wave:
                self._required[ref] = [*_parsed(declared[ref].required or (), categories)]
            wave = self._named() or self._of_categories()
            self.started.update(wave)

    def _named(self) -> list[PluginRef]:
        found: list[PluginRef] = []
        for ref in sorted(self._required):
            for requirement in self._required[ref]:
                refs = self._candidates(requirement) if requirement.name is not None else ()
                if len(refs) == 1:
                    found += self._add(refs, ref)
        return found

    def _of_categories(self) -> list[PluginRef]:
        for ref in sorted(self._required):
            for requirement in self._required[ref]:
                if requirement.name is None:
                    added = self._add(self._members(ref, requirement), ref)
                    if added:
                        return added
        return []

    def _add(self, refs: Sequence[PluginRef], dependents: PluginRef) -> list[PluginRef]:
        added = [ref for ref in refs if ref not in self._required and ref not in self.because]
        for ref in added:
            if ref not in self.started:
                self.because[ref] = dependents
        return added

    def _candidates(self, requirement: Requirement) -> Sequence[PluginRef]:
        if requirement.category is None:
            return self._by_name.get(requirement.name or "", ())
        ref = PluginRef(requirement.category, requirement.name or "")
        return (ref,) if ref in self._usable else ()

    def _members(self, ref: PluginRef, requirement: Requirement) -> tuple[PluginRef, ...]:
        running = requirement.among(self.started - {ref})
        there = requirement.among(self._usable - {ref})
        return running or (there if len(there) == 1 else ())

    def dependencies(self, ref: PluginRef) -> tuple[StaticDependency, ...]:
        declared = self._declared[ref]
        return (
            *(self._dependency(ref, text, optional=False) for text in declared.required or ()),
            *(self._dependency(ref, text, optional=True) for text in declared.optional or ()),
        )

    def _dependency(self, ref: PluginRef, text: str, *, optional: bool) -> StaticDependency:
        try:
            requirement = Requirement.parse(text, self._categories)
        except ValueError:
            return StaticDependency(text, optional, category=False, state="invalid")
        state, refs = self._meet(ref, requirement, optional=optional)
        return StaticDependency(text, optional, requirement.name is None, state, tuple(refs))

    def _meet(self, ref: PluginRef, requirement: Requirement, *, optional: bool) -> tuple[str, Sequence[PluginRef]]:
        """Return the state of a requirement, and the plugins that it means."""
        if requirement.name is None:
            refs = requirement.among(self.started - {ref}) if optional else self._members(ref, requirement)
            there: Sequence[PluginRef] = refs or requirement.among(self._usable - {ref})
            state = "met" if refs else "unselected" if optional else "ambiguous"
        else:
            there = self._candidates(requirement)
            state = "met" if len(there) == 1 else "ambiguous"
            if len(there) == 1 and not requirement.matches(there[0], self._declared[there[0]].version):
                state = "incompatible"
            elif len(there) == 1 and optional and there[0] not in self.started:
                state = "unselected"
        if there:
            return state, there
        disabled = requirement.among(self._declared.keys() - self._usable)
        return ("disabled", disabled) if disabled else ("missing", ())


def _orders(dependency: StaticDependency) -> bool:
    return dependency.state == "met" and not dependency.optional


def _parsed(texts: Collection[str], categories: Categories) -> Iterable[Requirement]:
    for text in texts:
        try:
            yield Requirement.parse(text, categories)
        except ValueError:  # said where the needs are shown
            continue
