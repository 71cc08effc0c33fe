"""What the tutorials show is what their reader sees."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from docs.tutorial import Reader, untimed

pytestmark = pytest.mark.once

PAGES = Path(__file__).parents[2] / "docs" / "tutorials"
REFERENCE_PLUGINS = ("compute-duckdb", "secrets-env", "storage-local")


def assert_followed(name: str, reader: Reader) -> None:
    printed = reader.follow()
    if os.environ.get("TUTORIALS") == "write":
        (PAGES / name).write_text(printed, encoding="utf-8")
    assert untimed(printed).splitlines() == untimed(reader.page).splitlines()


def page(name: str) -> str:
    return (PAGES / name).read_text(encoding="utf-8")


def test_an_author_sees_what_the_tutorial_shows(environment: Any, tmp_path: Path) -> None:
    assert_followed("author.md", Reader(page("author.md"), environment(), tmp_path / "project"))


def test_the_authors_plugin_keeps_its_contract(environment: Any) -> None:
    plugins = environment()
    for name in ("acme_mounted.py", "test_mounted.py"):
        *_, code = re.findall(rf"<!-- file: \w+/{name} -->\n```python\n(.*?)```", page("author.md"), re.DOTALL)
        (plugins.home / name).write_text(code, encoding="utf-8")
    done = plugins.run(
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_mounted.py"], check=False
    )
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) >= 60


@pytest.mark.parametrize("name", ["developer.md", "operator.md"])
def test_developers_and_operators_see_what_their_tutorial_shows(name: str, environment: Any) -> None:
    assert_followed(name, Reader(page(name), environment(*REFERENCE_PLUGINS)))


def test_the_developers_test_passes(environment: Any) -> None:
    [code] = re.findall(r"<!-- file: test_report.py -->\n```python\n(.*?)```", page("developer.md"), re.DOTALL)
    plugins = environment()
    (plugins.home / "test_report.py").write_text(code, encoding="utf-8")
    done = plugins.run(["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_report.py"])
    assert "1 passed" in done.stdout
