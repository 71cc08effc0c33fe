"""A correct lineage backend keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import collections
import contextlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

import faulty_flushes
import pytest
from conformance_suite import broken, conformance, own_rules

from floe_plugins import LineageBackendPlugin
from floe_plugins.testing import LineageBackendConformance

REQUIRED = {
    "": ("eventTime", "producer", "schemaURL", "run", "job"),
    "run": ("runId",),
    "job": ("namespace", "name"),
}
STATES = ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")


class Server:
    """Where events go."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.up = threading.Event()
        self.up.set()

    def take(self, line):
        if not self.up.is_set():
            raise ConnectionError("the server does not answer")
        self.lines.append(line)


class DemoLineage(LineageBackendPlugin):
    name = "demo"
    version = "1.0"
    floe_api_version = "1.0"
    server: Server
    required = REQUIRED
    states = STATES

    def startup(self):
        self.waiting = collections.deque()
        self.lock = threading.Lock()

    def emit(self, event):
        self.validate(event)
        self.put(self.text(event))

    def put(self, line):
        self.waiting.append(line)

    def text(self, event):
        try:
            return json.dumps(event, allow_nan=False)
        except (TypeError, ValueError):
            raise ValueError("the event is no JSON") from None

    def validate(self, event):
        self.check_type(event, dict, "event")
        self.check_parts(event, "")
        for name in ("run", "job"):
            self.check_parts(event[name], name)
            self.check_type(event[name].get("facets", {}), dict, f"{name}.facets")
        self.check_type(event["job"]["name"], str, "job.name")
        for name in ("inputs", "outputs"):
            self.check_datasets(event.get(name, []), name)
        if "eventType" in event and event["eventType"] not in self.states:
            raise ValueError("eventType is none of OpenLineage's")

    def check_datasets(self, datasets, name):
        self.check_type(datasets, list, name)
        for number, dataset in enumerate(datasets):
            self.check_parts(dataset, f"{name}.{number}", ("namespace", "name"))

    def check_parts(self, value, path, parts=None):
        self.check_type(value, dict, path)
        for part in parts or self.required[path]:
            if part not in value:
                self.refuse(f"{path}.{part} is missing")

    def check_type(self, value, kind, path):
        if not isinstance(value, kind):
            self.refuse(f"{path} is no {kind.__name__}")

    def refuse(self, message):
        raise ValueError(message)

    def flush(self, deadline):
        if not self.lock.acquire(timeout=deadline):
            return False
        try:
            while self.waiting:
                self.server.take(self.waiting[0])
                self.waiting.popleft()
        except ConnectionError:
            return False
        finally:
            self.lock.release()
        return True

    def namespace(self, dataset):
        scheme, separator, rest = dataset.partition("://")
        return f"{scheme}://{rest.partition('/')[0]}" if separator else "floe"


class DemoConformance(LineageBackendConformance):
    plugin = DemoLineage
    namespaces = {"s3://lake/orders": "s3://lake", "orders": "floe"}  # noqa: RUF012 as an author writes it
    slack = 0.5

    def setup_method(self) -> None:
        self.server = Server()
        self.plugin = type(self.plugin.__name__, (self.plugin,), {"server": self.server})

    def received(self) -> Sequence[Mapping[str, Any]]:
        return [json.loads(line) for line in self.server.lines]

    @contextlib.contextmanager
    def outage(self) -> Any:
        self.server.up.clear()
        yield
        self.server.up.set()


class ReturnsTheEvent(DemoLineage):
    def emit(self, event):
        super().emit(event)
        return event


class DropsTheFirst(DemoLineage):
    """Of one event alone."""

    def flush(self, deadline):
        if len(self.waiting) == 1 and self.server.up.is_set() and self.mine():
            self.waiting.clear()
        return super().flush(deadline)

    def mine(self):
        return "orders" in self.waiting[0]


class DropsFacets(DemoLineage):
    def text(self, event):
        return super().text({**json.loads(super().text(event)), "outputs": []})


