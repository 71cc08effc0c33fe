"""The rules for semantic layers of API 1.1: conditions on measures, and parts of times."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any

from floe_plugins.errors import UnsupportedOperationError
from floe_plugins.hookspecs.protocols import ArrowStream
from floe_plugins.hookspecs.semantic_layer import SemanticFilter, SemanticRequest
from floe_plugins.testing.conformance.parts import arrow
from floe_plugins.testing.conformance.parts.semantic_layer_filters import SemanticCase
from floe_plugins.testing.conformance.rule import rule, shown

_ANSWER = """
def answer(self, request):
    self._check(request)  # raises ValueError: conditions on measures of the query, grains of its times
    return self._compute.execute(self._sql_of(request))
"""


class AnswerRules(SemanticCase):
    """The rules for ``answer``. A plugin that cannot do what one is about keeps it by saying so."""

    @contextlib.contextmanager
    def answering(self) -> Generator[Any, None, None]:
        """Give the plugin with its tables, unless it leaves ``answer`` to its default; leave out what it cannot do."""
        self.needs("answer")
        with self.started() as plugin:
            self.prepare(plugin)
            try:
                yield plugin
            except UnsupportedOperationError as error:
                self.skip(f"not supported: {error}")

    @rule(_ANSWER)
    def test_an_answer_has_the_columns_of_a_query(self) -> None:
        """``answer`` returns an ``ArrowStream`` with the columns of ``query``, and its rows."""
        with self.answering() as plugin:
            query = self.asked(order_by=self.dimensions[:1])
            answer = plugin.answer(SemanticRequest(query))
            self.expect(isinstance(answer, ArrowStream), f"answer returned {shown(answer)}, which is no ArrowStream")
            found, wanted = arrow.rows(answer), arrow.rows(plugin.query(query))
            self.expect(found == wanted, f"answer returned {shown(found)}, query {shown(wanted)}")

    @rule(_ANSWER)
    def test_conditions_on_measures_are_met(self) -> None:
        """``having`` are conditions on the measures of the query, which are computed for each group."""
        with self.answering() as plugin:
            query = self.asked()
            measure = query.measures[0]
            rows = arrow.rows(plugin.query(query))
            value = max(row[measure] for row in rows)
            condition = SemanticFilter(measure, ">=", value)
            found = arrow.rows(plugin.answer(SemanticRequest(query, having=[condition])))
            wanted = [row for row in rows if row[measure] >= value]
            right = sorted(found, key=repr) == sorted(wanted, key=repr)
            self.expect(right, f"{measure} >= {value!r} kept {shown(found)}, expected {shown(wanted)}")

    @rule(_ANSWER)
    def test_conditions_on_other_fields_are_refused(self) -> None:
        """``answer`` raises ``ValueError`` if a condition is on a field that is no measure of the query."""
        with self.answering() as plugin:
            query = self.asked()
            for name in (query.dimensions[0], "conformance.unknown", *self.measures[1:2]):
                condition = SemanticFilter(name, "=", 1)
                with self.raises((ValueError, UnsupportedOperationError), f"answer with the condition {condition}"):
                    arrow.rows(plugin.answer(SemanticRequest(query, having=[condition])))

    @rule(_ANSWER)
    def test_times_are_cut_off(self) -> None:
        """``grains`` are the dimensions that are cut off to the beginning of a year, before rows are grouped."""
        if not self.times:
            self.skip("there is no dimension of dates or times")
        with self.answering() as plugin:
            query = self.asked(dimensions=[self.times])
            groups = [row[self.times] for row in arrow.rows(plugin.query(query))]
            wanted = {value if value is None else value.year for value in groups}
            rows = arrow.rows(plugin.answer(SemanticRequest(query, grains={self.times: "year"})))
            found = [row[self.times] for row in rows]
            first = all(value is None or (value.month, value.day) == (1, 1) for value in found)
            right = first and sorted(map(repr, wanted)) == sorted(repr(value and value.year) for value in found)
            self.expect(right, f"cut off to years, the groups are {shown(found)}")

    @rule(_ANSWER)
    def test_what_is_no_time_is_not_cut_off(self) -> None:
        """``answer`` raises ``ValueError`` if a grain is of a field that is no dimension of times of the query."""
        with self.answering() as plugin:
            query = self.asked()
            for name in (query.dimensions[0], query.measures[0], *([self.times] if self.times else ())):
                with self.raises((ValueError, UnsupportedOperationError), f"answer with {name} cut off to a year"):
                    arrow.rows(plugin.answer(SemanticRequest(query, grains={name: "year"})))

    @rule(_ANSWER)
    def test_what_cannot_be_queried_cannot_be_answered(self) -> None:
        """``answer`` raises ``ValueError`` for the same reasons as ``query``."""
        with self.answering() as plugin, self.raises(ValueError, "answer with an unknown dimension"):
            plugin.answer(SemanticRequest(self.asked(dimensions=["conformance.unknown"])))
