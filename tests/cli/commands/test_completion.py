"""``completion``: the script of each shell, and what the shells make of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def command(tmp_path: Path, environment: Any) -> Any:
    """Variables among which ``floe-plugins`` is a command that sees plugins."""
    plugins = environment("compute-duckdb", "storage-local", "secrets-env")
    script = tmp_path / "bin" / "floe-plugins"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m floe_plugins "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    variables = plugins.variables()
    variables["PATH"] = f"{script.parent}{os.pathsep}{variables['PATH']}"
    return variables


LINES = [
    ("floe-plugins gr", ["graph"]),
    ("floe-plugins show compute:d", ["compute:duckdb"]),
    ("floe-plugins show duck", ["compute:duckdb"]),
    ("floe-plugins graph s", ["secrets:env", "storage:local"]),
    ("floe-plugins list --cat", ["--category"]),
    ("floe-plugins list --category co", ["compute"]),
    ("floe-plugins graph --format m", ["mermaid"]),
    ("floe-plugins list --disable storage:l", ["storage:local"]),
    ("floe-plugins list --disable storage,secrets:", ["storage,secrets:env"]),
    ("floe-plugins completion ", ["bash", "fish", "zsh"]),
    ("floe-plugins show nothing", []),
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(("line", "expected"), LINES)
@pytest.mark.parametrize("breaks", ["' :='", "' '"])
def test_bash_completes(command: dict[str, str], line: str, expected: list[str], breaks: str) -> None:
    script = f"""
        eval "$(floe-plugins completion bash)"
        COMP_WORDBREAKS={breaks}; COMP_LINE="{line}"; COMP_POINT={len(line)}
        _floe_plugins_completion floe-plugins
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], env=command, capture_output=True, text=True, check=False)
    word = line.rpartition(" ")[2]
    # Bash replaces what is behind the last colon, where a colon ends a word.
    begun = word[: word.rfind(":") + 1] if ":" in breaks else ""
    assert done.stdout.split() == [each.removeprefix(begun) for each in expected]
    assert done.stderr == ""


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("line", "expected"), LINES)
def test_fish_completes(command: dict[str, str], line: str, expected: list[str], tmp_path: Path) -> None:
    script = f"floe-plugins completion fish | source; complete -C '{line}'"
    variables = {**command, "HOME": str(tmp_path)}
    done = subprocess.run(["fish", "-c", script], env=variables, capture_output=True, text=True, check=False)
    assert [each.partition("\t")[0] for each in done.stdout.splitlines()] == expected


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_accepts_its_script(command: dict[str, str]) -> None:
    script = 'autoload -U compinit; compinit -u -D; eval "$(floe-plugins completion zsh)"; print $_comps[floe-plugins]'
    done = subprocess.run(["zsh", "-f", "-c", script], env=command, capture_output=True, text=True, check=False)
    assert done.stdout == "_floe_plugins_completion\n"


def test_another_shell_is_wrong_usage_that_names_the_choices(floe: Any) -> None:
    done = floe((), "completion", "tcsh")
    assert done.returncode == 2
    for shell in ("bash", "fish", "zsh"):
        assert shell in done.stderr
