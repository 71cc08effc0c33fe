"""Sources by the name of a connector and its configuration."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from floe_plugins.hookspecs.ingestion import Connector, SourceStream
from floe_reference_ingestion_dlt import _files
from floe_reference_ingestion_dlt._sources import is_native

if TYPE_CHECKING:
    from dlt.extract import DltResource

    from floe_plugins.hookspecs.ingestion import ConnectorSource

FILES = "files"
# Those that come with dlt, which need packages of their own only when they are used.
BUILT_IN = {
    "rest_api": "dlt.sources.rest_api:rest_api_source",
    "sql_database": "dlt.sources.sql_database:sql_database",
}
_TYPES: Mapping[object, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}


def described(connectors: Mapping[str, str]) -> tuple[Connector, ...]:
    """All connectors: that of files, and these of dlt by their import paths, unless they cannot be imported."""
    path = {"type": "string", "description": "path or URI of a file, or a pattern"}
    files = {"type": "object", "properties": {"path": path}, "required": ["path"], "additionalProperties": False}
    found = [Connector(FILES, "Rows of CSV, JSON and Parquet files", files)]
    for name, place in connectors.items():
        try:
            function = _function(place)
        except ValueError:
            # It needs packages that are not installed, or is no function.
            continue
        line = (inspect.getdoc(function) or "").partition("\n")[0]
        found.append(Connector(name, line, _schema(function)))
    return tuple(sorted(found, key=lambda each: each.name))


def opened(source: ConnectorSource, connectors: Mapping[str, str]) -> Any:
    """What the connector makes of its configuration: a path, or a source of dlt with all its resources.

    Raises:
        ValueError: the connector is not known, its configuration is wrong, it cannot reach the source, or it is none
            of dlt's.
    """
    known = (FILES, *connectors)
    if source.connector not in known:
        message = f"there is no connector {source.connector!r}: expected one of {', '.join(sorted(known))}"
        raise ValueError(message)
    config = _plain(source.config)
    if source.connector == FILES:
        if config.keys() != {"path"} or not isinstance(config["path"], str):
            message = f"the connector files takes a path, and nothing else: found {', '.join(config) or 'nothing'}"
            raise ValueError(message)
        return config["path"]
    function = _function(connectors[source.connector])
    try:
        # The whole configuration is one argument of that of REST APIs.
        made = function(config) if connectors[source.connector] == BUILT_IN["rest_api"] else function(**config)
    except Exception as error:  # noqa: BLE001 each connector has its own
        # The message is left out: it may hold the configuration, with its secrets.
        message = f"the connector {source.connector} cannot be used with this configuration: {type(error).__name__}"
        raise ValueError(message) from (None if _has_secrets(source.config) else error)
    if not is_native(made):
        message = (
            f"the connector {source.connector} makes a {type(made).__name__}: expected a source or resource of dlt"
        )
        raise ValueError(message)
    return made


def chosen(source: ConnectorSource, connectors: Mapping[str, str]) -> Any:
    """What can be loaded: a path, or the one resource of dlt that is meant.

    Raises:
        ValueError: as ``opened``, or there is no such stream.
    """
    made = opened(source, connectors)
    if isinstance(made, str):
        if source.stream:
            message = f"files have no streams: expected none, found {source.stream!r}"
            raise ValueError(message)
        return made
    resources = resources_of(made)
    names = sorted(resources)
    stream = source.stream or (names[0] if len(names) == 1 else "")
    if stream not in resources:
        wanted = f"no stream {stream!r}" if stream else "no stream named"
        message = f"the connector {source.connector} has {wanted}: expected one of {', '.join(names)}"
        raise ValueError(message)
    return resources[stream]


def streams_of(made: Any) -> tuple[SourceStream, ...]:
    """The streams of a path or of an object of dlt.

    Raises:
        ValueError: the files cannot be read.
    """
    if isinstance(made, str):
        return (SourceStream("", dict.fromkeys(_files.columns_of(made), "")),)
    return tuple(_stream(name, resource) for name, resource in sorted(resources_of(made).items()))


def resources_of(made: Any) -> dict[str, DltResource]:
    """The resources of an object of dlt by their names, those that are selected."""
    from dlt.extract import DltResource

    return {made.name: made} if isinstance(made, DltResource) else {**made.selected_resources}


def _stream(name: str, resource: DltResource) -> SourceStream:
    columns = resource.compute_table_schema().get("columns", {})
    keys = [name for name, column in columns.items() if column.get("primary_key") or column.get("merge_key")]
    types = {name: str(column["data_type"]) for name, column in columns.items() if "data_type" in column}
    incremental = getattr(resource.incremental, "incremental", None) is not None
    return SourceStream(name, types, tuple(keys), incremental)


def _function(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    try:
        found: object = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"the connector {place} cannot be imported: {error}") from error
    except Exception as error:
        # dlt says in an error of its own which package is missing.
        if type(error).__name__ != "MissingDependencyException":
            raise
        raise ValueError(f"the connector {place} lacks a package: {error}") from error
    if callable(found):
        return found
    message = f"the connector {place} is a {type(found).__name__}: expected a function that returns a source of dlt"
    raise ValueError(message)


def _schema(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        parameters = inspect.signature(function, eval_str=True).parameters.values()
    except NameError:
        # Some types are only there for type checkers.
        parameters = inspect.signature(function).parameters.values()
    except ValueError:
        # What is not written in Python may not tell.
        return {"type": "object"}
    names = {each.name: {"type": _TYPES[each.annotation]} if each.annotation in _TYPES else {} for each in parameters}
    required = [each.name for each in parameters if each.default is each.empty]
    return {"type": "object", "properties": names, "required": required}


def _plain(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _has_secrets(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_secrets, value.values()))
    return isinstance(value, SecretStr) or (isinstance(value, (list, tuple)) and any(map(_has_secrets, value)))
