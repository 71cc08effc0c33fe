"""The command line, as an operator meets it: in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import child_environ, write_distribution

CONFIG = """
registry: {required: ["compute:duckdb"]}
plugins:
  compute: {duckdb: {path: warehouse.duckdb}}
  storage: {local: {root: data}}
  secrets: {env: {prefix: APP_}}
"""


@pytest.fixture
def reference() -> tuple[str, ...]:
    """Three plugins that work together, the last of which needs the first."""
    return ("storage-local", "secrets-env", "compute-duckdb")


@pytest.fixture
def faulty() -> tuple[str, ...]:
    """Plugins that cannot be loaded, each in a way of its own."""
    return (
        "import-error",
        "missing-module",
        "missing-attribute",
        "not-a-plugin",
        "abstract-plugin",
        "wrong-category",
        "system-exit",
        "name-differs",
        "same-ref-a",
        "same-ref-b",
        "newer-api",
        "newer-requires",
    )


@pytest.fixture
def floe(environment: Callable[..., Any]) -> Callable[..., Any]:
    """Run ``floe-plugins`` among the named plugins."""

    def run(names: tuple[str, ...], *args: str, **options: Any) -> Any:
        return environment(*names).run(["-m", "floe_plugins", *args], check=False, **options)

    return run


@pytest.fixture
def modules_after(environment: Callable[..., Any]) -> Callable[..., tuple[str, set[str]]]:
    """Run ``floe-plugins`` among the named plugins: what it prints, and the modules that are imported at its end."""

    def run(names: tuple[str, ...], *args: str) -> tuple[str, set[str]]:
        done = environment(*names).run(f"""
            import atexit, json, sys
            atexit.register(lambda: print(json.dumps([*sys.modules]), file=sys.stderr))
            sys.argv = ["floe-plugins", *{args!r}]
            from floe_plugins.__main__ import main
            main()
        """)
        # The host, if there is one, ends before the supervisor.
        lines = [line for line in done.stderr.splitlines() if line.startswith("[")]
        return done.stdout, {name for line in lines for name in json.loads(line)}

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write a configuration file, by default one of the three reference plugins, and give its path."""

    def file(text: str = CONFIG, name: str = "floe.yaml", *, directory: Path = tmp_path) -> str:
        path = directory / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return file


# Ways in which a plugin's code can end, or block, the process that it runs in.
SUDDEN = {
    "exit 0": "import os; os._exit(0)",
    "exit 7": "import os; os._exit(7)",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "spinning": 'import re; re.match("(a+)+$", "a" * 40 + "b")',
    "sleeping": "import ctypes; ctypes.PyDLL(None).sleep(60)",
    "terminate at once": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    # The main thread handles it while this call goes on, and the other plugin has started.
    "terminate": "import os, signal, time; time.sleep(0.3); os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.3)",
}
TIMEOUT = 1

_PLUGIN = """
from floe_plugins import HealthStatus, SecretsPlugin

class Plugin(SecretsPlugin):
    name = "{name}"
    version = floe_api_version = "1.0"
    def get_secret(self, key): return None
    def secret_names(self, prefix=""): return ()
    def put_secret(self, key, value): pass
    def startup(self): {startup}
    def shutdown(self): {shutdown}
    def health_check(self):
        {check}
        return HealthStatus("healthy")

{load}
"""

_LATER = """
import threading

def later():
    threading.Event().wait(0.3)
    {code}

threading.Thread(target=later, daemon=True).start()
"""


@pytest.fixture
def sudden(tmp_path: Path) -> Callable[..., Callable[..., subprocess.CompletedProcess[str]]]:
    """Install a plugin whose code ends the process at a stage, beside a good one; give what runs the command line."""

    def install(how: str, stage: str) -> Callable[..., subprocess.CompletedProcess[str]]:
        site = tmp_path / "site"
        code = dict.fromkeys(("startup", "shutdown", "check"), "pass") | {"load": ""}
        code[stage] = SUDDEN[how]
        if stage == "background":
            code["load"] = _LATER.format(code=SUDDEN[how])
        good = dict.fromkeys(("startup", "shutdown", "check"), "pass") | {"load": ""}
        modules = {"acme_evil": _PLUGIN.format(name="evil", **code), "acme_good": _PLUGIN.format(name="good", **good)}
        entry_points = "[floe.secrets]\nevil = acme_evil:Plugin\ngood = acme_good:Plugin\n"
        write_distribution(site, "acme", entry_points, **modules)
        timeouts = ", ".join(f"{name}: {TIMEOUT}" for name in ("load", "startup", "shutdown", "health"))
        (tmp_path / "floe.yaml").write_text(
            f"registry: {{autoload: all, timeouts: {{{timeouts}}}}}\n", encoding="utf-8"
        )

        def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-m", "floe_plugins", *arguments],
                cwd=tmp_path,
                env=child_environ(site, **options),
                capture_output=True,
                text=True,
                timeout=100,
                check=False,
            )

        return run

    return install
