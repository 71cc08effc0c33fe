"""The tables at one point in time, and a transaction's changes to them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from floe_plugins import PluginError, UnsupportedOperationError

if TYPE_CHECKING:
    from datafusion import DataFrame, SessionContext

_log = logging.getLogger(__name__)

Table: TypeAlias = Any  # of pyarrow, which has no types

Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any] | None

_PUBLIC = "public"
_NAMES = "SELECT table_name, definition FROM information_schema.views WHERE table_schema = 'public'"


class ConcurrentChangeError(PluginError):
    """A transaction conflicts with one committed since it began, and was rolled back."""


@attrs.frozen
class Version:
    """All tables and views. Immutable.

    Attributes:
        number: how many versions came before it.
        tables: what is stored.
        views: the statements that make them.
        registered: what hides stored tables and views of the same name for a while.
        attached: the same, but read from files when it is asked: what DataFusion takes for a table.
    """

    number: int = 0
    tables: Mapping[str, Table] = attrs.field(factory=dict)
    views: Mapping[str, str] = attrs.field(factory=dict)
    registered: Mapping[str, Table] = attrs.field(factory=dict)
    attached: Mapping[str, Any] = attrs.field(factory=dict)

    def fill(self, context: SessionContext) -> frozenset[str]:
        """Register the tables in a context, isolated from its changes; return the views that cannot be created.

        Such a view needs what is not there, as a registered table after ``release``.
        """
        for name, table in {**self.tables, **self.registered}.items():
            if name not in self.attached:
                context.from_arrow(table, quoted(name))
        for name, files in self.attached.items():
            context.register_table(quoted(name), files)
        waiting = {name: text for name, text in self.views.items() if name not in self.hiding}
        # Views may need each other in any order.
        while made := [name for name, text in waiting.items() if _made(context, text)]:
            for name in made:
                del waiting[name]
        return frozenset(waiting)

    @property
    def hiding(self) -> frozenset[str]:
        """The names under which nothing is stored, or what is stored is hidden."""
        return frozenset({*self.registered, *self.attached})

    def held(self, name: str) -> object:
        """The table or view statement stored under a name, or None."""
        return self.tables.get(name, self.views.get(name))


@attrs.frozen
class Change:
    """The changes of a transaction: new and changed tables and views, and dropped names."""

    tables: Mapping[str, Table]
    views: Mapping[str, str]
    dropped: AbstractSet[str]

    def applied(self, version: Version, base: Version) -> Version:
        """The version after ``version`` for a transaction that began with ``base``.

        Raises:
            ConcurrentChangeError: both changed the same thing.
        """
        touched = {*self.tables, *self.views, *self.dropped}
        for name in sorted(touched):
            if version.held(name) is not base.held(name):
                message = f"{name!r} has been changed by another transaction meanwhile"
                raise ConcurrentChangeError(message, hint="Run it again")
        return attrs.evolve(
            version,
            number=version.number + 1,
            tables={**_without(version.tables, touched), **self.tables},
            views={**_without(version.views, touched), **self.views},
        )


class Transaction:
    """Statements that see the tables as of the beginning, with their own changes.

    Attributes:
        base: the tables at the beginning.
        closings: how often they had been closed then.
    """

    def __init__(self, base: Version, context: SessionContext, closings: int) -> None:
        self.base = base
        self.closings = closings
        self._context = context
        self._unusable = base.fill(context)
        # Only these are looked at when it is committed.
        self._touched: set[str] = set()
        self._changing = False

    def run(self, sql: str, parameters: Parameters) -> Table:
        """The result of one statement."""
        query = planned_query(self._context, sql, parameters)
        if query is not None:
            return query.to_arrow_table()
        changed = changed_by(self._context, sql, parameters)
        for name in sorted(self.base.attached.keys() & (changed or set())):
            # Files would be changed at once, and not when this is committed.
            raise _refusal(name)
        self._touched |= changed or {*self.base.tables, *self.base.registered}
        self._changing = True
        return self._context.sql(sql, param_values=_named(parameters)).to_arrow_table()

    def change(self) -> Change | None:
        """The changes of the statements; None if there are none.

        Raises:
            UnsupportedOperationError: they changed something that is not kept.
        """
        if not self._changing:
            return None
        found = self._context.sql(_NAMES).to_arrow_table().to_pylist()
        views = {row["table_name"]: row["definition"] for row in found if row["definition"]}
        names = {row["table_name"] for row in found if not row["definition"]}
        base = self.base
        self._refuse_what_is_not_kept(names)
        touched = (self._touched & names | names - base.tables.keys()) - base.hiding
        # What was not to be seen cannot have been dropped.
        dropped = {*base.tables, *base.views} - {*names, *views, *base.hiding, *self._unusable}
        new = {name: self._rows(name) for name in sorted(touched)}
        return Change(
            {name: table for name, table in new.items() if not _same(table, base, name)},
            {name: text for name, text in views.items() if base.views.get(name) != text},
            dropped,
        )

    def _rows(self, name: str) -> Table:
        return self._context.table(quoted(name)).to_arrow_table()

    def _is_changed(self, name: str) -> bool:
        """Whether a registered table has other rows than at the beginning."""
        before = self.base.registered.get(name)
        return before is not None and name in self._touched and not self._rows(name).equals(before)

    def _refuse_what_is_not_kept(self, names: AbstractSet[str]) -> None:
        for name in sorted(self.base.hiding):
            if name not in names or self._is_changed(name):
                raise _refusal(name)
        catalogs = self._context.catalog_names()
        schemas = {schema for name in catalogs for schema in self._context.catalog(name).names()}
        if schemas - {_PUBLIC}:
            raise UnsupportedOperationError("tables can be stored in the schema public only")


def _refusal(name: str) -> UnsupportedOperationError:
    message = f"{name!r} is registered or attached, and such tables cannot be changed"
    return UnsupportedOperationError(message, hint="Create a table of another name from it")


def planned_query(context: SessionContext, sql: str, parameters: Parameters) -> DataFrame | None:
    """The statement as a query, not run yet; None if it changes something or is invalid."""
    from datafusion import SQLOptions

    only_asking = SQLOptions().with_allow_ddl(allow=False).with_allow_dml(allow=False)
    only_asking = only_asking.with_allow_statements(allow=False)
    try:
        return context.sql_with_options(sql, only_asking, param_values=_named(parameters))
    except Exception:  # noqa: BLE001 whatever it is, running the statement as one that changes something will tell
        return None


def changed_by(context: SessionContext, sql: str, parameters: Parameters) -> set[str] | None:
    """The tables that a statement changes, perhaps by more than one name each; None if that is not known."""
    try:
        plan = context.sql(f"EXPLAIN {sql}", param_values=_named(parameters)).logical_plan().inputs()[0].to_variant()
    except Exception as error:  # noqa: BLE001 running the statement will tell what is wrong with it
        _log.debug("what a statement changes is not known: %s", error)
        return None
    name = getattr(plan, "table_name", None) or getattr(plan, "name", None)
    if name is None:
        return None
    # With or without its schema, which cannot be told from a name with a dot.
    full = str(name())
    return {full, full.removeprefix("datafusion.").removeprefix("public.")}


def quoted(name: str) -> str:
    """Quote an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _named(parameters: Parameters) -> dict[str, Any] | None:
    if parameters is None or isinstance(parameters, Mapping):
        return None if parameters is None else dict(parameters)
    return {str(number): value for number, value in enumerate(parameters, 1)}


def _made(context: SessionContext, view: str) -> bool:
    try:
        context.sql(view)
    except Exception as error:  # noqa: BLE001 it needs what is not there, or not yet
        _log.debug("a view cannot be made (yet): %s", error)
        return False
    return True


def _same(table: Table, base: Version, name: str) -> bool:
    before = base.tables.get(name)
    return before is not None and bool(table.schema.equals(before.schema)) and bool(table.equals(before))


def _without(mapping: Mapping[str, Any], names: AbstractSet[str]) -> dict[str, Any]:
    return {name: value for name, value in mapping.items() if name not in names}
