"""Short runs of the stress scripts; ``tox run -e stress`` runs them for long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support import UNMEASURED, child_environ

pytestmark = pytest.mark.once


HERE = Path(__file__).parent


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize(
    "script",
    [["interrupts.py", "40"], ["cancellations.py", "20"], ["storm.py", "2", "16"], ["soak.py", "100", "20"]],
    ids=" ".join,
)
def test_nothing_but_what_is_promised_comes_out(script: list[str]) -> None:
    command = [sys.executable, str(HERE / script[0]), *script[1:]]
    environ = child_environ(**UNMEASURED)
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
