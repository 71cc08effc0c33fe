"""The session of a job in the host: it makes the registry, and tells the supervisor what happens in it."""

from __future__ import annotations

import logging
import math
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from floe_plugins.cli import program
from floe_plugins.cli.help_texts import variables
from floe_plugins.cli.host.channel import Channel
from floe_plugins.cli.host.tracebacks import frames_of, frames_of_issue
from floe_plugins.cli.protocol import describe, describe_record
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.standard_input import taken_over
from floe_plugins.core.log import log
from floe_plugins.core.platform import Platform
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import describe_error, type_name
from floe_plugins.core.state import PluginState
from floe_plugins.errors import PluginConfigurationError, PluginError
from floe_plugins.registry.facade import PluginRegistry
from floe_plugins.reporting.unused_switches import unused_switches

if TYPE_CHECKING:
    from floe_plugins.configuration.issues import ConfigurationIssue
    from floe_plugins.core.event import PluginEvent
    from floe_plugins.core.problem import Problem
    from floe_plugins.core.report import HealthReport

# How often -v has to be given for tracebacks.
TRACEBACKS = 2

# Seconds after its end in which a call may have sent the signal that the main thread gets.
JUST_ENDED = 0.05

Handler = Callable[[Mapping[str, Any]], Mapping[str, Any]]


class Session:
    """One job's work in the host.

    Attributes:
        channel: The way to the supervisor.
        options: The options of the command, as JSON data.
        platform: Whose plugins they are.
        handlers: What answers the supervisor's requests, by the name of the command.
        warnings: Warnings about switches that do nothing, once there is a registry.
        observers: Called with each event of a plugin, on the thread and at the moment at which it happens.
    """

    def __init__(self, channel: Channel, options: Mapping[str, Any]) -> None:
        self.channel = channel
        self.options = options
        # A host may be another interpreter, which learns here whose it is.
        self.platform = Platform.from_dict(options["platform"]) if "platform" in options else program.platform()
        program.use(self.platform)
        self.handlers: dict[str, Handler] = {}
        self.warnings: list[str] = []
        self.observers: list[Callable[[PluginEvent], object]] = []
        self._registries: list[PluginRegistry] = []
        self._introduced: set[PluginRef] = set()
        self._calls: dict[tuple[str, Any, int | None], float] = {}
        self._moved = time.monotonic()
        self._ended: deque[tuple[str, Any, float]] = deque(maxlen=8)

    def registry(
        self, *, autoload: str | None = None, file: str | None = None, tells_warnings: bool = True
    ) -> PluginRegistry:
        """Create the configured registry; its events are sent to the supervisor.

        ``autoload`` overrides the configuration, and ``no_plugins`` overrides both. With ``tells_warnings``, the
        operator is warned at once of switches that do nothing.

        Raises:
            PluginConfigurationError: The configuration cannot be read.
        """
        self._log()
        autoload = "none" if self.options.get("no_plugins") else autoload
        try:
            registry = PluginRegistry(
                file or self._given() or self.options.get("config"),
                autoload=autoload,
                disable=self.options.get("disable") or (),
                platform=self.platform,
            )
        except ValueError as error:
            if isinstance(error, PluginError):
                raise
            raise PluginConfigurationError(f"invalid value for --disable: {error}") from None
        self._registries.append(registry)
        registry._store.events.observe(lambda event: self._tell(registry, event))  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] the word must be out before plugin code runs
        self.warnings = unused_switches(registry, os.environ, variables(registry.platform))
        if self.warnings and tells_warnings:
            self.report("warnings", {"warnings": self.warnings})
        return registry

    def _given(self) -> Configuration | None:
        """Return the configuration that the supervisor has read from standard input."""
        given = self.options.get("given")
        if given is None:
            return None
        source = taken_over(given["descriptor"], given["suffix"])
        return load(source, collect=True, platform=self.platform)

    @property
    def busy(self) -> bool:
        """Whether plugin code is running still."""
        return any(registry.busy for registry in self._registries)

    def calls(self) -> list[dict[str, Any]]:
        """Return the calls of plugin code that are under way, or have just ended, as JSON data; also amid an interrupt.

        The main thread learns of a signal some milliseconds after it was sent.
        """
        after = time.monotonic() - JUST_ENDED
        ended = [(ref, stage) for ref, stage, when in list(self._ended) if when > after]
        calls = [*ended, *((ref, stage) for ref, stage, _ in list(self._calls))]
        return [{"ref": ref, "stage": stage} for ref, stage in calls]

    def wait_for_standstill(self, seconds: float) -> None:
        """Return when for so many seconds from now on nothing has happened, and no call was within its deadline."""
        self._moved = time.monotonic()
        while time.monotonic() - max([self._moved, *self._calls.copy().values()]) < seconds:
            time.sleep(min(seconds, 1))

    def receive(self, message: Mapping[str, Any]) -> None:
        """Answer a request of the supervisor."""
        handler = self.handlers.get(message["event"])
        try:
            answer = {} if handler is None else handler(message)
            if handler is None:
                answer = {"error": {"message": f"the host does not know the request {message['event']!r}"}}
        except PluginError as error:
            answer = {"error": self.describe(error)}
        except Exception as error:  # noqa: BLE001 whoever asked must not wait for an answer that never comes
            log("error", "the request %s failed with %s", message["event"], describe_error(error))
            answer = {"error": {"message": f"the request failed with {type_name(error)}"}}
        self.channel.send("reply", id=message.get("id"), answer=answer)

    def report(self, name: str, document: Mapping[str, Any]) -> None:
        """Tell the supervisor of a step of the job that is done."""
        self.channel.send("report", name=name, document=document)

    def describe(self, error: PluginError) -> dict[str, Any]:
        """Return an error as JSON data."""
        traceback = {"traceback": frames_of(error)} if self._has_tracebacks else {}
        return {**describe(error), **traceback}

    def problems(self, problems: Iterable[Problem]) -> list[dict[str, Any]]:
        """Return problems as JSON data; with ``-vv``, each with the frames of its traceback."""
        if not self._has_tracebacks:
            return [problem.to_dict() for problem in problems]
        return [{**problem.to_dict(), "traceback": frames_of(problem.cause)} for problem in problems]

    def issues(self, issues: Iterable[ConfigurationIssue]) -> list[dict[str, Any]]:
        """Return issues as JSON data; with ``-vv``, each with the frames in which the schema's code raised."""
        if not self._has_tracebacks:
            return [issue.to_dict() for issue in issues]
        return [{**issue.to_dict(), "traceback": frames_of_issue(issue)} for issue in issues]

    def health(self, registry: PluginRegistry, report: HealthReport) -> dict[str, Any]:
        """Return a health report as JSON data, each status with whose the plugin is.

        With ``-vv``, where a check, a start or a schema raised, the frames of its traceback are there.
        """
        facts = report.to_dict()
        entries = registry._store.entries()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] the host is part of the platform
        for ref in report.statuses:
            entry, status = entries.get(ref), facts["statuses"][str(ref)]
            status["distribution"] = entry.distribution if entry else None
            if entry is not None and self._has_tracebacks:
                check: Any = entry.check
                raised = check.exception() if check is not None and check.done() else None
                frames = frames_of(raised or entry.error)
                status.update({"traceback": frames} if frames else {})
        return facts

    @property
    def _has_tracebacks(self) -> bool:
        return int(self.options.get("verbose") or 0) >= TRACEBACKS

    def _tell(self, registry: PluginRegistry, event: PluginEvent) -> None:
        ref = event.ref
        self._moved = time.monotonic()
        is_loaded = event.state is PluginState.LOADED
        if ref is not None and (is_loaded or (event.kind == "call_begun" and ref not in self._introduced)):
            self._introduced.add(ref)
            self.channel.send("plugin", ref=str(ref), **_facts(registry, ref))
        facts = {name: value for name, value in event.to_dict().items() if value is not None and name != "kind"}
        if ref is not None and event.kind == "call_begun":
            self._calls[str(ref), facts.get("stage"), event.thread] = self._moved + (event.timeout or math.inf)
        elif event.kind == "call_ended":
            self._calls.pop((str(ref), facts.get("stage"), event.thread), None)
            self._ended.append((str(ref), facts.get("stage"), time.monotonic()))
        if event.thread is not None:
            facts["native"] = threading.get_native_id()  # this is the thread of the call
        self.channel.send(event.kind, **facts)
        for observer in self.observers:
            observer(event)

    def _log(self) -> None:
        logger = logging.getLogger("floe_plugins")
        if not self._registries:
            logger.addHandler(_ChannelHandler(self.channel))
        logger.propagate = False
        logger.setLevel(logging.INFO)


