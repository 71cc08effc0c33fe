"""How a command ends."""

from __future__ import annotations

import shlex
import subprocess
import sys
from typing import Any


def test_a_closed_pipe_is_not_an_error(environment: Any, reference: tuple[str, ...]) -> None:
    plugins = environment(*reference)
    command = f"{shlex.quote(sys.executable)} -m floe_plugins list | head -c 1"
    done = subprocess.run(["bash", "-c", command], env=plugins.variables(), capture_output=True, text=True, check=True)
    assert done.stderr == ""
