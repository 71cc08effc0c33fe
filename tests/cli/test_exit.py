"""How a command ends."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import write_project


def test_a_closed_pipe_is_not_an_error(environment: Any, reference: tuple[str, ...]) -> None:
    plugins = environment(*reference)
    command = f"{shlex.quote(sys.executable)} -m floe_plugins list | head -c 1"
    done = subprocess.run(["bash", "-c", command], env=plugins.variables(), capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.parametrize(("startup", "skipped"), [("pass", False), ("time.sleep(3600)", True)])
def test_the_interpreters_own_shutdown_is_skipped_while_plugin_code_runs(
    environment: Any, tmp_path: Path, startup: str, *, skipped: bool
) -> None:
    code = f"""
        import atexit, os, time
        from floe_plugins import SecretsPlugin
        atexit.register(lambda: os.write(2, b"shutdown of the interpreter"))
        class Plugin(SecretsPlugin):
            name = "slow"; version = "1"; floe_api_version = "1.0"; timeouts = {{"startup": 0.2}}
            def startup(self): {startup}
            def get_secret(self, key): ...
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): ...
    """
    project = write_project(tmp_path / "slow", "floe.secrets", slow=code)
    done = environment(project).run(["-m", "floe_plugins", "run", "--once"])
    assert ("shutdown of the interpreter" not in done.stderr) is skipped
