"""Run the tests of reference plugins, each by its own settings: ``python testplugins/test.py [--drills] NAME ...``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).parent
REFERENCE = HERE / "reference"
DRILLS = ["-p", "drills", "-m", "drill", "-q", "--no-header", "-o", "console_output_style=classic"]
NONE_FOUND = 5  # pytest's exit status if there is no such test


def main(names: Sequence[str], *, drills: bool = False) -> int:
    """Run each, all the same whether one before failed; the number of those that failed."""
    path = os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")]))
    failed = []
    for name in names:
        command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", *(DRILLS if drills else ()), "tests"]
        environ = {**os.environ, "PYTHONPATH": path} if drills else None
        status = subprocess.run(command, cwd=REFERENCE / name, env=environ, check=False).returncode
        if status and not (drills and status == NONE_FOUND):
            failed.append(name)
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return len(failed)


def all_names(*, drills: bool) -> list[str]:
    """Every reference plugin, or every one that has drills."""
    return sorted(
        project.name
        for project in REFERENCE.iterdir()
        if project.is_dir()
        and (not drills or any("mark.drill(" in file.read_text("utf-8") for file in project.glob("tests/test_*.py")))
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run the tests of reference plugins, each by its own settings.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="directory in testplugins/reference; all by default")
    parser.add_argument("--drills", action="store_true", help="run the failure drills only, and show their reports")
    given = parser.parse_args()
    sys.exit(main(given.names or all_names(drills=given.drills), drills=given.drills))
