"""What the rules for semantic layers share, and the rules for filters."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from floe_plugins.hookspecs.semantic_layer import SemanticFilter, SemanticQuery
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.parts import arrow
from floe_plugins.testing.conformance.rule import rule, shown

QUERY = """
def query(self, query):
    return self._compute.execute(self.compile(query))  # dimensions first, then measures, named as asked for
"""
COMPILE = """
def compile(self, query):
    self._check(query)  # raises ValueError, with close names for a field that does not exist
    return self._sql_of(query)
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
