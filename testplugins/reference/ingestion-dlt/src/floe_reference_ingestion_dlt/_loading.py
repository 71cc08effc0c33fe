"""One load from a source to a table, as a whole or not at all.

Nothing of an earlier load is kept on disk: what dlt knows of the table is restored
from the database each time. So a load that is dropped is as if it had never begun.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from floe_plugins import PluginError
from floe_plugins.hookspecs.ingestion import SchemaChange, WriteMode
from floe_reference_ingestion_dlt._columns import OWN, Known

if TYPE_CHECKING:
    from dlt import Pipeline
    from dlt.extract import DltResource

# Both ways rows are first loaded beside the table and then taken over in one transaction. A
# merge without keys only adds; dlt's own "append" would commit file by file.
_DISPOSITIONS: dict[str, Any] = {
    "append": {"disposition": "merge", "strategy": "delete-insert"},
    "merge": {"disposition": "merge", "strategy": "delete-insert"},
    "replace": "replace",
}
_EXTRACTED, _NORMALIZED = Path("normalize", "extracted"), Path("load", "normalized")
_EVOLVE = {"tables": "evolve", "columns": "evolve", "data_type": "evolve"}
_FREEZE = {"tables": "evolve", "columns": "freeze", "data_type": "freeze"}


def silence() -> None:
    """Keep dlt from sending anything, and from logging what it raises as well; before it is imported."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
    os.environ["DO_NOT_TRACK"] = "1"
    os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")


def pending(directory: Path) -> int:
    """The number of pending loads in a directory of dlt's."""
    # One that was being handed on lies in both.
    return len(set().union(*(_loads(directory / place) for place in (_EXTRACTED, _NORMALIZED))))


def _loads(place: Path) -> set[str]:
    return {load.name for load in place.iterdir()} if place.is_dir() else set()


# dlt writes the path of a Parquet file into a statement as it is.
_WITHOUT_FILES: Mapping[str, Any] = {
    "preferred_loader_file_format": "insert_values",
    "supported_loader_file_formats": ["insert_values"],
}


@attrs.frozen
class Target:
    """The target of a load."""

    database: str
    dataset: str
    table: str
    directory: Path

    @contextmanager
    def pipeline(self, *, anew: bool = True) -> Iterator[Pipeline]:
        """A pipeline that begins with nothing, or else with what is pending; active in the block on this thread."""
        import dlt
        from dlt.common.runtime import anon_tracker

        # Otherwise dlt keeps an id of this machine in its home directory, also where it sends nothing.
        anon_tracker.get_anonymous_id = str
        if anew:
            shutil.rmtree(self.directory, ignore_errors=True)
        else:
            # The process died between the two; dlt itself would try to normalize it again, and fail.
            for load in _loads(self.directory / _EXTRACTED) & _loads(self.directory / _NORMALIZED):
                shutil.rmtree(self.directory / _EXTRACTED / load)
        made = dlt.pipeline(
            pipeline_name=self.directory.name,
            pipelines_dir=str(self.directory.parent),
            destination=dlt.destinations.duckdb(
                self.database,
                replace_strategy="insert-from-staging",
                # Not said of DuckDB by dlt itself, which then commits statement by statement.
                supports_transactions=True,
                **(_WITHOUT_FILES if "'" in str(self.directory) else {}),
            ),
            dataset_name=self.dataset,
        )
        try:
            yield made
        finally:
            made.deactivate()


def columns_of(pipeline: Pipeline, table: str) -> Known:
    """The columns of a table in the database, as the pipeline has synchronized them; none if it is not there."""
    for schema in pipeline.schemas.values():
        if table in schema.tables:
            return {name: {**column} for name, column in schema.tables[table]["columns"].items()}
    return {}


def keyed(resource: DltResource, mode: WriteMode, keys: Sequence[str]) -> DltResource:
    """The resource with what its rows are merged by, or without if they are not.

    Raises:
        ValueError: nothing says by what they are to be merged.
    """
    columns = resource.compute_table_schema().get("columns", {})
    has_keys = any(column.get("primary_key") or column.get("merge_key") for column in columns.values())
    if mode == "merge" and keys:
        return resource.apply_hints(primary_key=list(keys))
    if mode != "merge" and has_keys:
        import dlt

        # With keys, rows that are to be added would take the place of others. What is made of the
        # resource has none; the resource keeps them, by which an incremental one knows rows again.
        return dlt.transformer(_unchanged, data_from=resource, name=f"{resource.name}_rows")
    if mode != "merge" or has_keys:
        return resource
    message = "nothing says by which columns rows are merged"
    raise ValueError(f"{message}: expected them in plugins.ingestion.dlt.keys, or in the dlt resource")


