"""Make a project of each category, or of those that are named, and prove each in a fresh environment.

python tests/authoring/fresh.py [--platform PATH] [CATEGORY]...

Runs the project's own tests, ``validate --run``, ruff, mypy and build, and prints the seconds of each. ``--platform``
is the wheel or the project of floe-plugins to test with; by default it is this checkout.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
CATEGORIES = (
    *("compute", "orchestrator", "catalog", "storage", "telemetry_backend", "lineage_backend"),
    *("dbt", "semantic_layer", "ingestion", "secrets", "identity"),
)


def run(command: list[str], directory: Path, environment: Path | None = None) -> str:
    """What a command prints; ends this script if it fails."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("FLOE_", "PYTHON"))}
    if environment is not None:
        variables["PATH"] = f"{environment / 'bin'}{os.pathsep}{variables['PATH']}"
        variables["VIRTUAL_ENV"] = str(environment)
    done = subprocess.run(command, cwd=directory, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} in {directory}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def prove(category: str, place: Path, platform: str, uv: str) -> dict[str, float]:
    """The seconds of each step for one category."""
    seconds: dict[str, float] = {}
    environment = place / "environment"
    project = place / "project"
    steps = {
        "new": [sys.executable, "-m", "floe_plugins", "new", category, "acme", "--directory", str(project)],
        "environment": [uv, "venv", "--quiet", "--python", sys.executable, str(environment)],
        "install": [uv, "pip", "install", "--quiet", f"{platform}[cli,testing]", "--editable", ".", *TOOLS],
        "pytest": [str(environment / "bin" / "python"), "-m", "pytest", "-q"],
        "check": [str(environment / "bin" / "floe-plugins"), "check", "--all", "--strict"],
        "validate": [sys.executable, "-m", "floe_plugins", "validate", ".", "--run", "--strict"],
        "ruff": ["ruff", "check"],
        "format": ["ruff", "format", "--check"],
        "mypy": ["mypy"],
        "build": [uv, "build", "--quiet"],
    }
    for name, command in steps.items():
        begun = time.perf_counter()
        run(command, project if project.is_dir() else place, environment if name != "new" else None)
        seconds[name] = time.perf_counter() - begun
    return seconds


TOOLS = ("pytest>=8", "ruff>=0.9", "mypy>=1.16")


def main() -> None:
    """Prove each category, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--platform", default=str(ROOT))
    parser.add_argument("category", nargs="*")
    options = parser.parse_args()
    uv = shutil.which("uv") or sys.exit("uv is not on PATH")
    for category in options.category or CATEGORIES:
        with tempfile.TemporaryDirectory() as directory:
            seconds = prove(category, Path(directory), options.platform, str(uv))
        print(category, *(f"{name} {each:.1f}" for name, each in seconds.items()), sep="  ", flush=True)


if __name__ == "__main__":
    main()
