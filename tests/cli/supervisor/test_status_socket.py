"""A platform that runs answers on its status socket, and nobody can keep it from that."""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support import SOON

from floe_plugins import PluginError
from floe_plugins.cli.supervisor import status_socket
from floe_plugins.cli.supervisor.status_socket import StatusSocket, ask


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    opened: list[StatusSocket] = []

    def start(answer: Callable[[Any], Any] = lambda request: {"asked": request["event"]}) -> Path:
        opened.append(StatusSocket(tmp_path / "floe.sock", answer))
        return opened[-1].path

    yield start
    for each in opened:
        each.close()


def test_a_request_is_answered(serve: Any) -> None:
    path = serve(lambda request: {"sum": request["a"] + request["b"]})
    answer = ask(path, "add", a=1, b=2)
    assert answer is not None
    assert answer["sum"] == 3


def test_an_answer_may_be_large(serve: Any) -> None:
    answer = ask(serve(lambda _: {"text": "x" * 3_000_000}), "health")
    assert answer is not None
    assert len(answer["text"]) == 3_000_000


def test_answers_go_on_after_a_moment_in_which_no_descriptor_was_free(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept, failures = socket.socket.accept, [OSError(errno.EMFILE, "Too many open files")]

    def accept_later(listener: socket.socket) -> Any:
        if failures:
            raise failures.pop()
        return accept(listener)

    monkeypatch.setattr(socket.socket, "accept", accept_later)
    assert ask(serve(), "health") is not None
    assert failures == []


def test_answers_go_on_after_a_moment_in_which_no_thread_could_be_started(
    serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, start, failures = serve(), threading.Thread.start, [RuntimeError("can't start new thread")]

    def start_later(thread: threading.Thread) -> None:
        if failures:
            raise failures.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_later)
    with pytest.raises(PluginError):
        ask(path, "health")
    assert ask(path, "health") is not None
    assert failures == []


def test_only_this_user_may_connect(serve: Any) -> None:
    assert stat.S_IMODE(serve().stat().st_mode) == 0o600


def test_without_a_platform_there_is_no_answer(tmp_path: Path) -> None:
    assert ask(tmp_path / "floe.sock", "health") is None


def test_a_platform_that_does_not_answer_is_told(serve: Any) -> None:
    release = threading.Event()
    path = serve(lambda _: {"late": release.wait(SOON)})
    with pytest.raises(PluginError, match=r"did not answer within 0\.2 s"):
        ask(path, "health", timeout=0.2)
    release.set()


def test_a_path_may_be_longer_than_an_address(tmp_path: Path) -> None:
    directory = tmp_path / ("x" * 150)
    directory.mkdir()
    found = StatusSocket(directory / "floe.sock", lambda _: {"far": True})
    assert ask(directory / "floe.sock", "health") == {"event": "answer", "far": True}
    found.close()
    assert not list(directory.iterdir())


def test_a_socket_that_was_left_behind_is_replaced(serve: Any, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(os.fspath(tmp_path / "floe.sock"))
    assert ask(tmp_path / "floe.sock", "health") is None
    assert ask(serve(), "health") is not None


def test_a_second_platform_is_refused_and_the_first_answers_on(serve: Any) -> None:
    path = serve()
    with pytest.raises(PluginError, match="another platform answers"):
        serve()
    assert ask(path, "health") is not None


def test_a_file_that_is_no_socket_is_left_alone(serve: Any, tmp_path: Path) -> None:
    (tmp_path / "floe.sock").write_text("mine", encoding="utf-8")
    with pytest.raises(PluginError, match="cannot be made"):
        serve()
    assert (tmp_path / "floe.sock").read_text(encoding="utf-8") == "mine"


def test_a_place_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "missing" / "floe.sock", tmp_path / ("x" * 300)):
        with pytest.raises(PluginError, match="cannot be made"):
            StatusSocket(path, lambda _: {})


def test_closing_removes_the_socket_unless_it_is_anothers(tmp_path: Path) -> None:
    first = StatusSocket(tmp_path / "a.sock", lambda _: {})
    first.close()
    assert not (tmp_path / "a.sock").exists()
    second = StatusSocket(tmp_path / "b.sock", lambda _: {})
    (tmp_path / "b.sock").unlink()
    third = StatusSocket(tmp_path / "b.sock", lambda _: {"third": True})
    second.close()
    assert ask(tmp_path / "b.sock", "health") == {"event": "answer", "third": True}
    third.close()


@pytest.mark.parametrize("request_", [b"nonsense\n", b"[]\n", b'{"no": "event"}\n', b"\xff\xfe\n", b"x" * 200_000])
def test_nonsense_gets_an_error_or_is_cut_off(serve: Any, request_: bytes) -> None:
    path = serve()
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(SOON)
        client.connect(os.fspath(path))
        try:
            client.sendall(request_)
            answer = client.recv(65536)
        except (BrokenPipeError, ConnectionResetError):
            answer = b"not a JSON object"
    assert b"not a JSON object" in answer
    assert ask(path, "health") is not None


def test_a_client_that_goes_on_sending_is_let_go_all_the_same(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_socket, "REQUEST_TIMEOUT", 0.2)
    path = serve()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.fspath(path))
        end = time.monotonic() + SOON
        with suppress(BrokenPipeError):
            while time.monotonic() < end:
                client.sendall(b" ")
                select.select([client], [], [], 0.01)
    assert time.monotonic() < end


def test_clients_that_say_nothing_are_let_go(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status_socket, "REQUEST_TIMEOUT", 0.1)
    path = serve()
    idle = [socket.socket(socket.AF_UNIX) for _ in range(status_socket.MAX_CONNECTIONS)]
    for each in idle:
        each.connect(os.fspath(path))
    assert ask(path, "health") is not None
    for each in idle:
        each.close()
