"""Cancel awaited calls at random moments, and count what remains.

``python tests/stress/cancellations.py [COUNT] [SEED]`` cancels COUNT calls each of ``astartup``, ``ashutdown``,
``ahealth`` and ``aget``, and prints a line of counts for each. Its exit status is 1 if anything remains: a thread, a
plugin that a cancelled start had started, one that a stop that nobody cancelled has left, a check that the next round
does not get over, a registry that does not start and stop again, or an exception that nobody took.
"""

from __future__ import annotations

import asyncio
import collections
import faulthandler
import logging
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))
from interrupts import HANG, LONGEST, Watch, build
from support import write_distribution

from floe_plugins import HealthState, HealthStatus, PluginRegistry

PATIENCE = 5.0  # seconds in which what was left behind must have ended

SLOW = """
import time
from floe_plugins import SecretsPlugin
time.sleep(0.004)
class Plugin(SecretsPlugin):
    name, version, floe_api_version = "slow", "1.0", "1.0"
    def get_secret(self, key): ...
    def put_secret(self, key, value): ...
    def secret_names(self, prefix=""): return ()
"""


class Attempts:
    """Cancelled calls, and what remained of each."""

    def __init__(self, site: Path) -> None:
        self.site = site
        self.counts: collections.Counter[str] = collections.Counter()
        self.number = 0

    def attempt(self, action: str, seconds: float) -> None:
        """Cancel one call after some seconds, and count what remains."""
        before = threads()
        watch = Watch()
        registry = self.slow_to_load() if action == "aget" else checked(watch)
        if action in {"ashutdown", "ahealth"}:
            registry.startup()
        calls: dict[str, Callable[[], Any]] = {
            "astartup": registry.astartup,
            "ashutdown": registry.ashutdown,
            "ahealth": registry.ahealth,
            "aget": lambda: registry.aget("secrets:slow"),
        }
        came = asyncio.run(self.cancelled(calls[action], seconds))
        self.counts["cancelled" if came else "ended before"] += 1
        runs = watch.running
        if (action == "astartup" and came) or (action == "ashutdown" and not came):
            self.count("started plugins", 0 if settled(lambda: not any(runs.values())) else sum(runs.values()))
        if action == "ahealth":
            is_well = settled(lambda: registry.health().state is HealthState.HEALTHY)
            self.count("checks", not is_well)
        is_usable = settled(lambda: registry.startup().ok) and registry.shutdown().ok and not any(runs.values())
        self.count("unusable registries", not is_usable)
        settled(lambda: threads() <= before)
        self.count("threads", len(threads() - before))

    async def cancelled(self, call: Callable[[], Any], seconds: float) -> bool:
        """Await a call and cancel it after some seconds; return whether it was cancelled."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _context: self.count("exceptions that nobody took", 1))
        task = asyncio.create_task(call())
        loop.call_later(seconds, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return True
        return False

    def count(self, what: str, number: int) -> None:
        """Count what remained."""
        self.counts[f"{what} remained"] += number

    def slow_to_load(self) -> PluginRegistry:
        """Return a registry with an installed plugin whose module takes its time."""
        self.number += 1
        name = f"slow_{self.number}"
        place = self.site / name
        place.mkdir()
        write_distribution(place, "slow", f"[floe.secrets]\nslow = {name}:Plugin\n", **{name: SLOW})
        sys.path.insert(0, str(place))
        return PluginRegistry({"plugins": {"secrets": {"slow": {}}}}, path=[place], environ={})


def threads() -> set[threading.Thread]:
    """Return the threads of this process but the one that logs errors for all plugins of it."""
    return {each for each in threading.enumerate() if each.name != "floe background errors"}


def checked(watch: Watch) -> PluginRegistry:
    """Return the registry of the interrupts, with a plugin whose check takes its time too."""

    def health_check(_self: object) -> HealthStatus:
        time.sleep(0.004)
        return HealthStatus(HealthState.HEALTHY)

    registry = build(watch)
    registry.register(watch.plugin("f", health_check=health_check), watch.plugin("g", health_check=health_check))
    return registry


def settled(condition: Callable[[], bool]) -> bool:
    """Return whether a condition is met soon: what was left behind may take a moment to end."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)
    return True


def main(count: int, seed: int) -> int:
    logging.getLogger("floe_plugins").setLevel(logging.CRITICAL)  # each cancelled start has a lot to tell
    chance = random.Random(seed)
    remained = 0
    with tempfile.TemporaryDirectory() as directory:
        for action in ("astartup", "ashutdown", "ahealth", "aget"):
            attempts = Attempts(Path(directory))
            for _ in range(count):
                faulthandler.dump_traceback_later(HANG, exit=True)
                attempts.attempt(action, chance.uniform(1e-6, LONGEST))
                faulthandler.cancel_dump_traceback_later()
            print(action, dict(sorted(attempts.counts.items())), flush=True)
            remained += sum(number for what, number in attempts.counts.items() if what.endswith("remained"))
    return 1 if remained else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
