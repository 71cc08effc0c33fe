"""Run the tests of the installed pluggy, from its source distribution, with the manager of a category."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def main(arguments: list[str]) -> int:
    version = importlib.metadata.version("pluggy")
    with tempfile.TemporaryDirectory() as scratch:
        download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "pluggy"]
        subprocess.run([*download, "--dest", scratch, f"pluggy=={version}"], check=True)
        with tarfile.open(next(Path(scratch).glob("pluggy-*.tar.gz"))) as archive:
            archive.extractall(scratch, filter="data")
        tests = Path(scratch, f"pluggy-{version}", "testing")
        command = [sys.executable, "-m", "pytest", "-p", "adapter", "-p", "no:cacheprovider", "-ra", *arguments]
        # It has its own configuration; its benchmarks need another plugin of pytest.
        environment = {**os.environ, "PYTHONPATH": str(HERE)}
        command += ["--rootdir", str(tests), "-c", str(tests.parent / "pyproject.toml"), "."]
        return subprocess.run(command, cwd=tests, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
