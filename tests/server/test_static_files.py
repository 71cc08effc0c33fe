"""The files of the page: plain, small, nothing of anybody else's, and in the wheel."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from server.page_stub import STATIC

ROOT = Path(__file__).parents[2]


def test_the_files_are_plain_and_load_nothing_from_elsewhere() -> None:
    assert {"index.html", "page.css", "page.js", "icon.svg"} < {path.name for path in STATIC.iterdir()}
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, path.name
        assert "innerHTML" not in text, path.name
        assert len(text.splitlines()) <= 350, path.name


def test_a_wheel_has_the_files(wheels: Any) -> None:
    with zipfile.ZipFile(wheels.of(ROOT)) as wheel:
        packed = {name for name in wheel.namelist() if name.startswith("floe_plugins/server/static/")}

    assert packed == {f"floe_plugins/server/static/{path.name}" for path in STATIC.iterdir()}
