"""Keep a platform running: launch its host anew when it ends, and let others ask how it is."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import attrs

from floe_plugins.cli.supervisor.ending import Ending
from floe_plugins.cli.supervisor.service_manager import ServiceManager
from floe_plugins.cli.supervisor.status_socket import StatusSocket
from floe_plugins.cli.supervisor.supervisor import Finished, Supervisor
from floe_plugins.cli.supervisor.view import SupervisorView
from floe_plugins.errors import PluginError

MAX_RESTARTS = 5
FIRST_PAUSE = 1.0
MAX_PAUSE = 30.0

# A host that ran for so many seconds counts as having worked: what follows is a new failure.
STEADY = 60.0

USAGE_ERROR = 2


@attrs.define(eq=False, kw_only=True)
class Service:
    """Runs the platform in a host, and launches it anew if that is wanted.

    Attributes:
        supervisor: Runs the hosts.
        view: What others are shown of the platform.
        say: Prints a line for the operator.
        restart: Whether a host that failed is launched anew.
        socket: Returns the path of the status socket; None for none.
        serve: Begins to serve over HTTP, given the view, and returns what ends that; None for not.
        show_ending: Prints why a host ended.
    """

    supervisor: Supervisor
    view: SupervisorView
    say: Callable[[str], object]
    restart: bool = False
    socket: Callable[[], Path] | None = None
    serve: Callable[[SupervisorView], Callable[[], object]] | None = None
    show_ending: Callable[[Ending], object] = id
    _manager: ServiceManager = attrs.field(factory=ServiceManager, init=False)
    _failures: int = attrs.field(default=0, init=False)

    def run(self, options: Mapping[str, Any]) -> Finished:
        """Run the platform until it ends by itself or by a signal, and return what it came to."""
        self.supervisor.on_tick = self._tick
        self.supervisor.on_hangup = None if _has_terminal() else self._begin_reload
        with self.supervisor.signals(), ExitStack() as stack:
            begun = time.monotonic()
            # The first host is forked: before there are threads.
            self.supervisor.begin("run", options)
            self._open(stack)
            while True:
                finished = self.supervisor.wait()
                if time.monotonic() - begun >= STEADY:
                    self._failures = 0
                if not self._is_to_restart(finished):
                    break
                begun = time.monotonic()
                self.view.restarts += 1
                self.view.publish_state("starting")
                self.supervisor.begin("run", options)
            self.view.publish_state("stopped")
            self._manager.notify(STOPPING=1)
        return finished

    def answer(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer a request that came through the status socket."""
        try:
            if request["event"] == "snapshot":
                return {"snapshot": self.view.snapshot()}
            if request["event"] == "health":
                timeout = request.get("seconds")
                seconds = timeout if isinstance(timeout, (int, float)) else 30.0
                return self.supervisor.ask("health", min(seconds, 3600.0) + 2, timeout=timeout)
            if request["event"] == "act":
                return {"outcome": self.view.act(str(request.get("action")), str(request.get("ref")))}
        except (PluginError, LookupError) as error:
            return {"error": {"message": str(error)}}
        return {"error": {"message": f"the request {request['event']!r} is not known"}}

    def _open(self, stack: ExitStack) -> None:
        if self.socket is not None:
            try:
                stack.callback(StatusSocket(self.socket(), self.answer).close)
            except PluginError as error:
                self.say(f"no status socket: {error}")
        if self.serve is not None:
            try:
                stack.callback(self.serve(self.view))
            except BaseException:
                if self.supervisor.monitor is not None:
                    self.supervisor.monitor.host.kill()
                raise

    def _is_to_restart(self, finished: Finished) -> bool:
        if finished.ending is not None:
            self.view.last_end = finished.ending.message
            self.view.publish_state("failed", finished.ending.message)
            self.show_ending(finished.ending)
        if finished.signal is not None or not finished.status or finished.status == USAGE_ERROR or not self.restart:
            return False
        self._failures += 1
        if self._failures > MAX_RESTARTS:
            self.say(f"the platform failed {self._failures} times in a row: giving up")
            return False
        pause = min(FIRST_PAUSE * 2 ** (self._failures - 1), MAX_PAUSE)
        self.say(f"starting the platform again in {pause:g} s (restart {self._failures} of {MAX_RESTARTS})")
        self._manager.notify(STATUS=f"restart {self._failures} in {pause:g} s")
        self.supervisor.pause(pause)
        return self.supervisor.received is None

    def _tick(self) -> None:
        self._manager.alive()
        if self.supervisor.received is not None:
            if self.view.phase != "stopping":
                self.view.publish_state("stopping")
            self._manager.notify(STOPPING=1)
        elif self.view.phase == "running":
            platform = self.view.snapshot()["platform"]
            self._manager.notify(READY=1, STATUS=f"running, {platform['health'] or 'health not known yet'}")

    def _begin_reload(self) -> None:
        threading.Thread(target=self._reload, name="floe reload", daemon=True).start()

    def _reload(self) -> None:
        self._manager.notify(RELOADING=1, MONOTONIC_USEC=time.monotonic_ns() // 1000)
        try:
            answer = self.supervisor.ask("reload", 600.0)
        except PluginError as error:
            answer = {"error": {"message": str(error)}}
        refused = answer.get("error")
        if refused is not None:
            answer = {"lines": [f"nothing was reloaded: {refused.get('text') or refused['message']}"]}
        for line in answer.get("lines", ()):
            self.say(str(line))


def _has_terminal() -> bool:
    """Return whether SIGHUP means that the terminal was closed; for a service, which has none, it means to reload."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return sys.stdin is not None and sys.stdin.isatty()
    return True
