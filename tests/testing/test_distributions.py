from __future__ import annotations

from pathlib import Path

import pytest

from floe_plugins import PluginRegistry, SecretsPlugin
from floe_plugins.testing.distributions import make_environment, write_distribution


class Vault(SecretsPlugin):
    name = "vault"
    version = "1.0"
    floe_api_version = "1.0"

    def get_secret(self, key):
        return None

    def secret_names(self, prefix=""):
        return ("token",)

    def put_secret(self, key, value):
        return None


def test_the_distribution_of_a_class_is_discovered_and_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    assert write_distribution(tmp_path, Vault, version="2.5") == "acme_secrets_vault"
    registry = PluginRegistry(path=[str(tmp_path)], environ={})
    [candidate] = registry.candidates()
    assert (str(candidate.ref), candidate.distribution.name, candidate.distribution.version) == (
        "secrets:vault",
        "acme-secrets-vault",
        "2.5",
    )
    assert registry.get(SecretsPlugin, "vault").secret_names() == ("token",)


def test_a_source_needs_a_name_and_a_category(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="name='acme', category='secrets'"):
        write_distribution(tmp_path, "class Plugin: ...")


def test_what_a_distribution_requires_is_checked(tmp_path: Path) -> None:
    source = "raise AssertionError('imported')"
    write_distribution(tmp_path, source, name="new", category="secrets", requires=["floe-plugins>=99"])
    [info] = PluginRegistry(path=[str(tmp_path)], environ={}).infos()
    assert "floe-plugins>=99" in info.refused


@pytest.mark.once
def test_an_environment_sees_what_is_installed_here_and_no_switch_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOE_PLUGINS_DISABLE", "secrets")
    made = make_environment(tmp_path / "environment")
    code = "import floe_plugins, os, sys; print(sys.prefix, 'FLOE_PLUGINS_DISABLE' in os.environ)"
    assert made.run("-c", code).stdout.split() == [str(made.directory), "False"]
