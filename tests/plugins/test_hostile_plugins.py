"""Whatever a plugin's own classes do when they are looked at, the platform reports it and all others run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import support

from floe_plugins import (
    HealthState,
    HealthStatus,
    PluginError,
    PluginRef,
    PluginUnavailableError,
    SecretsPlugin,
)

GOOD, BAD = PluginRef.parse("secrets:good"), PluginRef.parse("secrets:bad")


def refuse(*_args: object, **_options: object) -> Any:
    raise RuntimeError("refused")


def raising(error: BaseException) -> Callable[..., Any]:
    def function(*_args: object) -> None:
        raise error

    return function


def only_once(value: object) -> property:
    """A property that answers at its first read alone."""
    answers = [value]
    return property(lambda _self: answers.pop())


class MuteError(Exception):
    __str__ = __repr__ = refuse


class Mute:
    __str__ = __repr__ = refuse


class MuteText(str):
    __slots__ = ()
    __eq__ = __str__ = __repr__ = refuse  # type: ignore[assignment]
    __hash__ = str.__hash__


class MuteList(list[str]):
    __iter__ = refuse


class MuteMapping(Mapping[str, object]):
    __getitem__ = __iter__ = refuse

    def __len__(self) -> int:
        return 1


def mute_status(_plugin: object) -> HealthStatus:
    """A status that refuses to be read, though not to be made."""

    class MuteStatus(HealthStatus):
        message = property(lambda _: refuse() if made else "", lambda *_: None)  # type: ignore[assignment]

    made: list[HealthStatus] = []
    made.append(MuteStatus(HealthState.HEALTHY))
    return made[0]


class Awaitable:
    def __init__(self, steps: Any) -> None:
        self.steps = steps

    def __await__(self) -> Any:
        return self.steps()


class RefusesCalls(type(SecretsPlugin)):  # type: ignore[misc]
    __call__ = raising(MuteError())


class Secrets(support.Secrets):
    name = "good"


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(levels):
        inner = {"inner": inner}
    return inner


def healthy(*details: Any) -> Callable[..., HealthStatus]:
    return lambda _self: HealthStatus(HealthState.HEALTHY, *details)


# Attributes of the class -> whether the plugin is refused, fails to start, is unhealthy, or is none the worse for it.
CASES: dict[str, tuple[dict[str, Any], str]] = {
    "making it raises what cannot be shown": ({"__init__": raising(MuteError())}, "refused"),
    "its name cannot be shown": ({"name": Mute()}, "refused"),
    "its name refuses to be compared": ({"name": MuteText("bad")}, "works"),
    "its name is read once": ({"name": only_once("bad")}, "works"),
    "its version cannot be shown": ({"version": Mute()}, "refused"),
    "its version refuses to be printed": ({"version": MuteText("1.0")}, "works"),
    "its version is read once": ({"version": only_once("1.0")}, "works"),
    "its API version cannot be shown": ({"floe_api_version": Mute()}, "refused"),
    "its API version refuses to be printed": ({"floe_api_version": MuteText("1.0")}, "works"),
    "its description cannot be shown": ({"description": Mute()}, "refused"),
    "its dependencies cannot be shown": ({"dependencies": (Mute(),)}, "refused"),
    "its dependencies cannot be counted": ({"dependencies": MuteList()}, "refused"),
    "its dependencies are read once": ({"dependencies": only_once(())}, "works"),
    "whether it wants the caller's thread cannot be read": ({"caller_thread": property(refuse)}, "refused"),
    "it refuses to be told its registry": ({"registry": property(lambda _self: None)}, "refused"),
    "it refuses every look": ({"__getattribute__": refuse}, "refused"),
    "it refuses to tell its class": ({"__class__": property(refuse)}, "refused"),
    "it refuses to show its attributes": ({"__dict__": property(refuse)}, "refused"),
    "it refuses assignments": ({"__setattr__": refuse}, "works"),
    "it refuses comparisons": ({"__eq__": refuse, "__hash__": refuse}, "works"),
    "it refuses to be shown": ({"__repr__": refuse, "__str__": refuse}, "works"),
    "it refuses to be true or counted": ({"__bool__": refuse, "__len__": refuse}, "works"),
    "its schema cannot be read": ({"config_schema": property(refuse)}, "fails"),
    "its schema cannot be shown": ({"config_schema": Mute()}, "fails"),
    "its deadlines cannot be read": ({"timeouts": property(refuse)}, "refused"),
    "its deadline cannot be shown": ({"timeouts": {"startup": Mute()}}, "refused"),
    "its start cannot be read": ({"startup": property(refuse)}, "fails"),
    "its start raises what cannot be shown": ({"startup": raising(MuteError())}, "fails"),
    "its start returns what cannot be shown": ({"startup": lambda _self: Mute()}, "fails"),
    "its start raises an error of ours that cannot be shown": ({"startup": raising(PluginError(Mute()))}, "fails"),  # type: ignore[arg-type]
    "its start tells a wait that is no number": (
        {"startup": raising(PluginUnavailableError("x", retry_after=Mute())), "timeouts": {"startup": 0.2}},  # type: ignore[arg-type]
        "fails",
    ),
    "its start refuses to be awaited": ({"startup": lambda _self: Awaitable(refuse)}, "fails"),
    "its start awaits nonsense": ({"startup": lambda _self: Awaitable(lambda: 3)}, "fails"),
    "its check cannot be read": ({"health_check": property(refuse)}, "unhealthy"),
    "its check raises what cannot be shown": ({"health_check": raising(MuteError())}, "unhealthy"),
    "its check returns what cannot be shown": ({"health_check": lambda _self: Mute()}, "unhealthy"),
    "its check refuses to be awaited": ({"health_check": lambda _self: Awaitable(refuse)}, "unhealthy"),
    "its health has an unknown state": ({"health_check": lambda _self: HealthStatus("splendid")}, "unhealthy"),  # type: ignore[arg-type]
    "its health says no text": ({"health_check": healthy(Mute())}, "unhealthy"),
    "its health cannot be read": ({"health_check": mute_status}, "unhealthy"),
    "its health has details that cannot be read": ({"health_check": healthy("", MuteMapping())}, "unhealthy"),
    "its health has parts that cannot be read": ({"health_check": healthy("", {"a": MuteMapping()})}, "works"),
    "its health has parts that cannot be shown": ({"health_check": healthy("", {"a": Mute()})}, "works"),
    "its health is deeply nested": ({"health_check": healthy("", nested(5000))}, "works"),
    "its stop cannot be read": ({"shutdown": property(refuse)}, "fails to stop"),
    "its stop raises what cannot be shown": ({"shutdown": raising(MuteError())}, "fails to stop"),
}


@pytest.mark.parametrize(("attributes", "becomes"), CASES.values(), ids=[name.replace(" ", "-") for name in CASES])
def test_a_plugin_that_resists_harms_itself_alone(attributes: dict[str, Any], becomes: str) -> None:
    assert outcome_of(type("Bad", (Secrets,), {"name": "bad", **attributes})) == becomes


def test_a_class_that_refuses_to_be_called_is_refused() -> None:
    assert outcome_of(RefusesCalls("Bad", (Secrets,), {})) == "refused"


def outcome_of(plugin: type[Any]) -> str:
    """What becomes of a plugin; checks that another one works beside it and that all reports can be printed."""
    registry = support.new_registry()
    registry.register(Secrets)
    refusals: list[str] = []
    try:
        registry.register(plugin)
    except PluginError as error:
        refusals.append(str(error))
    started, health, stopped = registry.startup(), registry.health(), registry.shutdown()
    for record in (started, health, stopped, *registry.infos(), *registry.problems):
        json.dumps(record.to_dict())
    for problem in registry.problems:
        assert str(problem)
    assert health.statuses.pop(GOOD).state is HealthState.HEALTHY  # type: ignore[attr-defined]
    up, down = ({each.ref: each.ok for each in report.outcomes} for report in (started, stopped))
    assert up.pop(GOOD)
    assert down.pop(GOOD)
    if refusals:
        assert (up, down, health.statuses) == ({}, {}, {})
        return "refused"
    if not up[BAD]:
        return "fails"
    if not down[BAD]:
        return "fails to stop"
    return "works" if health.statuses[BAD].state is HealthState.HEALTHY else "unhealthy"


@pytest.mark.parametrize("answer", [True, SystemExit("no")])
def test_a_class_that_answers_for_others_what_they_derive_from_harms_none(answer: object) -> None:
    answers = [answer]  # none at the end: the category class keeps asking what derives from it

    def asked(*_args: object) -> object:
        for each in answers:
            if isinstance(each, BaseException):
                raise each
            return each
        return NotImplemented

    registry = support.new_registry()
    try:
        registry.register(support.named("bad", __subclasshook__=classmethod(asked)), support.named("good"))
        with pytest.raises(PluginError, match="is no SecretsPlugin"):
            registry.register(support.named("odd", __new__=lambda _cls: "no plugin"))
        assert [outcome.ref for outcome in registry.startup().outcomes if outcome.ok] == [BAD, GOOD]
        assert registry.get(SecretsPlugin, "good").name == "good"
    finally:
        answers.clear()
        registry.shutdown()
