"""Starting, stopping, checking and ordering, beside what the machine does without us.

    python benchmarks/lifecycle.py [--json] [--rounds 5]

Each figure is taken beside its yardstick, round by round, and the best of each counts:
on a busy machine every handover between threads waits for others' turns.
"""

from __future__ import annotations

import argparse
import graphlib
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from floe_plugins import HealthState, PluginRef, PluginRegistry, PluginType, SecretsPlugin
from floe_plugins.dependencies.graph import order

_HANG = """
import sys, threading, time
from floe_plugins import PluginRegistry
sys.path.insert(0, {here!r})
from lifecycle import named
with PluginRegistry(autoload="none") as other:
    other.register(named("imports"))
    other.startup()
registry = PluginRegistry(autoload="none", timeouts={{"startup": 1.0}})
registry.register(named("sleeper", startup=lambda plugin: threading.Event().wait()))
begun = time.perf_counter()
registry.startup()
print(time.perf_counter() - begun, flush=True)
print(time.time(), flush=True)
"""


class Nothing(SecretsPlugin):
    version = "1.0"
    floe_api_version = "1.0"

    def get_secret(self, key: str) -> Any: ...
    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return ()

    def put_secret(self, key: str, value: Any) -> None: ...


def named(name: str, **attributes: Any) -> type[Any]:
    return type(name, (Nothing,), {"name": name, **attributes})


def registry_of(plugins: list[type[Any]], **options: Any) -> PluginRegistry:
    registry = PluginRegistry(autoload="none", environ={}, **options)
    registry.register(*plugins)
    return registry


def seconds(function: Callable[[], object]) -> float:
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def thousand_threads() -> None:
    for _ in range(1000):
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join()


def trivial() -> tuple[float, float]:
    """1,000 plugins that do nothing, one after another; 1,000 threads that do nothing."""
    registry = registry_of([named(f"p{number}", startup=lambda _: None) for number in range(1000)], workers=1)
    yardstick = seconds(thousand_threads)
    took = seconds(lambda: registry.startup().raise_for_failures())
    registry.shutdown()
    return took, yardstick


def deep() -> tuple[float, float]:
    """100 plugins that wait 0.1 s each, in 5 layers that need each other; the longest chain."""
    plugins = [
        named(
            f"p{layer}-{number}",
            startup=lambda _: time.sleep(0.1),
            dependencies=tuple(f"secrets:p{layer - 1}-{other}" for other in range(20)) if layer else (),
        )
        for layer in range(5)
        for number in range(20)
    ]
    registry = registry_of(plugins, workers=32)
    took = seconds(lambda: registry.startup().raise_for_failures())
    registry.shutdown()
    return took, 0.5


def health() -> tuple[float, float]:
    """200 plugins of which 10 never answer, with a deadline of 1 s; the deadline."""
    forever = threading.Event()
    plugins = [
        named(f"p{number}", **({"health_check": lambda _: forever.wait()} if number < 10 else {}))
        for number in range(200)
    ]
    registry = registry_of(plugins, workers=32)
    registry.startup()
    begun = time.perf_counter()
    report = registry.health(1.0)
    took = time.perf_counter() - begun
    answered = [status for status in report.statuses.values() if status.state is HealthState.HEALTHY]
    assert len(answered) == 190
    forever.set()
    registry.shutdown()
    return took, 1.0


def hanging() -> tuple[float, float, float]:
    """A plugin that sleeps for ever, with a deadline of 1 s: the caller's return, the deadline, the exit after it."""
    from pathlib import Path

    code = _HANG.format(here=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    exited = time.time()
    took, returned = done.stdout.split()
    return float(took), 1.0, exited - float(returned)


def ordering(size: int) -> Callable[[], tuple[float, float]]:
    """Ordering a graph of refs with three needs each; graphlib on the same graph."""
    dice = random.Random(size)  # noqa: S311 a graph to measure
    kinds = list(PluginType)
    nodes = [PluginRef(dice.choice(kinds), f"p{number}") for number in range(size)]
    graph = {
        node: tuple({nodes[dice.randrange(place)] for _ in range(3)} if place else ())
        for place, node in enumerate(nodes)
    }

    def measure() -> tuple[float, float]:
        yardstick = seconds(lambda: tuple(graphlib.TopologicalSorter(graph).static_order()))
        return seconds(lambda: order(graph)), yardstick

    return measure


def rows(rounds: int) -> Iterator[dict[str, Any]]:
    hung = [hanging() for _ in range(min(rounds, 3))]
    measures: list[tuple[str, float, list[tuple[float, float]]]] = [
        ("start of 1,000 trivial plugins / 1,000 threads", 4.0, [trivial() for _ in range(rounds)]),
        ("start of 100 plugins of 0.1 s in depth 5 / longest chain", 1.2, [deep() for _ in range(rounds)]),
        ("health of 200, 10 hang / deadline of 1 s", 1.2, [health() for _ in range(min(rounds, 3))]),
        ("return after a deadline of 1 s / deadline", 1.2, [(took, deadline) for took, deadline, _ in hung]),
        ("exit after it / 1 s", 1.0, [(left, 1.0) for _, _, left in hung]),
        ("order of 10,000 / graphlib", 2.0, [measure() for measure in [ordering(10_000)] for _ in range(rounds)]),
        ("order of 100,000 / graphlib", 2.0, [measure() for measure in [ordering(100_000)] for _ in range(2)]),
    ]
    for what, most, pairs in measures:
        best, yardstick = (min(column) for column in zip(*pairs, strict=True))
        yield {"what": what, "seconds": best, "yardstick": yardstick, "ratio": best / yardstick, "at most": most}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    trivial()  # imports
    found = list(rows(options.rounds))
    if options.json:
        sys.stdout.write(json.dumps({"python": sys.version.split()[0], "rows": found}) + "\n")
        return
    for row in found:
        figures = f"{row['seconds']:8.4f} {row['yardstick']:8.4f} {row['ratio']:6.2f}  (<= {row['at most']})"
        sys.stdout.write(f"{row['what']:58} {figures}\n")


if __name__ == "__main__":
    main()
