"""The catalog's database. Imports SQLAlchemy, so it is imported when first used."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyiceberg.catalog.sql import SqlCatalog
from sqlalchemy import URL, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from floe_plugins import PluginError, PluginUnavailableError
from floe_reference_catalog_iceberg._backend import Backend, TakenError, UnknownOutcomeError

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

# PostgreSQL says it in words alone to who could not connect.
_REFUSALS = ("authentication failed", "no password supplied", "does not exist", "pg_hba.conf", "permission denied")
_PATIENCE = 2  # seconds for a health check


class _Closing(SqlCatalog):
    """A catalog that closes its connections if its database cannot be used."""

    def __init__(self, name: str, **properties: str) -> None:
        try:
            super().__init__(name, **properties)
        except BaseException:
            if hasattr(self, "engine"):
                self.engine.dispose()
            raise


class Database(Backend):
    """A database by its URL."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self.details = {"database": shown(url)}

    def open(self, name: str, properties: Mapping[str, str]) -> Catalog:
        _make_folder(self._url)
        # A connection that the server has closed, as it does when it restarts, is replaced when it is needed.
        given = {**properties, "uri": self._url.render_as_string(hide_password=False), "pool_pre_ping": "true"}
        try:
            with self.translated():
                return _Closing(name, **given)
        except (TakenError, _ThereAlreadyError):
            # Somebody else made the tables of the catalog at the same time.
            with self.translated():
                return _Closing(name, **given)

    def close(self, catalog: Catalog) -> None:
        if isinstance(catalog, SqlCatalog):
            catalog.engine.dispose()

    @contextlib.contextmanager
    def translated(self) -> Generator[None, None, None]:
        # Not chained, since a driver's error may contain the URI.
        failure: Exception | None = None
        try:
            yield
        except IntegrityError:
            failure = TakenError()
        except PoolTimeoutError:
            failure = PluginUnavailableError(f"the catalog's database {shown(self._url)} is busy")
        except DBAPIError as error:
            failure = _failure(self._url, error)
        if failure is not None:
            raise failure

    def check_reading(self) -> None:
        with self.translated(), _patient(self._url).connect() as connection:
            connection.execute(text("SELECT count(*) FROM iceberg_namespace_properties")).scalar()

    def check_writing(self) -> None:
        if self._url.get_backend_name() == "sqlite":
            with self.translated(), _patient(self._url).connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                connection.exec_driver_sql("ROLLBACK")


class _ThereAlreadyError(PluginError):
    """A table of the catalog is there already."""


def parse(uri: str, *, secret: str, lock_timeout: float) -> Database:
    """The database of a URI, with SQLite's lock timeout, or PostgreSQL's connect timeout if there is none.

    Raises:
        PluginError: it is none, or of a database that threads cannot share. Does not show the URI.
    """
    hint = f"Store a URI such as sqlite:////var/lib/floe/catalog.db as {secret}"
    url = _parsed(uri)
    if url is None:
        raise PluginError(f"the secret {secret} is not the URI of a database that can be used here", hint=hint)
    if url.get_backend_name() == "postgresql" and "connect_timeout" not in url.query:
        return Database(url.update_query_dict({"connect_timeout": f"{max(2, round(lock_timeout))}"}))
    if url.get_backend_name() != "sqlite":
        return Database(url)
    if url.database in {None, "", ":memory:"} or url.query.get("mode") == "memory":
        raise PluginError(
            f"the secret {secret} names a SQLite database in memory, which threads cannot share", hint=hint
        )
    return Database(url.update_query_dict({"timeout": f"{lock_timeout:g}"}))


def _parsed(uri: str) -> URL | None:
    # The errors are not chained to ours: some show what they could not read.
    try:
        url = make_url(uri)
    except Exception:  # noqa: BLE001 any
        return None
    # Which driver is meant where none is named differs between versions of SQLAlchemy.
    drivers = ("psycopg", "psycopg2") if url.drivername == "postgresql" else ()
    for each in (*(url.set(drivername=f"postgresql+{driver}") for driver in drivers), url):
        # Imports the driver, which may raise anything.
        with contextlib.suppress(Exception):
            create_engine(each, poolclass=NullPool)
            return each
    return None


def _make_folder(url: URL) -> None:
    """Create the folder of a SQLite file."""
    if url.get_backend_name() == "sqlite" and url.database and not url.database.startswith("file:"):
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def shown(url: URL) -> str:
    """The URL for messages: without user, password and parameters."""
    return URL.create(url.drivername, host=url.host, port=url.port, database=url.database).render_as_string()


def _failure(url: URL, error: DBAPIError) -> PluginError:
    said = f"{type(error.orig).__name__}: {_masked(str(error.orig), url)}"
    if isinstance(error, ProgrammingError) and "already exists" in said:
        return _ThereAlreadyError(f"the catalog's database {shown(url)} has a table already ({said})")
    if url.get_backend_name() == "sqlite":
        if "locked" in said:
            message = f"the catalog's database {shown(url)} is locked by another process"
            return PluginUnavailableError(message, hint="Wait for the other process, or raise lock_timeout")
    elif error.connection_invalidated:
        return UnknownOutcomeError(f"the catalog's database {shown(url)} has broken the connection ({said})")
    elif isinstance(error, OperationalError) and not any(words in said for words in _REFUSALS):
        return PluginUnavailableError(f"the catalog's database {shown(url)} does not answer ({said})")
    return PluginError(f"the catalog's database {shown(url)} cannot be used ({said})")


def _masked(said: str, url: URL) -> str:
    # A time-out of one figure would mask the figures of the message.
    values = [value for given in url.normalized_query.values() for value in given if not value.isdigit()]
    for secret in filter(None, [url.password, url.username, *values]):
        said = said.replace(str(secret), "***")
    return said


def _patient(url: URL) -> Engine:
    """Separate connections whose lock timeout fits into a health check."""
    given: dict[str, Any] = {"sqlite": {"timeout": "1"}, "postgresql": {"connect_timeout": f"{_PATIENCE}"}}
    return create_engine(url.update_query_dict(given.get(url.get_backend_name(), {})), poolclass=NullPool)
