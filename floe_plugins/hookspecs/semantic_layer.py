"""Semantic layer: business terms over tables."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from enum import Enum

import attrs

from floe_plugins.hookspecs.base import PluginMetadata, hookspec
from floe_plugins.hookspecs.protocols import ArrowStream


class FieldKind(str, Enum):
    """What a field is for."""

    DIMENSION = "dimension"
    MEASURE = "measure"


@attrs.frozen
class SemanticField:
    """A dimension or a measure; its name is qualified by its table (``orders.amount``)."""

    name: str
    kind: FieldKind
    type: str
    description: str = ""


@attrs.frozen
class SemanticModel:
    """All fields that may be asked for."""

    fields: tuple[SemanticField, ...]

    @property
    def dimensions(self) -> tuple[SemanticField, ...]:
        """The fields to group and filter by."""
        return tuple(field for field in self.fields if field.kind is FieldKind.DIMENSION)

    @property
    def measures(self) -> tuple[SemanticField, ...]:
        """The fields that are computed."""
        return tuple(field for field in self.fields if field.kind is FieldKind.MEASURE)


@attrs.frozen
class SemanticFilter:
    """A condition on a dimension; ``operator`` is one of = != < <= > >= in.

    The value has the dimension's type (dates and times may be ISO texts) or is None, which
    only ``=`` and ``!=`` take; ``in`` takes a sequence or a set of values.
    """

    field: str
    operator: str
    value: object


# Of ``tuple`` itself as a converter, mypy does not know what it takes.


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(names)


def _filters(filters: Iterable[SemanticFilter]) -> tuple[SemanticFilter, ...]:
    return tuple(filters)


@attrs.frozen
class SemanticQuery:
    """What is asked, in business terms.

    Attributes:
        order_by: names of fields that are asked for; a leading ``-`` means descending.
    """

    measures: tuple[str, ...] = attrs.field(default=(), converter=_names)
    dimensions: tuple[str, ...] = attrs.field(default=(), converter=_names)
    filters: tuple[SemanticFilter, ...] = attrs.field(default=(), converter=_filters)
    order_by: tuple[str, ...] = attrs.field(default=(), converter=_names)
    limit: int | None = None


class SemanticLayerPlugin(PluginMetadata):
    """One semantic layer. Hooks are asked of one chosen plugin and safe from several threads."""

    @hookspec(firstresult=True)
    @abstractmethod
    def describe(self) -> SemanticModel:
        """The dimensions and measures that may be asked for."""
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def query(self, query: SemanticQuery) -> ArrowStream:
        """The answer: a column for each dimension, then for each measure, named and typed as described.

        Raises:
            ValueError: an unknown field, with the closest names, a filter that does not fit, or
                fields that have nothing to do with each other.
        """
        raise NotImplementedError

    @hookspec(firstresult=True)
    @abstractmethod
    def compile(self, query: SemanticQuery) -> str:
        """The SQL that ``query`` would run, in the dialect of the compute plugin.

        Raises:
            ValueError: as ``query``.
        """
        raise NotImplementedError
