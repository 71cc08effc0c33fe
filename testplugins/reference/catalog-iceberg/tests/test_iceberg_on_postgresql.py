"""Tables that a PostgreSQL database knows. Needs PostgreSQL on this machine, and a driver beside the plugin."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from catalogs import NUMBERS, catalog_with, configured, status_of
from drilling import states

from floe_plugins import CatalogPlugin, HealthState, PluginRegistry, PluginUnavailableError, StoragePlugin

PASSWORD = "hunter2-Zq8xW0vK"  # noqa: S105
ONE = pa.table({"n": [1]})
PLACES = [Path("/usr/lib/postgresql"), Path("/usr/local"), Path("/opt/homebrew/opt")]


def programs() -> Path | None:
    """Where PostgreSQL's programs are."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    return max((each.parent for place in PLACES for each in place.glob("*/bin/initdb")), default=None)


MISSING = [
    *(["PostgreSQL (on Debian: apt-get install postgresql)"] if programs() is None else []),
    *(["a driver (pip install 'psycopg[binary]')"] if importlib.util.find_spec("psycopg") is None else []),
]
# Where they are said to be, one that is missing is a failure.
if MISSING and os.environ.get("TOX_ENV_NAME") != "services":
    pytest.skip(f"not installed: {' and '.join(MISSING)}", allow_module_level=True)


class Server:
    """PostgreSQL on this machine, as a user without privileges: it refuses root."""

    def __init__(self, home: Path) -> None:
        found = programs()
        if MISSING or found is None:
            pytest.fail(f"not installed: {' and '.join(MISSING)}", pytrace=False)
        self._programs = found
        self._data = home / "data"
        self._user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.geteuid() == 0 else []
        if self._user:
            # Temporary directories are their owner's alone.
            os.chown(home, 65534, 65534)
            for each in home.parents:
                if each.stat().st_uid == os.geteuid() and each.is_relative_to(home.parents[2]):
                    each.chmod(0o711)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        password = home / "password"
        password.write_text(PASSWORD, encoding="utf-8")
        password.chmod(0o644)
        self._do("initdb", "-A", "scram-sha-256", "-U", "floe", "--pwfile", str(password), "-E", "UTF8", "-N")
        self.start()

    @property
    def uri(self) -> str:
        return f"postgresql://floe:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k {self._data} -c fsync=off"
        self._do("pg_ctl", "-w", "-o", options, "-l", str(self._data / "log"), "start")

    def stop(self) -> None:
        self._do("pg_ctl", "-w", "-m", "immediate", "stop")

    def _do(self, program: str, *arguments: str) -> None:
        command = [*self._user, str(self._programs / program), "-D", str(self._data), *arguments]
        # What is started must not keep a pipe of ours open.
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False, cwd="/")
        assert done.returncode == 0, command


