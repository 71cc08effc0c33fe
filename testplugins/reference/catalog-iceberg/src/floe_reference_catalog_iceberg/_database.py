"""The catalog's database. Imports SQLAlchemy, so it is imported when first used."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

from sqlalchemy import URL, Engine, NullPool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from floe_plugins import PluginError, PluginUnavailableError


def parse(uri: str, *, secret: str, lock_timeout: float) -> URL:
    """The URL of a database, with SQLite's lock timeout.

    Raises:
        PluginError: it is none, or of a database that threads cannot share. Does not show the URI.
    """
    hint = f"Store a URI such as sqlite:////var/lib/floe/catalog.db as {secret}"
    url = _parsed(uri)
    if url is None:
        raise PluginError(f"the secret {secret} is not the URI of a database that can be used here", hint=hint)
    if url.get_backend_name() != "sqlite":
        return url
    if url.database in {None, "", ":memory:"} or url.query.get("mode") == "memory":
        raise PluginError(
            f"the secret {secret} names a SQLite database in memory, which threads cannot share", hint=hint
        )
    return url.update_query_dict({"timeout": f"{lock_timeout:g}"})


def _parsed(uri: str) -> URL | None:
    # The errors are not chained to ours: some show what they could not read.
    try:
        url = make_url(uri)
        # Imports the driver.
        create_engine(url, poolclass=NullPool)
    except Exception:  # noqa: BLE001 a driver may raise anything
        return None
    return url


def make_folder(url: URL) -> None:
    """Create the folder of a SQLite file."""
    if url.get_backend_name() == "sqlite" and url.database and not url.database.startswith("file:"):
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


def shown(url: URL) -> str:
    """The URL for messages: without user, password and parameters."""
    return url.set(username=None, password=None, query={}).render_as_string()


def full(url: URL) -> str:
    """The URI with its password."""
    return url.render_as_string(hide_password=False)


@contextlib.contextmanager
def translated(url: URL) -> Generator[None, None, None]:
    """Convert database errors to ``PluginError``, not chained, since a driver's error may contain the URI.

    Raises:
        IntegrityError: somebody else has stored the same in between.
        PluginUnavailableError: it does not answer, or others keep it locked.
        PluginError: it refuses.
    """
    failure: PluginError | None = None
    try:
        yield
    except IntegrityError:
        raise
    except PoolTimeoutError:
        failure = PluginUnavailableError(f"the catalog's database {shown(url)} is busy")
    except DBAPIError as error:
        failure = _failure(url, error)
    if failure is not None:
        raise failure


def _failure(url: URL, error: DBAPIError) -> PluginError:
    said = f"{type(error.orig).__name__}: {_masked(str(error.orig), url)}"
    if "locked" in said:
        message = f"the catalog's database {shown(url)} is locked by another process"
        return PluginUnavailableError(message, hint="Wait for the other process, or raise lock_timeout")
    if isinstance(error, OperationalError) and url.get_backend_name() != "sqlite":
        return PluginUnavailableError(f"the catalog's database {shown(url)} does not answer ({said})")
    return PluginError(f"the catalog's database {shown(url)} cannot be used ({said})")


def _masked(said: str, url: URL) -> str:
    values = [value for given in url.normalized_query.values() for value in given]
    for secret in filter(None, [url.password, url.username, *values]):
        said = said.replace(str(secret), "***")
    return said


def can_be_read(url: URL) -> None:
    """Query the database for the catalog's tables.

    Raises:
        PluginError: as ``translated``.
    """
    with translated(url), _patient(url).connect() as connection:
        connection.execute(text("SELECT count(*) FROM iceberg_namespace_properties")).scalar()


def can_be_written(url: URL) -> None:
    """Begin a write transaction on a SQLite database and roll it back.

    Raises:
        PluginError: as ``translated``.
    """
    if url.get_backend_name() == "sqlite":
        with translated(url), _patient(url).connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            connection.exec_driver_sql("ROLLBACK")


def _patient(url: URL) -> Engine:
    """Separate connections whose lock timeout fits into a health check."""
    return create_engine(
        url.update_query_dict({"timeout": "1"}) if url.get_backend_name() == "sqlite" else url, poolclass=NullPool
    )
