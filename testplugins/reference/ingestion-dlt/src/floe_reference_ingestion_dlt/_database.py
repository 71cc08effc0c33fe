"""The compute plugin's DuckDB file, opened by dlt instead."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from floe_plugins import ComputePlugin, PluginError, PluginUnavailableError, UnsupportedOperationError

T = TypeVar("T")

_TRIES = 5
# A process opens one file with one set of settings at a time, whatever plugins there are in it.
_LOCK = threading.Lock()


def location_of(compute: ComputePlugin) -> str:
    """The path of its database.

    Raises:
        UnsupportedOperationError: it has none, or is no DuckDB.
    """
    profile = compute.dbt_profile("dev")
    if profile.get("type") != "duckdb":
        message = f"{compute.name} is a database of type {profile.get('type')!r}: expected 'duckdb'"
        raise UnsupportedOperationError(message, hint="Name a DuckDB in plugins.ingestion.dlt.compute")
    return str(profile["path"])


def exclusively(compute: ComputePlugin, action: Callable[[], T]) -> T:
    """What ``action`` returns, which has the database to itself; it is called again if it did not get it.

    Raises:
        PluginUnavailableError: somebody else holds the database.
        PluginError: anything else went wrong in it.
    """
    with _LOCK:
        for _ in range(_TRIES - 1):
            try:
                return _released(compute, action)
            except _InUseError:
                # Whatever asks the compute plugin in between, be it for its health, opens the database again.
                continue
        return _released(compute, action)


class _InUseError(PluginUnavailableError):
    """This process itself has the database open, with settings other than dlt's."""


def _released(compute: ComputePlugin, action: Callable[[], T]) -> T:
    with _alone(compute):
        try:
            return action()
        except Exception as error:
            raise _explained(error) from error


@contextlib.contextmanager
def _alone(compute: ComputePlugin) -> Iterator[None]:
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(compute.lease())
        except UnsupportedOperationError:
            compute.release()
        yield


def _explained(error: Exception) -> PluginError:
    import duckdb

    engine = next((cause for cause in chain_of(error) if isinstance(cause, duckdb.Error)), error)
    if "different configuration" in str(engine):
        message = f"the compute plugin's database was used while dlt was to open it: {engine}"
        return _InUseError(message, hint="Let nothing use it while a load is written")
    # "lock" alone is also in "block", and may be in the name of the file.
    if any(words in str(engine) for words in ("Could not set lock", "used by another process")):
        return PluginUnavailableError(f"another process holds the database: {engine}", hint="Close it there")
    return PluginError(f"the database refuses the load: {engine}")


def chain_of(error: BaseException | None) -> Iterator[BaseException]:
    """The error and its causes."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
