"""Measure everything that ``docs/speed.md`` reports.

    python -m benchmarks [--json] [--rounds 15] [--only finding,processes,memory,calls,graphs,commands]

Needs stevedore and networkx beside floe-plugins. Takes some minutes; ratios within one run
are what counts, since every table interleaves its contenders.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from benchmarks import calls, commands, finding, graphs
from benchmarks.timing import Table, as_json, show

TOPICS = ("finding", "processes", "memory", "calls", "graphs", "commands")


def tables(topics: set[str], rounds: int) -> Iterator[Table]:
    """Every table asked for."""
    for distributions in (300, 3000):
        if "finding" in topics:
            yield finding.in_process(distributions, rounds)
            yield finding.with_added_category(distributions, rounds)
        if "processes" in topics:
            yield finding.whole_processes(distributions, rounds)
        if "memory" in topics:
            yield finding.memory(distributions)
    if "calls" in topics:
        yield calls.lookup(rounds)
        yield calls.registration(rounds)
        yield from (calls.broadcast(implementations, rounds) for implementations in (1, 5, 20))
    if "graphs" in topics:
        for nodes in (100, 1_000, 10_000, 100_000):
            for shape in (graphs.chain, graphs.tangle):
                yield graphs.ordering(nodes, shape, max(3, min(rounds, 30_000 // nodes)))
    if "commands" in topics:
        yield commands.commands(rounds)


def main() -> None:
    """Print the tables, or their JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default=",".join(TOPICS), help=f"some of {','.join(TOPICS)}")
    options = parser.parse_args()
    topics = set(options.only.split(","))
    if not topics <= set(TOPICS):
        parser.error(f"--only takes some of {','.join(TOPICS)}")
    found = list(tables(topics, options.rounds))
    sys.stdout.write((as_json if options.json else show)(found) + "\n")


if __name__ == "__main__":
    main()
