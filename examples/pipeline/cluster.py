# /// script
# requires-python = ">=3.10"
# dependencies = [
#   "floe-plugins[cli,yaml]",
#   "floe-reference-catalog-iceberg[postgresql]",
#   "floe-reference-compute-spark",
#   "floe-reference-identity-oidc",
#   "floe-reference-lineage-backend-openlineage",
#   "floe-reference-orchestrator-dagster",
#   "floe-reference-secrets-env",
#   "floe-reference-semantic-layer-bsl",
#   "floe-reference-storage-local",
#   "floe-reference-storage-s3",
#   "floe-reference-telemetry-backend-otel",
#   "matplotlib>=3.8",
#   "moto[server,s3]>=5.1",
#   "pysail>=0.7",
# ]
#
# [tool.uv.sources]
# floe-plugins = { path = "../..", editable = true }
# floe-reference-catalog-iceberg = { path = "../../testplugins/reference/catalog-iceberg", editable = true }
# floe-reference-compute-spark = { path = "../../testplugins/reference/compute-spark", editable = true }
# floe-reference-identity-oidc = { path = "../../testplugins/reference/identity-oidc", editable = true }
# floe-reference-lineage-backend-openlineage = {path="../../testplugins/reference/lineage-openlineage", editable=true}
# floe-reference-orchestrator-dagster = { path = "../../testplugins/reference/orchestrator-dagster", editable = true }
# floe-reference-secrets-env = { path = "../../testplugins/reference/secrets-env", editable = true }
# floe-reference-semantic-layer-bsl = { path = "../../testplugins/reference/semantic-layer-bsl", editable = true }
# floe-reference-storage-local = { path = "../../testplugins/reference/storage-local", editable = true }
# floe-reference-storage-s3 = { path = "../../testplugins/reference/storage-s3", editable = true }
# floe-reference-telemetry-backend-otel = { path = "../../testplugins/reference/telemetry-otel", editable = true }
# ///
"""The example pipeline on a cluster that is started on this machine for the run, and taken down in any case.

    uv run examples/pipeline/cluster.py [--engine spark|sail] [--times N] [--kill-executor] [--cut-off SECONDS]

With Java there is Apache Spark with two workers, else Sail. PostgreSQL has to be installed.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import services
from showing import line

CODE = Path(__file__).resolve().parent
APART = "PIPELINE_APART"


def main() -> int:
    """Start what is asked for, run the pipeline, and end everything; the status of the pipeline."""
    given = arguments()
    home = Path(given.directory).absolute()
    # What ends this process otherwise would leave the services to themselves.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    logs = home / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    if given.engine == "spark":
        os.environ["SPARK_HOME"] = str(services.spark_home())
        if given.cut_off and APART not in os.environ:
            return apart()
    began = time.perf_counter()
    with contextlib.ExitStack() as stack:
        cluster = begun(given, logs, stack)
        say(began, f"{', '.join(cluster.parts)} are up; {cluster.config}")
        command = [sys.executable, "-u", str(CODE / "run.py"), str(CODE / cluster.config), str(home), str(given.times)]
        run = stack.enter_context(subprocess.Popen([*services.dying("TERM"), *command]))
        stack.callback(run.terminate)
        if given.kill_executor or given.cut_off:
            threading.Thread(target=breaking, args=(given, began, cluster), daemon=True).start()
        status = run.wait()
        say(began, f"the pipeline has ended with status {status}")
        if given.then and status == 0:
            status = subprocess.run(given.then, check=False).returncode
        say(began, f"peaks: {', '.join(f'{name} {size} MB' for name, size in services.peaks())}")
    say(began, "all services are down")
    return status


class Cluster(NamedTuple):
    """What has been started, and how it is reached beside the environment.

    Attributes:
        config: the platform's configuration for it.
        parts: what it consists of, in words.
        figures: the address of Spark's own figures.
        switch: sets the line to a host ``up`` or ``down``, where there are hosts.
    """

    config: str
    parts: Sequence[str]
    figures: str = ""
    switch: Callable[[int, str], None] | None = None


def begun(given: argparse.Namespace, logs: Path, stack: contextlib.ExitStack) -> Cluster:
    """Start the services, which end with the stack, and say in the environment where they are."""
    hosts, switch = stack.enter_context(services.network()) if given.cut_off else ((), None)
    os.environ["FLOE_SECRET_CATALOG_URI"] = stack.enter_context(services.postgresql(logs))
    if given.engine == "sail":
        os.environ |= stack.enter_context(services.s3(logs, "daylight"))
        os.environ["PIPELINE_SPARK"] = stack.enter_context(services.sail(logs))
        return Cluster("floe-cluster.yaml", ["PostgreSQL", "S3", "Sail"])
    home = Path(os.environ["SPARK_HOME"])
    os.environ["PIPELINE_SPARK"], figures = stack.enter_context(services.spark(logs, home, hosts))
    workers = f"Apache Spark with two workers{' on two hosts' if hosts else ''}"
    # Without further jars Spark does not reach S3.
    return Cluster("floe-cluster-shared.yaml", ["PostgreSQL", workers], figures, switch)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    engine = "spark" if shutil.which("java") else "sail"
    parser.add_argument("--engine", choices=["spark", "sail"], default=engine, help="by default Spark if there is Java")
    parser.add_argument("--times", type=int, default=1, metavar="N", help="so many times the data")
    parser.add_argument("--kill-executor", action="store_true", help="kill one of Spark's executors while it works")
    parser.add_argument("--cut-off", type=float, default=0, metavar="SECONDS", help="cut a host off while it works")
    parser.add_argument("--directory", default="floe-data/cluster", help="for data and logs")
    parser.add_argument("--then", nargs=argparse.REMAINDER, metavar="COMMAND", help="run on the cluster afterwards")
    given = parser.parse_args()
    if given.engine == "sail" and (given.kill_executor or given.cut_off):
        parser.error("Sail has neither executors nor hosts here: use --engine spark")
    if given.cut_off and (os.geteuid() != 0 or shutil.which("unshare") is None or shutil.which("ip") is None):
        parser.error("hosts are network namespaces: that takes root, unshare and ip")
    return given


def apart() -> int:
    """Do the same again where this machine's networks and processes are not seen."""
    private = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return subprocess.run([*private, sys.executable, *sys.argv], env={**os.environ, APART: "1"}, check=False).returncode


