"""Places of the reference plugins whose change breaks no sentence of a contract, each with the reason.

``promises.py`` leaves out by rules what hooks do not promise. These are left out one by one: errors of a plugin's own
that share their class with a documented one, steps that another one makes as well, and what only tells how fast
something is. A change that breaks a sentence is not listed here, however hard it is to notice.
"""

from __future__ import annotations

from typing import NamedTuple

from contract_changes import OF_HOOKS


class Unpromised(NamedTuple):
    """Changes of some code in a function, and why they break no promise.

    Attributes:
        plugins: the plugins that have the function.
        function: its name.
        code: what stands in the first line that is changed, as ``ast.unparse`` writes it.
        reason: why no caller may rely on it.
        kinds: the kinds of changes; if there are none, all but those that change a hook as a whole.
    """

    plugins: tuple[str, ...]
    function: str
    code: str
    reason: str
    kinds: tuple[str, ...] = ()


_OUTBOXES = ("lineage-openlineage", "telemetry-otel")
_EARLY = "only how early a flush that cannot send returns; the contract gives it until its deadline"
_QUERIES = "query names its reasons for ValueError: a field, a filter, a join. This one is the plugin's own"
_NO_LOCKS = "for systems without file locks, where the suite does not run"
_LEFT = "a file of another name, which no hook shows, after a write that fails"
_NAME_IN_ERROR = "which name an error of the system shows; the contract says nothing of it"
_CRASH = "only a crash of the whole machine shows it"
_QUIET = "no contract says whether sending spans makes spans itself; the thread only sends"
_EXPORT = "export names one reason for ValueError: a function that has no name"
_SETTINGS = "how a plugin is configured, which no hook tells of"
_ACTIVE = "which pipeline dlt takes for its active one"
_READING = "it comes while rows are fetched, where any error becomes a ValueError"
_REPORTS = "no contract says whether an engine reports its use"
_NOT_OF_WRITE = "write documents no error for it, and what comes next fails as well"

