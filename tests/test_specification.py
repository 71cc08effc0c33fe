"""What the specification promises of discovery, registration and lookup, each in one test."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import support
from support import Secrets, child_environ

from floe_plugins import (
    DuplicatePluginError,
    PluginRef,
    PluginRegistry,
    PluginState,
    PluginType,
    SecretsPlugin,
)

PLUGIN = """
from support import Secrets
class Plugin(Secrets):
    name = "{name}"
"""


class Memory(Secrets):
    name = "memory"
    version = "2.5"
    description = "Secrets in memory"

    def get_secret(self, key: str) -> Any:
        return key


def install(site: Path, name: str, group: str = "floe.secrets", code: str = PLUGIN) -> None:
    module = f"acme_{name}"
    support.write_distribution(
        site, module, f"[{group}]\n{name} = {module}:Plugin\n", **{module: code.format(name=name)}
    )


@pytest.mark.parametrize("category", PluginType)
def test_plugins_are_discovered_in_the_group_of_each_category(tmp_path: Path, category: PluginType) -> None:
    install(tmp_path, "acme", category.group)
    found = PluginRegistry(path=[str(tmp_path)], environ={}).candidates()
    assert [candidate.ref for candidate in found] == [PluginRef(category, "acme")]


def test_the_registry_registers_gets_and_lists(registry: PluginRegistry) -> None:
    registry.register(Memory)
    assert registry.list(SecretsPlugin) == [registry.get(PluginType.SECRETS, "memory")]


def test_the_same_type_and_name_is_registered_once(registry: PluginRegistry) -> None:
    registry.register(Memory)
    with pytest.raises(DuplicatePluginError):
        registry.register(Memory)


def test_errors_of_discovery_are_logged_and_nothing_crashes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    install(tmp_path, "good")
    info = tmp_path / "acme_bad-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_bytes(b"[floe.secrets]\nno equals sign\n\xff\xfe")
    registry = PluginRegistry(path=[str(tmp_path)], environ={})
    assert [candidate.name for candidate in registry.candidates()] == ["good"]
    assert "acme_bad-1.0.dist-info" in caplog.text


def test_plugins_are_loaded_on_first_access_not_at_discovery(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "late", code=PLUGIN + "\nopen(__file__ + '.imported', 'w').close()\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry(path=[str(tmp_path)], environ={})
    registry.discover()
    assert not [*tmp_path.glob("*.imported")]
    registry.get(SecretsPlugin, "late")
    assert [*tmp_path.glob("*.imported")]


def test_name_version_and_api_version_are_known_of_each_plugin(registry: PluginRegistry) -> None:
    registry.register(Memory)
    info = registry.info(SecretsPlugin, "memory")
    assert (info.name, info.version, info.floe_api_version) == ("memory", "2.5", "1.0")


def test_three_hundred_distributions_are_discovered_and_loaded_in_five_seconds(environment: Any) -> None:
    plugins = environment()
    for number in range(300):
        install(plugins.path, f"n{number}")
    count, seconds = plugins.json(
        """
        import json, time
        from floe_plugins import PluginRegistry
        begun = time.perf_counter()
        count = len(PluginRegistry().list())
        print(json.dumps([count, time.perf_counter() - begun]))
    """,
        env=child_environ(plugins.path),
    )
    assert count == 300
    assert seconds < 5


def test_a_lookup_takes_below_ten_milliseconds(registry: PluginRegistry) -> None:
    registry.register(*(type("Named", (Memory,), {"name": f"n{number}"}) for number in range(100)))
    begun = time.perf_counter()
    for number in range(100):
        registry.get(SecretsPlugin, f"n{number}")
    assert (time.perf_counter() - begun) / 100 < 0.010


def test_the_platform_starts_with_half_of_its_plugins_broken(environment: Any) -> None:
    plugins = environment()
    for number in range(10):
        install(plugins.path, f"good{number}")
        install(plugins.path, f"bad{number}", code="raise OSError('broken')")
    states = plugins.json(
        """
        import json
        from floe_plugins import PluginRegistry
        with PluginRegistry() as registry:
            print(json.dumps({info.name: str(info.state) for info in registry.infos()}))
    """,
        env=child_environ(plugins.path),
    )
    assert {state for name, state in states.items() if name.startswith("good")} == {str(PluginState.STARTED)}
    assert {state for name, state in states.items() if name.startswith("bad")} == {str(PluginState.FAILED)}
