"""What starts and stops, in which order, and what a failure does to the others."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from floe_plugins import (
    CircularDependencyError,
    MissingDependencyError,
    OutcomeState,
    PluginConfigurationError,
    PluginNotFoundError,
    PluginRef,
    PluginShutdownError,
    PluginStartupError,
    PluginState,
    PluginType,
    Stage,
)

SECRETS, STORAGE = PluginType.SECRETS, PluginType.STORAGE
SOON = 30.0  # what never takes long is given this; what must not be waited for never ends by itself


def test_plugins_start_after_what_they_need_and_stop_in_reverse(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("app", dependencies=("secrets:db", "secrets:log")),
        lab.plugin("db", dependencies=("secrets:log",)),
        lab.plugin("log"),
        workers=1,
    )
    assert lab.names(registry.startup()) == ["log", "db", "app"]
    assert lab.names(registry.shutdown()) == ["app", "db", "log"]
    assert lab.log == ["+log", "+db", "+app", "-app", "-db", "-log"]


def test_the_same_name_in_two_categories_is_two_plugins(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("s3", dependencies=("storage:s3",)), lab.plugin("s3", base=lab.storage, dependencies=())
    )
    refs = [outcome.ref for outcome in registry.startup().outcomes]
    assert refs == [PluginRef(STORAGE, "s3"), PluginRef(SECRETS, "s3")]


def test_a_category_alone_waits_for_all_its_plugins_and_is_content_with_one(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("app", dependencies=("storage",)),
        lab.plugin("a", lab.fail, base=lab.storage),
        lab.plugin("b", base=lab.storage),
        workers=1,
    )
    report = registry.startup()
    assert lab.names(report) == ["a", "b", "app"]
    assert lab.of(report, "app").ok


def test_a_category_of_which_none_runs_skips_what_needs_it(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("app", dependencies=("storage",)),
        lab.plugin("a", lab.fail, base=lab.storage),
        lab.plugin("b", lab.fail, base=lab.storage),
    )
    app = lab.of(registry.startup(), "app")
    assert app.state is OutcomeState.SKIPPED
    assert "none runs: storage:a failed to start" in app.message
    assert "storage:b failed to start" in app.message


def test_a_bare_name_is_enough_where_only_one_plugin_has_it(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a", dependencies=("local",)), lab.plugin("local", base=lab.storage))
    assert lab.names(registry.startup()) == ["local", "a"]


def test_a_bare_name_of_two_plugins_is_refused_with_both(lab: Any) -> None:
    registry = lab.registry(lab.plugin("s3", base=lab.storage), lab.plugin("s3"))
    with pytest.raises(MissingDependencyError, match="may mean secrets:s3, storage:s3"):
        registry.register(lab.plugin("a", dependencies=("s3",)))


def test_optional_dependencies_order_but_do_not_bind(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a", optional_dependencies=("secrets:z", "secrets:gone", "storage")),
        lab.plugin("z", lab.fail),
        workers=1,
    )
    report = registry.startup()
    assert lab.names(report) == ["z", "a"]
    assert lab.of(report, "a").ok


def test_an_optional_dependency_makes_no_circle(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a", optional_dependencies=("secrets:b",)), lab.plugin("b", dependencies=("secrets:a",))
    )
    assert lab.names(registry.startup()) == ["a", "b"]


def test_a_version_that_does_not_fit_is_refused(lab: Any) -> None:
    registry = lab.registry(lab.plugin("db", version="1.1"))
    registry.register(lab.plugin("fits", dependencies=("secrets:db>=1.0,<2",)))
    with pytest.raises(MissingDependencyError, match=r"needs secrets:db>=1.2, and secrets:db is there in version 1.1"):
        registry.register(lab.plugin("app", dependencies=("secrets:db>=1.2",)))


def test_resolve_raises_for_circles_with_their_whole_path(lab: Any) -> None:
    registry = lab.registry()
    circle = [
        lab.plugin("a", dependencies=("secrets:b",)),
        lab.plugin("b", dependencies=("secrets:c",)),
        lab.plugin("c", dependencies=("secrets:a",)),
    ]
    with pytest.raises(CircularDependencyError, match="secrets:a -> secrets:b -> secrets:c -> secrets:a") as caught:
        registry.register(*circle)
    assert [ref.name for ref in caught.value.cycle] == ["a", "b", "c", "a"]


def test_a_failure_skips_what_needs_it_with_the_chain_to_the_root_and_nothing_else(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("root", lab.fail),
        lab.plugin("middle", dependencies=("secrets:root",)),
        lab.plugin("leaf", dependencies=("secrets:middle",)),
        lab.plugin("other"),
    )
    report = registry.startup()
    assert not report.ok
    assert lab.of(report, "other").ok
    root, leaf = lab.of(report, "root"), lab.of(report, "leaf")
    assert isinstance(root.cause, PluginStartupError)
    assert isinstance(root.cause.__cause__, ConnectionError)
    assert leaf.state is OutcomeState.SKIPPED
    assert leaf.message == (
        "needs secrets:middle, which was skipped: needs secrets:root, which failed to start: "
        "startup raised ConnectionError: refused"
    )
    chain = leaf.cause
    while chain is not None and chain.__cause__ is not None:
        chain = chain.__cause__
    assert isinstance(chain, ConnectionError)
    assert registry.state(SECRETS, "leaf") is PluginState.SKIPPED
    assert registry.state(SECRETS, "root") is PluginState.FAILED
    assert {str(problem.ref) for problem in registry.problems} == {"secrets:root", "secrets:middle", "secrets:leaf"}
    with pytest.raises(PluginStartupError):
        report.raise_for_failures()


def test_wrong_configuration_is_known_before_the_first_plugin_starts(lab: Any) -> None:
    class Schema(BaseModel):
        size: int

    registry = lab.registry(
        lab.plugin("a"),
        lab.plugin("b", config_schema=Schema),
        lab.plugin("c", config_schema=Schema),
        config={"plugins": {"secrets": {"b": {"size": "big"}, "c": {}}}},
    )
    with pytest.raises(PluginConfigurationError) as caught:
        registry.startup()
    assert {error.path for error in caught.value.errors} == {"plugins.secrets.b.size", "plugins.secrets.c.size"}
    assert lab.log == []
    assert registry.state(SECRETS, "b") is PluginState.FAILED
    assert {str(problem.ref) for problem in registry.problems} == {"secrets:b", "secrets:c"}


def test_a_broken_schema_fails_its_own_plugin_and_skips_what_needs_it(lab: Any) -> None:
    class Schema(BaseModel):
        def model_post_init(self, _context: object) -> None:
            raise RuntimeError

    registry = lab.registry(
        lab.plugin("a", config_schema=Schema), lab.plugin("b", dependencies=("secrets:a",)), lab.plugin("c")
    )
    report = registry.startup()
    assert lab.of(report, "a").stage is Stage.CONFIGURE
    assert isinstance(lab.of(report, "a").cause, PluginConfigurationError)
    assert lab.of(report, "b").message.startswith("needs secrets:a, which could not be configured")
    assert lab.log == ["+c"]


def test_a_start_that_returns_something_has_failed_and_is_shut_down(lab: Any) -> None:
    stopped = threading.Event()
    registry = lab.registry(lab.plugin("a", lambda _: False, lambda _: stopped.set()))
    outcome = registry.startup().outcomes[0]
    assert outcome.message == "startup returned an object of type bool, and must return None"
    assert stopped.wait(SOON)


def test_a_start_that_contains_a_yield_has_failed_without_having_run(lab: Any) -> None:
    def startup(_plugin: Any) -> Iterator[None]:
        lab.log.append("never")
        yield

    outcome = lab.registry(lab.plugin("a", startup)).startup().outcomes[0]
    assert "it contains a yield" in outcome.message
    assert lab.log == ["+a"]


def test_a_shutdown_that_raises_does_not_keep_the_others_from_stopping(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"), lab.plugin("b", None, lab.fail, dependencies=("secrets:a",)))
    registry.startup()
    report = registry.shutdown()
    assert lab.names(report) == ["b", "a"]
    assert isinstance(lab.of(report, "b").cause, PluginShutdownError)
    assert lab.of(report, "a").ok
    assert registry.state(SECRETS, "a") is PluginState.STOPPED
    assert registry.state(SECRETS, "b") is PluginState.FAILED


def test_shutdown_twice_stops_once(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    registry.startup()
    registry.shutdown()
    assert registry.shutdown().outcomes == ()
    assert lab.log == ["+a", "-a"]


def test_startup_twice_starts_once(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    registry.startup()
    again = registry.startup()
    assert again.ok
    assert again.outcomes[0].message == "it was started before"
    assert lab.log == ["+a"]


def test_start_of_one_plugin_starts_what_it_needs_and_stop_stops_what_needs_it(lab: Any) -> None:
    registry = lab.registry(
        lab.plugin("a"),
        lab.plugin("b", dependencies=("secrets:a",)),
        lab.plugin("c", dependencies=("secrets:b",)),
        lab.plugin("d", optional_dependencies=("secrets:a",)),
    )
    assert registry.start(SECRETS, "b").ok
    assert lab.log == ["+a", "+b"]
    registry.startup()
    assert registry.stop(SECRETS, "a").ok
    assert lab.log[-3:] == ["-c", "-b", "-a"]
    assert registry.state(SECRETS, "d") is PluginState.STARTED


def test_stopping_what_is_not_started_does_nothing_and_says_so(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    outcome = registry.stop(SECRETS, "a")
    assert outcome.ok
    assert "not started" in outcome.message
    with pytest.raises(PluginNotFoundError):
        registry.stop(SECRETS, "gone")


def test_a_plugin_whose_start_failed_can_be_started_later(lab: Any) -> None:
    down = [ConnectionError("refused")]

    def startup(_plugin: Any) -> None:
        if down:
            raise down.pop()

    registry = lab.registry(lab.plugin("a", startup), lab.plugin("b", dependencies=("secrets:a",)))
    assert not registry.startup().ok
    assert registry.start(SECRETS, "b").ok
    assert registry.problems == ()
    assert registry.state(SECRETS, "a") is PluginState.STARTED


def test_a_stopped_plugin_can_be_started_again(lab: Any) -> None:
    registry = lab.registry(lab.plugin("a"))
    for _ in range(2):
        assert registry.startup().ok
        assert registry.shutdown().ok
    assert lab.log == ["+a", "-a"] * 2