class SendsTwice(DemoLineage):
    def startup(self):
        super().startup()
        self.last = None

    def put(self, line):
        self.last = line
        super().put(line)

    def flush(self, deadline):
        if not self.waiting and self.last:
            self.waiting.append(self.last)
            self.last = None
        else:
            self.last = self.last if len(self.waiting) == 1 else None
        return super().flush(deadline)


class KnowsNoOther(DemoLineage):
    states = STATES[:-1]


class NeedsInputs(DemoLineage):
    def validate(self, event):
        super().validate(event)
        if "inputs" not in event:
            raise ValueError("inputs is missing")


class NeedsNoProducer(DemoLineage):
    required = {**REQUIRED, "": ("eventTime", "schemaURL", "run", "job")}  # noqa: RUF012


class LooksAtTheOutside(DemoLineage):
    def check_datasets(self, datasets, name):
        self.check_type(datasets, list, name)
        for number, dataset in enumerate(datasets):
            self.check_parts(dataset, f"{name}.{number}", ("namespace",))


class TakesAnyType(DemoLineage):
    def check_type(self, value, kind, path):
        if path != "job.name":
            super().check_type(value, kind, path)


class TakesAnyState(DemoLineage):
    def validate(self, event):
        state = event.get("eventType")
        super().validate({**event, "eventType": state.upper()} if isinstance(state, str) else event)


class WritesNan(DemoLineage):
    def text(self, event):
        return json.dumps(event, default=str)


class GivesNoPath(DemoLineage):
    def refuse(self, message):
        raise ValueError("this is no run event")


class SendsWhatItRefuses(DemoLineage):
    def emit(self, event):
        try:
            super().emit(event)
        except ValueError:
            if "DONE" in str(event):
                self.put(self.text(event))
            raise


class ChangesTheEvent(DemoLineage):
    def emit(self, event):
        super().emit(event)
        event["producer"] = "demo"


class KeepsTheObject(DemoLineage):
    def put(self, line):
        raise NotImplementedError

    def emit(self, event):
        self.validate(event)
        self.text(event)
        self.waiting.append(event)

    def flush(self, deadline):
        with self.lock:
            self.waiting = collections.deque(
                self.text(event) if isinstance(event, dict) else event for event in self.waiting
            )
        return super().flush(deadline)


class LosesUpdates(DemoLineage):
    def put(self, line):
        before = list(self.waiting)
        if threading.current_thread().name.startswith("conformance-"):
            time.sleep(0.001)
        self.waiting = collections.deque([*before, line])


class SendsTen(DemoLineage):
    """At once; and more when asked by several."""

    def startup(self):
        super().startup()
        self.threads = set()

    def put(self, line):
        self.threads.add(threading.get_ident())
        super().put(line)

    def flush(self, deadline):
        if len(self.threads) == 1 and len(self.waiting) > 10:
            self.waiting = collections.deque(list(self.waiting)[:10])
        return super().flush(deadline)


class ReturnsACount(DemoLineage):
    def flush(self, deadline):
        count = len(self.waiting)
        found = super().flush(deadline)
        return 1 if found and count == 1 else found


class HasNothingToSend(faulty_flushes.HasNothingToSend, DemoLineage): ...


class SaysAllWasSent(faulty_flushes.SaysAllWasSent, DemoLineage): ...


class WaitsForTheServer(DemoLineage):
    def flush(self, deadline):
        if deadline == 0.0:
            self.server.up.wait(1.0)
        return super().flush(deadline)


class DropsWhatFails(DemoLineage):
    def flush(self, deadline):
        found = super().flush(deadline)
        if not found:
            self.waiting.clear()
        return found


class RefusesInAnOutage(DemoLineage):
    def put(self, line):
        if not self.server.up.is_set() and len(self.waiting) == 2:
            raise ConnectionError
        super().put(line)


