"""Semantic layer: one is asked; models tell dimensions from measures, queries take any iterables."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins import SemanticLayerPlugin, UnsupportedOperationError
from floe_plugins.hookspecs.identity import Principal
from floe_plugins.hookspecs.semantic_layer import (
    FieldKind,
    SemanticField,
    SemanticFilter,
    SemanticModel,
    SemanticQuery,
    SemanticRequest,
)


@pytest.mark.parametrize("hook", ["describe", "query", "compile"])
def test_one_semantic_layer_answers_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(SemanticLayerPlugin, hook) == ("second", ["second"])


def test_a_model_tells_what_to_group_by_from_what_is_computed_each_in_the_models_order() -> None:
    model = SemanticModel(
        (
            SemanticField("orders.day", FieldKind.DIMENSION, "date"),
            SemanticField("orders.amount", FieldKind.MEASURE, "number"),
            SemanticField("orders.city", FieldKind.DIMENSION, "text"),
            SemanticField("orders.count", FieldKind.MEASURE, "integer"),
        )
    )
    assert [field.name for field in model.dimensions] == ["orders.day", "orders.city"]
    assert [field.name for field in model.measures] == ["orders.amount", "orders.count"]


def test_a_query_takes_any_iterables_and_is_the_same_query() -> None:
    condition = SemanticFilter("orders.city", "=", "Oslo")
    asked = SemanticQuery(
        measures=["orders.amount"],
        dimensions=iter(["orders.city", "orders.day"]),
        filters=(each for each in [condition]),
        order_by={"-orders.amount": True},
    )
    said = SemanticQuery(("orders.amount",), ("orders.city", "orders.day"), (condition,), ("-orders.amount",))
    assert asked == said
    assert hash(asked) == hash(said)


def test_a_query_is_as_it_was_when_it_was_made() -> None:
    measures = ["orders.amount"]
    query = SemanticQuery(measures)
    measures.clear()
    assert query.measures == ("orders.amount",)


def test_a_query_that_asks_for_nothing_more_has_no_filter_no_order_and_no_limit(calling: Any) -> None:
    hook = calling(SemanticLayerPlugin, echo={"compile": lambda _self, query: query})
    query = hook.compile(query=SemanticQuery(["orders.amount"]))
    assert (query.dimensions, query.filters, query.order_by, query.limit) == ((), (), (), None)


def test_one_layer_answers_a_request_and_no_other_is_asked(answers: Any) -> None:
    assert answers(SemanticLayerPlugin, "answer") == ("second", ["second"])


def test_an_older_layer_answers_what_is_no_more_than_a_query(calling: Any) -> None:
    hook = calling(SemanticLayerPlugin, old={"query": lambda _self, query: query.measures})
    assert hook.answer(request=SemanticRequest(SemanticQuery(["a.b"]))) == ("a.b",)


@pytest.mark.parametrize(
    "more",
    [
        {"principal": Principal("ada", "https://issuer.example")},
        {"having": [SemanticFilter("a.b", ">", 1)]},
        {"grains": {"a.day": "month"}},
    ],
    ids=lambda more: next(iter(more)),
)
def test_nothing_of_a_request_is_left_out_in_silence(calling: Any, more: dict[str, Any]) -> None:
    hook = calling(SemanticLayerPlugin, old={"query": lambda _self, query: query})
    with pytest.raises(UnsupportedOperationError, match="semantic_layer:old knows neither principals"):
        hook.answer(request=SemanticRequest(SemanticQuery(["a.b"]), **more))
