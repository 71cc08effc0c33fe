from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from drilling import neighbour_of, states, stopped
from floe_reference_lineage_backend_openlineage import OpenLineageBackend
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openlineage.client import event_v2
from openlineage.client.naming import dataset as naming
from openlineage.client.serde import Serde

from floe_plugins import (
    HealthState,
    HealthStatus,
    LineageBackendPlugin,
    PluginConfigurationError,
    PluginRef,
    PluginRegistry,
    PluginType,
    SecretsPlugin,
)

REF = PluginRef.parse("lineage_backend:openlineage")
SCHEMA_URL = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
PRODUCER = "https://example.org/floe"


class Receiver:
    """A server on loopback that keeps the events it is sent."""

    def __init__(self, port: int = 0) -> None:
        self.events: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.authorization: list[str | None] = []
        self.status = 201
        self.refused = ""
        self.answers = threading.Event()
        self.answers.set()
        self.asked = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.asked.set()
                receiver.answers.wait()
                refused = receiver.refused == event["job"]["name"]
                status = 422 if refused else receiver.status
                if status == 201:
                    receiver.events.append(event)
                    receiver.paths.append(self.path)
                    receiver.authorization.append(self.headers["Authorization"])
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", receiver.url)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def jobs(self) -> list[str]:
        return [event["job"]["name"] for event in self.events]

    def stop(self) -> None:
        self.answers.set()
        if self.thread.is_alive():
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    yield server
    server.stop()


def platform(**config: Any) -> PluginRegistry:
    return PluginRegistry({"plugins": {"lineage_backend": {"openlineage": {"stop_timeout": 0.2, **config}}}})


def of(registry: PluginRegistry) -> LineageBackendPlugin:
    return registry.get(LineageBackendPlugin, "openlineage")


def health(registry: PluginRegistry) -> HealthStatus:
    return registry.health().statuses[REF]


def event(job: str = "load", /, **changed: Any) -> dict[str, Any]:
    made = {
        "eventType": "COMPLETE",
        "eventTime": datetime.now(timezone.utc).isoformat(),
        "producer": PRODUCER,
        "schemaURL": SCHEMA_URL,
        "run": {"runId": str(uuid.uuid4())},
        "job": {"namespace": "floe", "name": job},
        "inputs": [{"namespace": "file", "name": "/data/sales.csv"}],
        "outputs": [{"namespace": "floe", "name": "sales"}],
        **changed,
    }
    return {name: value for name, value in made.items() if value is not ...}


def facet(**content: Any) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": "https://example.org/facet.json", **content}


def events_in(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def jobs_in(file: Path) -> list[str]:
    return [event["job"]["name"] for event in events_in(file)]


@pytest.fixture
def lineage(tmp_path: Path) -> Iterator[LineageBackendPlugin]:
    with platform(file=str(tmp_path / "lineage.jsonl")) as registry:
        yield of(registry)


@pytest.fixture(scope="module")
def lineage_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineageBackendPlugin]:
    with platform(file=str(tmp_path_factory.mktemp("lineage") / "lineage.jsonl")) as registry:
        yield of(registry)


def test_events_reach_the_server_unchanged_and_in_order(receiver: Receiver) -> None:
    sent = [event(job, eventType=kind) for job in ("a", "b") for kind in ("START", "COMPLETE")]
    with platform(url=receiver.url) as registry:
        for made in sent:
            of(registry).emit(made)
        assert of(registry).flush(10) is True

    assert receiver.events == sent
    assert set(receiver.paths) == {"/api/v1/lineage"}


def test_events_reach_the_file_one_on_each_line(tmp_path: Path) -> None:
    file = tmp_path / "made" / "lineage.jsonl"
    sent = [event("ä"), event("b")]
    with platform(file=str(file)) as registry:
        for made in sent:
            of(registry).emit(made)
        assert of(registry).flush(10) is True

        assert events_in(file) == sent


def test_both_places_get_everything(receiver: Receiver, tmp_path: Path) -> None:
    with platform(url=receiver.url, file=str(tmp_path / "l.jsonl")) as registry:
        of(registry).emit(event("a"))
        of(registry).emit(event("b"))
        assert of(registry).flush(10) is True

    assert receiver.jobs == jobs_in(tmp_path / "l.jsonl") == ["a", "b"]


def test_an_event_is_sent_as_it_was_when_it_was_given(receiver: Receiver) -> None:
    receiver.answers.clear()
    made = event("before")
    with platform(url=receiver.url) as registry:
        of(registry).emit(event("first"))
        of(registry).emit(made)
        made["job"]["name"] = "after"
        receiver.answers.set()
        assert of(registry).flush(10) is True

    assert receiver.jobs == ["first", "before"]


