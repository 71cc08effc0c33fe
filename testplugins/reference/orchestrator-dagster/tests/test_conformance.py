"""The plugin keeps the contract of orchestrators."""

from __future__ import annotations

from floe_reference_orchestrator_dagster import DagsterOrchestrator

from floe_plugins.testing import OrchestratorConformance


class TestDagsterOrchestrator(OrchestratorConformance):
    plugin = DagsterOrchestrator