def breaking(given: argparse.Namespace, began: float, cluster: Cluster) -> None:
    """Wait until an executor works, and break it or its line."""
    executor, host = working(cluster.figures)
    if given.kill_executor:
        services.kill_executor(executor)
        say(began, f"executor {executor} on {host} was killed while it worked")
    if cluster.switch is not None:
        number = [services.host_address(1), services.host_address(2)].index(host) + 1
        cluster.switch(number, "down")
        say(began, f"host {host} was cut off while executor {executor} worked on it")
        time.sleep(given.cut_off)
        cluster.switch(number, "up")
        say(began, f"host {host} is back after {given.cut_off:g} s")


def working(figures: str) -> tuple[str, str]:
    """The id and the host of an executor that works at this moment, as Spark's own figures have it."""
    while True:
        with contextlib.suppress(OSError):
            for application in ask(figures):
                for executor in ask(f"{figures}/{application['id']}/executors"):
                    if executor["id"] != "driver" and executor["activeTasks"]:
                        return executor["id"], executor["hostPort"].rpartition(":")[0]
        time.sleep(0.02)


def ask(url: str) -> list[dict[str, object]]:
    """What Spark answers."""
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 its own
        found: list[dict[str, object]] = json.load(answer)
        return found


def say(began: float, text: str) -> None:
    """A line with the seconds since the beginning."""
    line(f"{time.perf_counter() - began:6.1f} s  {text}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
