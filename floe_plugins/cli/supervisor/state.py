"""The state of a host, from its events."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from floe_plugins.cli.supervisor.stacks import Frame
from floe_plugins.cli.supervisor.standstill import Standstill


@attrs.define(eq=False)
class PluginCall:
    """Code of a plugin that runs. Times are of ``time.monotonic``.

    Attributes:
        ref: The plugin, as text.
        stage: The stage of the call, such as ``start``.
        begun: When it began.
        thread: The ident of the thread that makes it.
        timeout: The seconds that it may take; None if the host does not say so, or there is no limit.
        native: The id that the system has for that thread.
    """

    ref: str
    stage: str
    thread: int
    begun: float
    timeout: float | None = None
    native: int | None = None

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self.begun

    @property
    def deadline(self) -> float | None:
        """When it has to have ended, by the same clock; None without a timeout."""
        return None if self.timeout is None else self.begun + self.timeout


@attrs.define(eq=False)
class PluginFacts:
    """The facts that the host sent about one plugin.

    Attributes:
        ref: The plugin, as text.
        distribution: Name, version and place of its distribution; None if it has none, or none was named yet.
        places: The files and folders of its code, once it is imported.
        state: The state that was told last, such as ``started``; empty before.
        reason: Why it is in its state, or is attempted again.
        retries: How often its start was attempted again.
    """

    ref: str
    distribution: str | None = None
    places: Sequence[str] = ()
    state: str = ""
    reason: str = ""
    retries: int = 0


@attrs.define(eq=False)
class HostState:
    """The state of one host. Changed by one thread; others may look.

    Attributes:
        calls: The calls under way, in the order in which they began.
        plugins: What is known of each plugin, by ref.
        heard: When the host was heard of last, by ``time.monotonic``.
        begun: When code of a plugin ran first, by the same; None before.
        protocol: The version of the protocol that the host speaks; None before its first message.
        exiting: The call of ``os._exit`` that ends the host: its status, its thread and its frames.
        signalled: The signal that stopped the platform although nobody asked the host to stop, and the calls that were
            under way then, or had just ended.
        outcome: The message by which the host ended its work: "result", "error" or "interrupted".
        standstill: Whether anything happens in the host that could be waited for.
    """

    calls: list[PluginCall] = attrs.field(factory=list)
    plugins: dict[str, PluginFacts] = attrs.field(factory=dict)
    heard: float = attrs.field(factory=time.monotonic)
    begun: float | None = None
    protocol: int | None = None
    exiting: Mapping[str, Any] | None = None
    signalled: Mapping[str, Any] | None = None
    outcome: Mapping[str, Any] | None = None
    standstill: Standstill = attrs.field(factory=Standstill)

    def apply(self, message: Mapping[str, Any]) -> None:
        """Take note of a message."""
        self.heard = time.monotonic()
        event = message["event"]
        self.standstill.apply(message, self.heard)
        if event in {"result", "error", "interrupted"}:
            self.outcome = message
        elif event == "exiting":
            self.exiting = message
        elif event == "signalled":
            self.signalled = message
        elif event == "hello":
            self.protocol = message.get("protocol")
        elif event in _PLUGIN_EVENTS:
            ref = message.get("ref")
            if isinstance(ref, str):
                _PLUGIN_EVENTS[event](self, self.plugin(ref), message)

    def plugin(self, ref: str) -> PluginFacts:
        """Return what is known of a plugin; of one that was never heard of, that is nothing but its ref."""
        return self.plugins.setdefault(ref, PluginFacts(ref))

    @property
    def silence(self) -> float:
        """Seconds since the host was heard of."""
        return time.monotonic() - self.heard

    @property
    def exit_frames(self) -> tuple[Frame, ...]:
        """The frames of the call of ``os._exit``, the innermost first."""
        return tuple(Frame(*frame) for frame in (self.exiting or {}).get("frames", ()))


def _call_begun(state: HostState, facts: PluginFacts, message: Mapping[str, Any]) -> None:
    stage, thread, timeout = message.get("stage", ""), message.get("thread", 0), message.get("timeout")
    call = PluginCall(facts.ref, stage, thread, time.monotonic(), timeout, message.get("native"))
    state.calls.append(call)
    state.begun = state.begun or call.begun


def _call_ended(state: HostState, facts: PluginFacts, message: Mapping[str, Any]) -> None:
    for call in reversed(state.calls):
        if (call.ref, call.stage, call.thread) == (facts.ref, message.get("stage"), message.get("thread")):
            state.calls.remove(call)
            return


def _changed(_state: HostState, facts: PluginFacts, message: Mapping[str, Any]) -> None:
    facts.state, facts.reason = message.get("state", ""), message.get("reason", "")


def _retried(_state: HostState, facts: PluginFacts, message: Mapping[str, Any]) -> None:
    facts.retries += 1
    facts.reason = message.get("reason", "")


def _introduced(_state: HostState, facts: PluginFacts, message: Mapping[str, Any]) -> None:
    facts.distribution = message.get("distribution")
    facts.places = message.get("places") or facts.places


_PLUGIN_EVENTS: Mapping[str, Callable[[HostState, PluginFacts, Mapping[str, Any]], None]] = {
    "call_begun": _call_begun,
    "call_ended": _call_ended,
    "state": _changed,
    "retry": _retried,
    "plugin": _introduced,
}
