"""Resolve declared dependencies: which plugin waits for which, and which cannot be started."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import chain

import attrs

from floe_plugins.core.categories import Categories
from floe_plugins.core.refs import FLOE_CATEGORIES, PluginRef
from floe_plugins.core.safe_text import cut_middle
from floe_plugins.core.state import PluginState
from floe_plugins.core.suggestions import closest
from floe_plugins.dependencies import graph
from floe_plugins.dependencies.closure import Closure
from floe_plugins.dependencies.requirement import Requirement
from floe_plugins.entries.entry import Entry
from floe_plugins.errors import CircularDependencyError, MissingDependencyError, PluginError

_MAX_SUGGESTIONS = 20


@attrs.frozen
class Dependency:
    """A declared dependency and the plugins that meet it.

    Attributes:
        text: The dependency as it is declared.
        refs: The plugins that are waited for; one of them must run.
    """

    text: str
    refs: tuple[PluginRef, ...]


@attrs.frozen(kw_only=True)
class StartPlan:
    """Plugins with all that they depend on.

    Attributes:
        entries: The entry of each.
        order: All of them, each after its dependencies; a plugin with an error waits for nothing.
        predecessors: For each, the plugins that must be done before it begins, optional dependencies included.
        dependencies: For each, the dependencies that must run.
        errors: Why plugins cannot be started.
    """

    entries: Mapping[PluginRef, Entry]
    order: tuple[PluginRef, ...]
    predecessors: Mapping[PluginRef, frozenset[PluginRef]]
    dependencies: Mapping[PluginRef, tuple[Dependency, ...]]
    errors: Mapping[PluginRef, PluginError]

    def raise_for_errors(self, refs: Collection[PluginRef] | None = None) -> None:
        """Do nothing if all plugins (of ``refs``) can be started.

        Raises:
            MissingDependencyError: The first dependency that is missing.
            CircularDependencyError: The first cycle, if nothing is missing.
        """
        for kind in (MissingDependencyError, CircularDependencyError):
            for ref in sorted(self.errors if refs is None else self.errors.keys() & refs):
                if isinstance(self.errors[ref], kind):
                    raise self.errors[ref].with_traceback(None)


def resolve(
    entries: Mapping[PluginRef, Entry],
    selected: Iterable[PluginRef],
    refs: Iterable[PluginRef],
    load: Callable[[Sequence[Entry]], object] = lambda _: None,
    categories: Categories = FLOE_CATEGORIES,
) -> StartPlan:
    """Plan the start of ``refs`` and all that they depend on.

    ``load`` is called with the entries whose dependencies are about to be read, wave by wave: a loaded plugin knows
    its dependencies. Without it nothing is loaded, and a plugin whose dependencies are unknown counts as having none.
    Raises nothing of its own: what is wrong with a plugin stands in ``errors`` of the plan. Disabled entries count as
    not there.
    """
    return _Resolution(entries, selected, load, categories).resolve(refs)


class _Resolution:
    def __init__(
        self,
        entries: Mapping[PluginRef, Entry],
        selected: Iterable[PluginRef],
        load: Callable[[Sequence[Entry]], object],
        categories: Categories,
    ) -> None:
        self._load = load
        self._categories = categories
        self._entries = {ref: entry for ref, entry in entries.items() if entry.state is not PluginState.DISABLED}
        self._disabled = entries.keys() - self._entries.keys()
        self._closure = Closure(self._entries, selected)
        self._suggestions = 0
        self._optional: dict[PluginRef, list[Requirement]] = {}
        self._errors: dict[PluginRef, PluginError] = {}

    def resolve(self, refs: Iterable[PluginRef]) -> StartPlan:
        self._closure.include(refs, self._read)
        dependencies = {ref: self._resolve_dependencies(ref) for ref in self._closure.requirements}
        required = {ref: {other for each in met for other in each.refs} for ref, met in dependencies.items()}
        self._record_cycles(required)
        predecessors = self._with_optional(required)
        return StartPlan(
            entries={ref: self._entries[ref] for ref in dependencies},
            order=graph.order(predecessors),
            predecessors=predecessors,
            dependencies=dependencies,
            errors=self._errors,
        )

    def _read(self, wave: Sequence[PluginRef]) -> Mapping[PluginRef, Sequence[Requirement]]:
        entries = [self._entries[ref] for ref in wave]
        self._load(entries)
        required: dict[PluginRef, Sequence[Requirement]] = {}
        for entry in entries:
            declared = entry.declared
            required[entry.ref] = self._parsed(entry, declared.dependencies or ())
            self._optional[entry.ref] = self._parsed(entry, declared.optional_dependencies or ())
        return required

    def _parsed(self, entry: Entry, texts: Sequence[str]) -> list[Requirement]:
        parsed: list[Requirement] = []
        for text in texts:
            try:
                parsed.append(Requirement.parse(text, self._categories))
            except ValueError as error:
                self._record_error(entry.ref, text, str(error), "Tell the plugin's author.")
        return parsed

    def _resolve_dependencies(self, ref: PluginRef) -> tuple[Dependency, ...]:
        met = ((requirement, self._find(ref, requirement)) for requirement in self._closure.requirements[ref])
        return tuple(Dependency(str(requirement), refs) for requirement, refs in met if refs)

    def _find(self, ref: PluginRef, requirement: Requirement) -> tuple[PluginRef, ...]:
        if requirement.name is None:
            refs = self._closure.members(ref, requirement)
            reason = None if refs else self._no_member(ref, requirement)
        else:
            refs = self._closure.named(requirement)
            reason = self._unfit(requirement, refs[0]) if len(refs) == 1 else self._no_single(requirement, refs)
        if reason is None:
            return refs
        self._record_error(ref, str(requirement), *reason)
        return ()

    def _unfit(self, requirement: Requirement, ref: PluginRef) -> tuple[str, str] | None:
        there = self._entries[ref]
        version = there.metadata.version if there.plugin is not None and there.metadata is not None else None
        if requirement.matches(ref, version):
            return None
        return f"needs {requirement}, and {ref} is there in version {version}", f"Install a version of {ref} that fits."

    def _no_member(self, ref: PluginRef, requirement: Requirement) -> tuple[str, str]:
        there = self._closure.others(requirement, ref)
        if there:
            choices = ", ".join(map(str, there))
            return (
                f"needs a plugin of the category {requirement}: none is selected, and several are there: {choices}",
                "Configure one of them.",
            )
        return f"needs a plugin of the category {requirement}, and there is none", "Install or register one."

    def _no_single(self, requirement: Requirement, refs: tuple[PluginRef, ...]) -> tuple[str, str]:
        if refs:
            choices = ", ".join(map(str, refs))
            return f"needs {requirement}, which may mean {choices}", "Tell its author to write the category too."
        disabled = requirement.among(self._disabled)
        if disabled:
            return f"needs {requirement}, and {disabled[0]} is disabled", "Enable it, or disable this one too."
        return f"needs {requirement}, and there is no such plugin", self._suggest(requirement)

    def _suggest(self, requirement: Requirement) -> str:
        self._suggestions += 1
        # Looking for a similar name takes long, and after many errors nobody reads the hint.
        close = self._suggestions <= _MAX_SUGGESTIONS and closest(requirement, map(str, sorted(self._entries)))
        return f"Did its author mean {close[0]}?" if close else "Install or register it."

    def _record_error(self, ref: PluginRef, requirement: str, message: str, hint: str) -> None:
        error = self._entries[ref].failure(MissingDependencyError, message, hint=hint, requirement=requirement)
        self._errors.setdefault(ref, error)

    def _record_cycles(self, required: Mapping[PluginRef, set[PluginRef]]) -> None:
        for group, cycle in graph.cycles(required).items():
            path = cut_middle(" -> ".join(self._with_origin(ref) for ref in cycle))
            message, hint = f"plugins need each other: {path}", "One of them must do without the other."
            if len(group) == 1:
                message, hint = f"it needs itself: {path}", "Its author has to remove it from its dependencies."
            for ref in group:
                error = self._entries[ref].failure(CircularDependencyError, message, hint=hint, cycle=cycle)
                self._errors.setdefault(ref, error)

    def _with_origin(self, ref: PluginRef) -> str:
        distribution = self._entries[ref].distribution
        return f"{ref} ({distribution})" if distribution else str(ref)

    def _with_optional(self, required: Mapping[PluginRef, set[PluginRef]]) -> dict[PluginRef, frozenset[PluginRef]]:
        """Return all predecessors: plugins with an error wait for nothing, and optional dependencies form no cycle."""
        hard = {ref: frozenset() if ref in self._errors else frozenset(found) for ref, found in required.items()}
        predecessors = dict(hard)
        for ref in hard.keys() - self._errors.keys():
            targets = (self._optional_targets(each, required) for each in self._optional[ref])
            predecessors[ref] |= set(chain.from_iterable(targets)) - {ref}
        if predecessors == hard:
            return hard
        for group in graph.cycles(predecessors):
            for ref in group:
                predecessors[ref] = hard[ref] | predecessors[ref].difference(group)
        return predecessors

    def _optional_targets(self, requirement: Requirement, there: Collection[PluginRef]) -> Iterable[PluginRef]:
        closure = self._closure
        found = closure.of_category(requirement) if requirement.name is None else closure.named(requirement)
        return (ref for ref in found if ref in there)
