"""The process-wide registry, and who gets which."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import support
from support import SOON, new_registry

from floe_plugins import HealthStatus, PluginLoadError, PluginRegistry, get_registry
from floe_plugins.registry.current import use_registry


class Secrets(support.Secrets):
    name = "acme"


@pytest.fixture
def shared() -> Iterator[PluginRegistry]:
    """The registry of the whole process, as far as the test is concerned."""
    with use_registry(new_registry()) as registry:
        yield registry


def elsewhere() -> PluginRegistry:
    """What another thread gets."""
    found: list[PluginRegistry] = []
    thread = threading.Thread(target=lambda: found.append(get_registry()))
    thread.start()
    thread.join(SOON)
    return found[0]


def test_all_threads_share_one(shared: PluginRegistry) -> None:
    assert get_registry() is elsewhere() is shared


def test_it_is_made_once_however_many_ask_for_it_at_once(environment: Any) -> None:
    code = """
        import threading
        from floe_plugins import get_registry
        together, found = threading.Barrier(16), []
        def ask():
            together.wait()
            found.append(get_registry())
        threads = [threading.Thread(target=ask) for _ in range(16)]
        [each.start() for each in threads]; [each.join() for each in threads]
        print(len({id(registry) for registry in found}), found[0] is get_registry())
    """
    assert environment().run(code).stdout == "1 True\n"


def test_a_block_replaces_it_for_all_threads_and_gives_it_back(shared: PluginRegistry) -> None:
    other, inner = new_registry(), new_registry()
    with use_registry(other) as given:
        assert get_registry() is elsewhere() is given is other
        with use_registry(inner):
            assert get_registry() is inner
        assert get_registry() is other
    assert get_registry() is elsewhere() is shared


def test_a_block_that_raises_gives_it_back_too(shared: PluginRegistry) -> None:
    with pytest.raises(ValueError, match="in the block"), use_registry(new_registry()):
        raise ValueError("in the block")
    assert get_registry() is shared


def test_a_plugin_gets_the_one_that_makes_it_while_it_is_made(shared: PluginRegistry) -> None:
    seen: list[PluginRegistry] = []

    class Asking(Secrets):
        def __init__(self) -> None:
            seen.append(get_registry())
            seen.append(elsewhere())

    making = new_registry()
    making.register(Asking)
    assert seen == [making, shared]
    assert get_registry() is shared


def test_a_plugin_that_cannot_be_made_leaves_it_as_it_was(shared: PluginRegistry) -> None:
    class Failing(Secrets):
        def __init__(self) -> None:
            raise OSError(f"not with {get_registry()!r}")

    with pytest.raises(PluginLoadError, match="with 0 plugins"):
        new_registry().register(Failing)
    assert get_registry() is shared


def test_registries_that_make_plugins_at_once_are_told_apart() -> None:
    together = threading.Barrier(2)
    seen: dict[PluginRegistry, PluginRegistry] = {}

    class Asking(Secrets):
        def __init__(self) -> None:
            together.wait(SOON)
            self.maker = get_registry()
            together.wait(SOON)

    def make(registry: PluginRegistry) -> None:
        registry.register(Asking)
        seen[registry] = registry.get(Asking, "acme").maker

    registries = [new_registry(), new_registry()]
    threads = [threading.Thread(target=make, args=(registry,)) for registry in registries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert seen == {registry: registry for registry in registries}


def test_a_plugin_gets_its_own_in_every_hook_of_its_life(shared: PluginRegistry) -> None:
    seen: dict[str, PluginRegistry] = {}

    class Asking(Secrets):
        def __init__(self) -> None:
            seen["load"] = get_registry()

        def startup(self) -> None:
            seen["startup"] = get_registry()

        async def health_check(self) -> HealthStatus:
            seen["health_check"] = get_registry()
            return HealthStatus("healthy")

        def shutdown(self) -> None:
            seen["shutdown"] = get_registry()

    own = new_registry()
    own.register(Asking)
    with own:
        assert own.health().state == "healthy"
    assert seen == dict.fromkeys(["load", "startup", "health_check", "shutdown"], own)
    assert get_registry() is shared
