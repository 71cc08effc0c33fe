"""Load plugins and find what can be found without starting them."""

from __future__ import annotations

from floe_plugins.cli.host.process import PROBLEMS_FOUND, Result
from floe_plugins.cli.host.session import Session
from floe_plugins.core.refs import PluginType


def run(session: Session) -> Result:
    """Return how many plugins could be loaded, and the problems."""
    registry = session.registry()
    slug = session.options.get("category")
    loaded = len(registry.list(None if slug is None else PluginType.parse(slug)))
    problems = session.problems(registry.problems)
    return Result({"loaded": loaded, "problems": problems}, PROBLEMS_FOUND if problems else 0)
