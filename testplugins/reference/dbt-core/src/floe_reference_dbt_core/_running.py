"""Runs one dbt command at a time in this process, and releases the database after it."""

from __future__ import annotations

import contextvars
import json
import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from floe_plugins import PluginError, PluginUnavailableError

if TYPE_CHECKING:
    from dbt_common.events.base_types import EventMsg

LOCK = threading.Lock()
"""Held while dbt runs: its flags, adapters and caches are global to the process."""

_FILES: dict[str, threading.Lock] = {}

PROFILE = "floe"

_QUIET = ("--log-level", "none", "--log-level-file", "none", "--no-print", "--no-use-colors")
_PRIVATE = ("--no-send-anonymous-usage-stats", "--no-version-check")

logger = logging.getLogger("floe_reference_dbt_core")


def lock_of(path: str) -> threading.Lock:
    """Held while dbt works on a database in a file, in this process or in one that it has started."""
    # One step, in which Python lets no other thread come between.
    return _FILES.setdefault(os.path.realpath(path), threading.Lock())


class DatabaseInUseError(PluginUnavailableError):
    """This process itself has the database open, with settings other than dbt's. Nothing was run."""


def invoke(args: Sequence[str], output: Mapping[str, Any], heard: Callable[[EventMsg], None] | None = None) -> Any:
    """The result of one dbt command on the database that ``output`` leads to; needs ``LOCK``.

    Raises:
        ValueError: dbt does not understand the project or the selection.
        DatabaseInUseError: this process has it open.
        PluginUnavailableError: another process holds the database.
        PluginError: the database cannot be worked on.
    """
    os.environ["DBT_SEND_ANONYMOUS_USAGE_STATS"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
    with _root_logger_left_alone():
        from dbt.cli.main import dbtRunner

    with _profiles(output) as directory, _database_freed():
        options = [*args, "--profiles-dir", str(directory), "--profile", PROFILE, *_QUIET, *_PRIVATE]
        # What dbt notes in context variables is of no use to the caller, and stays in a copy.
        done = contextvars.copy_context().run(dbtRunner(callbacks=[heard or _heard]).invoke, options)
        if done.exception is not None:
            raise _explained(done.exception) from done.exception
        return done


@contextmanager
def _root_logger_left_alone() -> Iterator[None]:
    # A library that dbt imports calls logging.basicConfig(): everybody's messages would go to standard error.
    root = logging.getLogger()
    handlers = [*root.handlers]
    try:
        yield
    finally:
        root.handlers[:] = handlers


def refuse_empty_selection(event: EventMsg) -> None:
    """Raise ``ValueError`` if a part of the selection selects nothing."""
    info: Any = event.info
    if info.name == "NoNodesForSelectionCriteria":
        # Raised from here it ends the command before anything ran. dbt itself goes on with what is left.
        raise ValueError(info.msg)


def _heard(event: EventMsg) -> None:
    refuse_empty_selection(event)
    info: Any = event.info
    if info.level == "warn":
        logger.warning("%s", info.msg)


@contextmanager
def _profiles(output: Mapping[str, Any]) -> Iterator[Path]:
    # A directory that only this user can enter: the output may hold secrets.
    with tempfile.TemporaryDirectory(prefix="floe-dbt-") as directory:
        profile = {PROFILE: {"target": "floe", "outputs": {"floe": dict(output)}}}
        # JSON is YAML, too.
        Path(directory, "profiles.yml").write_text(json.dumps(profile, default=revealed), encoding="utf-8")
        yield Path(directory)


def revealed(value: object) -> object:
    """What a secret hides, or the text of anything else, for JSON."""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


@contextmanager
def _database_freed() -> Iterator[None]:
    try:
        yield
    finally:
        try:
            from dbt.adapters.duckdb.connections import DuckDBConnectionManager as Connections
        except ImportError:
            return
        # Closed expressly: dbt only forgets it, and then an error's traceback keeps the file open.
        if Connections._ENV is not None:
            Connections._ENV.close()  # type: ignore[no-untyped-call, unused-ignore]
        Connections.close_all_connections()  # type: ignore[no-untyped-call]


def _explained(error: BaseException) -> Exception:
    import duckdb
    from dbt.adapters.exceptions.connection import FailedToConnectError

    engine = next((cause for cause in _chain(error) if isinstance(cause, (duckdb.Error, FailedToConnectError))), None)
    if engine is None:
        return ValueError(f"dbt cannot work on this: {str(error).strip()}")
    if "different configuration" in str(engine):
        message = f"the compute plugin's database was used while dbt was to open it: {engine}"
        return DatabaseInUseError(message, hint="Let nothing use it while dbt works")
    # "lock" alone is also in "block", and may be in the name of the file.
    if any(words in str(engine) for words in ("Could not set lock", "used by another process")):
        message = f"another process holds the database: {engine}"
        return PluginUnavailableError(message, hint="Close it there")
    return PluginError(f"dbt cannot work on the database: {engine}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
