"""A service manager is told what it expects to be told."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from floe_plugins.cli.supervisor.service_manager import ServiceManager


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(os.fspath(tmp_path / "notify"))
        found.settimeout(0)
        yield found


def received(receiver: socket.socket) -> list[str]:
    found = []
    while True:
        try:
            found.append(receiver.recv(4096).decode())
        except BlockingIOError:
            return found


def test_facts_are_sent_once(receiver: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": receiver.getsockname()})
    for _ in range(3):
        manager.notify(READY=1, STATUS="running")
    manager.notify(STOPPING=1)
    assert received(receiver) == ["READY=1\nSTATUS=running", "STOPPING=1"]


def test_no_fact_can_forge_another(receiver: socket.socket) -> None:
    ServiceManager({"NOTIFY_SOCKET": receiver.getsockname()}).notify(STATUS="x\nREADY=1")
    assert received(receiver) == ["STATUS=x\\nREADY=1"]


def test_the_watchdog_is_told_twice_in_its_time(receiver: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    manager = ServiceManager({"NOTIFY_SOCKET": receiver.getsockname(), "WATCHDOG_USEC": "4000000"})
    for now[0] in (100.0, 101.0, 102.0, 103.9, 104.1):
        manager.alive()
    assert received(receiver) == ["WATCHDOG=1"] * 3


@pytest.mark.parametrize("environ", [{}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}])
def test_without_a_watchdog_none_is_told(receiver: socket.socket, environ: dict[str, str]) -> None:
    ServiceManager({"NOTIFY_SOCKET": receiver.getsockname(), **environ}).alive()
    assert received(receiver) == []


def test_without_a_service_manager_nothing_happens(tmp_path: Path) -> None:
    for environ in ({}, {"NOTIFY_SOCKET": str(tmp_path / "gone")}):
        manager = ServiceManager(environ)
        manager.notify(READY=1)
        manager.alive()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="abstract sockets are Linux's")
def test_an_abstract_socket_is_found() -> None:
    name = f"floe-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(f"\0{name}")
        ServiceManager({"NOTIFY_SOCKET": f"@{name}"}).notify(READY=1)
        assert found.recv(100) == b"READY=1"
