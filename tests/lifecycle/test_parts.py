"""What starting, stopping and checking share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from support import Secrets

from floe_plugins.lifecycle.parts import is_default, wrong_result


async def hook(_plugin: Any) -> None:
    await asyncio.sleep(0)


ON_CALLER = type("a", (Secrets,), {"name": "a", "startup": hook, "shutdown": hook, "caller_thread": True})


def generator() -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    ("value", "wrong"),
    [
        (None, None),
        (False, "an object of type bool, and must return None"),
        (generator(), "a generator: it contains a yield, and nothing of it has run"),
    ],
)
def test_a_hook_that_returns_none_has_returned_what_it_should(value: object, wrong: str | None) -> None:
    assert wrong_result(value) == wrong


def test_the_base_s_own_hooks_need_no_thread(lab: Any) -> None:
    plugin = lab.plugin("a", lab.hang)()
    assert is_default(plugin.health_check)
    assert not is_default(plugin.startup)


def test_async_hooks_on_the_calling_thread_are_refused_where_a_loop_runs_there(lab: Any) -> None:
    registry = lab.registry(ON_CALLER, lab.plugin("b", hook))

    async def main() -> Any:
        return registry.startup()

    report = asyncio.run(main())
    failed = lab.of(report, "a")
    assert failed.message == "its async hooks ask for the calling thread, and an event loop is running there"
    assert "asyncio.to_thread" in failed.cause.hint
    assert failed.attempts == 0
    assert lab.of(report, "b").ok


def test_so_is_their_stop_which_succeeds_outside_of_the_loop(lab: Any) -> None:
    registry = lab.registry(ON_CALLER)
    assert registry.startup().ok

    async def main() -> Any:
        return registry.shutdown()

    report = asyncio.run(main())
    assert "an event loop is running there" in lab.of(report, "a").message
    assert registry.shutdown().ok
