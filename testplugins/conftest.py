"""For runs that begin further up: what the plugins' own settings say of the marker, and of what their tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "shared"))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "drill(breaks): breaks something on purpose; see docs/drills.md")
