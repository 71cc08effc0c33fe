"""The host process: its streams, its signals, its last words, and its end."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import importlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING, Any

import attrs

from floe_plugins.cli.host.channel import Channel
from floe_plugins.errors import PluginConfigurationError, PluginError

if TYPE_CHECKING:
    from floe_plugins.cli.host.session import Session

PROBLEMS_FOUND, USAGE_ERROR = 1, 2

# Seconds without a heartbeat after which a host ends itself.
STUCK = 30.0

# Of a stack, as much as faulthandler tells: its innermost frames, and the beginning of long names.
MAX_FRAMES = 100
MAX_NAME = 500

# What stops the platform.
_INTERRUPTS = (signal.SIGINT, signal.SIGTERM)

_leave = os._exit


@attrs.frozen
class Result:
    """The result of a job.

    Attributes:
        document: The facts, as JSON data.
        status: The exit status of the command.
        lines: What a person reads besides tables of these facts.
    """

    document: Mapping[str, Any]
    status: int = 0
    lines: tuple[str, ...] = ()


def serve(  # noqa: PLR0913, PLR0917 the job and its descriptors, as they are handed to a new interpreter
    job: str, options: Mapping[str, Any], events: int, requests: int, stacks: int, output: int = 2
) -> int:
    """Run a job in this process, which is the host, and return its exit status.

    Args:
        job: The name of the job, which is that of a module in ``floe_plugins.cli.host.jobs``.
        options: The options of the command, as JSON data.
        events: The descriptor to which events are written.
        requests: The descriptor from which requests are read.
        stacks: The descriptor to which the stacks of all threads are written if the process ends abruptly.
        output: The descriptor to which the process prints.
    """
    _separate(stacks, output)
    channel = Channel(events, requests, _Watchdog(stacks))
    _trace_exit(channel)
    from floe_plugins.cli.host.session import Session

    session = Session(channel, options)
    interruption = _Interruption(session)
    session.handlers["stop"] = interruption.ask
    channel.open(session.receive, interruption.leave)
    status = _run(job, session, interruption)
    os._exit = _leave  # its own end may use it
    with contextlib.suppress(AttributeError, OSError, ValueError):  # a plugin may have closed them
        sys.stdout.flush()
    with contextlib.suppress(AttributeError, OSError, ValueError):
        sys.stderr.flush()
    if session.busy:
        # Native code that still runs can abort the interpreter's own shutdown.
        _leave(status)
    return status


def _run(job: str, session: Session, interruption: _Interruption) -> int:
    try:
        result: Result = importlib.import_module(f"floe_plugins.cli.host.jobs.{job}").run(session)
    except PluginError as error:
        status = USAGE_ERROR if isinstance(error, PluginConfigurationError) else PROBLEMS_FOUND
        session.channel.send("error", error=session.describe(error), status=status)
        return status
    except KeyboardInterrupt:
        interruption.tell()
        session.channel.send("interrupted")
        return PROBLEMS_FOUND
    interruption.tell()
    document = {"warnings": session.warnings, **result.document}
    session.channel.send("result", document=document, status=result.status, lines=result.lines)
    return result.status


class _Watchdog:
    """Ends the process if it does not come to its heartbeats for long: its supervisor, which does so, may be gone.

    The timer of ``faulthandler`` does not need the interpreter's lock.
    """

    def __init__(self, stacks: int) -> None:
        self._stacks = stacks
        self._next = 0.0

    def __call__(self) -> None:
        now = time.monotonic()
        if now >= self._next:
            self._next = now + STUCK / 6
            faulthandler.dump_traceback_later(STUCK, exit=True, file=self._stacks)


def _separate(stacks: int, output: int) -> None:
    """Part from the terminal's signals and from standard output; arrange for the last words."""
    with contextlib.suppress(AttributeError, OSError):
        # Ctrl-C is for the supervisor, which can then stop the platform in order, and end what plugins forked.
        os.setpgid(0, 0)
    gc.set_threshold(700, 10, 10)  # the supervisor collects less often, since it ends soon
    with contextlib.suppress(OSError):  # there may be no /dev; then it reads what the supervisor does
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    with contextlib.suppress(OSError):
        os.dup2(output, 1)
        os.dup2(output, 2)
    faulthandler.enable(stacks, all_threads=True)
    for number in _INTERRUPTS:
        signal.signal(number, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        # It is for the supervisor. Not SIG_IGN, which the programs that plugins start would inherit.
        signal.signal(signal.SIGHUP, _ignore)


def _ignore(_number: int, _frame: FrameType | None) -> None:
    pass


def _trace_exit(channel: Channel) -> None:
    """Have ``os._exit`` tell who calls it: it leaves no other trace."""
    host = os.getpid()

    def traced_exit(status: int) -> None:
        if os.getpid() == host:
            frames: list[tuple[str, int, str]] = []
            frame = sys._getframe(1)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] traceback would have to be imported
            while frame is not None and len(frames) < MAX_FRAMES:
                code = frame.f_code
                frames.append((code.co_filename[:MAX_NAME], frame.f_lineno, code.co_name[:MAX_NAME]))
                frame = frame.f_back  # type: ignore[assignment]
            channel.send("exiting", status=status, thread=threading.get_ident(), frames=frames)
        _leave(status)

    os._exit = traced_exit  # type: ignore[assignment]


class _Interruption:
    """Interrupts the main thread if the supervisor asks, and knows if somebody else did, by a signal."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._is_asked = False
        self._unasked: Mapping[str, Any] | None = None
        for number in _INTERRUPTS:
            signal.signal(number, self._receive)

    def ask(self, _message: object = None) -> dict[str, Any]:
        """Have the main thread stop the platform and end."""
        self._is_asked = True
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        else:
            import _thread

            _thread.interrupt_main()
        return {}

    def leave(self) -> None:
        """Do the same where nobody is left who could end a host that stands still meanwhile: it ends itself then."""
        try:
            self.ask()
            self._session.wait_for_standstill(STUCK)
        finally:
            # Also where there is no memory to go on.
            _leave(PROBLEMS_FOUND)

    def tell(self) -> None:
        """Tell the supervisor of the signal that stopped the platform, if it did not ask for that."""
        if self._unasked is not None:
            self._session.channel.send("signalled", **self._unasked)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if not self._is_asked and self._unasked is None:
            # To be sent later: the channel may be in use by what this interrupts.
            self._unasked = {"signal": signal.Signals(number).name, "calls": self._session.calls()}
        raise KeyboardInterrupt