class Cutter:
    """Between a client and a server: ends the connection instead of passing on the answer to a commit."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.cuts = 0
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        # Only that wakes up who waits for it.
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for each in (self._listener, *self._sockets):
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._sockets += [client, server := socket.create_connection(("127.0.0.1", self._port))]
                asked = [b""]
                for way in ((client, server, asked, False), (server, client, asked, True)):
                    self._threads.append(thread := threading.Thread(target=self._pass, args=way))
                    thread.start()

    def _pass(self, source: socket.socket, target: socket.socket, asked: list[bytes], is_answer: bool) -> None:  # noqa: FBT001
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if not is_answer:
                    asked[0] = data
                elif self.cuts and b"COMMIT" in asked[0]:
                    self.cuts -= 1
                    break
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("postgresql"))
    yield made
    made.stop()


@pytest.fixture
def registry(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PluginRegistry]:
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", server.uri)
    # Each test has a catalog of its own in the database.
    with PluginRegistry(configured(tmp_path, catalog=tmp_path.name)) as registry:
        assert registry.problems == ()
        yield registry


@pytest.fixture
def catalog(registry: PluginRegistry) -> CatalogPlugin:
    return catalog_with(registry, "sales.numbers", NUMBERS)


def count(catalog: CatalogPlugin) -> int:
    return pa.table(catalog.read("sales.numbers")).num_rows


def test_tables_outlast_the_platform_and_are_found_from_anywhere(
    catalog: CatalogPlugin, registry: PluginRegistry, tmp_path: Path, server: Server
) -> None:
    catalog.append("sales.numbers", NUMBERS)
    catalog.replace("sales.numbers", NUMBERS)
    status = status_of(registry)
    registry.shutdown()

    with PluginRegistry(configured(tmp_path, catalog=tmp_path.name)) as again:
        assert count(again.get(CatalogPlugin, "iceberg")) == 1000
    assert status.state is HealthState.HEALTHY
    assert status.details["database"].endswith(f"//127.0.0.1:{server.port}/postgres")


@pytest.mark.drill("PostgreSQL catalog that is down, and comes back")
def test_a_database_that_restarts_loses_nothing(
    catalog: CatalogPlugin, registry: PluginRegistry, server: Server
) -> None:
    catalog.append("sales.numbers", NUMBERS)

    server.stop()
    with pytest.raises(PluginUnavailableError, match="does not answer") as caught:
        catalog.append("sales.numbers", NUMBERS)
    down = registry.health()
    server.start()

    # Connections that the restart has broken are made anew, unseen by the caller.
    catalog.append("sales.numbers", NUMBERS)
    assert count(catalog) == 2000
    assert states(down) == {
        "catalog:iceberg": "unhealthy",
        "secrets:env": "healthy",
        "storage:local": "healthy",
    }
    assert status_of(registry).state is HealthState.HEALTHY
    assert PASSWORD not in f"{caught.value} {down}"
    assert registry.shutdown().ok


def test_a_restart_between_two_calls_is_not_noticed(catalog: CatalogPlugin, server: Server) -> None:
    catalog.append("sales.numbers", NUMBERS)
    server.stop()
    server.start()

    catalog.append("sales.numbers", NUMBERS)

    assert count(catalog) == 2000


def test_a_wrong_password_is_refused_at_once_and_not_shown(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", server.uri.replace(PASSWORD, "wrong-7Gh2pQx"))
    registry = PluginRegistry(configured(tmp_path))

    [failed] = registry.startup().failed

    assert re.search(r"database postgresql\S*//127\.0\.0\.1:\d+/postgres cannot be used .*password", failed.message)
    assert not isinstance(failed.cause, PluginUnavailableError)
    assert "wrong-7Gh2pQx" not in f"{failed!r} {caplog.text} {registry.health()}"
    registry.shutdown()


def test_a_server_that_is_not_there_is_unavailable_and_its_password_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", f"postgresql://floe:{PASSWORD}@127.0.0.1:{port}/catalog")
    registry = PluginRegistry(configured(tmp_path), timeouts={"startup": 0.5})

    [failed] = registry.startup().failed

    assert f"127.0.0.1:{port}/catalog does not answer" in failed.message
    assert PASSWORD not in repr(failed)
    registry.shutdown()


APPEND = """
import sys, pyarrow
from floe_plugins import CatalogPlugin, PluginRegistry
config = {"plugins": {"catalog": {"iceberg": {"catalog": sys.argv[2]}}, "secrets": {"env": {"prefix": "CATALOG_TEST_"}},
                      "storage": {"local": {"root": sys.argv[1]}}}}
with PluginRegistry(config) as registry:
    catalog = registry.one(CatalogPlugin)
    for n in range(int(sys.argv[3]), int(sys.argv[3]) + 5):
        catalog.append("sales.numbers", pyarrow.table({"n": [n]}))
"""


def test_of_two_processes_that_write_at_once_none_loses_rows(
    catalog: CatalogPlugin, registry: PluginRegistry, tmp_path: Path
) -> None:
    root = registry.get(StoragePlugin, "local").uri("any").removeprefix("file://").removesuffix("/any")
    command = [sys.executable, "-c", APPEND, root, tmp_path.name]
    others = [subprocess.Popen([*command, str(first)]) for first in (0, 100)]
    for n in range(200, 205):
        catalog.append("sales.numbers", pa.table({"n": [n]}))

    assert [other.wait() for other in others] == [0, 0]
    found = sorted(row["n"] for row in pa.table(catalog.read("sales.numbers")).to_pylist())
    assert found == [*range(5), *range(100, 105), *range(200, 205)]


def test_a_commit_whose_answer_is_lost_is_not_undone(
    catalog: CatalogPlugin, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.closing(Cutter(server.port)) as cutter:
        monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", server.uri.replace(str(server.port), str(cutter.port)))
        with PluginRegistry(configured(tmp_path, catalog=tmp_path.name)) as registry:
            through = registry.get(CatalogPlugin, "iceberg")
            through.append("sales.numbers", ONE)
            cutter.cuts = 1

            snapshot = through.append("sales.numbers", NUMBERS)

            assert cutter.cuts == 0
            assert through.load_table("sales.numbers").ref.snapshot_id == snapshot
    assert count(catalog) == 1001


def test_platforms_that_start_at_once_on_an_empty_database_all_start(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(server.uri, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS empty WITH (FORCE)")
        connection.execute("CREATE DATABASE empty")
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", server.uri.replace("/postgres", "/empty"))
    registries = [PluginRegistry(configured(tmp_path)) for _ in range(4)]
    failed: list[Any] = []
    threads = [threading.Thread(target=lambda r=each: failed.extend(r.startup().failed)) for each in registries]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert all(registry.shutdown().ok for registry in registries)