def test_an_url_with_a_path_keeps_it_and_the_endpoint_can_be_chosen(receiver: Receiver) -> None:
    with platform(url=f"{receiver.url}/marquez", endpoint="lineage") as registry:
        of(registry).emit(event())
        assert of(registry).flush(10) is True

    assert receiver.paths == ["/marquez/lineage"]


def test_the_token_reaches_the_server_and_nobody_else(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), platform(url=receiver.url, token="hunter2") as registry:  # noqa: S106
        of(registry).emit(event())
        assert of(registry).flush(10) is True
        told = f"{registry.config(LineageBackendPlugin, 'openlineage')!r}{health(registry)}"

    assert receiver.authorization == ["Bearer hunter2"]
    assert "hunter2" not in caplog.text + told


def test_what_openlineages_own_client_makes_is_accepted(lineage: LineageBackendPlugin) -> None:
    made = event_v2.RunEvent(
        eventTime=datetime.now(timezone.utc).isoformat(),
        eventType=event_v2.RunState.COMPLETE,
        run=event_v2.Run(str(uuid.uuid4())),
        job=event_v2.Job("floe", "load"),
        inputs=[event_v2.InputDataset("file", "/data/sales.csv")],
        outputs=[event_v2.OutputDataset("floe", "sales")],
        producer=PRODUCER,
    )
    lineage.emit(Serde.to_dict(made))
    assert lineage.flush(10) is True


@pytest.mark.parametrize(
    "changed",
    [
        {"eventType": ...},
        {"eventType": "RUNNING"},
        {"inputs": ..., "outputs": ...},
        {"eventTime": "2026-01-08T10:00:00.123Z"},
        {"run": {"runId": str(uuid.uuid4()), "facets": {"own": facet(anything=[1])}}},
        {"job": {"namespace": "n", "name": "j", "facets": {"own": facet(_deleted=True)}}},
        {"outputs": [{"namespace": "n", "name": "d", "outputFacets": {"own": facet()}, "facets": {"own": facet()}}]},
        {"something": "else"},
    ],
)
def test_what_the_schema_allows_is_accepted(lineage: LineageBackendPlugin, changed: dict[str, Any]) -> None:
    lineage.emit(event(**changed))


BAD = [
    ({"run": ...}, "the event lacks run"),
    ({"producer": ..., "schemaURL": ...}, "the event lacks producer, schemaURL"),
    ({"eventTime": "yesterday"}, "eventTime: expected format 'date-time'"),
    ({"eventTime": "2026-01-08T10:00:00"}, "eventTime: expected format"),
    ({"eventType": "DONE"}, "eventType: expected enum"),
    ({"run": {"runId": "hunter2"}}, "run.runId: expected format 'uuid'"),
    ({"job": {"namespace": "n"}}, "job lacks name"),
    ({"job": {"namespace": "n", "name": 7}}, "job.name: expected type 'string'"),
    ({"producer": "no uri"}, "producer: expected format 'uri'"),
    ({"inputs": {}}, "inputs: expected type 'array'"),
    ({"inputs": [{"namespace": "n", "name": "d"}, {"name": "d"}]}, r"inputs\[1\] lacks namespace"),
    ({"run": {"runId": str(uuid.uuid4()), "facets": {"own": {}}}}, "run.facets.own lacks _producer, _schemaURL"),
    ({"outputs": [{"namespace": "n", "name": "d", "facets": {"x": facet(_deleted=1)}}]}, "_deleted: expected type"),
    ({"eventTime": datetime.now(timezone.utc)}, "TypeError"),
    ({"own": float("nan")}, "ValueError"),
]


@pytest.mark.parametrize(("changed", "told"), BAD)
def test_what_does_not_fit_is_refused_by_its_path(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    with platform(file=str(tmp_path / "l.jsonl")) as registry:
        with pytest.raises(ValueError, match=told) as caught:
            of(registry).emit(event(**changed))
        assert "hunter2" not in str(caught.value)
        assert of(registry).flush(1) is True

    assert not (tmp_path / "l.jsonl").exists()


def test_every_place_that_does_not_fit_is_named(lineage: LineageBackendPlugin) -> None:
    told = r"job lacks name; run\.runId: expected format 'uuid'; the event lacks producer"
    with pytest.raises(ValueError, match=told):
        lineage.emit(event(run={"runId": "x"}, job={"namespace": "n"}, producer=...))


SIMPLE = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just({}) | st.just([]) | st.just([{}])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["run", "job", "inputs", "outputs", "eventTime", "producer"]), SIMPLE))
def test_any_event_is_accepted_or_refused_with_a_value_error(lineage_once: LineageBackendPlugin, changed: Any) -> None:
    with contextlib.suppress(ValueError):
        lineage_once.emit(event(**changed))


