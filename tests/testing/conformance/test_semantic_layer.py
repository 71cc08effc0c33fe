"""A correct semantic layer keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import difflib
import threading
import time
from typing import Any

import attrs
import pytest
from conformance_suite import OPERATORS, broken, conformance

from floe_plugins import SemanticLayerPlugin
from floe_plugins.hookspecs.semantic_layer import FieldKind, SemanticField, SemanticModel, SemanticQuery
from floe_plugins.testing import SemanticLayerConformance
from floe_plugins.testing.conformance.samples import arrow

ROWS = (("north", "small", 1), ("south", "large", 2), ("north", "large", 3), ("west", "small", 4))


class DemoLayer(SemanticLayerPlugin):
    name = "demo"
    version = "1.0"
    floe_api_version = "1.0"
    dimensions = {"orders.region": 0, "orders.size": 1, "stock.place": 0}  # noqa: RUF012 not changed
    measures = {"orders.total": sum, "orders.count": len}  # noqa: RUF012 not changed
    operators = OPERATORS
    rows = ROWS

    def describe(self):
        dimensions = [SemanticField(name, FieldKind.DIMENSION, "string") for name in self.dimensions]
        measures = [SemanticField(name, FieldKind.MEASURE, "int64") for name in self.measures]
        return SemanticModel((*dimensions, *measures))

    def compile(self, query):
        self.check(query)
        return "SELECT " + ", ".join(self.names(query))

    def check(self, query):
        self.check_names(query)
        self.check_order(query)
        self.check_filters(query)
        self.check_tables(query)

    def check_names(self, query):
        for names, known in ((query.measures, self.measures), (query.dimensions, self.dimensions)):
            for name in names:
                if name not in known:
                    raise ValueError(self.unknown(name, known))

    def check_order(self, query):
        if {by.lstrip("-") for by in query.order_by} - {*query.measures, *query.dimensions}:
            raise ValueError("the order is unknown")

    def unknown(self, name, known):
        return f"{name} is unknown; close names: {difflib.get_close_matches(name, known)}"

    def check_filters(self, query):
        for one in query.filters:
            if one.field not in self.dimensions or one.operator not in OPERATORS:
                raise ValueError("the filter is invalid")
            if one.operator == "in" and not isinstance(one.value, (list, tuple, set)):
                raise ValueError("in needs values")
            if not self.fits(one):
                raise ValueError("the value is of another type")

    def fits(self, one):
        if one.value is None:
            return one.operator in {"=", "!="}
        return all(isinstance(value, str) for value in (one.value if one.operator == "in" else [one.value]))

    def check_tables(self, query):
        if len({name.partition(".")[0] for name in (*query.measures, *query.dimensions)}) > 1:
            raise ValueError("the tables cannot be joined")

    def query(self, query):
        self.check(query)
        rows = [row for row in self.rows if self.keeps(row, query.filters)]
        groups = self.grouped(rows, [self.dimensions[name] for name in query.dimensions])
        answer = [(*key, *(self.computed(name, values) for name in query.measures)) for key, values in groups]
        names = self.names(query)
        for by in self.order(query)[::-1]:
            answer.sort(key=lambda row: row[names.index(by.lstrip("-"))], reverse=by.startswith("-"))
        return self.table(names, answer[: self.limit(query)])

    def keeps(self, row, filters):
        return all(self.operators[one.operator](row[self.dimensions[one.field]], one.value) for one in filters)

    def grouped(self, rows, places):
        groups: dict[Any, Any] = {} if places else {(): []}
        for row in rows:
            groups.setdefault(tuple(row[place] for place in places), []).append(row[2])
        return list(groups.items())

    def computed(self, name, values):
        return self.measures[name](values)

    def names(self, query):
        return [*query.dimensions, *query.measures]

    def order(self, query):
        return query.order_by

    def limit(self, query):
        return query.limit

    def table(self, names, rows):
        return arrow.table({name: [row[place] for row in rows] for place, name in enumerate(names)})


class DemoConformance(SemanticLayerConformance):
    plugin = DemoLayer
    measures = ("orders.total", "orders.count")
    dimensions = ("orders.region", "orders.size")
    answers = (
        (SemanticQuery(["orders.total"]), [(10,)]),
        (
            SemanticQuery(["orders.total"], ["orders.region"], order_by=["-orders.total"], limit=2),
            [("north", 4), ("west", 4)],
        ),
    )
    unjoinable = ("orders.total", "stock.place")


class Fields(DemoLayer):
    def describe(self):
        return SemanticModel(tuple(self.field(one) for one in super().describe().fields))

    def field(self, one):
        return one


class DescribesAList(DemoLayer):
    def describe(self):
        return SemanticModel(list(super().describe().fields))  # type: ignore[arg-type]


class TakesDimensionsForMeasures(Fields):
    def field(self, one):
        return attrs.evolve(one, kind=FieldKind.MEASURE) if one.name == "orders.size" else one


class DescribesTwice(DemoLayer):
    def describe(self):
        return SemanticModel(super().describe().fields * 2)


class NamesNoTable(Fields):
    def field(self, one):
        return attrs.evolve(one, name="place") if one.name == "stock.place" else one


class KnowsNoType(Fields):
    def field(self, one):
        return attrs.evolve(one, type="")


class MeasuresFirst(DemoLayer):
    def query(self, query):
        found = arrow.rows(super().query(query))
        names = sorted(self.names(query)) if len(query.dimensions) > 1 else self.names(query)
        return arrow.table({name: [row[name] for row in found] for name in names})


class AddsOne(DemoLayer):
    def computed(self, name, values):
        return super().computed(name, values) + 1


class DoesNotGroup(DemoLayer):
    def grouped(self, rows, places):
        found = super().grouped(rows, places)
        return [*found, *found[:1]] if places == [0] and len(found) == 3 and not self.limited else found

    limited = False

    def query(self, query):
        self.limited = query.order_by
        return super().query(query)


class RepeatsTheTotal(DemoLayer):
    def grouped(self, rows, places):
        found = super().grouped(rows, places)
        return found if places or self.limited else found * 2

    limited = False

    def query(self, query):
        self.limited = query == SemanticQuery(["orders.total"])
        return super().query(query)


class KeepsAllButNot(DemoLayer):
    operators = {**OPERATORS, "!=": lambda value, other: value != other or other == "north"}  # noqa: RUF012


class TakesLessForLessOrEqual(DemoLayer):
    operators = {**OPERATORS, "<=": OPERATORS["<"]}  # noqa: RUF012


class TakesTheFirstOfIn(DemoLayer):
    operators = {**OPERATORS, "in": lambda value, values: value == next(iter(values))}  # noqa: RUF012


class MeetsOneFilter(DemoLayer):
    def keeps(self, row, filters):
        return super().keeps(row, filters[:1])


class PutsValuesIntoSql(DemoLayer):
    operators = {**OPERATORS, "=": lambda value, other: value == other or " OR " in str(other)}  # noqa: RUF012


class OrdersUpwardsOnly(DemoLayer):
    def order(self, query):
        return [by.lstrip("-") if "region" in by else by for by in query.order_by]


class KnowsNoLimit(DemoLayer):
    def limit(self, query):
        return None if query.limit == 1 else query.limit


class DropsUnknown(DemoLayer):
    def query(self, query):
        return super().query(attrs.evolve(query, measures=[name for name in query.measures if "unknown" not in name]))


class DropsUnknownOrder(DemoLayer):
    def check_order(self, query):
        pass

    def order(self, query):
        return [by for by in super().order(query) if "unknown" not in by]


class SuggestsNothing(DemoLayer):
    def check_order(self, query):
        if {by.lstrip("-") for by in query.order_by} - {*query.measures, *query.dimensions}:
            raise ValueError("the order is unknown")

    def unknown(self, name, known):
        return f"{name} is unknown"


class TakesAnyFilter(DemoLayer):
    def check_filters(self, query):
        super().check_filters(attrs.evolve(query, filters=[one for one in query.filters if one.operator != "like"]))

    def keeps(self, row, filters):
        return super().keeps(row, [one for one in filters if one.operator != "like"])


class KeepsNothingButNone(DemoLayer):
    operators = {**OPERATORS, "=": lambda value, other: value == other or other is None}  # noqa: RUF012


class TakesAnyValue(DemoLayer):
    def fits(self, one):
        return one.value != 7 or super().fits(one)

    def keeps(self, row, filters):
        return super().keeps(row, [one for one in filters if super(TakesAnyValue, self).fits(one)])


class FiltersByMeasures(DemoLayer):
    def check_filters(self, query):
        super().check_filters(attrs.evolve(query, filters=self.on_dimensions(query.filters)))

    def keeps(self, row, filters):
        return super().keeps(row, self.on_dimensions(filters))

    def on_dimensions(self, filters):
        return [one for one in filters if one.field not in self.measures]


class GroupsByMeasures(DemoLayer):
    def check_names(self, query):
        super().check_names(attrs.evolve(query, dimensions=self.own(query)))

    def query(self, query):
        return super().query(attrs.evolve(query, dimensions=self.own(query)))

    def own(self, query):
        return [name for name in query.dimensions if name not in self.measures]


class JoinsAnything(DemoLayer):
    def check_tables(self, query):
        pass


class SharesTheQuery(DemoLayer):
    def query(self, query):
        self.shared = query
        if threading.current_thread().name.startswith("conformance-"):
            time.sleep(0.02)
        return super().query(self.shared)


class MakesItsModelInParts(DemoLayer):
    made: Any = None

    def describe(self):
        if self.made is None:
            self.made = []
            for field in super().describe().fields:
                self.made.append(field)
                time.sleep(0.005)
        return SemanticModel(tuple(self.made))


class ReturnsBytes(DemoLayer):
    def compile(self, query):
        return super().compile(query).encode()


class CompilesAnything(DemoLayer):
    def compile(self, query):
        return "SELECT 1"


FAULTY: dict[str, type[Any]] = {
    "test_a_model_is_described": DescribesAList,
    "test_the_fields_of_queries_are_described": TakesDimensionsForMeasures,
    "test_a_field_is_described_once": DescribesTwice,
    "test_a_name_includes_the_table": NamesNoTable,
    "test_a_field_has_a_type": KnowsNoType,
    "test_columns_are_as_asked_for": MeasuresFirst,
    "test_an_answer_is_right": AddsOne,
    "test_a_query_groups": DoesNotGroup,
    "test_without_dimensions_there_is_one_row": RepeatsTheTotal,
    "test_equal_and_not_equal_filter": KeepsAllButNot,
    "test_comparisons_filter": TakesLessForLessOrEqual,
    "test_in_filters": TakesTheFirstOfIn,
    "test_all_filters_have_to_be_met": MeetsOneFilter,
    "test_a_value_is_no_sql": PutsValuesIntoSql,
    "test_an_answer_is_ordered": OrdersUpwardsOnly,
    "test_a_limit_limits": KnowsNoLimit,
    "test_a_field_that_does_not_exist_is_refused": DropsUnknown,
    "test_an_order_that_does_not_exist_is_refused": DropsUnknownOrder,
    "test_close_names_are_suggested": SuggestsNothing,
    "test_an_invalid_filter_is_refused": TakesAnyFilter,
    "test_no_value_is_one_to_compare_with": KeepsNothingButNone,
    "test_a_value_of_another_type_is_refused": TakesAnyValue,
    "test_a_condition_on_a_measure_is_no_filter": FiltersByMeasures,
    "test_a_field_is_asked_for_as_what_it_is": GroupsByMeasures,
    "test_tables_that_cannot_be_joined_are_refused": JoinsAnything,
    "test_several_threads_ask_at_once": SharesTheQuery,
    "test_sql_is_a_text": ReturnsBytes,
    "test_what_cannot_be_asked_cannot_be_compiled": CompilesAnything,
}


def test_a_correct_plugin_keeps_every_rule() -> None:
    assert broken(DemoConformance) == {}


@pytest.mark.parametrize("rule", sorted(FAULTY))
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(conformance(DemoConformance, FAULTY[rule]))) == [rule]


def test_a_model_that_several_first_calls_see_half_made_is_noticed() -> None:
    assert list(broken(conformance(DemoConformance, MakesItsModelInParts))) == ["test_several_threads_ask_at_once"]
