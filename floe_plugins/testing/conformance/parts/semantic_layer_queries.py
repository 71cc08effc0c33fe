"""What the rules for semantic layers share, and the rules for filters and for answers of API 1.1."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Generator, Sequence
from typing import Any

from floe_plugins.errors import UnsupportedOperationError
from floe_plugins.hookspecs.protocols import ArrowStream
from floe_plugins.hookspecs.semantic_layer import SemanticFilter, SemanticQuery, SemanticRequest
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples import arrow

QUERY = """
def query(self, query):
    return self._compute.execute(self.compile(query))  # dimensions first, then measures, named as asked for
"""
COMPILE = """
def compile(self, query):
    self._check(query)  # raises ValueError, with close names for a field that does not exist
    return self._sql_of(query)
"""
_ANSWER = """
def answer(self, request):
    self._check(request)  # raises ValueError: conditions on measures of the query, grains of its times
    return self._compute.execute(self._sql_of(request))
"""


class SemanticCase(Case):
    """What all rules for semantic layers work with.

    Attributes:
        measures: the names of some measures of one table, the same for each row of it.
        dimensions: the names of some dimensions of the same table; the first has texts, at least two.
        answers: queries, and the rows that they have to return, in order.
        unjoinable: a measure and a dimension whose tables cannot be joined; empty if there are none.
        misfits: more conditions whose value does not have the type of their dimension, such as a text for a number.
        times: a dimension of the same table with dates or times; empty if there is none.
    """

    measures: Sequence[str] = ()
    dimensions: Sequence[str] = ()
    answers: Sequence[tuple[SemanticQuery, Sequence[tuple[Any, ...]]]] = ()
    unjoinable: Sequence[str] = ()
    misfits: Sequence[SemanticFilter] = ()
    times: str = ""

    def prepare(self, plugin: Any) -> None:
        """Make the tables of the model, after the start. Override it if they are not there."""

    def use(self, plugin: Any) -> None:
        """Describe the model, and ask for a measure."""
        plugin.describe()
        self.asking(plugin)

    def asking(self, plugin: Any, **changed: Any) -> list[dict[str, Any]]:
        """Ask for the first measure by the first dimension, or for what is changed of that, and return the rows."""
        self.prepare(plugin)
        return arrow.rows(plugin.query(self.asked(**changed)))

    def asked(self, **changed: Any) -> SemanticQuery:
        """Return that query."""
        if not self.measures or not self.dimensions:
            self.missing("measures", "some measures and dimensions of the model")
        parts: dict[str, Any] = {"measures": self.measures[:1], "dimensions": self.dimensions[:1], **changed}
        return SemanticQuery(**parts)

    def values(self, plugin: Any) -> list[Any]:
        """Return the values of the first dimension."""
        name = self.asked().dimensions[0]
        return [row[name] for row in self.asking(plugin)]

    def texts(self, plugin: Any) -> list[Any]:
        """Return the texts among them, sorted."""
        return sorted({value for value in self.values(plugin) if value is not None})

    def filtered(self, plugin: Any, sign: str, value: object, *more: SemanticFilter) -> set[Any]:
        """Return the values of the first dimension in the rows that meet these conditions on it."""
        name = self.asked().dimensions[0]
        filters = [SemanticFilter(name, sign, value), *more]
        return {row[name] for row in self.asking(plugin, filters=filters)}


class FilterRules(SemanticCase):
    """The rules for the filters of a query."""

    @rule(QUERY)
    def test_equal_and_not_equal_filter(self) -> None:
        """``=`` keeps the rows with the value, ``!=`` those with another one."""
        with self.started() as plugin:
            value, *others = self.texts(plugin)
            self.expect(self.filtered(plugin, "=", value) == {value}, f"= {value!r} kept other rows than its own")
            kept = self.filtered(plugin, "!=", value) - {None}
            self.expect(kept == set(others), f"!= {value!r} kept {shown(kept)}")

    @rule(QUERY)
    def test_comparisons_filter(self) -> None:
        """``<``, ``<=``, ``>`` and ``>=`` keep the rows whose value compares so."""
        with self.started() as plugin:
            values = self.texts(plugin)
            middle = values[len(values) // 2]
            compared = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
            for sign, keeps in compared.items():
                found = self.filtered(plugin, sign, middle)
                wanted = {value for value in values if keeps(value, middle)}
                self.expect(found == wanted, f"{sign} {middle!r} kept {shown(found)}, expected {shown(wanted)}")

    @rule(QUERY)
    def test_in_filters(self) -> None:
        """``in`` keeps the rows with one of the values, of a sequence or a set."""
        with self.started() as plugin:
            values = self.texts(plugin)[:2]
            for given in (values, tuple(values), set(values)):
                found = self.filtered(plugin, "in", given)
                self.expect(found == set(values), f"in {given!r} kept {shown(found)}")

    @rule(QUERY)
    def test_all_filters_have_to_be_met(self) -> None:
        """``SemanticQuery.filters`` are conditions that all rows must meet."""
        with self.started() as plugin:
            first, second = self.texts(plugin)[:2]
            found = self.filtered(plugin, "=", first, SemanticFilter(self.dimensions[0], "=", second))
            self.expect(not found, f"= {first!r} and = {second!r} together kept {shown(found)}")

    @rule(QUERY)
    def test_a_value_is_no_sql(self) -> None:
        """The value of a filter is a value, whatever stands in it."""
        with self.started() as plugin:
            for value in ("' OR 1=1 --", "' OR ''='", "\\\\' OR 1=1 --", '" OR 1=1 --'):
                found = self.filtered(plugin, "=", value)
                self.expect(not found, f"= {value!r} kept {shown(found)}")

    @rule(QUERY)
    def test_no_value_is_one_to_compare_with(self) -> None:
        """``=`` and ``!=`` also accept None: the rows without a value, and those with one."""
        with self.started() as plugin:
            values = set(self.values(plugin))
            without = {None} & values
            found = self.filtered(plugin, "=", None)
            self.expect(found == without, f"= None kept {shown(found)}, expected {shown(without)}")
            found = self.filtered(plugin, "!=", None)
            self.expect(found == values - {None}, f"!= None kept {shown(found)}")

    @rule(COMPILE)
    def test_a_value_of_another_type_is_refused(self) -> None:
        """``query`` raises ``ValueError`` if the value of a filter does not have the type of the dimension."""
        name = self.asked().dimensions[0]
        wrong = [SemanticFilter(name, "=", 7), SemanticFilter(name, "in", [7]), SemanticFilter(name, "<", None)]
        with self.started() as plugin:
            self.prepare(plugin)
            for one in (*wrong, *self.misfits):
                with self.raises(ValueError, f"query with {one}"):
                    plugin.query(self.asked(filters=[one]))

    @rule(COMPILE)
    def test_a_condition_on_a_measure_is_no_filter(self) -> None:
        """A filter is a condition on a dimension: ``query`` raises ``ValueError`` if it is on a measure."""
        one = SemanticFilter(self.asked().measures[0], "=", 1)
        with self.started() as plugin:
            self.prepare(plugin)
            with self.raises(ValueError, f"query with {one}"):
                plugin.query(self.asked(filters=[one]))

    @rule(COMPILE)
    def test_an_invalid_filter_is_refused(self) -> None:
        """``query`` raises ``ValueError`` if a filter is invalid: its field, operator or value."""
        name = self.asked().dimensions[0]
        unknown = SemanticFilter("conformance.unknown", "=", "a")
        wrong = (unknown, SemanticFilter(name, "like", "a"), SemanticFilter(name, "in", 7))
        with self.started() as plugin:
            self.prepare(plugin)
            for one in wrong:
                with self.raises(ValueError, f"query with {one}"):
                    plugin.query(self.asked(filters=[one]))


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
