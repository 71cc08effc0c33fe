"""How the example pipeline grows with its data: ``scaling.py DIRECTORY [--engines NAME ...] [--times N ...]``.

For each engine and size it prints the seconds and the peak memory of each step, and beside them those of the engine
alone: the same SQL on the same files by the engine's own interface, into Parquet, straight after the pipeline. With
Spark and Sail the memory is that of the pipeline's own processes; a line below has that of the engine's.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "pipeline"
ALONE = Path(__file__).with_name("alone.py")
STEP = re.compile(r"^(\w+) +(succeeded|failed|skipped) +([\d.]+) +(\d*) +(\S.*?)\s*$", re.MULTILINE)


def run(engine: str, home: Path, times: int) -> str:
    """Run the pipeline, then the engine alone; what both printed."""
    if engine in {"spark", "sail"}:
        command = [str(EXAMPLE / "cluster.py"), "--engine", engine, "--times", str(times), "--directory", str(home)]
        commands = [[*command, "--then", sys.executable, str(ALONE), engine, str(home)]]
    else:
        config = "floe.yaml" if engine == "duckdb" else f"floe-{engine}.yaml"
        commands = [[str(EXAMPLE / "run.py"), str(EXAMPLE / config), str(home), str(times)]]
        commands.append([str(ALONE), engine, str(home)])
    done = [
        subprocess.run(
            [sys.executable, "-u", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            check=False,
        )
        for command in commands
    ]
    return "".join(each.stdout for each in done)


def main() -> None:
    """Run each engine with each size."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("directory", type=Path)
    parser.add_argument("--engines", nargs="+", default=["duckdb", "datafusion", "sail", "spark"])
    parser.add_argument("--times", nargs="+", type=int, default=[1, 100, 1000])
    given = parser.parse_args()
    for times in given.times:
        for engine in given.engines:
            home = given.directory.absolute() / f"{engine}-{times}"
            home.mkdir(parents=True, exist_ok=True)
            output = run(engine, home, times)
            (home / "output.txt").write_text(output, encoding="utf-8")
            steps = [f"{name} {seconds} s {peak} MB" for name, state, seconds, peak, _ in STEP.findall(output) if peak]
            steps += [f"{name} {state}: {why}" for name, state, _, _, why in STEP.findall(output) if state == "failed"]
            told = re.findall(r"^(?:alone:|.*peaks:).*", output, re.MULTILINE)
            print(
                f"{engine} x {times}: {'; '.join(steps) or f'see {home}/output.txt'}", *told, sep="\n    ", flush=True
            )


if __name__ == "__main__":
    main()
