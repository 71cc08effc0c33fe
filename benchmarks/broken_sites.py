"""15 ways to break a platform, each in a directory of installed distributions."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import attrs

# Seconds that the configuration allows a plugin for loading, its start, its stop and its health check.
DEADLINE = 2.0
PLUGIN = """
{imports}
from floe_plugins import HealthStatus, PluginUnavailableError, SecretsPlugin
from pydantic import BaseModel

class Settings(BaseModel):
    threads: int = 1
    token: str = ""

class Plugin(SecretsPlugin):
    name = "vault"
    version = "1.0"
    floe_api_version = "{api}"
    config_schema = Settings
    def get_secret(self, key): return None
    def secret_names(self, prefix=""): return ()
    def put_secret(self, key, value): pass
    def startup(self):
        {start}
    def health_check(self):
        {check}
        return HealthStatus("healthy")
"""

LOCKED = """
        import pathlib, time
        tried = pathlib.Path("tried")
        tried.exists() or tried.write_text(str(time.time()))
        raise PluginUnavailableError("the file acme.db is locked by another process", retry_after=0.2)
"""


@attrs.frozen
class Breakage:
    """What breaks, the command that meets it, and patterns of what a complete answer has.

    Attributes:
        title: What breaks.
        command: The arguments of ``floe-plugins``.
        cause: A pattern of the cause.
        next_step: A pattern of what to do.
        owner: What names the owner: the plugin's ref and its distribution.
        status: The exit status, or those that are allowed.
        parts: Parts of the plugin's module that differ from those of a good plugin.
        settings: The plugin's settings, as YAML.
        registry: More settings of the registry, as YAML.
        others: More distributions, each with its entry points.
        around: What is there while the command runs.
        is_known_at_once: Whether the first try of the plugin finds the cause, before any deadline.
    """

    title: str
    command: tuple[str, ...]
    cause: str
    next_step: str
    owner: tuple[str, ...] = ("secrets:vault", "acme-vault")
    status: tuple[int, ...] = (1,)
    parts: dict[str, str] = attrs.field(factory=dict)
    settings: str = "{}"
    registry: str = ""
    others: tuple[str, ...] = ()
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    is_known_at_once: bool = False

    def write(self, directory: Path) -> None:
        """Write the distributions and the configuration."""
        parts = {"imports": "", "api": "1.0", "start": "pass", "check": "pass", **self.parts}
        for name in ("acme-vault", *self.others):
            info = directory / "site" / f"{name.replace('-', '_')}-1.0.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
            (info / "entry_points.txt").write_text("[floe.secrets]\nvault = acme_vault:Plugin\n", encoding="utf-8")
        (directory / "site" / "acme_vault.py").write_text(PLUGIN.format(**parts), encoding="utf-8")
        limits = ", ".join(f"{name}: {DEADLINE}" for name in ("load", "startup", "shutdown", "health"))
        (directory / "floe.yaml").write_text(
            f"registry: {{autoload: all, timeouts: {{{limits}}}{self.registry}}}\n"
            f"plugins: {{secrets: {{vault: {self.settings}}}}}\n",
            encoding="utf-8",
        )


@contextlib.contextmanager
def _listener() -> Iterator[None]:
    """Hold the port that the command asks for."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        os.environ["BREAKAGES_PORT"] = str(held.getsockname()[1])
        yield


BREAKAGES = (
    Breakage(
        "missing dependency",
        ("check",),
        r"No module named 'acme_driver'",
        r"Install what provides 'acme_driver'",
        parts={"imports": "import acme_driver"},
    ),
    Breakage(
        "syntax error",
        ("check",),
        r"SyntaxError",
        r"Upgrade or reinstall acme-vault",
        parts={"imports": "def broken(:"},
    ),
    Breakage(
        "import that loops for ever",
        ("check",),
        r"loading did not end within 2 s",
        r"Disable the plugin, raise timeouts\.load",
        parts={"imports": "while True: pass"},
    ),
    Breakage(
        "segfault at import",
        ("check",),
        r"SIGSEGV",
        r"--disable secrets:vault",
        parts={"imports": "import ctypes; ctypes.string_at(0)"},
    ),
    Breakage(
        "`os._exit(0)` in a start",
        ("run",),
        r"ended the host by os\._exit\(0\) while starting",
        r"--disable secrets:vault",
        parts={"start": "import os; os._exit(0)"},
    ),
    Breakage(
        "GIL kept by a regular expression at import",
        ("check",),
        r"kept the host from answering",
        r"--disable secrets:vault",
        parts={"imports": 'import re; re.match("(a+)+$", "a" * 40 + "b")'},
    ),
    Breakage("wrong API version", ("check",), r"requires floe API 9\.0", r"Upgrade floe-plugins", parts={"api": "9.0"}),
    Breakage(
        "wrong value in the configuration",
        ("config", "validate"),
        r"threads: should be a valid integer",
        r"floe\.yaml:2:\d+",
        status=(2,),
        settings="{threads: many}",
    ),
    Breakage(
        "unknown key in the configuration",
        ("config", "validate"),
        r"thread: not a key",
        r"Did you mean 'threads'",
        status=(2,),
        settings="{thread: 2}",
    ),
    Breakage(
        "missing variable of a secret",
        ("config", "validate"),
        r"ACME_TOKEN",
        r"Set it",
        status=(2,),
        settings='{token: "${ACME_TOKEN}"}',
    ),
    Breakage(
        "locked file",
        ("run",),
        r"acme\.db is locked by another process",
        r"attempted again until its deadline",
        registry=', required: ["secrets:vault"]',
        parts={"start": LOCKED.strip()},
        is_known_at_once=True,
    ),
    Breakage(
        "port in use",
        ("run", "--serve", "{port}"),
        r"the port is in use",
        r"take another port",
        owner=("127.0.0.1:{port}",),
        status=(2,),
        around=_listener,
    ),
    Breakage(
        "required plugin that is not installed",
        ("run",),
        r"no such plugin is installed",
        r"Install a distribution with an entry point",
        owner=("secrets:keeper",),
        registry=', required: ["secrets:keeper"]',
    ),
    Breakage(
        "two distributions with one ref",
        ("check",),
        r"several distributions provide it",
        r"Uninstall all but one",
        owner=("secrets:vault", "acme-vault", "acme-other"),
        others=("acme-other",),
    ),
    Breakage(
        "health check that hangs",
        ("health",),
        r"no answer in 2 s",
        r"doctor secrets:vault",
        registry=', required: ["secrets:vault"]',
        parts={"check": "import threading; threading.Event().wait()"},
    ),
)
