"""Say why a host ended without a result: which plugin's code did it, whose that is, and what to do."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from floe_plugins.cli import program
from floe_plugins.cli.supervisor.interpreter_lock import LockUse
from floe_plugins.cli.supervisor.stacks import Frame, Stack, parse
from floe_plugins.cli.supervisor.state import HostState, PluginCall

_WHEN = {
    "load": "while being loaded",
    "configure": "while its configuration was validated",
    "start": "while starting",
    "check": "in its health check",
    "stop": "while stopping",
}


_UNKNOWN = LockUse()


@attrs.frozen(kw_only=True)
class Ending:
    """The end of a host.

    >>> ending = Ending(how="ended the host by os._exit(0)", refs=("secrets:acme",), stage="load")
    >>> ending.message
    'secrets:acme ended the host by os._exit(0) while being loaded'

    Attributes:
        how: What the code did to the host: "crashed the host by signal 11 (SIGSEGV)".
        refs: The plugins whose code did it; several if it is not known which of them.
        stage: The stage of the call that did it; empty for code that ran outside of any call.
        distribution: Of the plugin, if it is one.
        frames: Where that code was, the innermost frame first.
        own: Those of the frames that are in the plugin's own code.
        stacks: The text that the process left behind.
        unknown: Who did it, if no plugin is known.
        then: What became of the host, where that needs to be told.
    """

    how: str
    refs: tuple[str, ...] = ()
    stage: str = ""
    distribution: str | None = None
    frames: tuple[Frame, ...] = ()
    own: tuple[Frame, ...] = ()
    stacks: str = ""
    unknown: str = "something that is no plugin's code"
    then: str = ""

    @property
    def message(self) -> str:
        """One line that says what happened."""
        who = " or ".join(self.refs) or self.unknown
        when = _WHEN.get(self.stage, "in the background") if self.refs and (self.stage or not self.then) else ""
        return f"{who} {self.how} {when}".rstrip(" ,") + self.then

    @property
    def hint(self) -> str:
        """Advice for the operator."""
        if not self.refs:
            return f"Run it again with -v for the stacks; '{program.name()} doctor' tries each plugin by itself."
        first = self.refs[0]
        return f"Try '{program.name()} doctor {first}', leave it out with --disable {first}, or tell its author."

    @property
    def where(self) -> Frame | None:
        """The innermost frame in the plugin's own code, or the innermost of all."""
        return next((frame for frame in self.frames if frame in self.own), next(iter(self.frames), None))

    def to_dict(self) -> dict[str, object]:
        """Return the facts as JSON data."""
        return {
            "type": "HostEnded",
            "message": self.message,
            "hint": self.hint,
            "ref": self.refs[0] if len(self.refs) == 1 else None,
            "refs": list(self.refs),
            "stage": self.stage or None,
            "distribution": self.distribution,
            "frames": [str(frame) for frame in self.frames],
        }


def explain(  # noqa: PLR0913 what an end is explained by; the rest is keyword-only
    state: HostState,
    status: int | None,
    stacks: str,
    *,
    silent: float | None = None,
    still: float | None = None,
    over: float | None = None,
    lock_use: LockUse = _UNKNOWN,
) -> Ending:
    """Return how a host ended. Where several plugins may have done it, all of them are named.

    Args:
        state: What was known of it.
        status: How it ended, as ``os.waitstatus_to_exitcode`` says it.
        stacks: What it wrote in the end.
        silent: For how many seconds it had not answered, if it was ended for that.
        still: For how many seconds nothing had happened in it, if it was ended for that.
        over: How many seconds it was allowed to take, if it was ended because they were over.
        lock_use: What its threads did then.
    """
    threads = parse(stacks)
    if still is not None:
        return _explain_standstill(state, threads, still, stacks)
    if over is not None:
        how, suspects = f"did not end within {over:g} s", _hung_by(state, threads, lock_use)
    elif silent is None:
        how, suspects = _describe(status, state), _ended_by(state, threads)
    else:
        how, suspects = f"kept the host from answering for {silent:.1f} s", _hung_by(state, threads, lock_use)
    refs = tuple(dict.fromkeys(suspects.refs))
    stages = {call.stage for call in suspects.calls}
    return Ending(
        how=how,
        refs=refs,
        stage=stages.pop() if len(stages) == 1 else "",
        distribution=state.plugin(refs[0]).distribution if len(refs) == 1 else None,
        frames=suspects.frames,
        own=tuple(frame for frame in suspects.frames if _owner(state, [frame]) in refs),
        stacks=stacks,
    )


