"""Semantic layer: business terms over tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Literal

import attrs

from floe_plugins.errors import UnsupportedOperationError
from floe_plugins.hookspecs.base import PluginMetadata, added_in, hookspec
from floe_plugins.hookspecs.identity import Principal
from floe_plugins.hookspecs.protocols import ArrowStream

TimeGrain = Literal["year", "quarter", "month", "week", "day", "hour", "minute", "second"]


class FieldKind(str, Enum):
    """Whether a field groups and filters rows (dimension) or is computed from them (measure)."""

    DIMENSION = "dimension"
    MEASURE = "measure"


@attrs.frozen
class SemanticField:
    """A dimension or a measure.

    Attributes:
        name: the name by which queries ask for it, with its table, such as ``orders.amount``.
        kind: whether it is a dimension or a measure.
        type: the type of its column in the result of a query, in the plugin's words.
        description: one line for those who choose among fields; may be empty.
    """

    name: str
    kind: FieldKind
    type: str
    description: str = ""


@attrs.frozen
class SemanticModel:
    """All fields that a query may use.

    >>> from floe_plugins.hookspecs import FieldKind, SemanticField, SemanticModel
    >>> month = SemanticField("orders.month", FieldKind.DIMENSION, "date")
    >>> revenue = SemanticField("orders.revenue", FieldKind.MEASURE, "decimal")
    >>> [field.name for field in SemanticModel((month, revenue)).measures]
    ['orders.revenue']

    Attributes:
        fields: the dimensions and the measures.
    """

    fields: tuple[SemanticField, ...]

    @property
    def dimensions(self) -> tuple[SemanticField, ...]:
        """The dimensions, by which a query groups and filters."""
        return tuple(field for field in self.fields if field.kind is FieldKind.DIMENSION)

    @property
    def measures(self) -> tuple[SemanticField, ...]:
        """The measures, which a query computes."""
        return tuple(field for field in self.fields if field.kind is FieldKind.MEASURE)


@attrs.frozen
class SemanticFilter:
    """A condition on a dimension, or in ``SemanticRequest.having`` on a measure.

    >>> from floe_plugins.hookspecs import SemanticFilter
    >>> SemanticFilter("orders.country", "in", {"DE"}).value
    {'DE'}

    Attributes:
        field: the name of the field.
        operator: one of ``= != < <= > >= in``.
        value: what the field is compared with, in its type; dates and times may be ISO strings. ``=`` and ``!=`` also
            accept None. ``in`` requires a sequence or a set of values.
    """

    field: str
    operator: str
    value: object


# mypy cannot infer the argument type of ``tuple`` as a converter.


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


def _filters(filters: Iterable[SemanticFilter]) -> tuple[SemanticFilter, ...]:
    return tuple(filters)


@attrs.frozen
class SemanticQuery:
    """A query in business terms.

    Attributes:
        measures: the names of the measures to compute.
        dimensions: the names of the dimensions by which to group.
        filters: conditions that all rows must meet.
        order_by: names of fields of the query; a leading ``-`` means descending.
        limit: the maximum number of rows; None for all.
    """

    measures: tuple[str, ...] = attrs.field(default=(), converter=_names)
    dimensions: tuple[str, ...] = attrs.field(default=(), converter=_names)
    filters: tuple[SemanticFilter, ...] = attrs.field(default=(), converter=_filters)
    order_by: tuple[str, ...] = attrs.field(default=(), converter=_names)
    limit: int | None = None


@attrs.frozen
class SemanticRequest:
    """A query, and what goes beyond one.

    Attributes:
        query: what is asked for.
        principal: who asks. Rows that they may not see count as if they were not there.
        having: conditions on the measures of the query, which are computed for each group.
        grains: the dimensions of dates and times that are cut off to the beginning of a year, a month and so on,
            before rows are grouped by them. Filters compare the uncut values.
    """

    query: SemanticQuery
    principal: Principal | None = None
    having: tuple[SemanticFilter, ...] = attrs.field(default=(), converter=_filters)
    grains: Mapping[str, TimeGrain] = attrs.field(factory=dict)


class SemanticLayerPlugin(PluginMetadata):
    """The contract of semantic layers. Each call goes to one plugin. Hooks must be thread-safe.

    >>> from floe_plugins import SemanticLayerPlugin
    >>> def revenue_by_month(layer: SemanticLayerPlugin):
    ...     query = SemanticQuery(measures=["orders.revenue"], dimensions=["orders.month"], order_by=["-orders.month"])
    ...     return layer.query(query)
    >>> SemanticQuery(filters=[SemanticFilter("orders.month", ">=", "2025-01-01")]).filters[0].field
    'orders.month'
    """

    @hookspec(firstresult=True)
    @abstractmethod
    def describe(self) -> SemanticModel:
        """Return the dimensions and measures that a query may use."""

    @hookspec(firstresult=True)
    @abstractmethod
    def query(self, query: SemanticQuery) -> ArrowStream:
        """Run a query. Return a column for each dimension, then for each measure, named and typed as described.

        Raises:
            ValueError: a field does not exist (the message suggests close names), a filter is
                invalid, or the tables of the fields cannot be joined.
        """

    @hookspec(firstresult=True)
    @abstractmethod
    def compile(self, query: SemanticQuery) -> str:
        """Return the SQL that ``query`` would run, in the dialect of the compute plugin.

        Raises:
            ValueError: for the same reasons as ``query``.
        """

    @added_in("1.1")
    @hookspec(firstresult=True)
    def answer(self, request: SemanticRequest) -> ArrowStream:
        """Run a query for a principal. The columns are those of ``query``.

        Since API 1.1.

        By default a query without a principal, conditions on measures and grains is passed to ``query``.

        Raises:
            ValueError: for the same reasons as ``query``; or a condition is on a field that is no measure of the
                query, or a grain is of a field that is no dimension of dates or times of the query.
            PermissionError: the tables have rules for rows, and nobody is named, or someone without any right.
            UnsupportedOperationError: the plugin cannot do what goes beyond ``query``.
        """
        if request != SemanticRequest(request.query):
            raise UnsupportedOperationError(
                f"semantic_layer:{self.name} knows neither principals, nor conditions on measures, nor grains",
                hint="Use query where everyone may see all rows",
            )
        return self.query(request.query)
