"""Which candidates may be loaded: pins decide among several distributions that claim one ref."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from floe_plugins.core.candidate import Candidate
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import Stage
from floe_plugins.discovery.metadata_files import normalize
from floe_plugins.discovery.policy import LoadPolicy


class Selection(NamedTuple):
    """What may be loaded, what may not, and what has to be decided first.

    Attributes:
        chosen: the one candidate of each ref that may be loaded.
        disabled: refs none of whose candidates may be loaded: one of them, and why.
        duplicates: refs with several candidates that no pin decides.
    """

    chosen: Mapping[PluginRef, Candidate]
    disabled: Mapping[PluginRef, tuple[Candidate, str]]
    duplicates: Mapping[PluginRef, tuple[Candidate, ...]]
    problems: tuple[Problem, ...] = ()


def select(candidates: Iterable[Candidate], policy: LoadPolicy, pins: Mapping[PluginRef, str]) -> Selection:
    """Decide for every ref, in the order given. A pin names the distribution that a ref comes from."""
    chosen: dict[PluginRef, Candidate] = {}
    disabled: dict[PluginRef, tuple[Candidate, str]] = {}
    duplicates: dict[PluginRef, tuple[Candidate, ...]] = {}
    problems: list[Problem] = []
    claims: dict[PluginRef, dict[Candidate, str | None]] = {}
    for candidate in candidates:
        claims.setdefault(candidate.ref, {})[candidate] = policy.refusal(candidate)
    for ref, claimants in claims.items():
        allowed = _pinned(claimants, pins.get(ref))
        if not allowed:
            disabled[ref] = _why_none(claimants, pins.get(ref))
        elif len(allowed) == 1:
            chosen[ref] = allowed[0]
        else:
            duplicates[ref] = allowed
            problems.append(_duplicate(ref, allowed))
    problems += _idle_pins(claims, pins)
    return Selection(
        chosen=MappingProxyType(chosen),
        disabled=MappingProxyType(disabled),
        duplicates=MappingProxyType(duplicates),
        problems=tuple(problems),
    )


def _pinned(claimants: Mapping[Candidate, str | None], pin: str | None) -> tuple[Candidate, ...]:
    return tuple(c for c, refusal in claimants.items() if refusal is None and (pin is None or _is_from(c, pin)))


def _is_from(candidate: Candidate, distribution: str) -> bool:
    return normalize(candidate.distribution.name) == normalize(distribution)


def _why_none(claimants: Mapping[Candidate, str | None], pin: str | None) -> tuple[Candidate, str]:
    for candidate, refusal in claimants.items():
        if refusal is not None and (pin is None or _is_from(candidate, pin)):
            return candidate, refusal
    return next(iter(claimants)), f"disabled: the configuration pins it to {pin}, which does not offer it"


def _duplicate(ref: PluginRef, claimants: Sequence[Candidate]) -> Problem:
    names = sorted({normalize(c.distribution.name) for c in claimants})
    if len(names) == 1:
        values = " and ".join(c.value for c in claimants)
        message = f"{claimants[0].distribution.name} declares it {len(claimants)} times: {values}"
        hint = "Its author has to remove all but one from the entry points"
    else:
        message = "claimed by several distributions: " + "; ".join(str(c.distribution) for c in claimants)
        first = claimants[0].distribution.name
        hint = f"Uninstall all but one, or pin one: plugins.{ref.type.slug}.{ref.name}.distribution = {first!r}"
    origins = ", ".join(dict.fromkeys(c.distribution.name for c in claimants))
    return Problem(stage=Stage.DISCOVER, ref=ref, distribution=origins, message=message, hint=hint)


def _idle_pins(claims: Mapping[PluginRef, Iterable[Candidate]], pins: Mapping[PluginRef, str]) -> Iterator[Problem]:
    for ref, pin in pins.items():
        claimants = tuple(claims.get(ref, ()))
        if not any(_is_from(candidate, pin) for candidate in claimants):
            offers = "; ".join(str(c.distribution) for c in claimants) or "no installed distribution"
            message = f"the configuration pins it to {pin}, which does not offer it; {offers} does"
            hint = f"Install {pin}, or correct plugins.{ref.type.slug}.{ref.name}.distribution"
            yield Problem(stage=Stage.DISCOVER, ref=ref, message=message, hint=hint)