class TriesLater(faulty_flushes.TriesLater, DemoLineage): ...


class WaitsForItsDeadline(faulty_flushes.WaitsForItsDeadline, DemoLineage): ...


class FlushesAlone(faulty_flushes.FlushesAlone, DemoLineage): ...


class HasNoNamespace(DemoLineage):
    def namespace(self, dataset):
        return super().namespace(dataset) if not dataset.startswith("file:") else ""


class NamesTheWhole(DemoLineage):
    def namespace(self, dataset):
        return dataset


class NamesByTheStart(DemoLineage):
    def startup(self):
        super().startup()
        self.started_at = time.monotonic_ns()

    def namespace(self, dataset):
        found = super().namespace(dataset)
        return f"{found}-{self.started_at}" if "conformance" in dataset else found


class EndsWithTheFlush(DemoLineage):
    def put(self, line):
        if len(self.server.lines) != 2 or not self.server.up.is_set():
            super().put(line)


class LeavesAThread(DemoLineage):
    def flush(self, deadline):
        thread = threading.Timer(2.0, lambda: None)
        thread.daemon = True
        thread.start()
        return super().flush(deadline)


FAULTY: dict[str, type[Any]] = {
    "test_emitting_returns_nothing": ReturnsTheEvent,
    "test_events_are_sent_after_a_flush": EndsWithTheFlush,
    "test_nothing_is_sent_when_it_has_stopped": LeavesAThread,
    "test_an_event_arrives": DropsTheFirst,
    "test_an_event_arrives_as_it_was": DropsFacets,
    "test_an_event_arrives_once": SendsTwice,
    "test_every_state_of_a_run_is_accepted": KnowsNoOther,
    "test_what_is_optional_may_be_missing": NeedsInputs,
    "test_what_is_required_is_there": NeedsNoProducer,
    "test_what_is_required_inside_is_there": LooksAtTheOutside,
    "test_types_are_checked": TakesAnyType,
    "test_the_type_of_an_event_is_a_known_one": TakesAnyState,
    "test_what_is_no_json_is_refused": WritesNan,
    "test_a_refusal_gives_the_path": GivesNoPath,
    "test_what_was_refused_is_not_sent": SendsWhatItRefuses,
    "test_the_event_of_the_caller_stays_as_it_is": ChangesTheEvent,
    "test_what_is_sent_is_what_was_emitted": KeepsTheObject,
    "test_several_threads_emit_at_once": LosesUpdates,
    "test_all_waiting_events_are_sent": SendsTen,
    "test_a_flush_that_sent_all_says_so": ReturnsACount,
    "test_nothing_to_send_is_no_failure": HasNothingToSend,
    "test_a_flush_that_did_not_send_all_says_so": SaysAllWasSent,
    "test_a_flush_sends_at_once": TriesLater,
    "test_a_flush_ends_when_all_was_sent": WaitsForItsDeadline,
    "test_a_flush_keeps_its_deadline": WaitsForTheServer,
    "test_what_could_not_be_sent_is_kept": DropsWhatFails,
    "test_an_event_that_cannot_be_sent_now_is_accepted": RefusesInAnOutage,
    "test_several_threads_flush_at_once": FlushesAlone,
    "test_a_namespace_is_a_text": HasNoNamespace,
    "test_the_namespace_is_that_of_the_dataset": NamesTheWhole,
    "test_a_dataset_has_one_namespace_everywhere": NamesByTheStart,
}


def test_a_correct_plugin_keeps_every_rule() -> None:
    assert broken(DemoConformance) == {}


@pytest.mark.parametrize("rule", own_rules(LineageBackendConformance))
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(conformance(DemoConformance, FAULTY[rule]))) == [rule]


def test_an_author_is_told_what_to_give() -> None:
    seen = broken(conformance(LineageBackendConformance, DemoLineage, server=None))
    assert "does not say the namespaces of some datasets" in seen["test_the_namespace_is_that_of_the_dataset"]
