"""``run --serve``: what cannot be served is said in one line, before anything is started."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", "nowhere.invalid:1", "8.8.8.8:8080"])
def test_an_address_that_cannot_be_used_is_a_usage_error(floe: Any, address: str) -> None:
    done = floe((), "run", "--serve", address)
    assert done.returncode == 2
    assert "cannot serve on" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_is_a_usage_error(floe: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = floe((), "run", "--serve", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "the port is in use" in done.stderr


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"x" * 5000])
def test_a_file_without_a_token_is_a_usage_error(floe: Any, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    done = floe((), "run", "--serve", "0", "--token-file", str(file))
    assert done.returncode == 2
    assert "token" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("host", ["https://status.example.com", "status.example.com:443", "a b", "*", ""])
def test_what_is_no_name_of_a_host_is_a_usage_error(floe: Any, host: str) -> None:
    done = floe((), "run", "--serve", "0", "--allow-host", host)
    assert done.returncode == 2
    assert "no name of a host" in done.stderr


def test_hosts_are_allowed_only_where_something_is_served(floe: Any) -> None:
    done = floe((), "run", "--allow-host", "status.example.com")
    assert done.returncode == 2
    assert "--serve" in done.stderr


def test_a_variable_without_a_usable_token_is_a_usage_error_that_does_not_show_it(floe: Any) -> None:
    done = floe((), "run", "--serve", "0", env={"FLOE_PLUGINS_TOKEN": "two words"})
    assert done.returncode == 2
    assert "FLOE_PLUGINS_TOKEN" in done.stderr
    assert "two words" not in done.stderr
