"""How long each stage of a plugin may take."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from floe_plugins.core.state import Stage
from floe_plugins.core.timeouts import DEFAULT_TIMEOUTS, TIMEOUT_OF_STAGE
from floe_plugins.entries.entry import Entry
from floe_plugins.entries.store import EntryStore


@attrs.frozen(eq=False)
class Deadlines:
    """The timeouts of one registry's plugins."""

    store: EntryStore

    def timeout(self, entry: Entry, stage: Stage) -> float:
        """Return the seconds that a stage of a plugin may take.

        The configuration of the plugin comes first, then what the plugin declares, the configuration of all plugins,
        and the default.
        """
        name = TIMEOUT_OF_STAGE[stage]
        configuration = self.store.configuration
        declared: Mapping[str, float] = entry.metadata.timeouts if entry.metadata is not None else {}
        for source in (configuration.plugin_timeouts.get(entry.ref, {}), declared, configuration.timeouts):
            if name in source:
                return float(source[name])
        return DEFAULT_TIMEOUTS[name]

    def total(self, name: str) -> float | None:
        """Return the seconds that a whole start (``startup_total``) or stop (``shutdown_total``) may take."""
        seconds = self.store.configuration.timeouts.get(name)
        return None if seconds is None else float(seconds)
