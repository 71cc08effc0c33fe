"""A plugin that is loaded, and no longer what is installed."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from floe_plugins.core.candidate import Candidate, Distribution
from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import with_context


@attrs.frozen
class OutdatedPlugin(Record):
    """A plugin that is loaded, and was upgraded or uninstalled meanwhile. Its text says what to do.

    >>> from floe_plugins import Distribution, OutdatedPlugin, PluginRef
    >>> old, new = Distribution("acme", "2.0.0", "/site/acme-2"), Distribution("acme", "3.0.0", "/site/acme-3")
    >>> print(OutdatedPlugin(PluginRef.parse("secrets:acme"), old, new))
    secrets:acme: acme 2.0.0 is loaded, 3.0.0 is installed. Restart the process, or call replace('secrets:acme')

    Attributes:
        ref: the plugin.
        loaded: the distribution that it was loaded from.
        installed: the distribution that offers it now; None if none does.
    """

    ref: PluginRef
    loaded: Distribution
    installed: Distribution | None = None

    def __str__(self) -> str:
        loaded, now = self.loaded, self.installed
        hint = f"Restart the process, or call replace('{self.ref}')"
        if now is None:
            there, hint = "is no longer installed", f"Restart the process, or call unregister('{self.ref}')"
        elif (now.name, now.version) == (loaded.name, loaded.version):
            there = f"is installed in {now.path}"
        else:
            there = f"{now.version if now.name == loaded.name else f'{now.name} {now.version}'} is installed"
        return with_context(f"{loaded.name} {loaded.version} is loaded, {there}", self.ref, None, hint)


def find_outdated(loaded: Iterable[Candidate | None], installed: Iterable[Candidate]) -> tuple[OutdatedPlugin, ...]:
    """Return what is known of the loaded candidates that are not installed any more, by ref; None is passed over."""
    before = {candidate.ref: candidate for candidate in loaded if candidate is not None}
    if not before:
        return ()
    offered = [candidate for candidate in installed if candidate.ref in before]
    now = {candidate.ref: candidate.distribution for candidate in reversed(offered)}
    gone = sorted((ref, candidate.distribution) for ref, candidate in before.items() if candidate not in offered)
    return tuple(OutdatedPlugin(ref, distribution, now.get(ref)) for ref, distribution in gone)
