from __future__ import annotations

import pytest
from serving import FakeView, ask, plugin_row, snapshot_of

from floe_plugins.server import Server


def unhealthy(message: str) -> dict[str, object]:
    return {"state": "unhealthy", "message": message, "details": {}, "seconds": 0.1, "time": 1.0}


def test_the_server_lives_whatever_the_platform_does(server: Server, view: FakeView) -> None:
    view.current = snapshot_of(state="failed", ready=False)
    reply = ask(server, "/livez")
    assert (reply.status, reply.text) == (200, "ok")


def test_a_platform_that_is_ready_says_ok(server: Server) -> None:
    reply = ask(server, "/readyz")
    assert (reply.status, reply.text) == (200, "ok")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"


def test_a_platform_that_is_not_ready_gives_one_reason_a_line(server: Server, view: FakeView) -> None:
    view.current = snapshot_of(ready=False, reasons=["compute:a is failed: no disk", "catalog:b is missing"])
    reply = ask(server, "/readyz")
    assert (reply.status, reply.text) == (503, "compute:a is failed: no disk\ncatalog:b is missing")


def test_a_platform_without_a_reason_says_its_state(server: Server, view: FakeView) -> None:
    view.current = snapshot_of(ready=False, state="starting")
    assert ask(server, "/readyz").text == "the platform is starting"


@pytest.mark.parametrize("snapshot", [{}, {"platform": None}, {"platform": {"ready": "yes"}}])
def test_a_platform_of_which_nothing_is_known_is_not_ready(
    server: Server, view: FakeView, snapshot: dict[str, object]
) -> None:
    view.current = snapshot
    assert (ask(server, "/readyz").status, ask(server, "/readyz?verbose").status) == (503, 503)


@pytest.mark.parametrize("query", ["verbose", "verbose=1", "verbose&x"])
def test_verbose_lists_each_plugin_as_kubernetes_does(server: Server, view: FakeView, query: str) -> None:
    view.current = snapshot_of(
        plugin_row("compute:a", required=True),
        plugin_row("compute:b", required=True, state="failed", reason="no disk", health=None),
        plugin_row("compute:c", health=unhealthy("no answer")),
        plugin_row("compute:d", required=True, health=unhealthy("")),
        plugin_row("compute:e", state="discovered", selected=False),
        plugin_row("compute:f", state="disabled", selected=False, required=True, reason="by the file"),
        ready=False,
        reasons=["compute:b is failed: no disk"],
    )
    reply = ask(server, f"/readyz?{query}")
    assert reply.status == 503
    assert reply.text.splitlines() == [
        "[+]compute:a ok",
        "[-]compute:b failed: it is failed: no disk",
        "[-]compute:c failed: it is unhealthy: no answer (not required)",
        "[-]compute:d failed: it is unhealthy: it gives no reason",
        "[-]compute:f failed: it is disabled: by the file",
        "compute:b is failed: no disk",
        "readyz check failed",
    ]


def test_verbose_says_so_when_all_is_well(server: Server) -> None:
    reply = ask(server, "/readyz?verbose")
    assert reply.status == 200
    assert reply.text.splitlines() == ["[+]compute:duckdb ok", "[+]catalog:polaris ok", "readyz check passed"]


@pytest.mark.parametrize("text", ["a\n[+]compute:b ok", "\x1b[2J", "\ud800", "\u202e", "\r\nreadyz check passed"])
def test_what_a_plugin_says_stays_on_its_line(server: Server, view: FakeView, text: str) -> None:
    row = plugin_row("compute:a", required=True, health=unhealthy(text))
    view.current = snapshot_of(row, ready=False, reasons=[f"compute:a is unhealthy: {text}"])
    for path, lines in (("/readyz", 1), ("/readyz?verbose", 3)):
        reply = ask(server, path)
        assert reply.status == 503
        assert len(reply.text.splitlines()) == lines
        assert all(each.isprintable() for each in reply.text.splitlines())
