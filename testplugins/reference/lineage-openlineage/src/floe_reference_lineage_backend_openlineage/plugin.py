"""OpenLineage events, to a server and to a file."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import attrs
from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator

from floe_plugins import HealthState, HealthStatus, LineageBackendPlugin, PluginError
from floe_reference_lineage_backend_openlineage._naming import namespace_of
from floe_reference_lineage_backend_openlineage._outbox import Outbox
from floe_reference_lineage_backend_openlineage._spool import Spool

if TYPE_CHECKING:
    from floe_plugins.hookspecs.lineage_backend import ParentRun
    from floe_reference_lineage_backend_openlineage._destinations import Destination

_log = logging.getLogger(__name__)

AbsolutePath = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]


class OpenLineageConfig(BaseModel):
    """The destinations of events, and what happens to events that cannot be sent."""

    url: str | None = Field(
        default=None, pattern=r"^https?://[^/@]+(/.*)?$", description="Server that takes OpenLineage events by HTTP"
    )
    endpoint: str = Field(default="api/v1/lineage", description="Where below the URL events are posted")
    token: SecretStr | None = Field(default=None, description="Bearer token for the server")
    file: AbsolutePath | None = Field(
        default=None, description="File to which each event is added as a line; of this process only"
    )
    namespace: str = Field(
        default="floe", min_length=1, description="Namespace of datasets whose name says nothing of where they are"
    )
    event_schema: AbsolutePath | None = Field(
        default=None, description="JSON Schema to check events against, such as OpenLineage.json of another version"
    )
    timeout: float = Field(default=5.0, gt=0, description="Seconds in which the server has to take an event")
    limit: int = Field(default=10_000, ge=1, description="Events that may wait while they cannot be sent")
    spool: AbsolutePath | None = Field(
        default=None, description="Directory that keeps each event from before emit returns until it was sent"
    )
    stop_timeout: float = Field(default=5.0, ge=0, description="Seconds to send what waits when the plugin stops")

    @model_validator(mode="after")
    def _somewhere(self) -> OpenLineageConfig:
        if self.url is None and self.file is None:
            message = "events have to go somewhere: url or file is needed, or both"
            raise ValueError(message)
        return self


@attrs.frozen
class Route:
    """One destination with its outbox, and the file that keeps unsent events between two runs."""

    destination: Destination
    outbox: Outbox
    spool: Spool | None
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False, eq=False, repr=False)

    def take(self, event: str) -> None:
        """Keep an event, and send it in the background."""
        # An event that is on disk and not yet waiting would be taken for one that was sent.
        with self._lock:
            if self.spool is not None:
                self.spool.add(event, all_sent=not self.outbox.state.waiting)
            self.outbox.put(event)


class OpenLineageBackend(LineageBackendPlugin):
    """Checks events at once, and sends them in the background, in the order of ``emit``.

    What cannot be sent is tried again, with pauses of up to 30 seconds; with ``spool``
    set, also by the next process, even if this one is killed. An event that a server refuses for good is
    given up, which is logged and counted by the health check.
    """

    name = "openlineage"
    version = "0.1.0"
    floe_api_version = "1.1"
    description = "OpenLineage events, to a server and to a file"
    config_schema = OpenLineageConfig
    config: OpenLineageConfig

    def __init__(self) -> None:
        self._routes: tuple[Route, ...] = ()

    def startup(self) -> None:
        from floe_reference_lineage_backend_openlineage._schema import EventSchema

        try:
            self._schema = EventSchema(self.config.event_schema)
        except ValueError as error:
            raise PluginError(str(error), hint="Correct plugins.lineage_backend.openlineage.event_schema") from error
        self._routes = tuple(self._route(*where) for where in self._destinations())

    def shutdown(self) -> None:
        until = time.monotonic() + self.config.stop_timeout
        routes, self._routes = self._routes, ()
        left = [route.outbox.close(until - time.monotonic()) for route in routes]
        for route, events in zip(routes, left, strict=True):
            route.destination.close()
            _keep(route, events)

    def health_check(self) -> HealthStatus:
        details: dict[str, object] = {}
        errors = []
        dropped = 0
        for route in self._routes:
            name, state = route.destination.name, route.outbox.state
            details[name] = {"waiting": state.waiting, "dropped": state.dropped}
            dropped += state.dropped
            try:
                route.destination.probe()
            except OSError as error:
                errors.append(f"{name}: {type(error).__name__}: {error}")
            else:
                # A connection alone does not say that events are taken.
                errors += [f"{name}: {state.error}"] if state.error and state.waiting else []
        if errors:
            return HealthStatus(HealthState.UNHEALTHY, f"events cannot be sent to {'; '.join(errors)}", details)
        if dropped:
            return HealthStatus(HealthState.DEGRADED, f"{dropped} events were dropped or refused", details)
        return HealthStatus(HealthState.HEALTHY, f"events go to {', '.join(details)}", details)

    def emit(self, event: Mapping[str, Any]) -> None:
        text = self._schema.text(event)
        for route in self._routes:
            route.take(text)

    def emit_dbt(self, artifacts: Mapping[str, Path], parent: ParentRun | None = None) -> int:
        from floe_reference_lineage_backend_openlineage._dbt import run_events

        texts = [self._schema.text(event) for event in run_events(artifacts, self.config.namespace, parent)]
        for text in texts:
            for route in self._routes:
                route.take(text)
        return len(texts)

    def flush(self, deadline: float) -> bool:
        until = time.monotonic() + deadline
        sent = [route.outbox.flush(until - time.monotonic()) for route in self._routes]
        return all(sent)

    def namespace(self, dataset: str) -> str:
        return namespace_of(dataset, self.config.namespace)

    def _destinations(self) -> list[tuple[str, Destination]]:
        from floe_reference_lineage_backend_openlineage._destinations import File, Server

        config = self.config
        destinations: list[tuple[str, Destination]] = []
        # The file first: it never keeps the other waiting.
        if config.file is not None:
            destinations.append(("file", File(config.file)))
        if config.url is not None:
            destinations.append(("server", Server(config.url, config.endpoint, config.token, config.timeout)))
        return destinations

    def _route(self, kind: str, destination: Destination) -> Route:
        spool = None if self.config.spool is None else Spool(self.config.spool / f"{kind}.jsonl")
        route = Route(destination, Outbox(destination.name, destination.send, self.config.limit), spool)
        if spool is not None:
            for event in spool.events():
                route.outbox.put(event)
        return route


def _keep(route: Route, left: tuple[str, ...]) -> None:
    """Write the unsent events to the spool, replacing its content."""
    if left:
        place = "are given up" if route.spool is None else f"are kept in {route.spool.path}"
        _log.error("%d events were not sent to %s and %s", len(left), route.destination.name, place)
    if route.spool is not None:
        route.spool.replace(left)
