"""The example pipeline on a cluster: the same steps and the same answer, with services and a process for each step."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "pipeline"
MARK = "CLUSTER_OF_A_TEST"
NEEDS = ["floe-reference-compute-spark", "floe-reference-storage-s3", "moto", "psycopg", "pysail"]


def missing() -> list[str]:
    """What is not installed."""
    there = {distribution.name for distribution in importlib.metadata.distributions()}
    postgresql = shutil.which("initdb") or [*Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return [*({*NEEDS} - there), *([] if postgresql else ["PostgreSQL (on Debian: apt-get install postgresql)"])]


pytestmark = [
    # Where they are said to be, one that is missing is a failure.
    pytest.mark.skipif(
        bool(missing()) and os.environ.get("TOX_ENV_NAME") != "services",
        reason=f"{len(missing())} are missing, such as {missing()[:1]}: tox run -e services",
    ),
    pytest.mark.timeout(900),
]


def cluster(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the pipeline on a cluster."""
    if missing():
        pytest.fail(f"not installed: {', '.join(missing())}", pytrace=False)
    command = [sys.executable, str(EXAMPLE / "cluster.py"), "--directory", str(home), *options]
    env = {**os.environ, MARK: str(home)}
    return subprocess.run(command, env=env, capture_output=True, text=True, encoding="utf-8", check=False)


def left_by(home: Path) -> list[bytes]:
    """What a cluster has begun and not ended: each process inherits the mark."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={home}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes())
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run on Sail, which needs no Java, and what it printed."""
    home = tmp_path_factory.mktemp("cluster") / "home"
    made = cluster(home, "--engine", "sail")
    assert made.returncode == 0, made.stdout + made.stderr
    return home, made.stdout


def test_the_answer_is_that_of_one_machine(done: tuple[Path, str]) -> None:
    _, output = done

    assert re.search(
        r"publish \.\.\. snapshot \d+ of the table daylight\.days, 4392 rows in \d+ files?$", output, re.MULTILINE
    )
    assert "ada asked about 12 cities, and got 156 rows" in output
    # As on every engine: the northernmost and the southernmost city.
    assert re.search(r"^Tromsø +69\.65 +0\.00 +24\.00 +12\.55 +49\s*$", output, re.MULTILINE)
    assert re.search(r"^Ushuaia +-54\.80 +7\.20 +17\.33 +12\.16 +0\s*$", output, re.MULTILINE)


def test_data_and_tables_lie_with_the_services(done: tuple[Path, str]) -> None:
    home, output = done

    assert dict(re.findall(r"^(\w+) +succeeded .* (s3://\S+)", output, re.MULTILINE)) == {
        "ingest": "s3://daylight/landing",
        "publish": "s3://daylight/daylight/days",
        "answer": "s3://daylight/daylight.png",
    }
    assert not [*home.rglob("*.csv"), *home.rglob("*.parquet"), *home.rglob("catalog.db")]


def test_nothing_is_left_running(done: tuple[Path, str]) -> None:
    home, output = done

    assert "all services are down" in output
    assert left_by(home) == []


def test_a_run_that_fails_takes_everything_down_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOE_PLUGINS__STORAGE__S3__BUCKET", "nothing")
    failed = cluster(tmp_path / "home", "--engine", "sail")

    assert failed.returncode == 1
    assert "there is no bucket 'nothing'" in failed.stderr
    assert "all services are down" in failed.stdout
    assert left_by(tmp_path / "home") == []