UNPROMISED = (
    Unpromised(("secrets-env",), "put_secret", "_check(key)", "for a read-only store, both documented errors are true"),
    Unpromised(("secrets-file",), "_replace", "os.fsync", _CRASH),
    Unpromised(("secrets-file",), "_replace", "new.flush()", "leaving the block flushes as well"),
    Unpromised(("secrets-file",), "_replace", "try:", _LEFT, ("leak",)),
    Unpromised(("secrets-file",), "_replace", "unfinished.unlink", _LEFT),
    Unpromised(("storage-local",), "close", "try:", _LEFT, ("leak",)),
    Unpromised(("storage-local",), "close", "os.fsync", _CRASH),
    Unpromised(("storage-local",), "close", "super().close()", "what discards the file closes it as well"),
    Unpromised(("storage-local",), "close", "with self._named()", _NAME_IN_ERROR),
    Unpromised(("storage-local",), "write", "with self._named()", _NAME_IN_ERROR),
    Unpromised(
        ("storage-local",),
        "open",
        "raise FileExistsError",
        "it may be raised on closing, and is",
        ("no error",),
    ),
    Unpromised(("storage-local",), "close", "self.flush()", "closing the file flushes as well"),
    Unpromised(("storage-local",), "locked", "try:", _NO_LOCKS),
    Unpromised(
        ("storage-local",),
        "locked",
        "raise Unsupported",
        _NO_LOCKS,
    ),
    Unpromised(_OUTBOXES, "_run", "self._sending = False", _EARLY),
    Unpromised(_OUTBOXES, "_run", "self._attempts += 1", _EARLY),
    Unpromised(_OUTBOXES, "_run", "self._error = error", _EARLY),
    Unpromised(_OUTBOXES, "_next", "self._sending = True", _EARLY),
    Unpromised(_OUTBOXES, "flush", "enough = ", _EARLY),
    Unpromised(_OUTBOXES, "_next", "self._flush_requested = False", "only how soon it is tried again after a failure"),
    Unpromised(_OUTBOXES, "_wait_to_retry", "self._changed.wait_for", "only how soon it is tried again"),
    Unpromised(_OUTBOXES, "put", "self._changed.notify_all()", "what waits may be sent later, and a flush wakes, too"),
    Unpromised(_OUTBOXES, "_attempt", "if not self._error", "what is logged, and how often"),
    Unpromised(
        ("lineage-openlineage",),
        "state",
        "with self._changed",
        "hooks read one number of it, in one step; health alone reads several",
        ("no lock",),
    ),
    Unpromised(("telemetry-otel",), "_send", "with _unobserved()", _QUIET),
    Unpromised(("telemetry-otel",), "probe", "with _unobserved()", _QUIET),
    Unpromised(("telemetry-otel",), "_unobserved", "try:", _QUIET),
    Unpromised(
        ("lineage-openlineage",), "namespace_of", "a dataset has a name", "namespace documents no error for empty names"
    ),
    Unpromised(("identity-oidc",), "current", "self._renew(max_age)", "for how long keys are cached is a setting"),
    Unpromised(("identity-oidc",), "_read", "self._tried_at", "only how often an issuer is asked that does not answer"),
    Unpromised(("semantic-layer-bsl",), "_check", "asks for nothing", _QUERIES),
    Unpromised(("semantic-layer-bsl",), "_check", "is asked for twice", _QUERIES),
    Unpromised(("semantic-layer-bsl",), "_check", "is negative", _QUERIES),
    Unpromised(("semantic-layer-bsl",), "_model_for", "several models have", _QUERIES),
    Unpromised(
        ("semantic-layer-bsl",), "_check_request", "the grain", "grains are literals, which type checkers check"
    ),
    Unpromised(
        ("semantic-layer-bsl",),
        "_seen",
        "raise PermissionError",
        "answer names other reasons: nobody, or no right",
    ),
    Unpromised(("compute-duckdb",), "copy", "statements: expected one query", _NOT_OF_WRITE),
    Unpromised(("compute-duckdb",), "write", "raise Unsupported", _NOT_OF_WRITE, ("another error", "no error")),
    Unpromised(("compute-datafusion",), "write", "the statement changes something", _NOT_OF_WRITE),
    Unpromised(("compute-datafusion",), "write", "raise Unsupported", _NOT_OF_WRITE, ("another error",)),
    Unpromised(
        ("compute-datafusion",), "_options", "raise Unsupported", "attach documents no error for unknown options"
    ),
    Unpromised(
        ("compute-datafusion",), "table", "Attach one file without options", "it documents no error for unknown options"
    ),
    Unpromised(("compute-datafusion",), "_refuse_what_is_not_kept", "raise Unsupported", "execute names no error"),
    Unpromised(("compute-datafusion",), "run", "raise _refusal", "execute names no error"),
    Unpromised(
        ("compute-datafusion",),
        "table",
        "Attach what StoragePlugin.uri gives",
        "what comes next says that the files are not there, by the error that is documented for it",
        ("no error",),
    ),
    Unpromised(("compute-datafusion",), "_run", "del self._frame", "how much memory a query that has ended needs"),
    Unpromised(
        ("compute-datafusion",),
        "_listed",
        "it has no columns",
        "for other versions of the engine than this one",
    ),
    Unpromised(("orchestrator-dagster",), "export", "definitions(", _EXPORT),
    Unpromised(("orchestrator-dagster",), "check", "try:", "a CycleError of graphlib is a ValueError as well"),
    Unpromised(
        ("catalog-iceberg",), "_tables", "with self._lock", "startup opens them, before any other hook is called"
    ),
    Unpromised(("catalog-iceberg",), "_snapshot_of", "raise PluginError", "a write always has a snapshot"),
    Unpromised(("compute-spark",), "put", "raise ValueError", "the errors of register_table are left open"),
    Unpromised(("orchestrator-dagster",), "export", "try:", _EXPORT),
    Unpromised(("orchestrator-dagster",), "export", "message = f'Dagster refuses", _EXPORT, ("swallowed error",)),
    Unpromised(("orchestrator-dagster",), "export", "raise ValueError(message)", _EXPORT),
    Unpromised(("orchestrator-dagster",), "_written", "try:", _LEFT, ("leak",)),
    Unpromised(("orchestrator-dagster",), "_written", "unfinished.unlink", _LEFT),
    Unpromised(
        ("orchestrator-dagster",),
        "_prepared",
        "raise ValueError",
        "run names one reason for it: a selected name",
    ),
    Unpromised(("catalog-iceberg",), "_backend", "raise PluginError", _SETTINGS),
    Unpromised(
        ("catalog-iceberg",),
        "_properties",
        "raise PluginError",
        _SETTINGS,
    ),
    Unpromised(("catalog-iceberg",), "parse", "raise PluginError", _SETTINGS),
    Unpromised(("catalog-iceberg",), "check_writing", "ROLLBACK", "closing the connection rolls back as well"),
    Unpromised(("catalog-iceberg",), "_pages", "size += batch.nbytes", "only how many rows are in memory at once"),
    Unpromised(("catalog-iceberg",), "_tried", "time.sleep", "only how soon it is tried again"),
    Unpromised(
        ("dbt-core",),
        "_places",
        "raise ValueError",
        "dbt looks for a project as well, and what it says becomes a ValueError",
        ("no error",),
    ),
    Unpromised(
        ("dbt-core",),
        "refuse_empty_selection",
        "raise ValueError",
        "dbt ends the command at any error, and what it hands on becomes a ValueError",
        ("another error",),
    ),
    Unpromised(("ingestion-dlt",), "silence", "os.environ", _REPORTS),
    Unpromised(("ingestion-dlt",), "pipeline", "anon_tracker", _REPORTS),
    Unpromised(("ingestion-dlt",), "run", "_loading.silence()", _REPORTS),
    Unpromised(("ingestion-dlt",), "validate", "_loading.silence()", _REPORTS),
    Unpromised(("ingestion-dlt",), "connectors", "_loading.silence()", _REPORTS),
    Unpromised(("ingestion-dlt",), "discover", "_loading.silence()", _REPORTS),
    Unpromised(("ingestion-dlt",), "resume_pending", "_loading.silence()", _REPORTS),
    Unpromised(("ingestion-dlt",), "keyed", "raise ValueError", "what comes next raises one as well", ("no error",)),
    Unpromised(("ingestion-dlt",), "pages_of", "raise ValueError", _READING, ("another error",)),
    Unpromised(("ingestion-dlt",), "pages_of", "try:", _READING, ("foreign error",)),
    Unpromised(("ingestion-dlt",), "pipeline", "try:", _ACTIVE, ("leak",)),
    Unpromised(("ingestion-dlt",), "_load", "with target.pipeline", _ACTIVE),
    Unpromised(("ingestion-dlt",), "_resume", "with target.pipeline", _ACTIVE),
    Unpromised(("ingestion-dlt",), "_pages_of_rows", "number += 1", "which row a message names"),
    Unpromised(
        ("ingestion-dlt",), "run", "return IngestReport(", "the rows are in a dict before, too", ("another type",)
    ),
    Unpromised(("ingestion-dlt",), "location_of", "raise Unsupported", _SETTINGS),
    Unpromised(("storage-s3",), "_check", "I/O operation on closed file", "open documents no error of a closed file"),
    Unpromised(("storage-s3",), "write_if", "str(sent['ETag'])", "boto3 gives a str", ("another type",)),
    Unpromised(
        ("storage-s3",),
        "_client",
        "with self._lock",
        "the start, on one thread, makes the client that all hooks share",
        ("no lock",),
    ),
)


def is_unpromised(plugin: str, function: str, kind: str, diff: str) -> bool:
    """Whether a change is one of those."""
    first = next((line.strip() for line in diff.splitlines() if line.strip().startswith("- ")), "")
    return any(
        plugin in each.plugins
        and function == each.function
        and each.code in first
        and (kind in each.kinds if each.kinds else kind not in OF_HOOKS)
        for each in UNPROMISED
    )


def forgotten_code(plugin: str, texts: list[str]) -> list[str]:
    """The code of those entries that stands in no text of the plugin any more."""
    return [each.code for each in UNPROMISED if plugin in each.plugins and not any(each.code in text for text in texts)]
