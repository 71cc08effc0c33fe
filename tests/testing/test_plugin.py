"""The pytest plugin, in runs of pytest within this process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import named

from floe_plugins import PluginRegistry, PluginState, SecretsPlugin

Vault = named("vault")


def test_registries_are_isolated_and_have_their_plugins(plugin_registry: Callable[..., PluginRegistry]) -> None:
    registry = plugin_registry(Vault)
    assert [str(info.ref) for info in registry.infos()] == ["secrets:vault"]
    assert plugin_registry().infos() == ()


MADE: list[PluginRegistry] = []


def test_a_registry_may_be_left_running(plugin_registry: Callable[..., PluginRegistry]) -> None:
    MADE.append(plugin_registry(Vault))
    MADE[0].startup()
    assert MADE[0].state(SecretsPlugin, "vault") is PluginState.STARTED


def test_a_registry_is_stopped_at_the_end_of_its_test() -> None:
    if not MADE:
        pytest.skip("the test before ran in another process")
    assert MADE.pop().state(SecretsPlugin, "vault") is PluginState.STOPPED


SOURCE = """
from floe_plugins import SecretsPlugin

class Plugin(SecretsPlugin):
    name, version, floe_api_version = "acme", "1.0", "1.0"
    def get_secret(self, key): return None
    def secret_names(self, prefix=""): return ()
    def put_secret(self, key, value): return None
"""


def test_a_distribution_is_there_for_a_registry(fake_distribution: Callable[..., Path]) -> None:
    site = fake_distribution(SOURCE, name="acme", category="secrets")
    registry = PluginRegistry(path=[str(site)], environ={})
    assert registry.get(SecretsPlugin, "acme").secret_names() == ()


@pytest.mark.once
def test_an_environment_is_fresh(plugin_environment: Callable[..., Any]) -> None:
    first, second = plugin_environment(), plugin_environment()
    assert first.directory != second.directory
    assert first.run("-c", "import floe_plugins").returncode == 0


def pytest_run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


@pytest.mark.once
def test_the_suite_of_a_plugin_runs_without_a_test_file(tmp_path: Path) -> None:
    (tmp_path / "acme_vault.py").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "test_other.py").write_text("def test_other(): assert False", encoding="utf-8")
    settings = '[tool.pytest.ini_options]\nfloe_plugin = "acme_vault:Plugin"\npythonpath = ["."]\n'
    (tmp_path / "pyproject.toml").write_text(settings, encoding="utf-8")
    done = pytest_run(tmp_path, "--floe-plugin", "-k", "sorted or once_listed or metadata_are_literals")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
    assert "acme_vault:Plugin" in done.stdout
    assert "does not say" not in done.stdout
    assert "test_other" not in done.stdout


@pytest.mark.once
def test_a_plugin_that_cannot_be_imported_is_wrong_usage(tmp_path: Path) -> None:
    done = pytest_run(tmp_path, "--floe-plugin", "nowhere:Plugin")
    assert "--floe-plugin nowhere:Plugin: No module named 'nowhere'" in done.stdout + done.stderr
    assert done.returncode
