"""SQL by Apache Spark, or another server that speaks Spark Connect."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BaseModel, ByteSize, Field, SecretStr

from floe_plugins import ComputePlugin, HealthState, HealthStatus, PluginError, UnsupportedOperationError
from floe_plugins.hookspecs.compute import ComputeCapabilities, Files, TargetMode, WriteReport
from floe_reference_compute_spark._dbapi import Connection
from floe_reference_compute_spark._errors import meaning_of
from floe_reference_compute_spark._query import SparkQuery
from floe_reference_compute_spark._session import Server, Session, Sessions
from floe_reference_compute_spark._uses import Uses
from floe_reference_compute_spark._views import Views, frame_of

if TYPE_CHECKING:
    from floe_plugins.hookspecs.compute import Query
    from floe_plugins.hookspecs.protocols import ArrowStream

_FORMATS = ("csv", "json", "parquet")
_MODES = {"error": "error", "append": "append", "replace": "overwrite"}


def _without_token(remote: str) -> str:
    if ";token=" in remote.lower():
        # The text itself would be shown in messages and logs.
        message = "the token belongs in the setting 'token'"
        raise ValueError(message)
    return remote


class SparkConfig(BaseModel):
    """The server, and limits for what comes from it."""

    remote: Annotated[str, AfterValidator(_without_token)] = Field(
        pattern=r"^sc://[^/;@]+(/(;[^;=]+=[^;=]*)*)?$",
        description="Spark Connect server, such as sc://spark.example.com:15002; parameters as in Spark, but no token",
    )
    token: SecretStr | None = Field(
        default=None, description="Bearer token; the connection is then encrypted, except to localhost"
    )
    user: str = Field(default="floe", min_length=1, description="User whose sessions the server keeps apart")
    max_result: ByteSize = Field(
        default=ByteSize(1024**3), gt=0, description="Size of a result that is collected in memory, such as 1GiB"
    )
    max_stream: ByteSize | None = Field(
        default=None, gt=0, description="Size of a result that is read as a stream; any if not set"
    )
    timeout: float | None = Field(default=None, gt=0, description="Seconds for a query for which none are given")
    answer_timeout: float = Field(default=30.0, gt=0, description="Seconds in which the server has to answer at all")


class SparkCompute(ComputePlugin):
    """SQL in Spark's dialect, with placeholders ``?`` and ``:name``.

    Each call has a session of its own on the server. Temporary views and settings of one
    call are not seen by others; registered and attached tables are. There are no transactions.
    """

    name = "spark"
    version = "0.1.0"
    floe_api_version = "1.1"
    description = "SQL by Apache Spark, through Spark Connect"
    config_schema = SparkConfig
    config: SparkConfig

    def __init__(self) -> None:
        self._views = Views()
        self._uses = Uses()
        self._open: Sessions | None = None

    def startup(self) -> None:
        config = self.config
        sessions = Sessions(Server(config.remote, config.token, config.user, config.answer_timeout))
        with sessions.session() as session:
            session.version()
        self._open = sessions

    def shutdown(self) -> None:
        sessions, self._open = self._open, None
        self._views.clear()
        if sessions is not None:
            sessions.close()

    def health_check(self) -> HealthStatus:
        details: dict[str, object] = {"server": self.config.remote}
        try:
            with self._sessions.session() as session:
                details["engine"] = session.version()
        except PluginError as error:
            return HealthStatus(HealthState.UNHEALTHY, error.message, details)
        return HealthStatus(HealthState.HEALTHY, "Spark answers", details)

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> ArrowStream:
        with self._uses.use():
            session = self._sessions.open()
            query = self._begin(session, sql, parameters, self.config.timeout, int(self.config.max_result))
            table: ArrowStream = query.result().read_all()  # type: ignore[attr-defined]
            return table

    def register_table(self, name: str, data: ArrowStream) -> None:
        import pyarrow as pa

        self._views.put(name, pa.table(data))

    @contextlib.contextmanager
    def connect(self) -> Generator[Connection, None, None]:
        with self._uses.use(), self._sessions.session() as session:

            def run(sql: str, parameters: Any) -> Any:
                self._views.make(session, sql)
                return session.frame(sql, parameters).toArrow()

            connection = Connection(run)
            yield connection
            connection.close()

    def dbt_profile(self, target: str) -> Mapping[str, Any]:
        raise UnsupportedOperationError(
            f"there is no dbt output {target!r} for a Spark Connect server",
            hint="Write a profile for the adapter that your server has, such as dbt-spark or dbt-databricks",
        )

    def release(self) -> None:
        self._uses.wait()
        # A server lets any number of tools in; only what this plugin keeps is let go.
        self._views.clear()

    def submit(
        self,
        sql: str,
        parameters: Sequence[Any] | Mapping[str, Any] | None = None,
        timeout: float | None = None,
    ) -> Query:
        limit = None if self.config.max_stream is None else int(self.config.max_stream)
        return self._begin(self._sessions.open(), sql, parameters, timeout or self.config.timeout, limit)

    def attach(self, name: str, source: Files) -> None:
        if source.format not in _FORMATS:
            message = f"files of format {source.format!r} cannot be attached: expected {', '.join(_FORMATS)}"
            raise UnsupportedOperationError(message)
        with self._sessions.session() as session:
            try:
                columns = len(frame_of(session, source).schema)
            except Exception as error:
                if isinstance(error, PluginError) or meaning_of(error, self.config.remote) is not None:
                    # Of the session or the connection, which the block around it explains, and not of the files.
                    raise
                raise ValueError(f"{source.uri} cannot be read as {source.format}: {error}") from error
            # Spark raises if there are no files; some servers give a table without columns.
            if not columns:
                message = f"{source.uri} cannot be read as {source.format}: there are no files, or they have no columns"
                raise ValueError(message)
        self._views.put(name, source)

    def write(self, sql: str, target: Files, mode: TargetMode = "error") -> WriteReport:
        if target.format not in _FORMATS or mode not in _MODES:
            message = f"{target.format!r} files cannot be written in the mode {mode!r}"
            expected = f"Expected one of {', '.join(_FORMATS)}, and error, append or replace"
            raise UnsupportedOperationError(message, hint=expected)
        with self._uses.use(), self._sessions.session() as session:
            self._views.make(session, sql)
            frame = session.frame(sql, None)
            writer = frame.write.format(target.format).options(**target.options).mode(_MODES[mode])
            try:
                writer.save(target.uri)
            except Exception as error:
                if mode == "error" and "exist" in str(error).lower():
                    raise FileExistsError(f"there is something at {target.uri} already") from error
                raise
        return WriteReport(target.uri)

    def capabilities(self) -> ComputeCapabilities:
        return ComputeCapabilities(
            dialect="spark",
            placeholders=("?", ":name"),
            transactions=False,
            cancel=True,
            streams=True,
            distributed=True,
            formats=_FORMATS,
            targets=_FORMATS,
        )

    @property
    def _sessions(self) -> Sessions:
        if self._open is None:
            raise PluginError("compute:spark is not started")
        return self._open

    def _begin(
        self, session: Session, sql: str, parameters: Any, timeout: float | None, limit: int | None
    ) -> SparkQuery:
        def frame() -> Any:
            self._views.make(session, sql)
            return session.frame(sql, parameters)

        return SparkQuery(session, frame, self.config.remote, timeout, limit)
