"""Business terms over the compute plugin's tables, by boring-semantic-layer."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from floe_plugins import ComputePlugin, HealthState, HealthStatus, PluginError, SemanticLayerPlugin
from floe_plugins.hookspecs.semantic_layer import SemanticRequest
from floe_reference_semantic_layer_bsl._rights import RowRule

if TYPE_CHECKING:
    import pyarrow as pa

    from floe_plugins.hookspecs.protocols import ArrowStream
    from floe_plugins.hookspecs.semantic_layer import SemanticModel, SemanticQuery
    from floe_reference_semantic_layer_bsl._models import Compiled, Models


class BSLConfig(BaseModel):
    """The models and their tables."""

    models: Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())] = Field(
        description="YAML file of models as boring-semantic-layer has them; relative to the working directory"
    )
    compute: str | None = Field(
        default=None, description="Compute plugin whose tables they are; the only one selected if not set"
    )
    dialect: str | None = Field(
        default=None,
        description="SQL that it speaks, by the name that ibis has for it; the plugin's own name if not set",
    )
    row_rules: dict[str, RowRule] = Field(
        default_factory=dict, description="Models of which a principal sees some rows, each with its rule"
    )


class BSLSemanticLayer(SemanticLayerPlugin):
    """Models of boring-semantic-layer; the compute plugin runs their SQL.

    The columns of the tables are looked up at each call, so that tables may be
    made and changed after the start; all of them have to be there. Dates may be
    given in filters as ISO texts, and None with ``=`` and ``!=``. Of models that have a
    rule for rows, nothing is answered to nobody: ``query`` raises ``PermissionError``.
    """

    name = "bsl"
    version = "0.1.0"
    floe_api_version = "1.1"
    description = "Business terms over tables, by boring-semantic-layer"
    dependencies = ("compute",)
    config_schema = BSLConfig
    config: BSLConfig

    def __init__(self) -> None:
        self._definitions: dict[str, dict[str, Any]] | None = None
        self._bound: tuple[dict[str, pa.Schema], Models] | None = None
        self._failure = ""
        # ibis and boring-semantic-layer do not say that they may be used by several threads.
        self._lock = threading.Lock()

    def startup(self) -> None:
        self._models_file()
        from floe_reference_semantic_layer_bsl import _models

        _models.check_dialect(self._dialect)

    def health_check(self) -> HealthStatus:
        # No table is looked at: the compute plugin may have released its database for another tool.
        try:
            count = len(self._models_file())
        except PluginError as error:
            return HealthStatus(HealthState.UNHEALTHY, str(error))
        details = {"models": str(self.config.models), "dialect": self._dialect}
        if self._failure:
            return HealthStatus(HealthState.DEGRADED, self._failure, details)
        return HealthStatus(HealthState.HEALTHY, f"{count} models are defined", details)

    def describe(self) -> SemanticModel:
        with self._lock:
            return self._models().describe()

    def query(self, query: SemanticQuery) -> ArrowStream:
        return self.answer(SemanticRequest(query))

    def compile(self, query: SemanticQuery) -> str:
        return self._compiled(SemanticRequest(query)).sql

    def answer(self, request: SemanticRequest) -> ArrowStream:
        from floe_reference_semantic_layer_bsl import _models

        compiled = self._compiled(request)
        return _models.answer(self._compute.execute(compiled.sql), compiled.schema)

    def _compiled(self, request: SemanticRequest) -> Compiled:
        with self._lock:
            return self._models().compile(request)

    def _models(self) -> Models:
        from floe_reference_semantic_layer_bsl._models import Models

        definitions = self._models_file()
        try:
            tables = {name: self._columns(name) for name in sorted({model["table"] for model in definitions.values()})}
            if self._bound is None or self._bound[0] != tables:
                self._bound = tables, Models(definitions, tables, self._dialect, self.config.row_rules)
        except PluginError as error:
            self._failure = str(error)
            raise
        self._failure = ""
        return self._bound[1]

    def _columns(self, table: str) -> pa.Schema:
        from floe_reference_semantic_layer_bsl import _models

        sql = _models.columns_of(table, self._dialect)
        try:
            return _models.schema_of(self._compute.execute(sql))
        except Exception as error:
            hint = "Make it, or correct the models"
            message = f"table {table} of the models in {self.config.models} cannot be read: {error}"
            raise PluginError(message, hint=hint) from error

    def _models_file(self) -> dict[str, dict[str, Any]]:
        if self._definitions is None:
            from floe_reference_semantic_layer_bsl import _definitions

            self._definitions = _definitions.read(self.config.models)
        return self._definitions

    @property
    def _compute(self) -> ComputePlugin:
        name = self.config.compute
        return self.registry.one(ComputePlugin) if name is None else self.registry.get(ComputePlugin, name)

    @property
    def _dialect(self) -> str:
        return self.config.dialect or self._compute.name
