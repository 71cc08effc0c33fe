"""Namespaces of datasets, by OpenLineage's naming rules."""

from __future__ import annotations

from urllib.parse import urlsplit

_SAME = {
    "abfs": "abfss",
    "gcs": "gs",
    "postgresql": "postgres",
    "s3a": "s3",
    "s3n": "s3",
    "wasb": "wasbs",
    "mssql": "sqlserver",
}

# Which the namespace has to name, whether or not a URI does.
_PORTS = {
    "cassandra": 9042,
    "hdfs": 8020,
    "hive": 10000,
    "kafka": 9092,
    "mysql": 3306,
    "oracle": 1521,
    "postgres": 5432,
    "redshift": 5439,
    "sqlserver": 1433,
    "teradata": 1025,
    "trino": 8080,
}

# What stands before the host is no user here, but part of the place.
_WITH_CONTAINER = {"abfss", "wasbs"}
_WITHOUT_PLACE = {"bigquery", "pubsub"}
_GLUE_PARTS = 5


def namespace_of(dataset: str, default: str) -> str:
    """The namespace of a dataset's URI or name; ``default`` for a name without a location.

    Raises:
        ValueError: this cannot be a dataset.
    """
    if not dataset.strip():
        raise ValueError("a dataset has a name")
    if dataset.startswith("arn:aws:glue:"):
        return ":".join(dataset.split(":")[:_GLUE_PARTS])
    if dataset.startswith("/"):
        return "file"
    scheme, colon, _ = dataset.partition(":")
    scheme = _SAME.get(scheme.lower(), scheme.lower())
    if colon and scheme in _WITHOUT_PLACE:
        return scheme
    return _of_uri(dataset, scheme) if "://" in dataset else default


def _of_uri(uri: str, scheme: str) -> str:
    parts = urlsplit(uri)
    # Whoever is allowed to read a dataset is no part of its name, and a password less so.
    place = parts.netloc if scheme in _WITH_CONTAINER else parts.netloc.rpartition("@")[2]
    if not place or (scheme == "file" and place == "localhost"):
        return scheme if scheme == "file" else f"{scheme}://"
    if scheme in _PORTS and parts.port is None:
        place = f"{place.rstrip(':')}:{_PORTS[scheme]}"
    if scheme == "azurecosmos":
        place += "/".join(parts.path.split("/")[:3])
    return f"{scheme}://{place}"