def _unchanged(items: Any) -> Iterator[Any]:
    yield items


def extract(
    pipeline: Pipeline, resource: DltResource, table: str, mode: WriteMode, *, freeze: bool
) -> Mapping[str, int]:
    """Fetch the rows and bring them into tables, all on disk; how many there are of each table.

    Raises:
        ValueError: the rows cannot be had, or do not fit the table.
    """
    _forget_keys(pipeline, table)
    try:
        pipeline.extract(
            resource,
            table_name=table,
            write_disposition=_DISPOSITIONS[mode],
            schema_contract=_FREEZE if freeze else _EVOLVE,  # type: ignore[arg-type]
        )
        done = pipeline.normalize(workers=1)
    except Exception as error:
        raise _explained(error) from error
    counts = done.row_counts if done else {}
    return {table: 0} | {name: rows for name, rows in counts.items() if not name.startswith("_dlt")}


def _explained(error: Exception) -> Exception:
    root: BaseException = error
    while root.__cause__ is not None and type(root).__module__.startswith("dlt."):
        root = root.__cause__
    if isinstance(root, PluginError):
        return PluginError(root.message)
    return ValueError(f"the source cannot be loaded: {type(root).__name__}: {root}")


def _forget_keys(pipeline: Pipeline, table: str) -> None:
    # Those of earlier loads, which the database remembers: this load's resource has what counts.
    for schema in pipeline.schemas.values():
        for column in schema.tables.get(table, {}).get("columns", {}).values():
            column.pop("primary_key", None)
            column.pop("merge_key", None)


def load(pipeline: Pipeline, table: str, known: Known) -> tuple[str, tuple[SchemaChange, ...]]:
    """Load the extracted data into the database; return the load's id and the schema changes.

    Args:
        pipeline: has extracted and normalized the data.
        table: the name of the target.
        known: the columns that it had before.
    """
    if known and any(name not in known and name in columns_of(pipeline, table) for name in OWN):
        _identify_rows(pipeline, table)
    info = pipeline.load(workers=1, raise_on_failed_jobs=True)
    load_id = info.loads_ids[-1] if info.loads_ids else ""
    changes = [
        SchemaChange(name, column, str(hints.get("data_type", "")))
        for package in info.load_packages
        for name, update in package.schema_update.items()
        if not name.startswith("_dlt")
        for column, hints in update["columns"].items()
        if not column.startswith("_dlt")
    ]
    return load_id, tuple(changes)


def resume(pipeline: Pipeline, table: str) -> tuple[dict[str, int], str, tuple[SchemaChange, ...]]:
    """Complete a pending load; return how many rows there are of each table, the load's id and the schema changes.

    Of a load that had come to the database only the rows of the table itself are counted.
    """
    done = pipeline.normalize(workers=1)
    counts = done.row_counts if done else {}
    load_id, changes = load(pipeline, table, _known_to_the_database(pipeline, table))
    rows = {table: 0} | {name: count for name, count in counts.items() if not name.startswith("_dlt")}
    if not counts:
        with pipeline.sql_client() as client:
            place = client.make_qualified_table_name(table)
            found = client.execute_sql(f"SELECT count(*) FROM {place} WHERE _dlt_load_id = %s", load_id)  # noqa: S608
            rows[table] = int(found[0][0]) if found else 0
    return rows, load_id, changes


def _known_to_the_database(pipeline: Pipeline, table: str) -> Known:
    sql = "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
    with pipeline.sql_client() as client:
        found = client.execute_sql(sql, pipeline.dataset_name, table) or ()
    return {str(name): {"name": str(name)} for name, _ in found}


def _identify_rows(pipeline: Pipeline, table: str) -> None:
    # Rows that came as Arrow have no ids, and dlt can add to them no column that is never null.
    with pipeline.sql_client() as client:
        place = client.make_qualified_table_name(table)
        for name in OWN:
            client.execute_sql(f"ALTER TABLE {place} ADD COLUMN IF NOT EXISTS {name} VARCHAR")
        client.execute_sql(f"UPDATE {place} SET _dlt_id = CAST(uuid() AS VARCHAR) WHERE _dlt_id IS NULL")  # noqa: S608
        # What the last load left beside the table.
        with client.with_staging_dataset():
            client.execute_sql(f"DROP TABLE IF EXISTS {client.make_qualified_table_name(table)}")