def test_another_schema_can_be_used(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"$schema": "https://json-schema.org/draft/2020-12/schema", "required": ["team"]}', "utf-8")
    with platform(file=str(tmp_path / "l.jsonl"), event_schema=str(schema)) as registry:
        of(registry).emit({"team": "data"})
        with pytest.raises(ValueError, match="the event lacks team"):
            of(registry).emit(event())


@pytest.mark.parametrize("content", ["no JSON", '{"type": 7}'])
def test_a_schema_that_is_none_fails_the_start(tmp_path: Path, content: str) -> None:
    (tmp_path / "schema.json").write_text(content, encoding="utf-8")
    registry = platform(file=str(tmp_path / "l.jsonl"), event_schema=str(tmp_path / "schema.json"))
    [outcome] = registry.startup().outcomes
    registry.shutdown()

    assert "event_schema" in outcome.message


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("s3://lake/sales/1.parquet", naming.S3("lake", "sales/1.parquet")),
        ("s3a://lake/sales/1.parquet", naming.S3("lake", "sales/1.parquet")),
        ("gs://lake/sales", naming.GCS("lake", "sales")),
        ("file:///data/sales.csv", naming.LocalFileSystem("/data/sales.csv")),
        ("file://localhost/data/sales.csv", naming.LocalFileSystem("/data/sales.csv")),
        ("/data/sales.csv", naming.LocalFileSystem("/data/sales.csv")),
        ("file://nas/data/sales.csv", naming.RemoteFileSystem("nas", "/data/sales.csv")),
        ("hdfs://node/sales", naming.HDFS("node", "8020", "/sales")),
        ("abfss://raw@acme.dfs.core.windows.net/a", naming.ABFSS("raw", "acme", "/a")),
        ("postgresql://ada:hunter2@db/main.public.sales", naming.Postgres("db", "5432", "main", "public", "sales")),
        ("postgres://db:6432/main.public.sales", naming.Postgres("db", "6432", "main", "public", "sales")),
        ("mysql://db/main.sales", naming.MySQL("db", "3306", "main", "sales")),
        ("kafka://broker:9093/sales", naming.Kafka("broker", "9093", "sales")),
        ("trino://t:8443/c.s.t", naming.Trino("t", "8443", "c", "s", "t")),
        ("snowflake://acme-eu/db.public.t", naming.Snowflake("acme", "eu", "db", "public", "t")),
        ("bigquery:acme.sales.t", naming.BigQuery("acme", "sales", "t")),
        ("arn:aws:glue:eu-west-1:123456789012:table/db/t", naming.AWSGlue("eu-west-1", "123456789012", "db", "t")),
        ("azurecosmos://acct/dbs/main/colls/t", naming.AzureCosmosDB("acct", "main", "t")),
    ],
)
def test_namespaces_are_those_of_openlineages_own_client(
    lineage: LineageBackendPlugin, dataset: str, expected: naming.DatasetNaming
) -> None:
    assert lineage.namespace(dataset) == expected.get_namespace()


def test_a_name_without_a_place_is_in_the_platforms_own_namespace(
    lineage: LineageBackendPlugin, tmp_path: Path
) -> None:
    assert lineage.namespace("main.sales") == "floe"
    with platform(file=str(tmp_path / "other.jsonl"), namespace="prod") as registry:
        assert of(registry).namespace("main.sales") == "prod"
    assert lineage.namespace("lakefs://repo/main/t") == "lakefs://repo"
    with pytest.raises(ValueError, match="name"):
        lineage.namespace(" ")


def test_a_dead_server_holds_nobody_up_and_gets_everything_when_it_is_back(receiver: Receiver) -> None:
    receiver.stop()
    with platform(url=receiver.url) as registry:
        began = time.monotonic()
        of(registry).emit(event("a"))
        of(registry).emit(event("b"))
        assert of(registry).flush(1) is False
        assert time.monotonic() - began < 3
        assert health(registry).state is HealthState.UNHEALTHY

        back = Receiver(receiver.port)
        try:
            assert of(registry).flush(10) is True
            assert back.jobs == ["a", "b"]
            assert health(registry).state is HealthState.HEALTHY
        finally:
            back.stop()


