"""The rules for semantic layers."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from floe_plugins.hookspecs.protocols import ArrowStream
from floe_plugins.hookspecs.semantic_layer import (
    FieldKind,
    SemanticField,
    SemanticFilter,
    SemanticModel,
    SemanticQuery,
)
from floe_plugins.testing.conformance.base import PluginConformance
from floe_plugins.testing.conformance.parts import arrow
from floe_plugins.testing.conformance.rule import rule, shown

_DESCRIBE = """
def describe(self):
    return SemanticModel((
        SemanticField("orders.region", FieldKind.DIMENSION, "string", "Where the customer lives"),
        SemanticField("orders.revenue", FieldKind.MEASURE, "int64"),
    ))
"""
_QUERY = """
def query(self, query):
    return self._compute.execute(self.compile(query))  # dimensions first, then measures, named as asked for
"""
_COMPILE = """
def compile(self, query):
    self._check(query)  # raises ValueError, with close names for a field that does not exist
    return self._sql_of(query)
"""


class SemanticLayerConformance(PluginConformance):
    """The rules for ``SemanticLayerPlugin``.

    >>> from floe_plugins.testing import SemanticLayerConformance
    >>> class TestAcme(SemanticLayerConformance):
    ...     plugin = ...  # your class
    ...     measures, dimensions = ["orders.revenue"], ["orders.region"]
    ...     answers = [(SemanticQuery(measures=["orders.revenue"]), [(1200,)])]

    Attributes:
        measures: the names of some measures of one table, the same for each row of it.
        dimensions: the names of some dimensions of the same table; the first has texts, at least two.
        answers: queries, and the rows that they have to return, in order.
        unjoinable: a measure and a dimension whose tables cannot be joined; empty if there are none.
    """

    measures: Sequence[str] = ()
    dimensions: Sequence[str] = ()
    answers: Sequence[tuple[SemanticQuery, Sequence[tuple[Any, ...]]]] = ()
    unjoinable: Sequence[str] = ()

    def prepare(self, plugin: Any) -> None:
        """Make the tables of the model, after the start. Override it if they are not there."""

    def _query(self, plugin: Any, **changed: Any) -> list[dict[str, Any]]:
        self.prepare(plugin)
        return arrow.rows(plugin.query(self._asked(**changed)))

    def _asked(self, **changed: Any) -> SemanticQuery:
        if not self.measures or not self.dimensions:
            self.missing("measures", "some measures and dimensions of the model")
        parts: dict[str, Any] = {"measures": self.measures[:1], "dimensions": self.dimensions[:1], **changed}
        return SemanticQuery(**parts)

    def _values(self, plugin: Any) -> list[Any]:
        name = self._asked().dimensions[0]
        return [row[name] for row in self._query(plugin)]

    def _texts(self, plugin: Any) -> list[Any]:
        return sorted({value for value in self._values(plugin) if value is not None})

    def _filtered(self, plugin: Any, sign: str, value: object, *more: SemanticFilter) -> set[Any]:
        name = self._asked().dimensions[0]
        filters = [SemanticFilter(name, sign, value), *more]
        return {row[name] for row in self._query(plugin, filters=filters)}

    @rule(_DESCRIBE)
    def test_a_model_is_described(self) -> None:
        """``describe`` returns a ``SemanticModel``: a tuple of ``SemanticField``."""
        with self.started() as plugin:
            self.prepare(plugin)
            found = plugin.describe()
            self.expect(isinstance(found, SemanticModel), f"describe returned {shown(found)}")
            right = isinstance(found.fields, tuple) and all(isinstance(one, SemanticField) for one in found.fields)
            self.expect(right, f"its fields are {shown(found.fields)}")

    @rule(_DESCRIBE)
    def test_the_fields_of_queries_are_described(self) -> None:
        """``describe`` returns the dimensions and measures that a query may use, each as what it is."""
        with self.started() as plugin:
            self.prepare(plugin)
            kinds = {field.name: field.kind for field in plugin.describe().fields}
            wanted: Mapping[str, FieldKind] = {
                **dict.fromkeys(self.dimensions, FieldKind.DIMENSION),
                **dict.fromkeys(self.measures, FieldKind.MEASURE),
            }
            wrong = sorted(name for name, kind in wanted.items() if kinds.get(name) is not kind)
            self.expect(not wrong, f"{shown(wrong)} are not described, or as another kind")

    @rule(_DESCRIBE)
    def test_a_field_is_described_once(self) -> None:
        """``describe`` returns each field once."""
        with self.started() as plugin:
            self.prepare(plugin)
            names = [field.name for field in plugin.describe().fields]
            self.expect(len(names) == len(set(names)), f"the names are {shown(sorted(names))}")

    @rule(_DESCRIBE)
    def test_a_name_includes_the_table(self) -> None:
        """The name of a field includes the table, such as ``orders.amount``."""
        with self.started() as plugin:
            self.prepare(plugin)
            wrong = [field.name for field in plugin.describe().fields if not all(field.name.partition("."))]
            self.expect(not wrong, f"these do not: {shown(wrong)}")

    @rule(_DESCRIBE)
    def test_a_field_has_a_type(self) -> None:
        """Each field has a type, as a text."""
        with self.started() as plugin:
            self.prepare(plugin)
            wrong = [one.name for one in plugin.describe().fields if not isinstance(one.type, str) or not one.type]
            self.expect(not wrong, f"these have none: {shown(wrong)}")

    @rule(_QUERY)
    def test_columns_are_as_asked_for(self) -> None:
        """``query`` returns a column for each dimension, then for each measure, named as described."""
        with self.started() as plugin:
            self.prepare(plugin)
            asked = self._asked(measures=self.measures[::-1], dimensions=self.dimensions[::-1])
            answer = plugin.query(asked)
            self.expect(isinstance(answer, ArrowStream), f"query returned {shown(answer)}, which is no ArrowStream")
            found = arrow.columns(answer)
            self.expect(found == [*asked.dimensions, *asked.measures], f"the columns are {shown(found)}")

    @rule(_QUERY)
    def test_an_answer_is_right(self) -> None:
        """``query`` runs the query: the rows are those of the tables."""
        if not self.answers:
            self.missing("answers", "queries and the rows that they have to return")
        with self.started() as plugin:
            self.prepare(plugin)
            for query, wanted in self.answers:
                found = [tuple(row.values()) for row in arrow.rows(plugin.query(query))]
                self.expect(found == list(wanted), f"{shown(query)} returned {shown(found)}, expected {shown(wanted)}")

    @rule(_QUERY)
    def test_a_query_groups(self) -> None:
        """``SemanticQuery.dimensions`` are those by which to group: each value has one row."""
        with self.started() as plugin:
            found = self._values(plugin)
            self.expect(len(found) == len(set(found)), f"the groups are {shown(found)}")

    @rule(_QUERY)
    def test_without_dimensions_there_is_one_row(self) -> None:
        """A query without dimensions computes its measures over all rows: the answer is one row."""
        with self.started() as plugin:
            found = self._query(plugin, dimensions=(), measures=self.measures)
            self.expect(len(found) == 1, f"it returned {len(found)} rows")

    @rule(_QUERY)
    def test_equal_and_not_equal_filter(self) -> None:
        """``=`` keeps the rows with the value, ``!=`` those with another one."""
        with self.started() as plugin:
            value, *others = self._texts(plugin)
            self.expect(self._filtered(plugin, "=", value) == {value}, f"= {value!r} kept other rows than its own")
            kept = self._filtered(plugin, "!=", value) - {None}
            self.expect(kept == set(others), f"!= {value!r} kept {shown(kept)}")

    @rule(_QUERY)
    def test_comparisons_filter(self) -> None:
        """``<``, ``<=``, ``>`` and ``>=`` keep the rows whose value compares so."""
        with self.started() as plugin:
            values = self._texts(plugin)
            middle = values[len(values) // 2]
            compared = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
            for sign, keeps in compared.items():
                found = self._filtered(plugin, sign, middle)
                wanted = {value for value in values if keeps(value, middle)}
                self.expect(found == wanted, f"{sign} {middle!r} kept {shown(found)}, expected {shown(wanted)}")

    @rule(_QUERY)
    def test_in_filters(self) -> None:
        """``in`` keeps the rows with one of the values, of a sequence or a set."""
        with self.started() as plugin:
            values = self._texts(plugin)[:2]
            for given in (values, tuple(values), set(values)):
                found = self._filtered(plugin, "in", given)
                self.expect(found == set(values), f"in {given!r} kept {shown(found)}")

    @rule(_QUERY)
    def test_all_filters_have_to_be_met(self) -> None:
        """``SemanticQuery.filters`` are conditions that all rows must meet."""
        with self.started() as plugin:
            first, second = self._texts(plugin)[:2]
            found = self._filtered(plugin, "=", first, SemanticFilter(self.dimensions[0], "=", second))
            self.expect(not found, f"= {first!r} and = {second!r} together kept {shown(found)}")

    @rule(_QUERY)
    def test_a_value_is_no_sql(self) -> None:
        """The value of a filter is a value, whatever stands in it."""
        with self.started() as plugin:
            for value in ("' OR 1=1 --", "' OR ''='", "\\\\' OR 1=1 --", '" OR 1=1 --'):
                found = self._filtered(plugin, "=", value)
                self.expect(not found, f"= {value!r} kept {shown(found)}")

    @rule(_QUERY)
    def test_an_answer_is_ordered(self) -> None:
        """``SemanticQuery.order_by`` orders the rows; a leading ``-`` means descending."""
        with self.started() as plugin:
            name = self._asked().dimensions[0]
            for by, reverse in ((name, False), (f"-{name}", True)):
                found = [row[name] for row in self._query(plugin, order_by=[by]) if row[name] is not None]
                self.expect(found == sorted(found, reverse=reverse), f"ordered by {by} it returned {shown(found)}")

    @rule(_QUERY)
    def test_a_limit_limits(self) -> None:
        """``SemanticQuery.limit`` is the maximum number of rows."""
        with self.started() as plugin:
            found = self._query(plugin, limit=1)
            self.expect(len(found) == 1, f"with a limit of 1 it returned {len(found)} rows")

    @rule(_COMPILE)
    def test_a_field_that_does_not_exist_is_refused(self) -> None:
        """``query`` raises ``ValueError`` if a field does not exist."""
        with self.started() as plugin:
            self.prepare(plugin)
            for part in ("measures", "dimensions"):
                with self.raises(ValueError, f"query with unknown {part}"):
                    plugin.query(self._asked(**{part: ["conformance.unknown"]}))

    @rule(_COMPILE)
    def test_an_order_that_does_not_exist_is_refused(self) -> None:
        """``query`` raises ``ValueError`` if a field by which to order does not exist."""
        with self.started() as plugin:
            self.prepare(plugin)
            with self.raises(ValueError, "query ordered by an unknown field"):
                plugin.query(self._asked(order_by=["conformance.unknown"]))

    @rule(_COMPILE)
    def test_close_names_are_suggested(self) -> None:
        """The message about a field that does not exist suggests close names."""
        name = self._asked().dimensions[0]
        with self.started() as plugin:
            self.prepare(plugin)
            try:
                plugin.query(self._asked(dimensions=[f"{name}s"]))
            except ValueError as error:
                # What is asked for contains the name.
                self.expect(name in str(error).replace(f"{name}s", ""), f"{name}s is unknown: {shown(str(error))}")

    @rule(_COMPILE)
    def test_an_invalid_filter_is_refused(self) -> None:
        """``query`` raises ``ValueError`` if a filter is invalid: its field, operator or value."""
        name = self._asked().dimensions[0]
        unknown = SemanticFilter("conformance.unknown", "=", "a")
        wrong = (unknown, SemanticFilter(name, "like", "a"), SemanticFilter(name, "in", 7))
        with self.started() as plugin:
            self.prepare(plugin)
            for one in wrong:
                with self.raises(ValueError, f"query with {one}"):
                    plugin.query(self._asked(filters=[one]))

    @rule(_COMPILE)
    def test_tables_that_cannot_be_joined_are_refused(self) -> None:
        """``query`` raises ``ValueError`` if the tables of the fields cannot be joined."""
        if not self.unjoinable:
            self.skip("all tables can be joined")
        measure, dimension = self.unjoinable
        with self.started() as plugin:
            self.prepare(plugin)
            with self.raises(ValueError, f"query for {measure} by {dimension}"):
                plugin.query(SemanticQuery([measure], [dimension]))

    @rule(_QUERY)
    def test_several_threads_ask_at_once(self) -> None:
        """Hooks are thread-safe: each of several threads gets the answer to its own query."""
        with self.started() as plugin:
            self.prepare(plugin)
            queries = [self._asked(dimensions=()), self._asked(), self._asked(measures=())] * 2
            wanted = [[*query.dimensions, *query.measures] for query in queries]

            def asking(query: SemanticQuery) -> Callable[[], list[str]]:
                return lambda: arrow.columns(plugin.query(query))

            found = self.together([asking(query) for query in queries])
            self.expect(found == wanted, f"six threads asked at once, and the columns are {shown(found)}")

    @rule(_COMPILE)
    def test_sql_is_a_text(self) -> None:
        """``compile`` returns SQL as a string."""
        with self.started() as plugin:
            self.prepare(plugin)
            found = plugin.compile(self._asked())
            right = isinstance(found, str) and "select" in found.lower()
            self.expect(right, f"compile returned {shown(found)}")

    @rule(_COMPILE)
    def test_what_cannot_be_asked_cannot_be_compiled(self) -> None:
        """``compile`` raises ``ValueError`` for the same reasons as ``query``."""
        wrong = attrs.evolve(self._asked(), dimensions=["conformance.unknown"])
        with self.started() as plugin:
            self.prepare(plugin)
            with self.raises(ValueError, "compile with an unknown dimension"):
                plugin.compile(wrong)
