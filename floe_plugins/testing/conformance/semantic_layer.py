"""The rules for semantic layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from floe_plugins.hookspecs.protocols import ArrowStream
from floe_plugins.hookspecs.semantic_layer import (
    FieldKind,
    SemanticField,
    SemanticModel,
    SemanticQuery,
)
from floe_plugins.testing.conformance.base import PluginConformance
from floe_plugins.testing.conformance.parts.semantic_layer_queries import COMPILE, QUERY, AnswerRules, FilterRules
from floe_plugins.testing.conformance.rule import rule, shown
from floe_plugins.testing.conformance.samples import arrow

_DESCRIBE = """
def describe(self):
    return SemanticModel((
        SemanticField("orders.region", FieldKind.DIMENSION, "string", "Where the customer lives"),
        SemanticField("orders.revenue", FieldKind.MEASURE, "int64"),
    ))
"""


class SemanticLayerConformance(AnswerRules, FilterRules, PluginConformance):
    """The rules for ``SemanticLayerPlugin``.

    >>> from floe_plugins.testing import SemanticLayerConformance
    >>> class TestAcme(SemanticLayerConformance):
    ...     plugin = ...  # your class
    ...     measures, dimensions = ["orders.revenue"], ["orders.region"]
    ...     answers = [(SemanticQuery(measures=["orders.revenue"]), [(1200,)])]
    """

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

    @rule(QUERY)
    def test_columns_are_as_asked_for(self) -> None:
        """``query`` returns a column for each dimension, then for each measure, named as described."""
        with self.started() as plugin:
            self.prepare(plugin)
            asked = self.asked(measures=self.measures[::-1], dimensions=self.dimensions[::-1])
            answer = plugin.query(asked)
            self.expect(isinstance(answer, ArrowStream), f"query returned {shown(answer)}, which is no ArrowStream")
            found = arrow.columns(answer)
            self.expect(found == [*asked.dimensions, *asked.measures], f"the columns are {shown(found)}")

    @rule(QUERY)
    def test_an_answer_is_right(self) -> None:
        """``query`` runs the query: the rows are those of the tables."""
        if not self.answers:
            self.missing("answers", "queries and the rows that they have to return")
        with self.started() as plugin:
            self.prepare(plugin)
            for query, wanted in self.answers:
                found = [tuple(row.values()) for row in arrow.rows(plugin.query(query))]
                self.expect(found == list(wanted), f"{shown(query)} returned {shown(found)}, expected {shown(wanted)}")

    @rule(QUERY)
    def test_a_query_groups(self) -> None:
        """``SemanticQuery.dimensions`` are those by which to group: each value has one row."""
        with self.started() as plugin:
            found = self.values(plugin)
            self.expect(len(found) == len(set(found)), f"the groups are {shown(found)}")

    @rule(QUERY)
    def test_without_dimensions_there_is_one_row(self) -> None:
        """A query without dimensions computes its measures over all rows: the answer is one row."""
        with self.started() as plugin:
            found = self.asking(plugin, dimensions=(), measures=self.measures)
            self.expect(len(found) == 1, f"it returned {len(found)} rows")

    @rule(QUERY)
    def test_an_answer_is_ordered(self) -> None:
        """``SemanticQuery.order_by`` orders the rows; a leading ``-`` means descending."""
        with self.started() as plugin:
            name = self.asked().dimensions[0]
            for by, reverse in ((name, False), (f"-{name}", True)):
                found = [row[name] for row in self.asking(plugin, order_by=[by]) if row[name] is not None]
                self.expect(found == sorted(found, reverse=reverse), f"ordered by {by} it returned {shown(found)}")

    @rule(QUERY)
    def test_a_limit_limits(self) -> None:
        """``SemanticQuery.limit`` is the maximum number of rows."""
        with self.started() as plugin:
            for limit in (1, 0):
                found = self.asking(plugin, limit=limit)
                self.expect(len(found) == limit, f"with a limit of {limit} it returned {len(found)} rows")

    @rule(COMPILE)
    def test_a_field_that_does_not_exist_is_refused(self) -> None:
        """``query`` raises ``ValueError`` if a field does not exist."""
        with self.started() as plugin:
            self.prepare(plugin)
            for part in ("measures", "dimensions"):
                with self.raises(ValueError, f"query with unknown {part}"):
                    plugin.query(self.asked(**{part: ["conformance.unknown"]}))

    @rule(COMPILE)
    def test_a_field_is_asked_for_as_what_it_is(self) -> None:
        """``query`` raises ``ValueError`` if a measure is asked for as a dimension, or a dimension as a measure."""
        asked = self.asked()
        with self.started() as plugin:
            self.prepare(plugin)
            for part, names in (("measures", asked.dimensions), ("dimensions", asked.measures)):
                with self.raises(ValueError, f"query with {names[0]} among the {part}"):
                    plugin.query(self.asked(**{"measures": (), "dimensions": (), part: names}))

    @rule(COMPILE)
    def test_an_order_that_does_not_exist_is_refused(self) -> None:
        """``query`` raises ``ValueError`` if a field by which to order does not exist."""
        with self.started() as plugin:
            self.prepare(plugin)
            with self.raises(ValueError, "query ordered by an unknown field"):
                plugin.query(self.asked(order_by=["conformance.unknown"]))

    @rule(COMPILE)
    def test_close_names_are_suggested(self) -> None:
        """The message about a field that does not exist suggests close names."""
        with self.started() as plugin:
            self.prepare(plugin)
            for part in ("dimensions", "measures"):
                name = getattr(self.asked(), part)[0]
                try:
                    plugin.query(self.asked(**{part: [f"{name}s"]}))
                except ValueError as error:
                    # What is asked for contains the name.
                    self.expect(name in str(error).replace(f"{name}s", ""), f"{name}s is unknown: {shown(str(error))}")

    @rule(COMPILE)
    def test_tables_that_cannot_be_joined_are_refused(self) -> None:
        """``query`` raises ``ValueError`` if the tables of the fields cannot be joined."""
        if not self.unjoinable:
            self.skip("all tables can be joined")
        measure, dimension = self.unjoinable
        with self.started() as plugin:
            self.prepare(plugin)
            with self.raises(ValueError, f"query for {measure} by {dimension}"):
                plugin.query(SemanticQuery([measure], [dimension]))

    @rule(QUERY)
    def test_several_threads_ask_at_once(self) -> None:
        """Hooks are thread-safe, also when first called: each of several threads gets the answer to its own query."""
        with self.started() as plugin:
            self.prepare(plugin)
            queries = [self.asked(dimensions=()), self.asked(), self.asked(measures=())] * 2
            wanted = [[*query.dimensions, *query.measures] for query in queries]

            def asking(query: SemanticQuery) -> Callable[[], list[str]]:
                return lambda: arrow.columns(plugin.query(query))

            # Nothing is called before: what is made at the first call is made here.
            calls: list[Callable[[], Any]] = [*map(asking, queries), plugin.describe, plugin.describe]
            *found, first, second = self.together(calls)
            self.expect(found == wanted, f"six threads asked at once, and the columns are {shown(found)}")
            alike = first == second == plugin.describe()
            self.expect(alike, "two threads asked what there is meanwhile, and got another description than afterwards")

    @rule(COMPILE)
    def test_sql_is_a_text(self) -> None:
        """``compile`` returns SQL as a string."""
        with self.started() as plugin:
            self.prepare(plugin)
            found = plugin.compile(self.asked())
            right = isinstance(found, str) and "select" in found.lower()
            self.expect(right, f"compile returned {shown(found)}")

    @rule(COMPILE)
    def test_what_cannot_be_asked_cannot_be_compiled(self) -> None:
        """``compile`` raises ``ValueError`` for the same reasons as ``query``."""
        wrong = attrs.evolve(self.asked(), dimensions=["conformance.unknown"])
        with self.started() as plugin:
            self.prepare(plugin)
            with self.raises(ValueError, "compile with an unknown dimension"):
                plugin.compile(wrong)
