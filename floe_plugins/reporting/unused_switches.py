"""Find switches that do nothing: variables that nobody reads, and rules that disable what is not there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

from floe_plugins.core.platform import Platform
from floe_plugins.core.suggestions import closest
from floe_plugins.discovery.load_policy import Rule
from floe_plugins.discovery.metadata_files import names_of
from floe_plugins.registry.facade import PluginRegistry


def unused_switches(registry: PluginRegistry, environ: Mapping[str, str], variables: Collection[str]) -> list[str]:
    """Return a warning for each variable of the platform that nobody reads, and for each rule without a plugin.

    ``variables`` are those that somebody reads.

    >>> registry = PluginRegistry(path=[], environ={})
    >>> unused_switches(registry, {"FLOE_PLUGINS_DISABEL": "compute:spark"}, ["FLOE_PLUGINS_DISABLE"])
    ['the environment variable FLOE_PLUGINS_DISABEL is unknown, and does nothing. Did you mean FLOE_PLUGINS_DISABLE?']
    """
    rules = registry._store.policy.disable  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] it is no one else's concern
    unknown = _unknown_variables(environ, variables, registry.platform)
    return [*unknown, *_unused_rules(registry, rules)]


def _unknown_variables(names: Iterable[str], known: Collection[str], platform: Platform) -> Iterator[str]:
    prefix = platform.variable("")
    for name in sorted(names):
        # Those with two underscores are settings, whose issues the configuration tells.
        if name.startswith(prefix) and not name.startswith(platform.settings_prefix) and name not in known:
            yield f"the environment variable {name} is unknown, and does nothing{_did_you_mean(name, known)}"


def _unused_rules(registry: PluginRegistry, rules: Iterable[Rule]) -> Iterator[str]:
    # A category may be disabled in advance.
    named = [rule for rule in rules if rule.name is not None or rule.distribution is not None]
    report = registry.discover() if named else None
    if report is None or report.switched_off:
        return
    names = {candidate: names_of(candidate.distribution) for candidate in report.candidates}
    known = {str(candidate.ref) for candidate in names}
    known |= {f"distribution:{candidate.distribution.name}" for candidate in names}
    for rule in named:
        if not any(rule.matches(*each) for each in names.items()):
            hint = _did_you_mean(rule.text, known)
            yield f"{rule.text!r} in {rule.origin} disables nothing: nothing of that name is installed{hint}"


def _did_you_mean(text: str, known: Iterable[str]) -> str:
    close = closest(text, known)
    return f". Did you mean {close[0]}?" if close else ""
