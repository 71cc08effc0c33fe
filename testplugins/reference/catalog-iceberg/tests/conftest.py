"""A platform whose catalog is a SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from catalogs import configured

from floe_plugins import PluginRegistry


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "made when it is missing" / "catalog.db"
    monkeypatch.setenv("CATALOG_TEST_CATALOG_URI", f"sqlite:///{place}")
    return place


@pytest.fixture
def registry(tmp_path: Path, database: Path) -> Iterator[PluginRegistry]:  # noqa: ARG001 it is to be there
    # Whatever no snapshot needs is deleted at once.
    with PluginRegistry(configured(tmp_path, orphan_age=0)) as registry:
        assert registry.problems == ()
        yield registry
