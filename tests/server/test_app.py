from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from serving import GET, FakeView, ask, connect, plugin_row, read_all, read_until
from starlette.applications import Starlette
from support import SOON, run_code

from floe_plugins import PluginError
from floe_plugins.server import Server, api, create_app
from floe_plugins.server.app import MAX_ACTIONS

TOKEN = "hunter2"  # noqa: S105
RESTART = "/api/plugins/compute:duckdb/restart"
READABLE = (
    "/livez",
    "/readyz",
    "/metrics",
    "/api/snapshot",
    "/api/events",
    "/api/plugins/compute:duckdb",
    "/",
    "/nothing",
)


@pytest.fixture
def writable(serve: Callable[..., Server], view: FakeView) -> Server:
    return serve(view, token=TOKEN)


def act(server: Server, path: str = RESTART) -> Any:
    return ask(server, path, "POST", Authorization=f"Bearer {TOKEN}")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"])
@pytest.mark.parametrize("path", READABLE)
def test_everything_but_an_action_is_read_only(writable: Server, method: str, path: str) -> None:
    reply = ask(writable, path, method, Authorization=f"Bearer {TOKEN}")
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, HEAD"
    assert "access-control-allow-origin" not in reply.headers
    assert reply.json["error"]["message"]


@pytest.mark.parametrize("path", READABLE)
def test_a_head_request_gives_the_headers_alone(server: Server, path: str) -> None:
    head = ask(server, path, "HEAD")
    assert head.body == b""
    if path != "/api/events":  # which has no end
        whole = ask(server, path)
        assert head.status == whole.status
        assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/..%5capp.py",
        "/static/%252e%252e%252fapp.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/%00",
        "/static/",
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "//etc/passwd",
        "http://localhost/static/../app.py",
    ],
)
def test_no_path_leaves_the_folder_of_the_page(server: Server, path: str) -> None:
    with connect(server) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 404")
    assert b"root:" not in answer
    assert b"create_app" not in answer


