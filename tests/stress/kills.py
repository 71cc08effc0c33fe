"""Kill the example pipeline at random moments, and run the same command again: ``kills.py COUNT DIRECTORY [SEED]``.

Each run begins with what the one before it left behind. After every fourth kill one is let to its end; it has to
succeed with each row once. Steps take turns in being killed, each at any moment of the time that it took in the first
run. Prints a line for each run that ended, and in the end a table by step: kills, and the rows and files that the next
run that ended had.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "pipeline"
ROWS, BETWEEN = 4392, 4
START, END = "start", "end"
READ = """
import os, sys, pyarrow
from floe_plugins import CatalogPlugin, PluginRegistry
os.environ["FLOE_SECRET_CATALOG_URI"] = f"sqlite:///{sys.argv[1]}/catalog.db"
config = {"plugins": {"catalog": {"iceberg": {"catalog": "daylight"}}, "secrets": {"env": {}},
                      "storage": {"local": {"root": sys.argv[1]}}},
          "registry": {"timeouts": {"load": 300, "startup": 300}}}  # what is shown is not how busy the machine is
with PluginRegistry(config) as registry:
    table = pyarrow.table(registry.one(CatalogPlugin).read("daylight.days"))
    print(table.num_rows, table.select(["city", "day"]).group_by(["city", "day"]).aggregate([]).num_rows)
"""


class Ended:
    """A run that was let to its end, and what it left behind."""

    def __init__(self, home: Path) -> None:
        done = subprocess.run(command(home), capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            sys.exit(f"a run failed by itself:\n{done.stdout}{done.stderr}")
        read = subprocess.run(
            [sys.executable, "-c", READ, str(home)], capture_output=True, encoding="utf-8", check=False
        )
        if read.returncode:
            sys.exit(f"what was published cannot be read:\n{read.stderr}")
        self.rows, different = map(int, read.stdout.split())
        if (self.rows, different) != (ROWS, ROWS):
            sys.exit(f"{self.rows} rows are published, {different} of them differ: expected {ROWS}")
        files = [path for path in home.rglob("*") if path.is_file()]
        self.files, self.table = len(files), len([path for path in files if "days" in path.parts])
        self.size = sum(path.stat().st_size for path in files) // 1024
        started = re.findall(r"plugins started in ([\d.]+) s", done.stdout)
        took = re.findall(r"^(\w+) +succeeded +([\d.]+) ", done.stdout, re.MULTILINE)
        self.seconds = {START: float(started[0]) + 2, **{name: float(seconds) for name, seconds in took}, END: 1.0}

    def __str__(self) -> str:
        return f"{self.rows} rows, each once; {self.files} files, {self.table} of the published table, {self.size} KiB"


def command(home: Path) -> list[str]:
    """What is run each time."""
    return [sys.executable, "-u", str(EXAMPLE / "run.py"), str(EXAMPLE / "floe.yaml"), str(home)]


def killed(home: Path, step: str, seconds: float) -> str | None:
    """Run the pipeline, and kill it so long after the step has begun; the step that was under way, if any was."""
    begun = START
    with subprocess.Popen(command(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        timer = threading.Timer(seconds, process.kill)
        if step == START:
            timer.start()
        assert process.stdout is not None
        output = b""
        # A step's line is printed in two parts, the first of which says that it has begun.
        while part := process.stdout.read1():  # type: ignore[attr-defined]
            output += part
            text = output.decode(errors="replace")
            begun = (re.findall(r"^\[\d/\d\] (\w+)", text, re.MULTILINE) or [START])[-1]
            begun = END if re.search(r"^\[(\d)/\1\] \w+ \.\.\. .", text, re.MULTILINE) else begun
            if begun == step and not timer.is_alive() and timer.ident is None:
                timer.start()
        timer.cancel()
        status = process.wait()
    if status > 0:
        sys.exit(f"a run failed by itself:\n{output.decode()}")
    return None if status == 0 else begun


def main(count: int, home: Path, seed: int = 0) -> None:
    """Kill as often as ``count`` says."""
    chance, done, waiting = random.Random(seed), 0, list[str]()
    recovered: defaultdict[str, list[Ended]] = defaultdict(list)
    first = last = Ended(home)
    print(f"before any kill: {last}", flush=True)
    while done < count:
        aim = [*first.seconds][done % len(first.seconds)]
        step = killed(home, aim, chance.uniform(0, first.seconds[aim]))
        if step is None:
            continue
        done += 1
        waiting.append(step)
        if done % BETWEEN and done < count:
            continue
        last = Ended(home)
        print(f"{done} kills, the last {len(waiting)} in {', '.join(waiting)}: {last}", flush=True)
        for each in waiting:
            recovered[each].append(last)
        waiting.clear()
    print(f"\n{'step':10} kills  recovered  rows  files  of the table")
    for step in first.seconds:
        runs = recovered[step]
        spans = [sorted({getattr(run, name) for run in runs}) for name in ("rows", "files", "table")]
        told = [str(span[0]) if len(span) == 1 else f"{span[0]} to {span[-1]}" if span else "" for span in spans]
        print(f"{step:10} {len(runs):5}  {len(runs):9}  {'  '.join(told)}")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]).absolute(), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
