"""The load policy: which plugins an operator allows to be loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from floe_plugins.core.candidate import Candidate
from floe_plugins.core.categories import RESERVED_SLUG, Category
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.state import AUTOLOAD_MODES
from floe_plugins.discovery.metadata_files import normalize
from floe_plugins.errors import PluginConfigurationError

# The ends of the names of environment variables, which begin with the platform's prefix.
AUTOLOAD, DISABLE, ONLY, STRICT = "AUTOLOAD", "DISABLE", "ONLY", "STRICT"
CONFIGURATION = "registry.disable"

_OFF = frozenset({"0", "false", "no", "off"})
_ON = frozenset({"1", "true", "yes", "on"})


class Rule(NamedTuple):
    """A rule that disables one plugin, a category, or all plugins of a distribution.

    Attributes:
        text: the rule as written.
        origin: where it was written, for messages.
        type: the category; None in a rule for a distribution.
        name: the name of the plugin; None in a rule for a category or a distribution.
        distribution: the normalized name of a distribution; None in other rules.
    """

    text: str
    origin: str
    type: Category | None = None
    name: str | None = None
    distribution: str | None = None

    @classmethod
    def parse(cls, text: str, origin: str, platform: Platform = FLOE) -> Rule:
        """Parse ``compute:duckdb``, ``compute`` or ``distribution:acme-floe``.

        >>> Rule.parse("compute", "an example").type.slug
        'compute'

        Raises:
            ValueError: ``text`` has none of these forms.
        """
        prefix, colon, name = text.partition(":")
        if prefix == RESERVED_SLUG and name.strip():
            return cls(text, origin, distribution=normalize(name.strip()))
        try:
            if not colon:
                return cls(text, origin, type=platform.categories.parse(text))
            ref = platform.ref(text)
        except ValueError as error:
            example = platform.example
            forms = f"a ref ({example}), a category ({example.partition(':')[0]}) or distribution:NAME"
            raise ValueError(f"{error}; expected {forms}") from None
        return cls(text, origin, type=ref.type, name=ref.name)

    def matches(self, candidate: Candidate, names: frozenset[str] = frozenset()) -> bool:
        """Return whether the rule disables the candidate, whose distribution has these normalized names."""
        if self.distribution is not None:
            return self.distribution in (names or {normalize(candidate.distribution.name)})
        return candidate.ref.type == self.type and self.name in {None, candidate.ref.name}


class LoadPolicy(NamedTuple):
    """The switches, rules and allow-list that say which plugins may be loaded. ``None`` stands for one not given.

    Attributes:
        autoload: ``"all"``, ``"configured"`` or ``"none"``.
        disable: rules; a plugin that matches any of them is disabled.
        only: the normalized names of the distributions that plugins may come from.
        strict: whether the first problem is raised.
    """

    autoload: str | None = None
    disable: tuple[Rule, ...] = ()
    only: frozenset[str] | None = None
    strict: bool | None = None

    @classmethod
    def create(  # noqa: PLR0913 they are keyword-only
        cls,
        *,
        autoload: str | None = None,
        disable: Iterable[str] = (),
        only: Iterable[str] | None = None,
        strict: bool | None = None,
        origin: str = "an argument",
        platform: Platform = FLOE,
    ) -> LoadPolicy:
        """Return a policy from rules and names as text.

        >>> LoadPolicy.create(autoload="all", only=["Acme-Floe"]).only
        frozenset({'acme_floe'})

        Raises:
            ValueError: the autoload mode does not exist, or a rule cannot be parsed.
        """
        if autoload not in {None, *AUTOLOAD_MODES}:
            raise ValueError(f"there is no autoload mode {autoload!r}; expected one of {', '.join(AUTOLOAD_MODES)}")
        rules = tuple(Rule.parse(text, origin, platform) for text in disable)
        return cls(autoload, rules, None if only is None else frozenset(map(normalize, only)), strict)

    @classmethod
    def from_configuration(
        cls, autoload: str | None, disable: Iterable[str], only: Iterable[str] | None, platform: Platform = FLOE
    ) -> LoadPolicy:
        """Return the policy of the section ``registry`` of a configuration.

        Raises:
            PluginConfigurationError: a rule cannot be parsed.
        """
        try:
            return cls.create(autoload=autoload, disable=disable, only=only, origin=CONFIGURATION, platform=platform)
        except ValueError as error:
            raise PluginConfigurationError(f"{CONFIGURATION}: {error}") from None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str], platform: Platform = FLOE) -> LoadPolicy:
        """Return the policy of the platform's variables, such as ``FLOE_PLUGINS_AUTOLOAD``. An empty one is not set.

        >>> policy = LoadPolicy.from_environ({"FLOE_PLUGINS_AUTOLOAD": "0", "FLOE_PLUGINS_DISABLE": "compute:spark"})
        >>> policy.is_off, policy.disable[0].name, policy.strict
        (True, 'spark', None)

        Raises:
            PluginConfigurationError: the value of a variable is invalid; the message names the variable.
        """
        switch, origin = platform.variable(AUTOLOAD), platform.variable(DISABLE)
        autoload, strict = _autoload(environ, switch), _flag(environ, platform.variable(STRICT))
        disable = [text for text in _items(environ, origin) if text.lower() not in _OFF]
        only = _items(environ, platform.variable(ONLY)) or None
        try:
            return cls.create(
                autoload=autoload, disable=disable, only=only, strict=strict, origin=origin, platform=platform
            )
        except ValueError as error:
            hint = f"To disable all plugins, set {switch}=0."
            raise PluginConfigurationError(f"{origin}: {error}", hint=hint) from None

    def merged(self, other: LoadPolicy) -> LoadPolicy:
        """Return this policy with the settings that it does not give taken from ``other``, and the rules of both.

        >>> merged = LoadPolicy.create(disable=["dbt"]).merged(LoadPolicy.create(autoload="all", disable=["compute"]))
        >>> merged.autoload, [rule.text for rule in merged.disable]
        ('all', ['dbt', 'compute'])
        """
        return LoadPolicy(
            autoload=self.autoload if self.autoload is not None else other.autoload,
            disable=tuple(dict.fromkeys((*self.disable, *other.disable))),
            only=self.only if self.only is not None else other.only,
            strict=self.strict if self.strict is not None else other.strict,
        )

    @property
    def is_off(self) -> bool:
        """Whether installed plugins are switched off, so that nobody knows what is installed."""
        return self.autoload == "none"

    @property
    def depends_on_names(self) -> bool:
        """Whether it depends on the names of distributions, which METADATA may state otherwise than a directory."""
        return self.only is not None or any(rule.distribution is not None for rule in self.disable)

    def disabled_reason(self, candidate: Candidate, names: frozenset[str] = frozenset()) -> str | None:
        """Return why the candidate may not be loaded, or None if it may.

        Args:
            candidate: the candidate.
            names: the normalized names of its distribution; by default that of its directory. Each of them has to be
                allowed, and a rule applies if it names any of them.
        """
        if self.is_off:
            return "disabled: autoload is off"
        if not self.disable and self.only is None:
            return None  # as for most
        names = names or frozenset({normalize(candidate.distribution.name)})
        for rule in self.disable:
            if rule.matches(candidate, names):
                return f"disabled by {rule.text!r} in {rule.origin}"
        if self.only is not None and not names <= self.only:
            own = normalize(candidate.distribution.name)
            refused = candidate.distribution.name if own not in self.only else min(names - self.only)
            return f"disabled: {refused} is not in the list of allowed distributions"
        return None


def _items(environ: Mapping[str, str], variable: str) -> list[str]:
    return [item.strip() for item in environ.get(variable, "").split(",") if item.strip()]


def _flag(environ: Mapping[str, str], variable: str, other: str = "") -> bool | None:
    text = environ.get(variable, "").strip().lower()
    if not text:
        return None
    if text in _ON or text in _OFF:
        return text in _ON
    message = f"{variable} is neither on (1, true, yes, on) nor off (0, false, no, off){other}"
    raise PluginConfigurationError(message, hint="Correct the variable or unset it.")


def _autoload(environ: Mapping[str, str], variable: str) -> str | None:
    text = environ.get(variable, "").strip().lower()
    if text in AUTOLOAD_MODES:
        return text
    on = _flag(environ, variable, f", nor one of {', '.join(AUTOLOAD_MODES)}")
    return None if on is None else "all" if on else "none"
