from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from floe_reference_compute_spark import SparkCompute

from floe_plugins.testing import ComputeConformance

if TYPE_CHECKING:
    from conftest import Sail


class TestSparkCompute(ComputeConformance):
    plugin = SparkCompute
    named_placeholder = ":value"
    unsupported = ("dbt_profile",)
    keeps_tables = False  # this server keeps a table with the session, and each call has its own
    endless = "SELECT count(*) AS n FROM range(1000000000000000) WHERE id % 7 = 8"
    csv_options = {"header": "true"}  # noqa: RUF012
    semicolons = {"header": "true", "sep": ";"}  # noqa: RUF012
    seconds = 120.0

    @pytest.fixture(autouse=True)
    def _server(self, server: Sail) -> None:
        self.config = {"remote": server.remote}
