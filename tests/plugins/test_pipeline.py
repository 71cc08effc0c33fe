"""The example pipeline: from CSV files to an answer, through a plugin of each category, without a network."""

from __future__ import annotations

import ast
import csv
import importlib
import importlib.metadata
import importlib.util
import json
import os
import re
import runpy
import shutil
import struct
import subprocess
import sys
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import attrs
import pytest

from floe_plugins import IdentityPlugin, PluginRegistry

EXAMPLE = Path(__file__).parents[2] / "examples" / "pipeline"
ENGINES = [
    "floe-reference-catalog-iceberg",
    "floe-reference-compute-datafusion",
    "floe-reference-compute-duckdb",
    "floe-reference-dbt-core",
    "floe-reference-identity-oidc",
    "floe-reference-ingestion-dlt",
    "floe-reference-orchestrator-dagster",
    "floe-reference-secrets-env",
    "floe-reference-semantic-layer-bsl",
    "floe-reference-storage-local",
    "floe-reference-lineage-backend-openlineage",
    "floe-reference-telemetry-backend-otel",
    "matplotlib",
    "rich",
    "ruamel.yaml",
]
STEPS = ["ingest", "transform", "publish", "answer"]
ROWS = 4392

# Python's own account of the network, written down by whatever process of the run touches it.
WATCH = """
import os, sys

EVENTS = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "socket.sendmsg"}

def watch(event, args):
    if event == "open" and isinstance(args[0], str) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        path = os.path.abspath(args[0])
        if not path.startswith((os.environ["MAY_WRITE"], os.environ["WATCHED"], "/dev/", "/proc/")):
            with open(os.environ["WATCHED"], "a", encoding="utf-8") as file:
                print("written:", path, file=file)
    if event in EVENTS:
        with open(os.environ["WATCHED"], "a", encoding="utf-8") as file:
            print(event, args[1:], file=file)

sys.addaudithook(watch)
"""
REACH = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)"


