"""Orchestrator for floe: steps run by Dagster, in this process or in a process each."""

from floe_reference_orchestrator_dagster.plugin import DagsterConfig, DagsterOrchestrator

__all__ = ["DagsterConfig", "DagsterOrchestrator"]
