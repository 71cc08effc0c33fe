"""Select the candidates that may be loaded. A pin decides if several distributions offer one ref."""

# Annotations are evaluated: of a named tuple, typing would compile each one.
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from floe_plugins.core.candidate import Candidate, Distribution
from floe_plugins.core.categories import Category
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import Stage
from floe_plugins.discovery.load_policy import LoadPolicy
from floe_plugins.discovery.metadata_files import names_of, normalize
from floe_plugins.errors import DuplicatePluginError


class Selection(NamedTuple):
    """The result of selecting among candidates. Each ref is in one of the three mappings.

    Attributes:
        chosen: the one candidate of each ref that may be loaded.
        disabled: for refs with no candidate that may be loaded, one of the candidates and the reason.
        duplicates: for refs with several candidates and no pin, all that may be loaded.
        problems: duplicates, and pins to distributions that do not offer the plugin.
    """

    chosen: Mapping[PluginRef, Candidate]
    disabled: Mapping[PluginRef, tuple[Candidate, str]]
    duplicates: Mapping[PluginRef, tuple[Candidate, ...]]
    problems: tuple[Problem, ...] = ()


def select(candidates: Iterable[Candidate], policy: LoadPolicy, pins: Mapping[PluginRef, str]) -> Selection:
    """Return the selection among candidates.

    Args:
        candidates: all installed candidates.
        policy: which of them may be loaded.
        pins: the name of the distribution that a ref must come from.
    """
    chosen: dict[PluginRef, Candidate] = {}
    disabled: dict[PluginRef, tuple[Candidate, str]] = {}
    duplicates: dict[PluginRef, tuple[Candidate, ...]] = {}
    problems: list[Problem] = []
    claims: dict[PluginRef, dict[Candidate, str]] = {}
    names = _Names(needed=policy.depends_on_names or bool(pins))
    for candidate in candidates:
        reason = policy.disabled_reason(candidate, names.of(candidate))
        claims.setdefault(candidate.ref, {})[candidate] = reason or ""
    for ref, claimants in claims.items():
        pin = pins.get(ref)
        pinned = [(c, reason) for c, reason in claimants.items() if pin is None or _is_from(c, pin, names)]
        allowed = tuple(c for c, reason in pinned if not reason)
        if not pinned:
            disabled[ref] = next(iter(claimants)), f"disabled: pinned to {pin}, which does not provide it"
        elif not allowed:
            disabled[ref] = pinned[0]
        elif len(allowed) == 1:
            chosen[ref] = allowed[0]
        else:
            duplicates[ref] = allowed
            problems.append(_duplicate(ref, allowed))
    problems += _alike(chosen)
    problems += _unused_pins(claims, pins, names)
    problems += names.problems
    return Selection(
        chosen=MappingProxyType(chosen),
        disabled=MappingProxyType(disabled),
        duplicates=MappingProxyType(duplicates),
        problems=tuple(problems),
    )


class _Names:
    """The normalized names of distributions. Their METADATA is read once; without need, they have none."""

    def __init__(self, *, needed: bool) -> None:
        self._needed = needed
        self._known: dict[Distribution, frozenset[str]] = {}
        self.problems: list[Problem] = []

    def of(self, candidate: Candidate) -> frozenset[str]:
        distribution = candidate.distribution
        if not self._needed:
            return frozenset()
        if distribution not in self._known:
            names = self._known[distribution] = names_of(distribution)
            if len(names) > 1:
                others = " and ".join(repr(name) for name in sorted(names - {normalize(distribution.name)}))
                message = f"its directory is that of {distribution.name!r}, and its METADATA names {others}"
                hint = "Reinstall or remove the distribution; it has to be allowed under each of the names"
                problem = Problem(stage=Stage.DISCOVER, distribution=str(distribution), message=message, hint=hint)
                self.problems.append(problem)
        return self._known[distribution]


def _is_from(candidate: Candidate, distribution: str, names: _Names) -> bool:
    return names.of(candidate) == frozenset({normalize(distribution)})


def _duplicate(ref: PluginRef, candidates: Iterable[Candidate]) -> Problem:
    # In an order that does not depend on how a file system lists its directories.
    claimants = sorted(candidates, key=lambda candidate: (str(candidate.distribution), candidate.value))
    names = sorted({normalize(c.distribution.name) for c in claimants})
    if len(names) == 1:
        values = " and ".join(c.value for c in claimants)
        message = f"{claimants[0].distribution.name} declares it {len(claimants)} times: {values}"
        hint = "Ask its author to remove all but one of the entry points"
    else:
        message = "several distributions provide it: " + "; ".join(str(c.distribution) for c in claimants)
        first = claimants[0].distribution.name
        hint = f"Uninstall all but one, or pin one: plugins.{ref.type.slug}.{ref.name}.distribution = {first!r}"
    origins = ", ".join(dict.fromkeys(c.distribution.name for c in claimants))
    error = DuplicatePluginError(
        message, ref=ref, distribution=origins, claimants=[str(c.distribution) for c in claimants], hint=hint
    )
    return Problem(stage=Stage.DISCOVER, ref=ref, distribution=origins, message=message, hint=hint, cause=error)


def _alike(chosen: Mapping[PluginRef, Candidate]) -> Iterator[Problem]:
    """Yield a problem for each plugin whose name is that of another one but for ``-`` and ``_``."""
    if len({_spelt_alike(ref) for ref in chosen}) == len(chosen):
        return  # as for most, and sorting takes longer than this
    names: dict[tuple[Category, str], Candidate] = {}
    for ref, candidate in sorted(chosen.items()):
        other = names.setdefault(_spelt_alike(ref), candidate)
        if other is not candidate:
            message = f"its name differs from that of {other.ref} ({other.distribution}) by '-' and '_' alone"
            hint = "A variable sets both; rename one of them, or disable it"
            origin = str(candidate.distribution)
            yield Problem(stage=Stage.DISCOVER, ref=ref, distribution=origin, message=message, hint=hint)


def _spelt_alike(ref: PluginRef) -> tuple[Category, str]:
    return ref.type, ref.name.replace("-", "_")


def _unused_pins(
    claims: Mapping[PluginRef, Iterable[Candidate]], pins: Mapping[PluginRef, str], names: _Names
) -> Iterator[Problem]:
    for ref, pin in pins.items():
        claimants = tuple(claims.get(ref, ()))
        if not any(_is_from(candidate, pin, names) for candidate in claimants):
            providers = "; ".join(str(c.distribution) for c in claimants) or "no installed distribution"
            message = f"pinned to {pin}, which does not provide it; provided by {providers}"
            hint = f"Install {pin}, or correct plugins.{ref.type.slug}.{ref.name}.distribution"
            yield Problem(stage=Stage.DISCOVER, ref=ref, message=message, hint=hint)
