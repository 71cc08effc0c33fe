"""Find the dependencies of plugins and what meets them, as far as known before any of them is loaded."""

# Annotations are evaluated: of a named tuple, typing would compile each one.
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from floe_plugins.core.categories import Categories
from floe_plugins.core.refs import FLOE_CATEGORIES, PluginRef
from floe_plugins.dependencies.closure import Closure
from floe_plugins.dependencies.requirement import Requirement


class Declared(NamedTuple):
    """The declarations of a plugin that are known before it is loaded. None means "known when loaded".

    Attributes:
        required: its dependencies, as it declares them.
        optional: its optional dependencies, the same way.
        version: its own version.
        disabled: whether it is disabled, so that it meets nobody's dependency.
    """

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


class StaticDependencies:
    """The needs of all plugins.

    Attributes:
        of: the needs of each plugin, as far as they are known.
        unknown: the plugins whose needs, or some of them, are known when they are loaded.
        started: the selected plugins and, as far as it is known, all that they need.
        because: for each of those that is not selected itself, the first plugin that needs it.
    """

    def __init__(
        self,
        of: Mapping[PluginRef, tuple[StaticDependency, ...]],
        unknown: frozenset[PluginRef],
        started: frozenset[PluginRef],
        because: Mapping[PluginRef, PluginRef],
    ) -> None:
        self.of = of
        self.unknown = unknown
        self.started = started
        self.because = because

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
        {ref: finder.dependencies(ref) for ref in sorted(declared)}, unknown, finder.started, finder.closure.because
    )


class _Finder:
    def __init__(
        self, declared: Mapping[PluginRef, Declared], selected: Iterable[PluginRef], categories: Categories
    ) -> None:
        self._categories = categories
        self._declared = declared
        self._usable = {ref for ref, each in declared.items() if not each.disabled}
        selected = self._usable.intersection(selected)
        self.closure = Closure(self._usable, selected)
        self.closure.include(selected, lambda wave: {ref: [*self._required(ref)] for ref in wave})
        self.started = frozenset(self.closure.requirements)

    def _required(self, ref: PluginRef) -> Iterable[Requirement]:
        for text in self._declared[ref].required or ():
            with suppress(ValueError):  # reported where the dependencies are shown
                yield Requirement.parse(text, self._categories)

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
            refs = requirement.among(self.started - {ref}) if optional else self.closure.members(ref, requirement)
            there: Sequence[PluginRef] = refs or requirement.among(self._usable - {ref})
            state = "met" if refs else "unselected" if optional else "ambiguous"
        else:
            there = self.closure.named(requirement)
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
