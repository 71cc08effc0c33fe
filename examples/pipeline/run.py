# /// script
# requires-python = ">=3.10"
# dependencies = [
#   "floe-plugins[cli,yaml]",
#   "floe-reference-catalog-iceberg",
#   "floe-reference-compute-datafusion",
#   "floe-reference-compute-duckdb",
#   "floe-reference-dbt-core",
#   "floe-reference-identity-oidc",
#   "floe-reference-ingestion-dlt",
#   "floe-reference-lineage-backend-openlineage",
#   "floe-reference-orchestrator-dagster",
#   "floe-reference-secrets-env",
#   "floe-reference-semantic-layer-bsl",
#   "floe-reference-storage-local",
#   "floe-reference-telemetry-backend-otel",
#   "matplotlib>=3.8",
# ]
#
# [tool.uv.sources]
# floe-plugins = { path = "../..", editable = true }
# floe-reference-catalog-iceberg = { path = "../../testplugins/reference/catalog-iceberg", editable = true }
# floe-reference-compute-datafusion = { path = "../../testplugins/reference/compute-datafusion", editable = true }
# floe-reference-compute-duckdb = { path = "../../testplugins/reference/compute-duckdb", editable = true }
# floe-reference-dbt-core = { path = "../../testplugins/reference/dbt-core", editable = true }
# floe-reference-identity-oidc = { path = "../../testplugins/reference/identity-oidc", editable = true }
# floe-reference-ingestion-dlt = { path = "../../testplugins/reference/ingestion-dlt", editable = true }
# floe-reference-lineage-backend-openlineage = {path="../../testplugins/reference/lineage-openlineage", editable=true}
# floe-reference-orchestrator-dagster = { path = "../../testplugins/reference/orchestrator-dagster", editable = true }
# floe-reference-secrets-env = { path = "../../testplugins/reference/secrets-env", editable = true }
# floe-reference-semantic-layer-bsl = { path = "../../testplugins/reference/semantic-layer-bsl", editable = true }
# floe-reference-storage-local = { path = "../../testplugins/reference/storage-local", editable = true }
# floe-reference-telemetry-backend-otel = { path = "../../testplugins/reference/telemetry-otel", editable = true }
# ///
"""How long is the day, all year round, in twelve cities? A little data platform, made of plugins, finds out.

    uv run examples/pipeline/run.py [CONFIGURATION [DIRECTORY [TIMES]]]

The steps say what is to be done, the configured plugins do it; where dbt and ingestion are not, plain SQL does.
With TIMES there are so many times as many cities, and so much data.
"""

import logging
import os
import sys
from pathlib import Path

from holding import held
from issuer import Issuer
from showing import line, show_times, table
from steps import MOST, opened, plugins_of_this_process

HERE = Path(__file__).resolve().parent


def main(config: str = str(HERE / "floe.yaml"), directory: str = "floe-data/pipeline", times: str = "1") -> int:
    """Run the pipeline; 1 if a step failed."""
    home = Path(directory).absolute()
    # What the configuration, the secrets plugin and matplotlib read, also in the processes of steps.
    os.environ |= {"PIPELINE_CODE": str(HERE), "PIPELINE_DATA": str(home), "MPLCONFIGDIR": str(home / "matplotlib")}
    os.environ.setdefault("FLOE_SECRET_CATALOG_URI", f"sqlite:///{home}/catalog.db")
    with held(home):
        logging.basicConfig(filename=home / "log.txt")
        Issuer.begin(home)
        with opened(str(Path(config).absolute()), home, int(times)) as (pipeline, started):
            line(f"{len(started.outcomes)} plugins started in {started.seconds:.1f} s")
            with plugins_of_this_process(pipeline):
                report = pipeline.run()
            told = pipeline.observer.close(deadline=5)
    records = {name: pipeline.record(name) for name in pipeline.names}
    told = told and all(record.get("told", True) for record in records.values())
    answer = records["answer"]
    if answer.get("rows"):
        table("city;north;shortest day, h;longest;mean;days without sun", answer["rows"])
        if answer["cities"] > MOST:
            line(f"\nand {answer['cities'] - MOST} cities further south")
    peaks = {name: record.get("peak", "") for name, record in records.items()}
    show_times(report, pipeline.places, peaks, started, pipeline.work())
    line(f"\nEvents of lineage, spans and metrics lie in {home}/observed{'' if told else ', but not all were sent'}.")
    return 0 if report.ok and told else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
