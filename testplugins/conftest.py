"""What the plugins' own settings say of the marker, for runs that begin further up."""

from __future__ import annotations

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "drill(breaks): breaks something on purpose; see docs/drills.md")
