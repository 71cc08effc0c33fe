"""The contracts between platform and plugins: one module per category, whose class declares the hooks.

The records and protocols of all of them are importable from here, each imported on first use.

>>> from floe_plugins.hookspecs import ObjectInfo
>>> ObjectInfo("sales/2026.csv", size=12).size
12
"""

from __future__ import annotations

# As in ``floe_plugins/__init__.py``: type checkers treat this name as true, and do not see ``__getattr__``.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from floe_plugins.hookspecs.catalog import Column as Column
    from floe_plugins.hookspecs.catalog import RowFilter as RowFilter
    from floe_plugins.hookspecs.catalog import Snapshot as Snapshot
    from floe_plugins.hookspecs.catalog import TableInfo as TableInfo
    from floe_plugins.hookspecs.catalog import TableRef as TableRef
    from floe_plugins.hookspecs.compute import ComputeCapabilities as ComputeCapabilities
    from floe_plugins.hookspecs.compute import Files as Files
    from floe_plugins.hookspecs.compute import Query as Query
    from floe_plugins.hookspecs.compute import TargetMode as TargetMode
    from floe_plugins.hookspecs.compute import WriteReport as WriteReport
    from floe_plugins.hookspecs.dbt import DbtCommand as DbtCommand
    from floe_plugins.hookspecs.dbt import DbtEvent as DbtEvent
    from floe_plugins.hookspecs.dbt import DbtManifest as DbtManifest
    from floe_plugins.hookspecs.dbt import DbtNodeResult as DbtNodeResult
    from floe_plugins.hookspecs.dbt import DbtReport as DbtReport
    from floe_plugins.hookspecs.dbt import DbtRun as DbtRun
    from floe_plugins.hookspecs.dbt import DbtVerb as DbtVerb
    from floe_plugins.hookspecs.identity import Credentials as Credentials
    from floe_plugins.hookspecs.identity import CredentialsRefusedError as CredentialsRefusedError
    from floe_plugins.hookspecs.identity import InvalidTokenError as InvalidTokenError
    from floe_plugins.hookspecs.identity import IssuedToken as IssuedToken
    from floe_plugins.hookspecs.identity import Principal as Principal
    from floe_plugins.hookspecs.identity import TokenFault as TokenFault
    from floe_plugins.hookspecs.ingestion import Connector as Connector
    from floe_plugins.hookspecs.ingestion import ConnectorSource as ConnectorSource
    from floe_plugins.hookspecs.ingestion import IngestReport as IngestReport
    from floe_plugins.hookspecs.ingestion import Issue as Issue
    from floe_plugins.hookspecs.ingestion import SchemaChange as SchemaChange
    from floe_plugins.hookspecs.ingestion import Severity as Severity
    from floe_plugins.hookspecs.ingestion import SourceStream as SourceStream
    from floe_plugins.hookspecs.ingestion import WriteMode as WriteMode
    from floe_plugins.hookspecs.lineage_backend import ParentRun as ParentRun
    from floe_plugins.hookspecs.orchestrator import Plan as Plan
    from floe_plugins.hookspecs.orchestrator import Run as Run
    from floe_plugins.hookspecs.orchestrator import RunReport as RunReport
    from floe_plugins.hookspecs.orchestrator import Schedule as Schedule
    from floe_plugins.hookspecs.orchestrator import Step as Step
    from floe_plugins.hookspecs.orchestrator import StepCall as StepCall
    from floe_plugins.hookspecs.orchestrator import StepResult as StepResult
    from floe_plugins.hookspecs.orchestrator import StepState as StepState
    from floe_plugins.hookspecs.protocols import ArrowSchema as ArrowSchema
    from floe_plugins.hookspecs.protocols import ArrowStream as ArrowStream
    from floe_plugins.hookspecs.protocols import Connection as Connection
    from floe_plugins.hookspecs.protocols import Cursor as Cursor
    from floe_plugins.hookspecs.protocols import FileSystem as FileSystem
    from floe_plugins.hookspecs.running import InThread as InThread
    from floe_plugins.hookspecs.running import Running as Running
    from floe_plugins.hookspecs.running import RunState as RunState
    from floe_plugins.hookspecs.semantic_layer import FieldKind as FieldKind
    from floe_plugins.hookspecs.semantic_layer import SemanticField as SemanticField
    from floe_plugins.hookspecs.semantic_layer import SemanticFilter as SemanticFilter
    from floe_plugins.hookspecs.semantic_layer import SemanticModel as SemanticModel
    from floe_plugins.hookspecs.semantic_layer import SemanticQuery as SemanticQuery
    from floe_plugins.hookspecs.semantic_layer import SemanticRequest as SemanticRequest
    from floe_plugins.hookspecs.semantic_layer import TimeGrain as TimeGrain
    from floe_plugins.hookspecs.storage import ObjectInfo as ObjectInfo
    from floe_plugins.hookspecs.telemetry_backend import MetricReader as MetricReader
    from floe_plugins.hookspecs.telemetry_backend import SpanExporter as SpanExporter
else:
    from floe_plugins.core.lazy import lazy_exports

    __getattr__, __dir__ = lazy_exports(
        globals(),
        {
            "catalog": ("Column", "RowFilter", "Snapshot", "TableInfo", "TableRef"),
            "compute": ("ComputeCapabilities", "Files", "Query", "TargetMode", "WriteReport"),
            "dbt": ("DbtCommand", "DbtEvent", "DbtManifest", "DbtNodeResult", "DbtReport", "DbtRun", "DbtVerb"),
            "identity": (
                "Credentials",
                "CredentialsRefusedError",
                "InvalidTokenError",
                "IssuedToken",
                "Principal",
                "TokenFault",
            ),
            "ingestion": (
                "Connector",
                "ConnectorSource",
                "IngestReport",
                "Issue",
                "SchemaChange",
                "Severity",
                "SourceStream",
                "WriteMode",
            ),
            "lineage_backend": ("ParentRun",),
            "orchestrator": ("Plan", "Run", "RunReport", "Schedule", "Step", "StepCall", "StepResult", "StepState"),
            "protocols": ("ArrowSchema", "ArrowStream", "Connection", "Cursor", "FileSystem"),
            "running": ("InThread", "RunState", "Running"),
            "semantic_layer": (
                "FieldKind",
                "SemanticField",
                "SemanticFilter",
                "SemanticModel",
                "SemanticQuery",
                "SemanticRequest",
                "TimeGrain",
            ),
            "storage": ("ObjectInfo",),
            "telemetry_backend": ("MetricReader", "SpanExporter"),
        },
    )
