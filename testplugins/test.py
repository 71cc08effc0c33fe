"""Run the tests of reference plugins, each by its own settings: ``python testplugins/test.py NAME ...``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REFERENCE = Path(__file__).parent / "reference"


def main(names: list[str]) -> int:
    """Run each, all the same whether one before failed; the number of those that failed."""
    failed = []
    for name in names:
        project = REFERENCE / name
        command = [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "tests"]
        if subprocess.run(command, cwd=project, check=False).returncode:
            failed.append(name)
    if failed:
        sys.stderr.write(f"failed: {', '.join(failed)}\n")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or sorted(path.name for path in REFERENCE.iterdir() if path.is_dir())))
