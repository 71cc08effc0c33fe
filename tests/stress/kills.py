"""Kill the example pipeline at random moments, and run the same command again: ``kills.py COUNT DIRECTORY [SEED]``.

Each run begins with what the one before it left behind. After every fourth kill one is let to its end; it has to
succeed with each row once. Prints how many were killed in which step, and rows and files after each run that ended.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "pipeline"
ROWS, BETWEEN, LONGEST = 4392, 4, 18.0
READ = """
import os, sys, pyarrow
from floe_plugins import CatalogPlugin, PluginRegistry
os.environ["FLOE_SECRET_CATALOG_URI"] = f"sqlite:///{sys.argv[1]}/catalog.db"
config = {"plugins": {"catalog": {"iceberg": {"catalog": "daylight"}}, "secrets": {"env": {}},
                      "storage": {"local": {"root": sys.argv[1]}}}}
with PluginRegistry(config) as registry:
    table = pyarrow.table(registry.one(CatalogPlugin).read("daylight.days"))
    print(table.num_rows, table.select(["city", "day"]).group_by(["city", "day"]).aggregate([]).num_rows)
"""


def command(home: Path) -> list[str]:
    """What is run each time."""
    return [sys.executable, "-u", str(EXAMPLE / "run.py"), str(EXAMPLE / "floe.yaml"), str(home)]


def step_of(output: str) -> str:
    """The step that was under way when a run had printed this."""
    begun = re.findall(r"^\[\d/\d\] (\w+)", output, re.MULTILINE)
    if "seconds" in output:
        return "after the last step"
    return begun[-1] if begun else "before the first step"


def killed(home: Path, seconds: float) -> tuple[str, int]:
    """Run the pipeline and kill it after some seconds; the step that was under way, and the status if it had ended."""
    with subprocess.Popen(command(home), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8") as process:
        timer = threading.Timer(seconds, process.kill)
        timer.start()
        assert process.stdout is not None
        output = process.stdout.read()
        timer.cancel()
        status = process.wait()
    if status > 0:
        sys.exit(f"a run failed by itself:\n{output}")
    return ("it had ended" if status == 0 else step_of(output)), status


def ended(home: Path) -> str:
    """Run the pipeline to its end; rows that are published, how many of them differ, and files."""
    done = subprocess.run(command(home), capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        sys.exit(f"a run failed by itself:\n{done.stdout}{done.stderr}")
    read = subprocess.run([sys.executable, "-c", READ, str(home)], capture_output=True, encoding="utf-8", check=True)
    there, different = map(int, read.stdout.split())
    if (there, different) != (ROWS, ROWS):
        sys.exit(f"{there} rows are published, {different} of them differ: expected {ROWS}")
    files = [path for path in home.rglob("*") if path.is_file()]
    table = [path for path in files if "days" in path.parts]
    size = sum(path.stat().st_size for path in files) // 1024
    return f"{there} rows, {different} different; {len(files)} files, {len(table)} of the published table, {size} KiB"


def main(count: int, home: Path, seed: int = 0) -> None:
    """Kill as often as ``count`` says."""
    chance, steps, kills = random.Random(seed), Counter[str](), 0
    print(ended(home), flush=True)
    while kills < count:
        step, status = killed(home, chance.uniform(0.5, LONGEST))
        steps[step] += 1
        kills += status < 0
        if status < 0 and kills % BETWEEN == 0:
            print(f"{kills} kills: {ended(home)}", flush=True)
    for step, times in sorted(steps.items()):
        print(f"{times:4} {step}")


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]).absolute(), int(sys.argv[3]) if len(sys.argv) > 3 else 0)
