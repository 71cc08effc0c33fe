from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from serving import FakeView, ask, plugin_row
from starlette.applications import Starlette

from floe_plugins.server import Server, create_app
from floe_plugins.server.pages import STATIC, Pages

NOBODY = {"headers": []}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "static"
    (root / "fonts").mkdir(parents=True)
    (root / "index.html").write_text("<!doctype html>", encoding="utf-8")
    (root / "page.js").write_text("'use strict'", encoding="utf-8")
    (root / "fonts" / "a.woff2").write_bytes(b"font")
    (root / "module.py").write_text("secret", encoding="utf-8")
    (root / ".hidden").write_text("secret", encoding="utf-8")
    (tmp_path / "outside.js").write_text("secret", encoding="utf-8")
    (root / "link.js").symlink_to(tmp_path / "outside.js")
    return root


@pytest.mark.parametrize(
    ("name", "body", "content_type"),
    [
        ("index.html", b"<!doctype html>", b"text/html; charset=utf-8"),
        ("page.js", b"'use strict'", b"text/javascript; charset=utf-8"),
        ("fonts/a.woff2", b"font", b"font/woff2"),
    ],
)
def test_a_file_is_sent_with_its_type(folder: Path, name: str, body: bytes, content_type: bytes) -> None:
    response = Pages(folder).respond(name, NOBODY)
    assert (response.status, response.body, response.content_type) == (200, body, content_type)


@pytest.mark.parametrize(
    "name", ["", "nothing.js", "module.py", ".hidden", "link.js", "../outside.js", "fonts", "fonts/"]
)
def test_nothing_else_is_sent(folder: Path, name: str) -> None:
    response = Pages(folder).respond(name, NOBODY)
    assert response.status == 404
    assert b"secret" not in response.body


def test_the_page_says_the_title_and_the_command_of_its_platform() -> None:
    page = Pages().respond_page({"title": "A & B", "command": "ab"}, NOBODY).body.decode()
    assert "<title>A &amp; B</title>" in page
    assert "<code>ab list</code>" in page
    assert "floe" not in page
    assert Pages().respond_page({}, NOBODY).body == (STATIC / "index.html").read_bytes()


def test_a_client_that_has_the_page_gets_it_again_only_in_other_words() -> None:
    pages, words = Pages(), {"title": "site", "command": "site"}
    known = {"headers": [(b"if-none-match", dict(pages.respond_page(words, NOBODY).headers)[b"etag"])]}
    assert pages.respond_page(words, known).status == 304
    assert pages.respond_page({**words, "title": "Site"}, known).status == 200


def test_an_absolute_path_is_none_of_the_files(folder: Path) -> None:
    assert Pages(folder).respond(str(folder / "page.js"), NOBODY).status == 404


def test_a_file_that_came_later_is_not_sent(folder: Path) -> None:
    pages = Pages(folder)
    (folder / "late.js").write_text("secret", encoding="utf-8")
    assert pages.respond("late.js", NOBODY).status == 404


def test_a_client_that_has_the_file_gets_it_only_when_it_has_changed(folder: Path) -> None:
    first = Pages(folder).respond("page.js", NOBODY)
    tag = dict(first.headers)[b"etag"]
    known = {"headers": [(b"if-none-match", tag)]}
    again = Pages(folder).respond("page.js", known)
    assert (again.status, again.body) == (304, b"")
    (folder / "page.js").write_text("changed", encoding="utf-8")
    assert Pages(folder).respond("page.js", known).body == b"changed"


def test_without_its_folder_there_is_no_page(tmp_path: Path) -> None:
    assert Pages(tmp_path / "nothing").respond("index.html", NOBODY).status == 404


def test_all_that_the_page_asks_for_is_below_the_place_where_it_is_mounted(serve: Callable[..., Server]) -> None:
    outer = Starlette()
    outer.mount("/plugins", create_app(FakeView(plugin_row())))
    server = serve(outer)
    asked = {f"static/{path.relative_to(STATIC).as_posix()}" for path in STATIC.rglob("*") if path.is_file()}
    for path in [*STATIC.rglob("*.html"), *STATIC.rglob("*.js")]:
        text = path.read_text(encoding="utf-8")
        links = re.findall(r"""(?:href|src)(?:=|: )["'`]([^"'`#]+)|(?:EventSource|fetch)\(["'`]([^"'`]+)""", text)
        asked |= {first or second for first, second in links if "${" not in first}
    assert {"static/page.js", "api/snapshot", "api/events"} <= asked
    for name in asked:
        assert not name.startswith("/"), name
        assert ask(server, f"/plugins/{name}", "HEAD").status in {200, 404 if name == "api/schema" else 200}, name
    page = ask(server, "/plugins/")
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert ask(server, "/plugins/static/page.js").headers["content-type"] == "text/javascript; charset=utf-8"