class _ChannelHandler(logging.Handler):
    """Hands log records to the supervisor, which is the only one that writes to the terminal."""

    def __init__(self, channel: Channel) -> None:
        super().__init__()
        self._channel = channel

    def emit(self, record: logging.LogRecord) -> None:
        self._channel.send("log", **describe_record(record))


def _facts(registry: PluginRegistry, ref: PluginRef) -> dict[str, Any]:
    """Return whose a plugin is and where its code lies: before it is imported, where an installer puts it."""
    candidate = next((each for each in registry.discover().candidates if each.ref == ref), None)
    if candidate is None:
        return {"distribution": None, "places": []}
    module = candidate.value.partition(":")[0].strip()
    top = module.partition(".")[0]
    places = [place for place in (_place(module), _place(top)) if place is not None]
    if not places:
        installed = os.path.join(os.path.dirname(candidate.distribution.path), top)  # noqa: PTH118, PTH120 the tracebacks' spelling
        places = [installed, f"{installed}.py"]
    return {"distribution": str(candidate.distribution), "places": list(dict.fromkeys(places))}


def _place(name: str) -> str | None:
    """Return the folder of a package or the file of a module; None if it has none. None of its code runs."""
    module = sys.modules.get(name)
    # It may have replaced itself by anything, or have a __getattr__ that raises anything.
    known = module.__dict__ if type(module) is ModuleType else {}
    paths = known.get("__path__")
    found = paths[0] if type(paths) is list and paths else known.get("__file__")
    return found if type(found) is str else None
