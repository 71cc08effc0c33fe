"""An engine without the platform: ``alone.py ENGINE DIRECTORY`` runs the example's SQL on the files of a run there."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "pipeline"
SQL = (EXAMPLE / "days.sql").read_text(encoding="utf-8")
NAMES = ("cities", "daylight")


def duckdb(home: Path) -> None:
    """By DuckDB's own Python package, with the memory that the example allows."""
    import duckdb as engine  # type: ignore[import-not-found, unused-ignore]

    with engine.connect(config={"memory_limit": "400MB"}) as connection:
        sql = SQL.format(**{name: f"read_csv('{home}/landing/{name}.csv')" for name in NAMES})
        connection.execute(f"COPY ({sql}) TO '{home}/alone/days.parquet'")


def datafusion(home: Path) -> None:
    """By DataFusion's own Python package."""
    from datafusion import SessionContext  # type: ignore[import-not-found, unused-ignore]

    context = SessionContext()
    for name in NAMES:
        context.register_csv(name, f"{home}/landing/{name}.csv")
    context.sql(SQL.format(**{name: name for name in NAMES})).write_parquet(f"{home}/alone/days.parquet")


def spark(home: Path, landing: str = "", target: str = "") -> None:
    """By Spark's own client."""
    from pyspark.sql import SparkSession  # type: ignore[import-not-found, unused-ignore]

    session = SparkSession.builder.remote(os.environ["PIPELINE_SPARK"]).create()
    for name in NAMES:
        place = f"{landing or f'file://{home}/landing'}/{name}.csv"
        session.read.csv(place, header=True).createOrReplaceTempView(name)
    days = session.sql(SQL.format(**{name: name for name in NAMES}))
    days.write.mode("overwrite").parquet(target or f"file://{home}/alone")
    session.stop()


def sail(home: Path) -> None:
    """By Spark's own client, in the bucket."""
    spark(home, "s3://daylight/landing", "s3://daylight/alone")


def main(engine: str, home: Path) -> None:
    """Run one, and print its seconds without imports, and the peak of this process."""
    import resource

    shutil.rmtree(home / "alone", ignore_errors=True)
    (home / "alone").mkdir()
    before = time.perf_counter()
    {"duckdb": duckdb, "datafusion": datafusion, "spark": spark, "sail": sail}[engine](home)
    seconds = time.perf_counter() - before
    print(f"alone: {seconds:.2f} s, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]).absolute())
