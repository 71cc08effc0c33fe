"""Iceberg tables, by PyIceberg and an SQL database or a REST catalog."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from floe_plugins import CatalogPlugin, HealthState, HealthStatus, PluginError, SecretsPlugin, StoragePlugin

if TYPE_CHECKING:
    from floe_plugins.hookspecs.catalog import RowFilter, TableInfo, TableRef
    from floe_plugins.hookspecs.protocols import ArrowSchema, ArrowStream
    from floe_reference_catalog_iceberg._backend import Backend
    from floe_reference_catalog_iceberg._tables import Tables

# A part of an identifier is the name of a folder, too, and a part of a URI.
_NAME = re.compile(r"\w(?:[\w -]*[\w-])?")


class IcebergCatalogConfig(BaseModel):
    """The catalog's database and the location of the tables."""

    # The core hides values of settings whose names say "secret"; these two are only names.
    uri_name: str = Field(
        default="CATALOG_URI",
        min_length=1,
        description="Name of the secret that holds the URI of a database, such as sqlite:////var/lib/floe/catalog.db, "
        "or of a REST catalog",
    )
    uri_from: str | None = Field(
        default=None, description="Secrets plugin that has it, by name; the only one selected if not set"
    )
    storage: str | None = Field(default=None, description="Storage of the tables; the only one selected if not set")
    catalog: str = Field(
        default="floe", min_length=1, max_length=255, description="Name of the catalog: one database can keep several"
    )
    lock_timeout: float = Field(
        default=10,
        gt=0,
        description="Seconds that SQLite waits for another process, and PostgreSQL's driver for a connection",
    )
    commit_attempts: int = Field(
        default=10, ge=1, description="How often an append is tried when others change the table, too"
    )
    schema_changes: Literal["evolve", "refuse"] = Field(
        default="refuse", description="Whether ensure_table adds further columns to a table that is there, or refuses"
    )
    keep_snapshots: int = Field(
        default=10, ge=1, description="How many snapshots a table keeps; files that only older ones need are deleted"
    )
    orphan_age: float = Field(
        default=86400,
        ge=0,
        description="Seconds after which replacing deletes files that no snapshot needs: longer than any write takes",
    )


