"""A correct semantic layer of API 1.1 keeps every rule, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

from datetime import date
from typing import Any

import attrs
from conformance_suite import OPERATORS, RulesOfNewerApi, broken, conformance
from testing.conformance.test_semantic_layer import ROWS, DemoConformance, DemoLayer

from floe_plugins.hookspecs.semantic_layer import SemanticRequest
from floe_plugins.testing.conformance.samples import arrow

DAYS = (date(2024, 1, 1), date(2024, 5, 2), date(2025, 5, 2), date(2025, 5, 2))


class NewLayer(DemoLayer):
    """The semantic layer with the hook of API 1.1, and a dimension of dates."""

    floe_api_version = "1.1"
    dimensions = {**DemoLayer.dimensions, "orders.day": 3}  # noqa: RUF012 not changed
    rows = tuple((*row, day) for row, day in zip(ROWS, DAYS, strict=True))  # type: ignore[assignment]

    def answer(self, request):
        self.check_request(request)
        days = [self.cut(row[3], request.grains) for row in NewLayer.rows]
        layer = type(self)()
        layer.rows = tuple((*row[:3], day) for row, day in zip(NewLayer.rows, days, strict=True))
        found = arrow.rows(layer.query(attrs.evolve(request.query, limit=None)))
        return self.table(self.names(request.query), self.met(found, request)[: request.query.limit])

    def check_request(self, request):
        self.check(request.query)
        self.check_having(request)
        self.check_grains(request)

    def check_having(self, request):
        if {one.field for one in request.having} - {*request.query.measures}:
            raise ValueError("a condition is on no measure")

    def check_grains(self, request):
        if set(request.grains) - ({*request.query.dimensions} & {"orders.day"}):
            raise ValueError("a grain is of no time")

    def cut(self, day, grains):
        return day.replace(month=1, day=1) if grains.get("orders.day") == "year" else day

    def met(self, rows, request):
        return [
            tuple(row.values())
            for row in rows
            if all(OPERATORS[one.operator](row[one.field], one.value) for one in request.having)
        ]


class NewConformance(DemoConformance):
    plugin = NewLayer
    times = "orders.day"


class AnswersBackwards(NewLayer):
    def met(self, rows, request):
        found = super().met(rows, request)
        return found if request.having or request.grains else found[::-1]


class TakesMoreForAsMuch(NewLayer):
    def met(self, rows, request):
        return super().met(
            rows, attrs.evolve(request, having=[attrs.evolve(one, operator=">") for one in request.having])
        )


class TakesAnyCondition(NewLayer):
    def check_having(self, request):
        pass

    def met(self, rows, request):
        known = [one for one in request.having if one.field in request.query.measures]
        return super().met(rows, attrs.evolve(request, having=known))


class CutsToMonths(NewLayer):
    def cut(self, day, grains):
        return day.replace(day=1) if grains else day


class CutsAnything(NewLayer):
    def check_grains(self, request):
        pass


class AnswersAnything(NewLayer):
    def answer(self, request):
        known = [name for name in request.query.dimensions if name in self.dimensions]
        return super().answer(attrs.evolve(request, query=attrs.evolve(request.query, dimensions=known)))


FAULTY: dict[str, type[Any]] = {
    "test_an_answer_has_the_columns_of_a_query": AnswersBackwards,
    "test_conditions_on_measures_are_met": TakesMoreForAsMuch,
    "test_conditions_on_other_fields_are_refused": TakesAnyCondition,
    "test_times_are_cut_off": CutsToMonths,
    "test_what_is_no_time_is_not_cut_off": CutsAnything,
    "test_what_cannot_be_queried_cannot_be_answered": AnswersAnything,
}


class TestAnswers(RulesOfNewerApi):
    new = NewConformance
    old = DemoConformance
    faulty = FAULTY


def test_what_a_plugin_cannot_do_is_left_out() -> None:
    class KnowsNoMore(DemoLayer):
        floe_api_version = "1.1"

        def answer(self, request):
            if request != SemanticRequest(request.query):
                return super().answer(request)
            return self.query(request.query)

    assert broken(conformance(DemoConformance, KnowsNoMore), FAULTY) == {}
