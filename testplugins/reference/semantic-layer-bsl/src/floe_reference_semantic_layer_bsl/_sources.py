"""Tables of models, joined and aggregated. Imports ibis and BSL, so it is imported when first used.

BSL evaluates the fields of one model at a time. What it makes of joins depends on its version, so they are made here:
in the joined rows, ``model:column`` and ``model.dimension`` are what a model brings along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

import attrs
import boring_semantic_layer as bsl
import ibis

# No field has this name: a model's condition is evaluated as one of its dimensions.
FILTER = ""
ALL = ibis.literal(True)  # noqa: FBT003 ibis' own


@attrs.frozen
class Source:
    """A model over its table, with the dimensions and measures that BSL makes of it."""

    definition: Mapping[str, Any]
    columns: tuple[str, ...]
    table: Any
    dimensions: Mapping[str, Any]
    measures: Mapping[str, Any]
    types: Mapping[str, Any]

    @classmethod
    def of(cls, definition: Mapping[str, Any], table: Any) -> Source:
        """The model over a table."""
        condition = {FILTER: definition["filter"]} if "filter" in definition else {}
        dimensions = dict(_model(table, dimensions={**definition["dimensions"], **condition}).get_dimensions())
        evaluated = _evaluated(table, dimensions)
        if condition:
            del dimensions[FILTER]
            evaluated = evaluated.filter(evaluated[f".{FILTER}"]).drop(f".{FILTER}")
        model = _model(table, **_measures(definition))
        measures = {**model.get_measures(), **model.get_calculated_measures()}
        types = bsl.to_untagged(model.query(measures=[*measures])).schema() if measures else {}
        return cls(definition, tuple(table.columns), evaluated, dimensions, measures, types)

    def named(self, name: str) -> Any:
        """Its rows by the name of the model, or by that which a join gives it."""
        return self.table.rename(lambda column: f"{name}{column}")


@attrs.frozen
class Join:
    """A model and the name that it is joined by, to which one and on which columns."""

    name: str
    model: str
    to: str
    on: tuple[tuple[str, str], ...]


def joins_of(name: str, model: str, sources: Mapping[str, Source]) -> Iterator[Join]:
    """The joins of a model, each before those that it brings along."""
    earlier = [*takewhile(lambda other: other != model, sources)]
    sides = {name: model}
    for other, join in sources[model].definition["joins"].items():
        left, right = join["on"] or (None, None)
        to = next((side for side in sides if left in sources[sides[side]].columns), name)
        yield Join(other, join["model"], to, ((f"{to}:{left}", f"{other}:{right}"),) if left else ())
        sides[other] = join["model"]
        # As BSL has it: only of models that are defined before, so no joins go round in circles.
        if join["model"] in earlier:
            yield from joins_of(other, join["model"], sources)


def required_joins(joins: Sequence[Join], names: Iterable[str]) -> list[Join]:
    """The joins that lead to some models."""
    wanted = {*names}
    for join in reversed(joins):
        if join.name in wanted:
            wanted.add(join.to)
    return [join for join in joins if join.name in wanted]


def joined(name: str, joins: Sequence[Join], sources: Mapping[str, Source]) -> Any:
    """All rows of a model, with those that it joins; each row has a number, ``model:``, to know it again."""
    if not joins:
        return sources[name].named(name)
    rows = sources[name].named(name).mutate({f"{name}:": ibis.row_number()})
    for join in joins:
        other = sources[join.model].named(join.name).mutate({f"{join.name}:": ibis.row_number()})
        rows = rows.left_join(other, [rows[left] == other[right] for left, right in join.on] or [ALL])
    return rows


def aggregated(rows: Any, name: str, source: Source, groups: Sequence[str], measures: Mapping[str, str]) -> Any:
    """Measures of one model by groups of joined rows; a row of the model counts once in a group."""
    number = f"{name}:"
    own = {column: rows[f"{name}:{column}"] for column in source.columns}
    keys = {group: rows[group] for group in groups}
    if number in rows.columns:
        table = rows.filter(rows[number].notnull()).select({**own, **keys, number: rows[number]}).distinct()
    else:
        table = rows.select({**own, **keys})
    model = _model(table, dimensions={group: f"_[{group!r}]" for group in groups}, **_measures(source.definition))
    answer = bsl.to_untagged(model.query(dimensions=[*groups], measures=[*measures.values()]))
    return answer.select(*groups, **{measure: answer[local] for measure, local in measures.items()})


def join_measures(answer: Any, others: Any, empty: Any, groups: Sequence[str]) -> Any:
    """Measures of another model beside an answer: what they are of no rows, where it has none."""
    measures = [column for column in others.columns if column not in groups]
    others = others.rename({f"{group}=": group for group in groups})
    empty = empty.rename({f"{measure}=": measure for measure in measures})
    same = [answer[group].identical_to(others[f"{group}="]) for group in groups]
    both = answer.left_join(others, same or [ALL]).cross_join(empty)
    return both.select(*answer.columns, **{each: both[each].coalesce(both[f"{each}="]) for each in measures})


def _model(table: Any, **parts: Any) -> Any:
    return bsl.from_config({"model": {"table": "table", **parts}}, tables={"table": table})["model"]


def _measures(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {part: definition[part] for part in ("measures", "calculated_measures")}


def _evaluated(table: Any, dimensions: Mapping[str, Any]) -> Any:
    columns, pending = table.columns, dict(dimensions)
    # A dimension may be made of others, in whatever order they are defined.
    while pending:
        found, failures = {}, []
        for name, dimension in pending.items():
            try:
                found[name] = dimension(table)
            except Exception as error:  # noqa: BLE001 of whatever kind, it may go away with the others
                failures.append(error)
        if not found:
            raise failures[0]
        # Where a column has the name of a dimension, expressions mean the column.
        seen = {name: value for name, value in found.items() if name not in table.columns}
        table = table.mutate({**seen, **{f".{name}": value for name, value in found.items()}})
        pending = {name: dimension for name, dimension in pending.items() if name not in found}
    return table.select(
        {f":{column}": table[column] for column in columns} | {f".{name}": table[f".{name}"] for name in dimensions}
    )
