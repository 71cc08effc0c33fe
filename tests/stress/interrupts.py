"""Interrupt starts and stops at random moments, and count what comes out.

``python tests/stress/interrupts.py [COUNT] [SEED]`` interrupts COUNT starts and as many stops, each of a registry of
its own, and prints one line of counts; then it cancels as many awaited ones in an event loop. Its exit status is 1 if
anything but these came out:

- an interrupted call raised KeyboardInterrupt, a cancelled one CancelledError, and what it had started is stopped,
- a call that was not interrupted did what it does,
- the registry works afterwards.
"""

from __future__ import annotations

import asyncio
import collections
import faulthandler
import random
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import Secrets

from floe_plugins import PluginRegistry, PluginState

LONGEST = 0.012  # seconds after which the interrupt comes at the latest: a start takes about as long
HANG = 60  # seconds after which a call counts as hanging


class Watch:
    """What runs, by name."""

    def __init__(self) -> None:
        self.running: collections.Counter[str] = collections.Counter()

    def plugin(self, name: str, *needs: str, seconds: float = 0.0, **attributes: Any) -> type[Any]:
        def startup(_self: object) -> None:
            time.sleep(seconds)
            self.running[name] += 1

        def shutdown(_self: object) -> None:
            time.sleep(seconds)
            self.running[name] = 0

        async def startup_async(_self: object) -> None:
            await asyncio.sleep(seconds)
            self.running[name] += 1

        hooks = {"startup": startup_async if attributes.pop("is_async", False) else startup, "shutdown": shutdown}
        dependencies = tuple(f"secrets:{need}" for need in needs)
        return type(name, (Secrets,), {"name": name, "dependencies": dependencies, **hooks, **attributes})


def build(watch: Watch) -> PluginRegistry:
    registry = PluginRegistry(autoload="none", environ={})
    registry.register(
        watch.plugin("a", seconds=0.001),
        watch.plugin("b", "a", seconds=0.002),
        watch.plugin("c", "a", seconds=0.001, is_async=True),
        watch.plugin("d", "b", "c", seconds=0.001, caller_thread=True),
        watch.plugin("e", seconds=0.003),
    )
    return registry


def interrupted(call: Any, seconds: float) -> tuple[bool, object]:
    """Make the call and interrupt it after some seconds; whether that came during the call, and the report."""
    report = None
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        report = call()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt as error:
        frames = [frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)]
        # Raised in this very function: it came before the call, or when that had returned.
        return frames[-2] is not interrupted.__code__, report
    return False, report


def cancelled(call: Any, seconds: float) -> tuple[bool, object]:
    """Await the call and cancel it after some seconds; whether it was cancelled, and the report."""

    async def work() -> tuple[bool, object]:
        task = asyncio.create_task(call())
        asyncio.get_running_loop().call_later(seconds, task.cancel)
        try:
            return False, await task
        except asyncio.CancelledError:
            return True, None

    return asyncio.run(work())


def attempt(action: str, seconds: float) -> str:
    """One interrupt; a word for what came out."""
    watch = Watch()
    registry = build(watch)
    if action.endswith("stop"):
        registry.startup()
    calls = {
        "start": registry.startup,
        "stop": registry.shutdown,
        "awaited start": registry.astartup,
        "awaited stop": registry.ashutdown,
    }
    end_early = cancelled if action.startswith("awaited") else interrupted
    faulthandler.dump_traceback_later(HANG, exit=True)
    came, report = end_early(calls[action], seconds)
    if came and action.endswith("start"):
        deadline = time.monotonic() + 5
        while any(watch.running.values()) and time.monotonic() < deadline:
            time.sleep(0.001)  # a start that was left behind is stopped when it ends
        if any(watch.running.values()):
            return f"left running: {sorted(name for name, count in watch.running.items() if count)}"
        if any(registry.state(type(p), p.name) is PluginState.STARTED for p in registry.list()):
            return "state says started"
    if not came and report is not None and not report.ok:  # type: ignore[attr-defined]
        return f"a report that is not ok: {report}"
    deadline = time.monotonic() + 5
    while not (again := registry.startup()).ok and time.monotonic() < deadline:
        time.sleep(0.001)  # a thread may still be busy with the call that was left behind
    if not again.ok:
        return f"does not start again: {[str(each) for each in again.failed]}"
    if not registry.shutdown().ok or any(watch.running.values()):
        return "does not stop again"
    faulthandler.cancel_dump_traceback_later()
    return "interrupted" if came else "not interrupted"


def main(count: int, seed: int) -> int:
    def handle(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, handle)
    chance = random.Random(seed)
    fine = True
    for action in ("start", "stop", "awaited start", "awaited stop"):
        found: collections.Counter[str] = collections.Counter()
        for _ in range(count):
            try:
                found[attempt(action, chance.uniform(1e-6, LONGEST))] += 1
            except BaseException as error:  # noqa: BLE001 it is what is looked for
                found[f"raised {type(error).__name__}: {error}"[:300]] += 1
        fine = fine and set(found) <= {"interrupted", "not interrupted"}
        print(action, dict(found), f"{threading.active_count()} threads", flush=True)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000, int(sys.argv[2]) if len(sys.argv) > 2 else 1))