def test_a_view_that_fails_fails_one_request_and_says_nothing_of_why(
    server: Server, view: FakeView, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Mapping[str, Any]:
        raise KeyError("hunter2")

    monkeypatch.setattr(view, "snapshot", fail)
    for path in ("/readyz", "/metrics", "/api/snapshot", "/api/plugins/compute:duckdb"):
        reply = ask(server, path)
        assert reply.status == 500
        assert "hunter2" not in reply.text
    assert "KeyError" in caplog.text
    assert "hunter2" not in caplog.text
    assert ask(server, "/livez").status == 200


def test_probes_do_not_wait_for_documents_and_who_asks_for_the_same_shares_it(
    server: Server, view: FakeView, monkeypatch: pytest.MonkeyPatch, forever: threading.Event
) -> None:
    begun, made = threading.Event(), []

    def make(snapshot: Any) -> dict[str, Any]:
        begun.set()
        forever.wait(SOON)
        made.append(snapshot)
        return {"problems": [snapshot["problems"]]}

    monkeypatch.setitem(api.DOCUMENTS, "problems", make)  # type: ignore[arg-type]
    with ThreadPoolExecutor(21) as pool:
        first = pool.submit(ask, server, "/api/problems")
        assert begun.wait(SOON)
        view.current = view.current | {"problems": ["new"]}
        others = [pool.submit(ask, server, "/api/problems") for _ in range(20)]
        for path in ("/livez", "/readyz", "/", "/api/plugins/compute:duckdb"):
            assert ask(server, path).status == 200
        forever.set()
        assert first.result().json["problems"] == [[]]
        assert all(each.result().json["problems"] == [["new"]] for each in others)
    assert len(made) < 20


def test_a_client_that_leaves_does_not_keep_a_document_from_others(
    server: Server, monkeypatch: pytest.MonkeyPatch, forever: threading.Event
) -> None:
    begun = threading.Event()

    def make(_snapshot: Any) -> dict[str, Any]:
        begun.set()
        forever.wait(SOON)
        return {}

    monkeypatch.setitem(api.DOCUMENTS, "problems", make)  # type: ignore[arg-type]
    with connect(server) as connection:
        connection.sendall(GET % b"/api/problems")
        assert begun.wait(SOON)
    forever.set()
    assert ask(server, "/api/problems").status == 200


@pytest.mark.parametrize("action", ["restart", "start", "stop"])
def test_an_action_gives_its_outcome(writable: Server, view: FakeView, action: str) -> None:
    view.on_act = lambda: {"state": "succeeded", "seconds": 0.5}
    reply = act(writable, f"/api/plugins/compute:duckdb/{action}")
    assert (reply.status, reply.json) == (200, {"state": "succeeded", "seconds": 0.5})
    assert view.acts == [(action, "compute:duckdb")]


def test_an_action_that_comes_to_nothing_is_an_error_with_its_outcome(writable: Server, view: FakeView) -> None:
    view.on_act = lambda: {"state": "failed", "message": "no disk"}
    reply = act(writable)
    assert reply.status == 409
    assert reply.json == {"error": {"message": "no disk"}, "outcome": {"state": "failed", "message": "no disk"}}


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (LookupError("it has gone"), 404, "it has gone"),
        (PluginError("it is being stopped", hint="Wait"), 409, "it is being stopped. Wait"),
        (ZeroDivisionError("hunter2"), 500, "restart failed; the log of the server says more"),
    ],
)
def test_an_action_that_raises_says_so(
    writable: Server, view: FakeView, error: Exception, status: int, message: str
) -> None:
    def fail() -> Mapping[str, Any]:
        raise error

    view.on_act = fail
    reply = act(writable)
    assert (reply.status, reply.json["error"]["message"]) == (status, message)


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/api/plugins/compute:spark/restart", "POST", 404),
        ("/api/plugins/compute:duckdb/destroy", "POST", 404),
        ("/api/plugins/compute:duckdb/restart/", "POST", 404),
        ("/api/plugins/..%2f/restart", "POST", 404),
        ("/api/plugins/compute:duckdb/restart", "GET", 405),
        ("/api/plugins/compute:duckdb/restart", "PUT", 405),
        ("/api/plugins/compute:duckdb", "POST", 405),
    ],
)
def test_what_is_no_action_on_a_plugin_is_refused(
    writable: Server, view: FakeView, path: str, method: str, status: int
) -> None:
    assert ask(writable, path, method, Authorization=f"Bearer {TOKEN}").status == status
    assert view.acts == []


def test_probes_are_answered_and_actions_are_bounded_while_plugins_hang(
    writable: Server, view: FakeView, forever: threading.Event
) -> None:
    entered = threading.Semaphore(0)

    def hang() -> Mapping[str, Any]:
        entered.release()
        forever.wait(SOON)
        return {"state": "succeeded"}

    view.on_act = hang
    replies: list[int] = []
    askers = [threading.Thread(target=lambda: replies.append(act(writable).status)) for _ in range(MAX_ACTIONS)]
    for asker in askers:
        asker.start()
    for _ in askers:
        assert entered.acquire(timeout=SOON)
    reply = act(writable)
    assert reply.status == 503
    assert reply.headers["retry-after"] == "1"
    for path in ("/livez", "/readyz", "/metrics", "/api/snapshot"):
        assert ask(writable, path).status == 200
    forever.set()
    for asker in askers:
        asker.join(SOON)
    assert replies == [200] * MAX_ACTIONS
    assert act(writable).status == 200


def test_an_action_whose_client_has_left_makes_room_for_others(writable: Server, view: FakeView) -> None:
    go_on, entered = threading.Event(), threading.Event()

    def wait() -> Mapping[str, Any]:
        entered.set()
        go_on.wait(SOON)
        return {"state": "succeeded"}

    view.on_act = wait
    for _ in range(MAX_ACTIONS + 1):
        entered.clear()
        go_on.clear()
        with connect(writable) as connection:
            head = f"POST {RESTART} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
            connection.sendall(head.encode())
            assert entered.wait(SOON)
        go_on.set()
    while act(writable).status == 503:  # the last one is on its way out
        pass
    assert act(writable).status == 200