@pytest.mark.drill("dead server of lineage")
def test_a_dead_server_is_reported_and_the_platform_goes_on_and_stops_in_order(
    request: pytest.FixtureRequest, receiver: Receiver, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    openlineage = {"url": receiver.url, "spool": str(tmp_path / "unsent"), "timeout": 0.3, "stop_timeout": 0.2}
    plugins = {"lineage_backend": {"openlineage": openlineage}, "secrets": {"neighbour": {}}}
    registry = PluginRegistry({"plugins": plugins}, required=["lineage_backend:openlineage"])
    request.addfinalizer(registry.shutdown)
    registry.register(neighbour_of("lineage_backend:openlineage"))
    registry.startup().raise_for_failures()
    of(registry).emit(event("before"))
    assert of(registry).flush(30) is True
    receiver.stop()

    of(registry).emit(event("kept"))
    sent = of(registry).flush(1)
    record_property("answer", f"flush() gives {sent}")
    report = registry.health()
    assert registry.get(SecretsPlugin, "neighbour").get_secret("a")
    assert stopped(registry) == ["secrets:neighbour", "lineage_backend:openlineage"]

    assert sent is False
    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {"lineage_backend:openlineage": "unhealthy", "secrets:neighbour": "healthy"}
    assert f"cannot be sent to {receiver.url}" in report.statuses[REF].message
    assert report.statuses[REF].details[receiver.url] == {"waiting": 1, "dropped": 0}
    back = Receiver(receiver.port)
    try:
        # What was kept when it stopped is sent after the next start.
        registry.startup().raise_for_failures()
        assert of(registry).flush(30) is True
        assert [*receiver.jobs, *back.jobs] == ["before", "kept"]
        assert states(registry.health()) == {"lineage_backend:openlineage": "healthy", "secrets:neighbour": "healthy"}
    finally:
        back.stop()
    assert stopped(registry) == ["secrets:neighbour", "lineage_backend:openlineage"]


def test_a_server_that_hangs_does_not_outlast_the_deadlines(receiver: Receiver) -> None:
    receiver.answers.clear()
    registry = platform(url=receiver.url, timeout=30, stop_timeout=0.3)
    registry.startup().raise_for_failures()
    of(registry).emit(event())
    assert receiver.asked.wait(10)

    began = time.monotonic()
    assert of(registry).flush(0.5) is False
    assert 0.4 < time.monotonic() - began < 1.5

    began = time.monotonic()
    assert registry.shutdown().ok
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("status", [302, 401, 404, 500, 503])
def test_what_a_server_does_not_take_is_kept(receiver: Receiver, status: int) -> None:
    receiver.status = status
    with platform(url=receiver.url) as registry:
        of(registry).emit(event("kept"))
        assert of(registry).flush(10) is False
        assert health(registry).state is HealthState.UNHEALTHY

        receiver.status = 201
        assert of(registry).flush(10) is True

    assert receiver.jobs == ["kept"]


def test_an_event_that_is_refused_for_good_does_not_keep_others_waiting(receiver: Receiver) -> None:
    receiver.refused = "poison"
    receiver.answers.clear()
    with platform(url=receiver.url) as registry:
        for job in ("a", "poison", "b"):
            of(registry).emit(event(job))
        receiver.answers.set()
        assert of(registry).flush(10) is False
        assert of(registry).flush(10) is True
        status = health(registry)

    assert receiver.jobs == ["a", "b"]
    assert (status.state, status.message) == (HealthState.DEGRADED, "1 events were dropped or refused")


def test_what_was_not_sent_is_sent_by_the_next_process(receiver: Receiver, tmp_path: Path) -> None:
    receiver.stop()
    with platform(url=receiver.url, spool=str(tmp_path / "unsent")) as registry:
        of(registry).emit(event("a"))
        of(registry).emit(event("b"))
    assert jobs_in(tmp_path / "unsent" / "server.jsonl") == ["a", "b"]

    back = Receiver(receiver.port)
    try:
        with platform(url=back.url, spool=str(tmp_path / "unsent"), stop_timeout=10) as registry:
            of(registry).emit(event("c"))
        assert back.jobs == ["a", "b", "c"]
        assert [*(tmp_path / "unsent").iterdir()] == []
    finally:
        back.stop()


KILLED = """
import os, signal, sys
from floe_plugins import LineageBackendPlugin, PluginRegistry
from floe_reference_lineage_backend_openlineage import OpenLineageBackend
config = {"url": sys.argv[1], "spool": sys.argv[2]}
registry = PluginRegistry({"plugins": {"lineage_backend": {"openlineage": config}}}, autoload="none")
registry.register(OpenLineageBackend)
registry.startup().raise_for_failures()
import json
for event in json.loads(sys.argv[3]):
    registry.get(LineageBackendPlugin, "openlineage").emit(event)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no process can be killed so here")
def test_what_was_emitted_is_sent_by_the_next_process_if_this_one_is_killed(receiver: Receiver, tmp_path: Path) -> None:
    receiver.stop()
    spool = tmp_path / "unsent"
    events = json.dumps([event(name) for name in "abcde"])
    killed = subprocess.run([sys.executable, "-c", KILLED, receiver.url, str(spool), events], check=False)
    assert killed.returncode == -signal.SIGKILL
    with (spool / "server.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"half": ')

    back = Receiver(receiver.port)
    try:
        with platform(url=back.url, spool=str(spool), stop_timeout=10) as registry:
            of(registry).emit(event("f"))
        assert back.jobs == [*"abcdef"]
    finally:
        back.stop()


def test_what_was_sent_does_not_stay_on_disk(receiver: Receiver, tmp_path: Path) -> None:
    with platform(url=receiver.url, spool=str(tmp_path)) as registry:
        for name in "abc":
            of(registry).emit(event(name))
            assert of(registry).flush(30) is True
        assert jobs_in(tmp_path / "server.jsonl") == ["c"]
    assert [*tmp_path.iterdir()] == []


def test_without_a_spool_what_is_given_up_is_told(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.stop()
    with platform(url=receiver.url) as registry:
        of(registry).emit(event("a"))

    assert f"1 events were not sent to {receiver.url} and are given up" in caplog.text


def test_a_file_that_cannot_be_written_is_unhealthy_and_gets_everything_later(tmp_path: Path) -> None:
    file = tmp_path / "l.jsonl"
    file.mkdir()
    with platform(file=str(file)) as registry:
        of(registry).emit(event("kept"))
        assert of(registry).flush(10) is False
        assert health(registry).state is HealthState.UNHEALTHY

        file.rmdir()
        assert of(registry).flush(10) is True
        assert health(registry).state is HealthState.HEALTHY

    assert jobs_in(file) == ["kept"]


FULL = """
import json, resource, sys
from floe_plugins import LineageBackendPlugin, PluginRegistry
file, event = sys.argv[1:]
with PluginRegistry({"plugins": {"lineage_backend": {"openlineage": {"file": file, "stop_timeout": 0.2}}}}) as registry:
    lineage = registry.get(LineageBackendPlugin, "openlineage")
    lineage.emit(json.loads(event))
    assert lineage.flush(10)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (700, hard))
    for _ in range(3):
        lineage.emit(json.loads(event))
    print(lineage.flush(1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    print(lineage.flush(10))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits are POSIX's")
def test_a_full_disk_loses_nothing_and_leaves_whole_lines(tmp_path: Path) -> None:
    file = tmp_path / "l.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", FULL, file, json.dumps(event("a"))],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )

    assert done.stdout.split() == ["False", "True"]
    assert jobs_in(file) == ["a"] * 4


