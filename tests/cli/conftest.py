"""The command line, as an operator meets it: in a process of its own."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
        return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write a configuration file, by default one of the three reference plugins, and give its path."""

    def file(text: str = CONFIG, name: str = "floe.yaml", *, directory: Path = tmp_path) -> str:
        path = directory / name
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return str(path)

    return file
