from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from floe_reference_compute_spark import SparkCompute

from floe_plugins.testing import ComputeConformance

if TYPE_CHECKING:
    from conftest import Sail


class TestSparkCompute(ComputeConformance):
    plugin = SparkCompute
    named_placeholder = ":value"
    unsupported = ("dbt_profile",)
    seconds = 120.0

    @pytest.fixture(autouse=True)
    def _server(self, server: Sail) -> None:
        self.config = {"remote": server.remote}

    def create(self, plugin: Any) -> None:
        # The server is that of all tests, and keeps its tables.
        plugin.execute("DROP TABLE IF EXISTS conformance_items")
        super().create(plugin)