def _explain_standstill(state: HostState, threads: Sequence[Stack], seconds: float, stacks: str) -> Ending:
    suspects = state.standstill.suspects
    refs = tuple(dict.fromkeys(ref for ref, _ in suspects))
    stages = {stage for _, stage in suspects}
    under_way = [call for call in state.calls if (call.ref, call.stage) in suspects]
    of_call = {each.thread: each.frames for each in threads}
    frames = of_call.get(under_way[0].thread, ()) if len(under_way) == 1 else ()
    return Ending(
        how="did not end in time" if under_way else "ran last",
        refs=refs,
        stage=stages.pop() if len(stages) == 1 else "",
        distribution=state.plugin(refs[0]).distribution if len(refs) == 1 else None,
        frames=frames,
        own=tuple(frame for frame in frames if _owner(state, [frame]) in refs),
        stacks=stacks,
        then=f", and then nothing happened in the host for {seconds:g} s",
    )


def explain_signal(state: HostState, signalled: Mapping[str, Any]) -> Ending:
    """Return how a host ended that was stopped by a signal which its supervisor did not send.

    The plugins whose code ran then are named: a signal does not tell who sent it.
    """
    calls = list(signalled.get("calls") or ())
    refs = tuple(dict.fromkeys(str(call["ref"]) for call in calls))
    stages = {str(call["stage"]) for call in calls}
    return Ending(
        how=f"sent {signalled.get('signal')} to the host, or another process did,",
        refs=refs,
        stage=stages.pop() if len(stages) == 1 else "",
        distribution=state.plugin(refs[0]).distribution if len(refs) == 1 else None,
        unknown="code in the background",
    )


@attrs.frozen
class _Suspects:
    """Calls that may have ended the host, or the plugin whose code did it outside of any; and where."""

    calls: tuple[PluginCall, ...] = ()
    owner: str | None = None
    frames: tuple[Frame, ...] = ()

    @property
    def refs(self) -> tuple[str, ...]:
        return tuple(call.ref for call in self.calls) if self.owner is None else (self.owner,)


def _describe(status: int | None, state: HostState) -> str:
    if state.exiting is not None:
        return f"ended the host by os._exit({state.exiting.get('status')})"
    if status is None:
        return "ended the host"
    if status >= 0:
        return f"ended the host with status {status}, before it had a result,"
    number = -status
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "unknown"
    more = "; the system may have run out of memory" if number == getattr(signal, "SIGKILL", 9) else ""
    return f"crashed the host by signal {number} ({name}){more}"


def _ended_by(state: HostState, threads: Sequence[Stack]) -> _Suspects:
    if state.exiting is not None:
        return _on_thread(state, state.exiting.get("thread"), state.exit_frames)
    current = next((each for each in threads if each.is_current), None)
    if current is not None:
        return _on_thread(state, current.thread, current.frames)
    return _Suspects(tuple(state.calls))


def _on_thread(state: HostState, thread: object, frames: tuple[Frame, ...]) -> _Suspects:
    call = next((each for each in reversed(state.calls) if each.thread == thread), None)
    if call is not None:
        return _Suspects((call,), frames=frames)
    return _Suspects(owner=_owner(state, frames), frames=frames)


def _hung_by(state: HostState, threads: Sequence[Stack], lock_use: LockUse) -> _Suspects:
    """Return the calls that may keep all other threads from running, or the plugin that does so in the background."""
    stacks = {each.thread: each.frames for each in threads}
    of_calls = {call.thread for call in state.calls}
    spinning = [call for call in state.calls if call.native == lock_use.keeper]
    if lock_use.keeper is not None and spinning:
        return _Suspects((spinning[-1],), frames=stacks.get(spinning[-1].thread, ()))
    # Who waits has released the interpreter; the one that keeps it is inside of something else.
    awake = [each for each in threads if each.frames and not _waits(each.frames[0])]
    if lock_use.keeper is None:
        asleep = {each.thread for each in threads} - {each.thread for each in awake}
        calls = [each for each in state.calls if each.thread not in asleep and each.native not in lock_use.waiting]
        if calls:
            return _Suspects(tuple(calls), frames=stacks.get(calls[0].thread, ()) if len(calls) == 1 else ())
    for each in awake:
        owner = _owner(state, each.frames)
        if owner is not None and each.thread not in of_calls:
            return _Suspects(owner=owner, frames=each.frames)
    return _Suspects(tuple(state.calls), frames=stacks.get(state.calls[0].thread, ()) if len(state.calls) == 1 else ())


_WAITING = frozenset(
    {"wait", "acquire", "__enter__", "select", "poll", "sleep", "_wait_for_tstate_lock", "_wait", "_next", "read"}
)


def _waits(frame: Frame) -> bool:
    name = os.path.basename(frame.file)  # noqa: PTH119 the file may lie on another kind of system
    ours = f"floe_plugins{os.sep}" in frame.file
    return frame.function in _WAITING and (
        ours or name in {"threading.py", "selectors.py", "queue.py", "subprocess.py"}
    )


def _owner(state: HostState, frames: Iterable[Frame]) -> str | None:
    """Return the plugin whose code a stack is in: that of the innermost frame that lies in a plugin's place."""
    for frame in frames:
        for facts in list(state.plugins.values()):
            if any(frame.file == place or frame.file.startswith(place + os.sep) for place in facts.places):
                return facts.ref
    return None
