"""Which candidates may be loaded: switches, allow-list, pins, and refs that several distributions claim."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from floe_plugins.distributions import normalize
from floe_plugins.errors import PluginConfigurationError
from floe_plugins.records import Candidate, Problem, Stage
from floe_plugins.refs import PluginRef, PluginType

AUTOLOAD = "FLOE_PLUGINS_AUTOLOAD"
DISABLE = "FLOE_PLUGINS_DISABLE"
ONLY = "FLOE_PLUGINS_ONLY"
STRICT = "FLOE_PLUGINS_STRICT"
CONFIGURATION = "registry.disable"

AUTOLOAD_MODES = ("all", "configured", "none")

_OFF = frozenset({"0", "false", "no", "off"})
_ON = frozenset({"1", "true", "yes", "on"})
_DISTRIBUTION = "distribution"


class Settings(Protocol):
    """What the configuration says about what may be loaded."""

    @property
    def autoload(self) -> str | None:
        """Which plugins are selected."""
        ...

    @property
    def disable(self) -> Sequence[str]:
        """Rules, as text."""
        ...

    @property
    def only(self) -> Iterable[str] | None:
        """The distributions that plugins may come from."""
        ...


class Rule(NamedTuple):
    """What is disabled: one ref, a whole category, or all of a distribution.

    Attributes:
        text: as it was written.
        origin: where it was written, for messages.
    """

    text: str
    origin: str
    type: PluginType | None = None
    name: str | None = None
    distribution: str | None = None

    @classmethod
    def parse(cls, text: str, origin: str) -> Rule:
        """Read ``compute:duckdb``, ``compute`` or ``distribution:acme-floe``.

        Raises:
            ValueError: it is none of them; the message says what is expected.
        """
        kind, colon, name = text.partition(":")
        if kind == _DISTRIBUTION and name.strip():
            return cls(text, origin, distribution=normalize(name.strip()))
        try:
            if not colon:
                return cls(text, origin, type=PluginType.parse(text))
            ref = PluginRef.parse(text)
        except ValueError as error:
            message = f"{error}; expected a ref (compute:duckdb), a category (compute) or distribution:NAME"
            raise ValueError(message) from None
        return cls(text, origin, type=ref.type, name=ref.name)

    def matches(self, candidate: Candidate) -> bool:
        """Whether the rule disables the candidate."""
        if self.distribution is not None:
            return normalize(candidate.distribution.name) == self.distribution
        return candidate.ref.type is self.type and self.name in {None, candidate.ref.name}


class Switches(NamedTuple):
    """What an operator has switched on and off; None stands for "not said".

    Attributes:
        autoload: "all", "configured" or "none".
        only: the distributions that plugins may come from, normalized.
        strict: the first problem raises.
    """

    autoload: str | None = None
    disable: tuple[Rule, ...] = ()
    only: frozenset[str] | None = None
    strict: bool | None = None

    @classmethod
    def said(
        cls,
        *,
        autoload: str | None = None,
        disable: Iterable[str] = (),
        only: Iterable[str] | None = None,
        strict: bool | None = None,
        origin: str = "an argument",
    ) -> Switches:
        """The switches that are said in words.

        Raises:
            ValueError: there is no such mode, or a rule has another form.
        """
        if autoload not in {None, *AUTOLOAD_MODES}:
            message = f"there is no autoload mode {autoload!r}; expected one of {', '.join(AUTOLOAD_MODES)}"
            raise ValueError(message)
        rules = tuple(Rule.parse(text, origin) for text in disable)
        return cls(autoload, rules, None if only is None else frozenset(map(normalize, only)), strict)

    @classmethod
    def of(cls, settings: Settings, environ: Mapping[str, str]) -> Switches:
        """The switches of the environment, and of the configuration where the environment says nothing.

        Raises:
            PluginConfigurationError: a value has no meaning; the message names where it stands.
        """
        try:
            written = cls.said(
                autoload=settings.autoload, disable=settings.disable, only=settings.only, origin=CONFIGURATION
            )
        except ValueError as error:
            message = f"{CONFIGURATION}: {error}"
            raise PluginConfigurationError(message) from None
        return cls.from_environ(environ).merged(written)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Switches:
        """The switches of the ``FLOE_PLUGINS_*`` variables; an empty variable says nothing.

        Raises:
            PluginConfigurationError: a value has no meaning; the message names the variable.
        """
        autoload, strict = _autoload(environ), _flag(environ, STRICT)
        disable = [text for text in _listed(environ, DISABLE) if text.lower() not in _OFF]
        only = _listed(environ, ONLY) or None
        try:
            return cls.said(autoload=autoload, disable=disable, only=only, strict=strict, origin=DISABLE)
        except ValueError as error:
            hint = f"To switch all plugins off, set {AUTOLOAD}=0."
            message = f"{DISABLE}: {error}"
            raise PluginConfigurationError(message, hint=hint) from None

    def merged(self, other: Switches) -> Switches:
        """These switches, and the other's where these say nothing; what either disables is disabled."""
        return Switches(
            autoload=self.autoload if self.autoload is not None else other.autoload,
            disable=tuple(dict.fromkeys((*self.disable, *other.disable))),
            only=self.only if self.only is not None else other.only,
            strict=self.strict if self.strict is not None else other.strict,
        )

    def refusal(self, candidate: Candidate) -> str | None:
        """Why the candidate may not be loaded, None where it may."""
        if self.autoload == "none":
            return "disabled: autoload is off"
        for rule in self.disable:
            if rule.matches(candidate):
                return f"disabled by {rule.text!r} in {rule.origin}"
        if self.only is not None and normalize(candidate.distribution.name) not in self.only:
            return f"disabled: {candidate.distribution.name} is not among the distributions that plugins may come from"
        return None


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


def select(candidates: Iterable[Candidate], switches: Switches, pins: Mapping[PluginRef, str]) -> Selection:
    """Decide for every ref, in the order given. A pin names the distribution that a ref comes from."""
    chosen: dict[PluginRef, Candidate] = {}
    disabled: dict[PluginRef, tuple[Candidate, str]] = {}
    duplicates: dict[PluginRef, tuple[Candidate, ...]] = {}
    problems: list[Problem] = []
    claims: dict[PluginRef, dict[Candidate, str | None]] = {}
    for candidate in candidates:
        claims.setdefault(candidate.ref, {})[candidate] = switches.refusal(candidate)
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


def _listed(environ: Mapping[str, str], variable: str) -> list[str]:
    return [item.strip() for item in environ.get(variable, "").split(",") if item.strip()]


def _flag(environ: Mapping[str, str], variable: str) -> bool | None:
    text = environ.get(variable, "").strip().lower()
    if not text:
        return None
    if text in _ON or text in _OFF:
        return text in _ON
    message = f"{variable} is neither on (1, true, yes, on) nor off (0, false, no, off)"
    raise PluginConfigurationError(message, hint="Correct or unset it.")


def _autoload(environ: Mapping[str, str]) -> str | None:
    text = environ.get(AUTOLOAD, "").strip().lower()
    if text in AUTOLOAD_MODES:
        return text
    try:
        on = _flag(environ, AUTOLOAD)
    except PluginConfigurationError as error:
        message = f"{error.message}, nor one of {', '.join(AUTOLOAD_MODES)}"
        raise PluginConfigurationError(message, hint=error.hint) from None
    return None if on is None else "all" if on else "none"