class IcebergCatalog(CatalogPlugin):
    """Apache Iceberg tables.

    An identifier is one or more namespaces and a name, all of letters, digits,
    ``_``, ``-`` and blanks. Tables lie in folders called like them, below the
    root of the storage. Two columns that differ in their order only are no
    other schema.
    """

    name = "iceberg"
    version = "0.1.0"
    floe_api_version = "1.1"
    description = "Iceberg tables in the storage, known to an SQL database or a REST catalog"
    dependencies = ("storage", "secrets")
    config_schema = IcebergCatalogConfig
    config: IcebergCatalogConfig

    def __init__(self) -> None:
        self._opened: Tables | None = None
        self._lock = threading.Lock()

    def startup(self) -> None:
        self._tables()

    def shutdown(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.close()
            self._opened = None

    def health_check(self) -> HealthStatus:
        try:
            backend = self._tables().backend
        except PluginError as error:
            return HealthStatus(HealthState.UNHEALTHY, str(error))
        details = {**backend.details, "catalog": self.config.catalog}
        try:
            backend.check_reading()
        except PluginError as error:
            return HealthStatus(HealthState.UNHEALTHY, str(error), details)
        try:
            backend.check_writing()
        except PluginError as error:
            return HealthStatus(HealthState.DEGRADED, f"tables can be read, but not changed: {error}", details)
        return HealthStatus(HealthState.HEALTHY, f"the catalog's {next(iter(backend.details))} answers", details)

    def ensure_namespace(self, namespace: str) -> bool:
        return self._tables().make_namespace(_checked(namespace, parts=1))

    def ensure_table(self, identifier: str, schema: ArrowStream | ArrowSchema) -> TableRef:
        from floe_reference_catalog_iceberg import _arrow, _scans

        return _scans.reference(identifier, self._tables().make(_checked(identifier), _arrow.schema_of(schema)))

    def append(self, identifier: str, data: ArrowStream) -> int:
        return self._written(_checked(identifier), data, replace=False)

    def replace(self, identifier: str, data: ArrowStream) -> int:
        snapshot = self._written(_checked(identifier), data, replace=True)
        self._tables().clean(identifier, self._storage)
        return snapshot

    def read(self, identifier: str, columns: Sequence[str] | None = None, limit: int | None = None) -> ArrowStream:
        return self._tables().read(_checked(identifier), columns, _not_negative(limit))

    def list_tables(self, namespace: str | None = None) -> tuple[str, ...]:
        return tuple(sorted(self._tables().names(None if namespace is None else _checked(namespace, parts=1))))

    def drop_table(self, identifier: str, purge: bool = False) -> bool:  # noqa: FBT001, FBT002 as the contract has it
        return self._tables().drop(_checked(identifier), purge=purge)

    def load_table(self, identifier: str) -> TableInfo:
        from floe_reference_catalog_iceberg import _scans

        return _scans.described(identifier, self._tables().table(_checked(identifier)))

    def scan(
        self,
        identifier: str,
        columns: Sequence[str] | None = None,
        filters: Sequence[RowFilter] = (),
        snapshot_id: int | None = None,
        limit: int | None = None,
    ) -> ArrowStream:
        from floe_reference_catalog_iceberg._scans import Wanted

        wanted = Wanted(columns, filters, snapshot_id, _not_negative(limit))
        return self._tables().scan(_checked(identifier), wanted)

    def evolve_schema(self, identifier: str, schema: ArrowStream | ArrowSchema) -> TableRef:
        from floe_reference_catalog_iceberg import _arrow, _scans

        return _scans.reference(identifier, self._tables().evolve(_checked(identifier), _arrow.schema_of(schema)))

    def commit_files(self, identifier: str, uris: Sequence[str]) -> int:
        return self._tables().add(_checked(identifier), uris)

    def expire_snapshots(self, identifier: str, keep: int = 1) -> int:
        if keep < 1:
            message = f"{keep} snapshots cannot be kept: expected 1 or more"
            raise ValueError(message)
        count = self._tables().expire(_checked(identifier), keep)
        self._tables().clean(identifier, self._storage)
        return count

    def partition(self, identifier: str, by: Sequence[str]) -> TableRef:
        from floe_reference_catalog_iceberg import _scans

        return _scans.reference(identifier, self._tables().partition(_checked(identifier), by))

    def compact(self, identifier: str) -> int:
        return self._tables().compact(_checked(identifier))

    def _written(self, identifier: str, data: ArrowStream, *, replace: bool) -> int:
        from floe_reference_catalog_iceberg import _arrow

        return self._tables().write(identifier, *_arrow.pages_of(data), replace=replace)

    def _tables(self) -> Tables:
        with self._lock:
            if self._opened is None:
                from floe_reference_catalog_iceberg._tables import Policy, Tables

                config = self.config
                evolve = config.schema_changes == "evolve"
                policy = Policy(config.commit_attempts, evolve, config.keep_snapshots, config.orphan_age)
                self._opened = Tables(config.catalog, self._backend(), self._properties(), policy)
            return self._opened

    @property
    def _storage(self) -> StoragePlugin:
        name = self.config.storage
        return self.registry.one(StoragePlugin) if name is None else self.registry.get(StoragePlugin, name)

    def _backend(self) -> Backend:
        name, key = self.config.uri_from, self.config.uri_name
        store = self.registry.one(SecretsPlugin) if name is None else self.registry.get(SecretsPlugin, name)
        secret = store.get_secret(key)
        if secret is None:
            hint = f"Store a URI such as sqlite:////var/lib/floe/catalog.db as {key}"
            raise PluginError(
                f"the secrets plugin {store.name!r} has no {key}, which is to be the URI of a database or REST catalog",
                hint=hint,
            )
        uri = secret.get_secret_value()
        if uri.startswith(("http://", "https://")):
            from floe_reference_catalog_iceberg import _rest

            return _rest.parse(uri, secret=key)
        from floe_reference_catalog_iceberg import _database

        return _database.parse(uri, secret=key, lock_timeout=self.config.lock_timeout)

    def _properties(self) -> dict[str, str]:
        storage = self._storage
        properties = dict(storage.properties("pyiceberg"))
        if any(mark in properties["warehouse"] for mark in "#?"):
            message = f"PyIceberg cannot write below {properties['warehouse']}: it takes '#' and '?' for parts of a URI"
            raise PluginError(message, hint=f"Give storage:{storage.name} another root")
        return properties


def _not_negative(limit: int | None) -> int | None:
    if limit is not None and limit < 0:
        message = f"limit {limit} is negative"
        raise ValueError(message)
    return limit


def _checked(identifier: str, parts: int = 2) -> str:
    names = identifier.split(".")
    if len(names) < parts or not all(_NAME.fullmatch(name) for name in names):
        expected = "a namespace and a name" if parts > 1 else "one or more names"
        message = (
            f"{identifier!r} is no identifier: expected {expected} of letters, digits, '_', '-', blanks, joined by '.'"
        )
        raise ValueError(message)
    return identifier