def missing() -> list[str]:
    """The distributions that are not installed."""

    def is_there(name: str) -> bool:
        try:
            return bool(importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            return False

    return [name for name in ENGINES if not is_there(name)]


# Where they are said to be, one that is missing is a failure.
needs_engines = pytest.mark.skipif(
    bool(missing()) and os.environ.get("TOX_ENV_NAME") != "pipeline",
    reason=f"{len(missing())} distributions are missing, such as {missing()[:1]}: tox run -e pipeline",
)


def offline() -> list[str]:
    """What to put before a command so that it runs where no network exists; nothing where that is not permitted."""
    command = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    if shutil.which("unshare") is None:
        return []
    return command if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0 else []


@attrs.frozen
class Run:
    """What one run of the example printed and left behind."""

    home: Path
    status: int
    output: str
    errors: str
    network: str
    observed: dict[str, str]

    @property
    def answer(self) -> dict[str, list[float]]:
        """The numbers of each city, as printed."""
        rows = re.findall(r"^(\w+(?: \w+)?)((?: +-?\d+(?:\.\d\d)?){5})\s*$", self.output, re.MULTILINE)
        return {city: [float(number) for number in numbers.split()] for city, numbers in rows}

    @property
    def seconds(self) -> list[float]:
        """How long each step took, as printed."""
        return [float(found) for found in re.findall(r"^\w+ +succeeded +(\d+\.\d\d) ", self.output, re.MULTILINE)]

    @property
    def states(self) -> dict[str, str]:
        """How each step went, as printed."""
        return dict(re.findall(r"^(\w+) +(succeeded|failed|skipped) ", self.output, re.MULTILINE))

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The documents of a file that telemetry or lineage wrote."""
        return [json.loads(line) for line in self.observed[name].splitlines()]

    def published(self, column: str = "") -> int:
        """The rows of the published table, or the sum of one column, as a new process reads them."""
        code = """
            import sys, pyarrow
            from floe_plugins import CatalogPlugin, PluginRegistry
            config = {"plugins": {"catalog": {"iceberg": {"catalog": "daylight"}}, "secrets": {"env": {}},
                                  "storage": {"local": {"root": sys.argv[1]}}}}
            with PluginRegistry(config) as registry:
                table = pyarrow.table(registry.one(CatalogPlugin).read("daylight.days"))
                print(sum(table[sys.argv[2]].to_pylist()) if sys.argv[2] else table.num_rows)
        """
        lines = [line.removeprefix(" " * 12) for line in code.splitlines()]
        done = subprocess.run(
            [sys.executable, "-c", "\n".join(lines), str(self.home), column],
            env={**os.environ, "FLOE_SECRET_CATALOG_URI": f"sqlite:///{self.home}/catalog.db"},
            capture_output=True, text=True, encoding="utf-8", check=True,
        )  # fmt: skip
        return int(done.stdout)


def run(home: Path, config: str = "floe.yaml", example: Path = EXAMPLE, times: int = 1, **variables: str) -> Run:
    """Run the example where no network exists, if that is permitted, and write down whoever asks for one."""
    watcher = home.parent / f"{home.name}-watcher"
    watcher.mkdir(exist_ok=True)
    (watcher / "sitecustomize.py").write_text(WATCH, encoding="utf-8")
    watched = watcher / "network.txt"
    watched.write_text("", encoding="utf-8")
    done = subprocess.run(
        [*offline(), sys.executable, str(example / "run.py"), str(example / config), str(home), str(times)],
        env={
            **os.environ,
            "PYTHONPATH": str(watcher),
            "PYTHONDONTWRITEBYTECODE": "1",  # or the watcher's own would lie beside it
            "WATCHED": str(watched),
            "MAY_WRITE": str(home),
            "HOME": str(watcher),
            **variables,
        },
        capture_output=True, text=True, encoding="utf-8", check=False, cwd=home.parent,
    )  # fmt: skip
    # Read now: a later run adds to them.
    observed = {file.name: file.read_text(encoding="utf-8") for file in (home / "observed").glob("*")}
    return Run(home, done.returncode, done.stdout, done.stderr, watched.read_text(encoding="utf-8"), observed)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of the whole example."""
    made = run(tmp_path_factory.mktemp("pipeline") / "home")
    assert made.status == 0, made.output + made.errors
    return made


@pytest.fixture(scope="module")
def expected() -> dict[str, list[float]]:
    """What the data say, reckoned here: latitude, shortest, longest and mean day in hours, days without sun."""
    with (EXAMPLE / "data" / "cities.csv").open(encoding="utf-8", newline="") as file:
        cities = {row["city"]: float(row["latitude"]) for row in csv.DictReader(file)}
    minutes = defaultdict(list)
    with (EXAMPLE / "data" / "daylight.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            minutes[row["city"]].append(int(row["daylight_minutes"]))
    return {
        city: [cities[city], min(day) / 60, max(day) / 60, fmean(day) / 60, day.count(0)]
        for city, day in minutes.items()
    }


def imports_of(script: Path) -> set[str]:
    """The names of modules that a script imports."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return modules | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def test_the_data_are_what_their_generator_makes(tmp_path: Path) -> None:
    runpy.run_path(str(EXAMPLE / "data" / "make_daylight.py"))["main"](tmp_path)

    for name in ("cities.csv", "daylight.csv"):
        assert (tmp_path / name).read_bytes() == (EXAMPLE / "data" / name).read_bytes()


def test_the_script_is_short_and_keeps_to_public_names() -> None:
    code = (EXAMPLE / "run.py").read_text(encoding="utf-8").partition("# ///\n")[2]
    assert len(code.splitlines()) < 60
    assert len((EXAMPLE / "steps.py").read_text(encoding="utf-8").splitlines()) < 200
    for script in EXAMPLE.glob("*.py"):
        ours = {name for name in imports_of(script) if name.startswith("floe")}
        assert all(re.fullmatch(r"floe_plugins(\.hookspecs\.[a-z]\w*)?", name) for name in ours)
        code = script.read_text(encoding="utf-8")
        assert not re.search(r"(?<!self)\._[a-z]", code)


@needs_engines
def test_every_step_succeeds_and_every_plugin_is_timed(done: Run) -> None:
    assert done.states == dict.fromkeys(STEPS, "succeeded")
    timed = re.findall(r"^(\w+:\w+) +\d+\.\d\d +\d+\.\d\d +\d+(?:\.\d\d)?\s*$", done.output, re.MULTILINE)
    assert sorted(timed) == [
        "catalog:iceberg", "compute:duckdb", "dbt:core", "identity:oidc", "ingestion:dlt",
        "lineage_backend:openlineage", "orchestrator:dagster", "secrets:env", "semantic_layer:bsl", "storage:local",
        "telemetry_backend:otel",
    ]  # fmt: skip


@needs_engines
def test_the_answer_is_what_the_data_say(done: Run, expected: dict[str, list[float]]) -> None:
    assert list(done.answer) == sorted(expected, key=lambda city: -expected[city][0])
    for city, numbers in done.answer.items():
        assert numbers == pytest.approx(expected[city], abs=0.006)


@needs_engines
def test_all_rows_are_published(done: Run) -> None:
    assert done.published() == ROWS


@needs_engines
def test_the_picture_is_drawn(done: Run) -> None:
    picture = (done.home / "daylight.png").read_bytes()

    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24]) == (1080, 600)
    # A frame without lines takes less than half of that.
    assert len(picture) > 40_000


@needs_engines
def test_lineage_leads_from_the_files_to_the_picture(done: Run) -> None:
    events = done.lines("lineage.jsonl")

    assert [(event["job"]["name"], event["eventType"]) for event in events] == [
        (step, kind) for step in STEPS for kind in ("START", "COMPLETE")
    ]
    ends = [event for event in events if event["eventType"] == "COMPLETE"]
    for earlier, later in pairwise(ends):
        assert [(data["namespace"], data["name"]) for data in later["inputs"]] == [
            (data["namespace"], data["name"]) for data in earlier["outputs"]
        ]
    assert [data["name"] for data in ends[-1]["outputs"]] == [str(done.home / "daylight.png")]


@needs_engines
def test_the_work_of_each_plugin_is_a_span_within_its_step(done: Run) -> None:
    spans = {
        span["spanId"]: span
        for line in done.lines("telemetry.jsonl")
        for resource in line.get("resourceSpans", [])
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    }
    within = {(spans.get(span.get("parentSpanId"), {}).get("name"), span["name"]) for span in spans.values()}

    assert {
        ("orchestrator:dagster", "run ingest"), ("run ingest", "ingestion:dlt"), ("run transform", "dbt:core"),
        ("run publish", "catalog:iceberg"), ("run answer", "semantic_layer:bsl"),
    } <= within  # fmt: skip


@needs_engines
def test_nobody_asks_for_the_network_or_writes_outside_the_directory(done: Run) -> None:
    assert done.network == ""


@needs_engines
@pytest.mark.skipif(not offline(), reason="no network namespace may be made here")
def test_the_runs_of_these_tests_have_no_network() -> None:
    refused = subprocess.run([*offline(), sys.executable, "-c", REACH], capture_output=True, text=True, check=False)

    assert "Network is unreachable" in refused.stderr


@needs_engines
def test_a_run_goes_on_though_it_takes_longer_than_its_token_is_good_for(tmp_path: Path) -> None:
    # Starting the plugins alone takes longer.
    renewed = run(tmp_path / "home", "floe-datafusion.yaml", PIPELINE_TOKEN_SECONDS="2")  # noqa: S106 seconds

    seconds = re.findall(r"plugins started in (\d+\.\d) s", renewed.output)
    assert float(seconds[0]) + sum(renewed.seconds) > 2
    assert renewed.status == 0, renewed.output + renewed.errors
    assert "ada asked about 12 cities" in renewed.output


@needs_engines
def test_a_token_is_renewed_before_it_expires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    issuer = importlib.import_module("issuer")
    issuer.Issuer.begin(tmp_path)
    config = {"issuer": issuer.ISSUER, "audience": issuer.AUDIENCE, "jwks": str(tmp_path / "jwks.json")}
    with PluginRegistry({"plugins": {"identity": {"oidc": config}}}, autoload="configured") as registry:
        identity = registry.one(IdentityPlugin)
        there, elsewhere = issuer.Issuer(tmp_path, seconds=600), issuer.Issuer(tmp_path, seconds=600)
        first = there.token()
        assert there.token() == first

        now = time.time()
        monkeypatch.setattr(issuer.time, "time", lambda: now + 301)

        assert there.token() != first
        assert {identity.verify(each.token()).subject for each in (there, elsewhere)} == {"ada"}


@needs_engines
def test_another_engine_gives_the_same_answer_by_configuration_alone(done: Run, tmp_path: Path) -> None:
    other = run(tmp_path / "home", "floe-datafusion.yaml")

    assert other.status == 0, other.output + other.errors
    assert other.states == dict.fromkeys(("ingest", "publish", "answer"), "succeeded")
    assert other.answer == done.answer
    assert other.published() == ROWS
    assert other.network == ""
    assert "compute:datafusion" in other.output
    assert "compute:duckdb" not in other.output


@needs_engines
def test_the_engines_take_turns_in_one_directory(done: Run, tmp_path: Path) -> None:
    for config in ("floe-datafusion.yaml", "floe.yaml", "floe-datafusion.yaml"):
        turn = run(tmp_path / "o'clock", config)

        assert turn.status == 0, turn.output + turn.errors
        assert turn.answer == done.answer


@needs_engines
def test_with_many_cities_the_answer_is_short_and_the_picture_has_zones(tmp_path: Path) -> None:
    many = run(tmp_path / "home", "floe-datafusion.yaml", times=20)

    assert many.status == 0, many.output + many.errors
    assert "asked about 240 cities, and got 132 rows" in many.output
    assert "and 228 cities further south" in many.output
    assert many.published() == 20 * ROWS


@needs_engines
def test_a_second_process_is_told_who_holds_the_directory(tmp_path: Path) -> None:
    home = tmp_path / "home"
    sys.path.insert(0, str(EXAMPLE))
    try:
        with importlib.import_module("holding").held(home):
            refused = run(home)
    finally:
        sys.path.remove(str(EXAMPLE))

    assert refused.status == 1
    assert f"{home} is in use by process {os.getpid()} on" in refused.errors


@needs_engines
def test_who_has_not_the_role_gets_no_answer(tmp_path: Path) -> None:
    refused = run(
        tmp_path / "home", "floe-datafusion.yaml", FLOE_PLUGINS__IDENTITY__OIDC__ROLES='{"analyst": ["reader"]}'
    )

    assert refused.status == 1
    assert refused.states == {"ingest": "succeeded", "publish": "succeeded", "answer": "failed"}
    assert "PermissionError: ada may not ask: expected the role analyst" in refused.output
    assert refused.answer == {}
    assert not (refused.home / "daylight.png").exists()
    assert refused.published() == ROWS


@needs_engines
def test_a_run_leaves_nothing_outside_its_directory(done: Run) -> None:
    home = done.home.parent / f"{done.home.name}-watcher"

    assert {file.name for file in home.rglob("*")} == {"network.txt", "sitecustomize.py"}
    assert {file.name for file in done.home.parent.iterdir()} == {done.home.name, home.name}


@needs_engines
def test_a_new_column_of_the_source_is_published(done: Run, tmp_path: Path) -> None:
    example = tmp_path / "example"
    shutil.copytree(EXAMPLE, example)
    data = example / "data" / "daylight.csv"
    header, *lines = data.read_text(encoding="utf-8").splitlines()
    data.write_text("\n".join([f"{header},cloud", *(f"{line},7" for line in lines)]) + "\n", encoding="utf-8")

    again = run(done.home, example=example)

    assert again.status == 0, again.output + again.errors
    assert again.published("cloud") == 7 * ROWS


@needs_engines
def test_data_that_fail_their_test_are_not_published(done: Run, tmp_path: Path) -> None:
    example = tmp_path / "example"
    shutil.copytree(EXAMPLE, example)
    data = example / "data" / "daylight.csv"
    data.write_text("".join(data.read_text(encoding="utf-8").splitlines(keepends=True)[:-1]), encoding="utf-8")

    again = run(done.home, example=example)

    assert again.status == 1
    assert again.states == {"ingest": "succeeded", "transform": "failed", "publish": "skipped", "answer": "skipped"}
    assert re.search(r"^transform +failed .*Got 1 result", again.output, re.MULTILINE)
    assert [event["eventType"] for event in again.lines("lineage.jsonl")][-2:] == ["START", "FAIL"]
    assert again.published() == ROWS
