"""Models over tables, and queries of them. Imports ibis and BSL, so it is imported when first used."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import attrs
import ibis
import pyarrow as pa
import sqlglot.expressions as sql

from floe_plugins import PluginError
from floe_plugins.hookspecs.protocols import ArrowStream
from floe_plugins.hookspecs.semantic_layer import (
    FieldKind,
    SemanticField,
    SemanticFilter,
    SemanticModel,
    SemanticQuery,
    SemanticRequest,
)
from floe_reference_semantic_layer_bsl._rights import RowRule, values_of
from floe_reference_semantic_layer_bsl._sources import (
    Join,
    Source,
    aggregated,
    join_measures,
    joined,
    joins_of,
    required_joins,
)
from floe_reference_semantic_layer_bsl._values import literal

COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


GRAINS: Mapping[str, str] = {
    "year": "Y",
    "quarter": "Q",
    "month": "M",
    "week": "W",
    "day": "D",
    "hour": "h",
    "minute": "m",
    "second": "s",
}
# Those that a date has no part of.
_OF_TIMES = ("hour", "minute", "second")


def check_dialect(dialect: str) -> None:
    """Whether ibis can write an SQL dialect.

    Raises:
        PluginError: it cannot.
    """
    try:
        ibis.to_sql(ibis.literal(1), dialect=dialect)
    except Exception as error:
        hint = "Set plugins.semantic_layer.bsl.dialect to one of ibis' backends, such as duckdb, datafusion or sqlite"
        raise PluginError(f"ibis cannot write SQL for {dialect!r}: {error}", hint=hint) from error


def schema_of(stream: ArrowStream) -> pa.Schema:
    """The columns of an answer."""
    return pa.RecordBatchReader.from_stream(stream).schema


def answer(stream: ArrowStream, schema: pa.Schema) -> ArrowStream:
    """The rows with the types of the models, since engines have different types for counts and sums."""
    table: ArrowStream = pa.RecordBatchReader.from_stream(stream).read_all().cast(schema)
    return table


def columns_of(table: str, dialect: str) -> str:
    """SQL that returns the columns of a table and no rows."""
    *schema, name = table.split(".")
    place = sql.table_(name, *reversed(schema), quoted=True)
    return str(sql.select("*").from_(place).limit(0).sql(dialect=dialect))


@attrs.frozen
class Field:
    """A field, the name that its model is joined by, and how it is called inside of its model."""

    owner: str
    local: str
    field: SemanticField


@attrs.frozen
class Compiled:
    """A query in SQL, and the columns of its answer."""

    sql: str
    schema: pa.Schema


class Models:
    """Models whose tables are known.

    Raises:
        PluginError: a definition is wrong, or names columns that its table does not have.
    """

    def __init__(
        self,
        definitions: Mapping[str, Any],
        tables: Mapping[str, pa.Schema],
        dialect: str,
        rules: Mapping[str, RowRule],
    ) -> None:
        self._dialect = dialect
        self._rules = rules
        try:
            made = {name: _table(name, schema) for name, schema in tables.items()}
            self._sources = {name: Source.of(model, made[model["table"]]) for name, model in definitions.items()}
            self._joins = {name: list(joins_of(name, name, self._sources)) for name in definitions}
            for name, joins in self._joins.items():
                _check_joins(name, joins)
                joined(name, joins, self._sources)
        except Exception as error:
            # Some versions of BSL wrap what is wrong without saying it.
            said = str(error) or error.__cause__
            raise PluginError(f"the models do not fit their tables: {said}", hint="Correct the models") from error
        self._fields = {name: dict(self._fields_of(name)) for name in definitions}
        self._all = {name: field for fields in self._fields.values() for name, field in fields.items()}
        self._check_rules()

    def describe(self) -> SemanticModel:
        """All fields: those that a model takes from another one by joining it are listed once."""
        return SemanticModel(tuple(field.field for field in self._all.values()))

    def compile(self, request: SemanticRequest) -> Compiled:
        """One query in SQL.

        Raises:
            ValueError: an unknown field, or a filter or grain that does not fit.
            PermissionError: there are rules for rows, and the principal has no right to any.
        """
        query = request.query
        self._check(query)
        self._check_request(request)
        name = self._model_for(query)
        asked = (*query.dimensions, *query.measures)
        owners = {self._fields[name][each].owner for each in (*asked, *(each.field for each in query.filters))}
        rights = self._rights(name, request)
        joins = required_joins(self._joins[name], owners | {self._fields[name][each].owner for each in rights})
        rows = joined(name, joins, self._seen(name, joins, request))
        for field, values in rights.items():
            rows = rows.filter(_compared(rows[field], SemanticFilter(field, "in", values)))
        for each in query.filters:
            rows = rows.filter(_compared(rows[each.field], each))
        cut = {field: rows[field].truncate(GRAINS[grain]) for field, grain in request.grains.items()}
        answer = self._answer(name, rows.mutate(**cut) if cut else rows, query).select(*asked)
        for each in request.having:
            answer = answer.filter(_compared(answer[each.field], each))
        # Last of all: what surrounds a sorted query need not keep its order.
        if query.order_by:
            answer = answer.order_by([_order(key) for key in query.order_by])
        if query.limit is not None:
            answer = answer.limit(query.limit)
        columns = [column.with_nullable(True) for column in answer.schema().to_pyarrow()]  # noqa: FBT003 pyarrow's own
        return Compiled(str(ibis.to_sql(answer, dialect=self._dialect)), pa.schema(columns))

    def _rights(self, name: str, request: SemanticRequest) -> dict[str, tuple[Any, ...]]:
        """The values of dimensions of joined models that rows of the model itself are seen by."""
        rule = self._rules.get(name)
        if rule is None or rule.dimension.partition(".")[0] == name:
            return {}
        values = values_of(rule, request.principal)
        return {} if values is None else {rule.dimension: values}

    def _seen(self, name: str, joins: Sequence[Join], request: SemanticRequest) -> dict[str, Source]:
        """The models with those rows of each that the principal may see by a dimension of its own."""
        seen = dict(self._sources)
        for model in {name, *(join.model for join in joins)} & self._rules.keys():
            owner, _, local = self._rules[model].dimension.partition(".")
            if owner == model:
                values = values_of(self._rules[model], request.principal)
                if values is not None:
                    rows = seen[model].table
                    condition = SemanticFilter(self._rules[model].dimension, "in", values)
                    seen[model] = attrs.evolve(seen[model], table=rows.filter(_compared(rows[f".{local}"], condition)))
            elif model != name:
                message = f"rows of {model} are seen by {self._rules[model].dimension}, so {name} cannot join it"
                raise PermissionError(message)
        return seen

    def _answer(self, name: str, rows: Any, query: SemanticQuery) -> Any:
        groups, fields = query.dimensions, self._fields[name]
        measures: dict[str, dict[str, str]] = {}
        for measure in query.measures:
            measures.setdefault(fields[measure].owner, {})[measure] = fields[measure].local
        models = {name: name} | {join.name: join.model for join in self._joins[name]}

        def aggregate(rows: Any, owner: str, groups: Sequence[str]) -> Any:
            return aggregated(rows, owner, self._sources[models[owner]], groups, measures[owner])

        # Each row is one of the model's own, so none of the groups is missing from its measures.
        first = name if groups else next(iter(measures))
        answer = aggregate(rows, first, groups) if first in measures else rows.select(*groups).distinct()
        for owner in (each for each in measures if each != first):
            empty = aggregate(rows.filter(ibis.literal(False)), owner, ())  # noqa: FBT003 ibis' own
            answer = join_measures(answer, aggregate(rows, owner, groups), empty, groups)
        return answer

    def _fields_of(self, name: str) -> Iterator[tuple[str, Field]]:
        for owner, model in ((name, name), *((join.name, join.model) for join in self._joins[name])):
            source = self._sources[model]
            types = {local: source.table[f".{local}"].type() for local in source.dimensions} | {**source.types}
            for kind, found in ((FieldKind.DIMENSION, source.dimensions), (FieldKind.MEASURE, source.measures)):
                for local, made in found.items():
                    full, about = f"{owner}.{local}", made.description or ""
                    yield full, Field(owner, local, SemanticField(full, kind, _told(types[local]), about))

    def _check(self, query: SemanticQuery) -> None:
        asked = (*query.dimensions, *query.measures)
        if not asked:
            raise ValueError("the query asks for nothing: expected a dimension or a measure")
        twice = sorted({name for name in asked if asked.count(name) > 1})
        if twice:
            raise ValueError(f"{', '.join(twice)} is asked for twice")
        if query.limit is not None and query.limit < 0:
            raise ValueError(f"limit {query.limit} is negative")
        self._check_kind(query.measures, FieldKind.MEASURE)
        self._check_kind((*query.dimensions, *(each.field for each in query.filters)), FieldKind.DIMENSION)
        for key in query.order_by:
            if key.removeprefix("-") not in asked:
                raise ValueError(f"cannot order by {key.removeprefix('-')!r}: it is not asked for")

    def _check_rules(self) -> None:
        for model, rule in self._rules.items():
            field = self._fields.get(model, {}).get(rule.dimension)
            if field is None or field.field.kind is not FieldKind.DIMENSION:
                message = f"the rule for rows of {model} names {rule.dimension}, which is no dimension of it"
                raise PluginError(message, hint="Correct plugins.semantic_layer.bsl.row_rules")

    def _check_request(self, request: SemanticRequest) -> None:
        for each in request.having:
            if each.field not in request.query.measures:
                raise ValueError(f"{each.field!r} is no measure of the query, so it can have no condition")
        for field, grain in request.grains.items():
            kind = self._all[field].field.type if field in request.query.dimensions else ""
            if not kind.startswith("timestamp") and not (kind == "date" and grain not in _OF_TIMES):
                raise ValueError(f"{field!r} is no dimension of the query that can be cut off to a {grain}")
            if grain not in GRAINS:
                raise ValueError(f"the grain {grain!r} is not known: expected {', '.join(GRAINS)}")

    def _check_kind(self, names: Iterable[str], kind: FieldKind) -> None:
        for name in names:
            if name not in self._all:
                near = get_close_matches(name, self._all)
                hint = f": did you mean {' or '.join(map(repr, near))}?" if near else ""
                raise ValueError(f"there is no field {name!r}{hint}")
            if self._all[name].field.kind is not kind:
                raise ValueError(f"{name!r} is a {self._all[name].field.kind.value}, not a {kind.value}")

    def _model_for(self, query: SemanticQuery) -> str:
        names = (*query.measures, *query.dimensions, *(each.field for each in query.filters))
        fitting = [model for model, fields in self._fields.items() if all(name in fields for name in names)]
        # Of models that join each other, the one that the first field belongs to.
        own = [model for model in fitting if names[0].startswith(f"{model}.")]
        chosen = own or fitting
        if not chosen:
            raise ValueError(f"no model has all of {', '.join(names)}: expected fields of one model and those it joins")
        if len(chosen) > 1:
            raise ValueError(
                f"several models have {', '.join(names)}: ask for a field of one of {', '.join(chosen)}, too"
            )
        return chosen[0]


def _table(name: str, schema: pa.Schema) -> Any:
    table, database, catalog = (*reversed(name.split(".")), None, None)[:3]
    return ibis.table(ibis.Schema.from_pyarrow(schema), name=table, database=database, catalog=catalog)


def _check_joins(name: str, joins: Sequence[Join]) -> None:
    names = [name, *(join.name for join in joins)]
    twice = sorted({each for each in names if names.count(each) > 1})
    if twice:
        raise ValueError(f"{name} joins {', '.join(twice)} twice: give one of them another name")


def _told(dtype: Any) -> str:
    # ibis marks what is never null.
    return str(dtype).lstrip("!")


def _order(key: str) -> Any:
    return ibis.desc(key[1:]) if key.startswith("-") else ibis.asc(key)


def _compared(column: Any, condition: SemanticFilter) -> Any:
    try:
        if condition.operator == "in":
            return column.isin([literal(value, column.type()) for value in _several(condition.value)])
        if condition.value is None:
            return _null(column, condition.operator)
        return _comparison(condition.operator)(column, literal(condition.value, column.type()))
    except ValueError as error:
        raise ValueError(f"the filter on {condition.field} does not fit: {error}") from error


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    if name not in COMPARISONS:
        raise ValueError(f"operator {name!r} is not known: expected in, {', '.join(COMPARISONS)}")
    return COMPARISONS[name]


def _several(value: object) -> Sequence[object]:
    if isinstance(value, (str, bytes)) or not isinstance(value, (Sequence, set, frozenset)):
        raise ValueError(f"{value!r} is one value: expected several")  # noqa: TRY004 as the contract has it
    return tuple(value)


def _null(column: Any, operation: str) -> Any:
    if operation not in {"=", "!="}:
        raise ValueError(f"nothing is {operation} null: expected = or !=")
    return column.isnull() if operation == "=" else column.notnull()
