"""A fact about what does not work."""

from __future__ import annotations

import attrs

from floe_plugins.core.record import Record
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import Stage


@attrs.frozen(kw_only=True)
class Problem(Record):
    """A fact about what does not work, whose it is, and what to do."""

    stage: Stage
    message: str
    ref: PluginRef | None = None
    distribution: str | None = None
    hint: str = ""
    cause: BaseException | None = attrs.field(default=None, eq=False)

    def __str__(self) -> str:
        subject = str(self.ref) if self.ref else ""
        if self.distribution:
            origin = f"from {self.distribution}"
            subject = f"{subject} ({origin})" if subject else origin
        text = f"{self.stage}: {subject}: {self.message}" if subject else f"{self.stage}: {self.message}"
        return f"{text}. {self.hint}" if self.hint else text
