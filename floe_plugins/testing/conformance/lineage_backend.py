"""The rules for lineage backends."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Sequence

from floe_plugins.testing.conformance.base import PluginConformance
from floe_plugins.testing.conformance.flushing import SECONDS
from floe_plugins.testing.conformance.parts.lineage_sending import EMIT, SendingRules, run_of
from floe_plugins.testing.conformance.rule import error_text, rule, shown
from floe_plugins.testing.conformance.samples.events import (
    REQUIRED,
    REQUIRED_INSIDE,
    STATES,
    WRONG_TYPES,
    event,
    replaced,
    without,
)

_NAMESPACE = """
def namespace(self, dataset):
    scheme, separator, rest = dataset.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if separator else self.config.namespace
"""
_MANY = 40


class LineageBackendConformance(SendingRules, PluginConformance):
    """The rules for ``LineageBackendPlugin``. They bring the events with them.

    >>> from floe_plugins.testing import LineageBackendConformance
    >>> class TestAcme(LineageBackendConformance):
    ...     plugin = ...  # your class
    ...     namespaces = {"s3://lake/orders": "s3://lake", "orders": "floe"}
    ...     def settings(self):
    ...         return {"file": str(self.scratch / "events.jsonl")}
    ...     def received(self):
    ...         lines = (self.scratch / "events.jsonl").read_text(encoding="utf-8").splitlines()
    ...         return [json.loads(line) for line in lines]

    Attributes:
        namespaces: the namespaces of some datasets.
        slack: by how many seconds ``flush`` may miss its deadline on a machine that has much to do.
    """

    @rule(EMIT)
    def test_emitting_returns_nothing(self) -> None:
        """``emit`` returns None."""
        with self.started() as plugin:
            found = plugin.emit(event())
            self.expect(found is None, f"emit returned {shown(found)}")

    @rule(EMIT)
    def test_an_event_arrives(self) -> None:
        """``emit`` accepts an OpenLineage run event, and it is sent."""
        sent = event()
        with self.started() as plugin:
            plugin.emit(sent)
            self.expect(self._arrived(plugin, sent), "an event was emitted and flushed, and has not arrived")

    @rule(EMIT)
    def test_an_event_arrives_as_it_was(self) -> None:
        """What arrives is the event in its JSON form, with all its parts."""
        sent = event()
        with self.started() as plugin:
            plugin.emit(copy.deepcopy(sent))
            for one in self._arrived(plugin, sent):
                wrong = sorted(name for name in {*sent, *one} if one.get(name) != sent.get(name))
                self.expect(not wrong, f"the event has arrived with another {', '.join(wrong)}")

    @rule(EMIT)
    def test_an_event_arrives_once(self) -> None:
        """An event that was emitted once arrives once, however often it is flushed."""
        sent = event()
        with self.started() as plugin:
            plugin.emit(sent)
            self._arrived(plugin, sent)
            count = len(self._arrived(plugin, sent))
            self.expect(count <= 1, f"it has arrived {count} times")

    @rule(EMIT)
    def test_every_state_of_a_run_is_accepted(self) -> None:
        """``emit`` accepts run events of all types: START, RUNNING, COMPLETE, ABORT, FAIL and OTHER."""
        with self.started() as plugin:
            for state in STATES:
                try:
                    plugin.emit(event(state))
                except ValueError as error:
                    self.broken(f"emit refused an event of the type {state}: {error_text(error)}", error)

    @rule(EMIT)
    def test_what_is_optional_may_be_missing(self) -> None:
        """``emit`` accepts an event without the parts that OpenLineage does not require."""
        with self.started() as plugin:
            for place in (("eventType",), ("inputs",), ("outputs",), ("job", "facets"), ("run", "facets")):
                try:
                    plugin.emit(without(place))
                except ValueError as error:
                    self.broken(f"emit refused an event without {'.'.join(place)}: {error_text(error)}", error)

    @rule(EMIT)
    def test_what_is_required_is_there(self) -> None:
        """``emit`` raises ``ValueError`` for an event without a part that the schema requires."""
        with self.started() as plugin:
            for place in REQUIRED:
                self._refuses(plugin, without(place), f"without {place[0]}")

    @rule(EMIT)
    def test_what_is_required_inside_is_there(self) -> None:
        """``emit`` raises ``ValueError`` for an event whose run, job or datasets lack a part."""
        with self.started() as plugin:
            for place in REQUIRED_INSIDE:
                self._refuses(plugin, without(place), f"without {_path(place)}")

    @rule(EMIT)
    def test_types_are_checked(self) -> None:
        """``emit`` raises ``ValueError`` for an event with a value of a wrong type."""
        with self.started() as plugin:
            for place, value in WRONG_TYPES:
                self._refuses(plugin, replaced(place, value), f"in which {_path(place)} is {value!r}")

    @rule(EMIT)
    def test_the_type_of_an_event_is_a_known_one(self) -> None:
        """``emit`` raises ``ValueError`` for an ``eventType`` that OpenLineage does not have."""
        with self.started() as plugin:
            for value in ("DONE", "complete", ""):
                self._refuses(plugin, replaced(["eventType"], value), f"of the type {value!r}")

    @rule(EMIT)
    def test_what_is_no_json_is_refused(self) -> None:
        """``emit`` raises ``ValueError`` for an event that has no JSON form."""
        with self.started() as plugin:
            for value in ({1, 2}, b"bytes", float("nan"), object()):
                wrong = replaced(["run", "facets"], {"conformance": {"value": value}})
                self._refuses(plugin, wrong, f"with {shown(value)} in it")

    @rule(EMIT)
    def test_a_refusal_gives_the_path(self) -> None:
        """The message of the ``ValueError`` gives the path."""
        with self.started() as plugin:
            for place in (("job", "name"), ("run", "runId"), ("outputs", 0, "namespace")):
                text = str(self._refuses(plugin, without(place), f"without {_path(place)}"))
                lacks = [str(part) for part in place if str(part) not in text]
                self.expect(not lacks, f"without {_path(place)}, the message is {shown(text)}")

    @rule(EMIT)
    def test_what_was_refused_is_not_sent(self) -> None:
        """An event that ``emit`` refuses is not sent."""
        wrong = replaced(["eventType"], "DONE")
        with self.started() as plugin:
            with contextlib.suppress(ValueError):
                plugin.emit(wrong)
            arrived = self._arrived(plugin, wrong) if self._receives(plugin) else []
            self.expect(not arrived, "emit refused an event, and it has arrived")

    @rule(EMIT)
    def test_the_event_of_the_caller_stays_as_it_is(self) -> None:
        """``emit`` does not change the event of the caller."""
        sent = event()
        before = copy.deepcopy(sent)
        with self.started() as plugin:
            plugin.emit(sent)
            plugin.flush(SECONDS)
            self.expect(sent == before, f"the event was changed to {shown(sent)}")

    @rule(EMIT)
    def test_what_is_sent_is_what_was_emitted(self) -> None:
        """The event may be sent later: what the caller changes after ``emit`` is not in it."""
        sent = event()
        with self.started() as plugin:
            plugin.emit(sent)
            sent["job"]["name"] = "changed afterwards"
            names = [one["job"]["name"] for one in self._arrived(plugin, sent)]
            self.expect("changed afterwards" not in names, "the event has arrived with what was changed after emit")

    @rule(EMIT)
    def test_several_threads_emit_at_once(self) -> None:
        """Hooks are thread-safe: the events that several threads emit at once all arrive."""
        sent = [event() for _ in range(_MANY)]
        with self.started() as plugin:

            def emitting(number: int) -> Callable[[], object]:
                return lambda: [plugin.emit(one) for one in sent[number::4]]

            self.together([emitting(number) for number in range(4)])
            arrived = {run_of(one) for one in self._arrived(plugin, *sent)}
            self.expect(len(arrived) == _MANY, f"4 threads emitted {_MANY} events, and {len(arrived)} have arrived")

    @rule(_NAMESPACE)
    def test_a_namespace_is_a_text(self) -> None:
        """``namespace`` returns a string for a URI and for a name, and never an empty one."""
        with self.started() as plugin:
            for dataset in ("s3://lake/orders", "postgres://db.example.org:5432/shop", "file:///data/x.csv", "orders"):
                found = plugin.namespace(dataset)
                self.expect(isinstance(found, str) and found, f"namespace({dataset!r}) returned {shown(found)}")

    @rule(_NAMESPACE)
    def test_the_namespace_is_that_of_the_dataset(self) -> None:
        """``namespace`` returns the OpenLineage namespace of the dataset."""
        if not self.namespaces:
            self.missing("namespaces", "the namespaces of some datasets")
        with self.started() as plugin:
            for dataset, wanted in self.namespaces.items():
                found = plugin.namespace(dataset)
                self.expect(found == wanted, f"namespace({dataset!r}) returned {shown(found)}, expected {wanted!r}")

    @rule(_NAMESPACE)
    def test_a_dataset_has_one_namespace_everywhere(self) -> None:
        """``namespace`` returns the same each time, so that a dataset has the same name everywhere."""
        datasets = ("s3://lake/conformance", "conformance")
        with self.started() as plugin:
            first = [[plugin.namespace(dataset) for dataset in datasets] for _ in range(2)]
        with self.started() as plugin:
            first.append([plugin.namespace(dataset) for dataset in datasets])
        self.expect(first[0] == first[1] == first[2], f"twice, and after a restart, it returned {shown(first)}")


def _path(place: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in place)