def test_threads_may_emit_and_flush_at_once(receiver: Receiver) -> None:
    failures: list[BaseException] = []
    together = threading.Barrier(6)
    with platform(url=receiver.url) as registry:
        lineage = of(registry)

        def work() -> None:
            try:
                together.wait()
                for _ in range(5):
                    lineage.emit(event())
                    assert lineage.flush(30)
                    assert lineage.namespace("s3://a/b") == "s3://a"
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failures == []
    assert len(receiver.events) == 30


def test_all_backends_are_told_at_once_by_pluggy(receiver: Receiver) -> None:
    with platform(url=receiver.url) as registry:
        hook = registry.manager(PluginType.LINEAGE_BACKEND).hook
        hook.emit(event=event("a"))

        assert hook.flush(deadline=10.0) == [True]
        assert hook.namespace(dataset="s3://lake/a") == "s3://lake"

    assert receiver.jobs == ["a"]


@pytest.mark.parametrize(
    "config", [{}, {"url": "localhost:5000"}, {"url": "http://user:hunter2@localhost"}, {"file": "f", "limit": 0}]
)
def test_a_wrong_configuration_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(PluginConfigurationError, match=r"plugins\.lineage_backend\.openlineage") as caught:
        platform(**config).startup()

    assert "hunter2" not in str(caught.value)


def test_importing_the_plugin_imports_no_engine() -> None:
    code = """
import sys, floe_reference_lineage_backend_openlineage
print([m for m in ("openlineage", "jsonschema", "requests") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)

    assert done.stdout.strip() == "[]"


def test_the_class_is_what_its_entry_point_names(lineage: LineageBackendPlugin) -> None:
    assert isinstance(lineage, OpenLineageBackend)
