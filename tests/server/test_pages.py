from __future__ import annotations

from pathlib import Path

import pytest

from floe_plugins.server.pages import Pages

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