def test_an_action_for_which_there_is_no_thread_takes_no_place_of_another(
    writable: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_thread)
        for _ in range(MAX_ACTIONS):
            assert act(writable).status == 503
    assert "restart could not be done: can't start new thread" in caplog.text
    assert act(writable).status == 200


def no_thread(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


def test_an_action_on_a_plugin_with_a_hanging_client_is_told_in_the_log(
    writable: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    act(writable)
    assert "compute:duckdb: restart was asked for over HTTP" in caplog.text


def test_an_action_that_hangs_does_not_keep_the_process_from_ending() -> None:
    code = """
        import threading
        from serving import FakeView, connect, plugin_row
        from floe_plugins.server import Server, create_app, open_listener

        entered = threading.Event()
        view = FakeView(plugin_row("compute:a"))
        view.on_act = lambda: entered.set() or threading.Event().wait()
        server = Server(create_app(view, token="t"), open_listener("0"))
        server.start()
        connection = connect(server)
        head = "POST /api/plugins/compute:a/stop HTTP/1.1", "Host: localhost", "Authorization: Bearer t", "", ""
        connection.sendall("\\r\\n".join(head).encode())
        assert entered.wait(30)
        print("hangs")
    """
    done = run_code(code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "hangs\n", "")


def test_another_application_can_mount_it(serve: Callable[..., Server], view: FakeView) -> None:
    outer = Starlette()
    outer.mount("/plugins", create_app(view, token=TOKEN))
    server = serve(outer)
    assert ask(server, "/plugins/livez").text == "ok"
    assert ask(server, "/plugins/readyz?verbose").status == 200
    assert ask(server, "/plugins/api/plugins/compute:duckdb").json["plugin"]["ref"] == "compute:duckdb"
    assert ask(server, "/plugins/static/../../app.py").status == 404
    assert act(server, f"/plugins{RESTART}").status == 200
    with connect(server) as connection:
        connection.sendall(GET % b"/plugins/api/events")
        assert b"200 OK" in read_until(connection, b"retry")
    assert ask(server, "/livez").status == 404


def test_the_place_where_it_is_mounted_leads_to_its_page(view: FakeView) -> None:
    sent = run(create_app(view), "/outer/plugins", root_path="/outer/plugins")
    assert sent[0]["status"] == 307
    assert dict(sent[0]["headers"])[b"location"] == b"plugins/"


@pytest.mark.parametrize("root", ["/a b", "/\r\nx: y", "/caf\xe9", "//evil.example"])
def test_the_place_cannot_break_the_header(view: FakeView, root: str) -> None:
    location = dict(run(create_app(view), root, root_path=root)[0]["headers"])[b"location"]
    assert location.isascii()
    assert not location.startswith((b"/", b"http"))
    assert not {b"\r", b"\n", b" "} & {bytes([each]) for each in location}


def test_it_starts_and_ends_with_the_server_that_runs_it(view: FakeView) -> None:
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(create_app(view)({"type": "lifespan"}, receive, send))
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_websocket_is_refused(view: FakeView) -> None:
    assert run(create_app(view), "/api/events", type="websocket") == [{"type": "websocket.close", "code": 1000}]


def test_a_plugin_cannot_put_markup_or_headers_anywhere(serve: Callable[..., Server]) -> None:
    text = "<script>alert(1)</script>\r\nX-Evil: 1\r\n\r\n\x1b[31m\ud800"
    health = {"state": "unhealthy", "message": text, "details": {text: text}, "seconds": 10**400, "time": None}
    server = serve(FakeView(plugin_row("compute:evil", version=text, description=text, reason=text, health=health)))
    for path in ("/readyz?verbose", "/metrics", "/api/snapshot", "/api/plugins/compute:evil", "/api/health"):
        reply = ask(server, path)
        assert reply.status == 200
        assert "x-evil" not in reply.headers
        assert "html" not in reply.headers["content-type"]
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert all(each == "\n" or each.isprintable() for each in reply.text)


def run(app: Any, path: str, **scope: Any) -> list[Any]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    facts = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b"", **scope}
    asyncio.run(app(facts, receive, send))
    return sent
