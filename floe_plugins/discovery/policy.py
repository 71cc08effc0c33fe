"""What an operator allows to be loaded: switches, rules and the allow-list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from floe_plugins.core.candidate import Candidate
from floe_plugins.core.refs import PluginRef, PluginType
from floe_plugins.discovery.metadata_files import normalize
from floe_plugins.errors import PluginConfigurationError

AUTOLOAD_VARIABLE = "FLOE_PLUGINS_AUTOLOAD"


DISABLE_VARIABLE = "FLOE_PLUGINS_DISABLE"


ONLY_VARIABLE = "FLOE_PLUGINS_ONLY"


STRICT_VARIABLE = "FLOE_PLUGINS_STRICT"


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


class LoadPolicy(NamedTuple):
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
    def create(
        cls,
        *,
        autoload: str | None = None,
        disable: Iterable[str] = (),
        only: Iterable[str] | None = None,
        strict: bool | None = None,
        origin: str = "an argument",
    ) -> LoadPolicy:
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
    def of(cls, settings: Settings, environ: Mapping[str, str]) -> LoadPolicy:
        """The switches of the environment, and of the configuration where the environment says nothing.

        Raises:
            PluginConfigurationError: a value has no meaning; the message names where it stands.
        """
        try:
            written = cls.create(
                autoload=settings.autoload, disable=settings.disable, only=settings.only, origin=CONFIGURATION
            )
        except ValueError as error:
            message = f"{CONFIGURATION}: {error}"
            raise PluginConfigurationError(message) from None
        return cls.from_environ(environ).merged(written)

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> LoadPolicy:
        """The switches of the ``FLOE_PLUGINS_*`` variables; an empty variable says nothing.

        Raises:
            PluginConfigurationError: a value has no meaning; the message names the variable.
        """
        autoload, strict = _autoload(environ), _flag(environ, STRICT_VARIABLE)
        disable = [text for text in _listed(environ, DISABLE_VARIABLE) if text.lower() not in _OFF]
        only = _listed(environ, ONLY_VARIABLE) or None
        try:
            return cls.create(autoload=autoload, disable=disable, only=only, strict=strict, origin=DISABLE_VARIABLE)
        except ValueError as error:
            hint = f"To switch all plugins off, set {AUTOLOAD_VARIABLE}=0."
            message = f"{DISABLE_VARIABLE}: {error}"
            raise PluginConfigurationError(message, hint=hint) from None

    def merged(self, other: LoadPolicy) -> LoadPolicy:
        """These switches, and the other's where these say nothing; what either disables is disabled."""
        return LoadPolicy(
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
    text = environ.get(AUTOLOAD_VARIABLE, "").strip().lower()
    if text in AUTOLOAD_MODES:
        return text
    try:
        on = _flag(environ, AUTOLOAD_VARIABLE)
    except PluginConfigurationError as error:
        message = f"{error.message}, nor one of {', '.join(AUTOLOAD_MODES)}"
        raise PluginConfigurationError(message, hint=error.hint) from None
    return None if on is None else "all" if on else "none"
