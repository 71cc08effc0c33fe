"""Snapshots of platforms in the states that the page has to show, as a view gives them."""

from __future__ import annotations

import time
from typing import Any

Snapshot = dict[str, Any]

HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>'
BIDI = "safe\u202e\u2066 gpj.exe\u200b\x1b[2J\x07 \ud800 end"
NOW = 1_764_140_000.0


def plugin(ref: str, **changes: Any) -> Snapshot:
    category, _, name = ref.partition(":")
    return {
        "ref": ref,
        "category": category,
        "name": name,
        "version": "1.4.2",
        "floe_api_version": "1.0",
        "description": f"{name} for {category}",
        "distribution": f"floe-{category.replace('_', '-')}-{name} 1.4.2",
        "state": "started",
        "selected": True,
        "required": False,
        "reason": "",
        "dependencies": [],
        "optional_dependencies": [],
        "needs": [],
        "needed_by": [],
        "health": {"state": "healthy", "message": "", "details": {}, "seconds": 0.004, "time": NOW},
        "start": {
            "state": "succeeded", "seconds": 0.2, "began": 0.4, "attempts": 1, "waited_for": [], "message": "",
        },
        "calls": [],
        "restarts": 0,
        **changes,
    }  # fmt: skip


def start(began: float, seconds: float, state: str = "succeeded", **changes: Any) -> Snapshot:
    return {
        "state": state, "seconds": seconds, "began": began, "attempts": 1, "waited_for": [], "message": "", **changes,
    }  # fmt: skip


def platform(**changes: Any) -> Snapshot:
    return {
        "state": "running",
        "health": "healthy",
        "ready": True,
        "reasons": [],
        "version": "0.2.0",
        "pid": 4127,
        "started_at": time.time() - 7_400,
        "host_pid": 4130,
        "heartbeat_age": 0.4,
        "restarts": 0,
        "last_end": None,
        "configuration": "/etc/floe/floe.yaml",
        **changes,
    }


def snapshot(plugins: list[Snapshot], **changes: Any) -> Snapshot:
    known = {each["ref"]: each for each in plugins}
    for each in plugins:
        for ref in each["needs"]:
            if ref in known:
                known[ref]["needed_by"].append(each["ref"])
    return {
        "schema_version": 1,
        "platform": platform(),
        "plugins": plugins,
        "problems": [],
        "startup": None,
        "critical_chain": [],
        "settings": [],
        "schema": None,
        **changes,
    }


SETTINGS = [
    ("timeouts.start", 30, "default", ""),
    ("required", ["compute:duckdb", "storage:s3", "catalog:iceberg"], "/etc/floe/floe.yaml:4", ""),
    ("plugins.compute.duckdb.path", "/var/lib/floe/warehouse.duckdb", "/etc/floe/floe.yaml:9", ""),
    ("plugins.compute.duckdb.memory_limit", "4GB", "FLOE_PLUGINS__COMPUTE__DUCKDB__MEMORY_LIMIT", ""),
    ("plugins.storage.s3.bucket", "lake", "/etc/floe/floe.yaml:14", ""),
    ("plugins.storage.s3.endpoint", "http://minio:9000", "/etc/floe/floe.yaml:15", ""),
    ("plugins.storage.s3.secret_key", "***", "/etc/floe/floe.yaml:17", "the field is declared as a secret"),
    ("plugins.catalog.iceberg.uri", "***", "secrets:env CATALOG_URI", "the value came from a secrets plugin"),
    ("plugins.telemetry.otel.endpoint", "http://otel:4317", "default", ""),
]
SCHEMA = {
    "type": "object",
    "properties": {
        "required": {
            "type": "array", "items": {"type": "string"}, "default": [],
            "description": "Plugins without which the platform is not ready.",
        },
        "timeouts": {"$ref": "#/$defs/Timeouts"},
        "plugins": {
            "type": "object",
            "properties": {
                "compute": {
                    "type": "object",
                    "properties": {
                        "duckdb": {
                            "type": "object",
                            "required": ["path"],
                            "properties": {
                                "path": {"type": "string", "description": "The database file."},
                                "memory_limit": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
                            },
                        }
                    },
                }
            },
        },
    },
    "$defs": {
        "Timeouts": {
            "type": "object",
            "properties": {"start": {"type": "number", "default": 30, "description": "Seconds for each start."}},
        }
    },
}  # fmt: skip


def settings() -> list[Snapshot]:
    return [
        {"path": path, "value": value, "origin": origin, "hidden_because": why} for path, value, origin, why in SETTINGS
    ]


def _plugins() -> dict[str, Snapshot]:
    plugins = [
        plugin("secrets:env", start=start(0.31, 0.01), distribution="floe-secrets-env 1.1.0", version="1.1.0"),
        plugin(
            "storage:s3", required=True, needs=["secrets:env"], dependencies=["secrets"],
            start=start(0.33, 0.62, waited_for=["secrets:env"]),
        ),
        plugin("storage:local", start=start(0.31, 0.02)),
        plugin(
            "compute:duckdb", required=True, needs=["storage:s3"], dependencies=["storage:s3>=1.2"],
            start=start(0.96, 0.41, waited_for=["storage:s3"]),
        ),
        plugin(
            "catalog:iceberg", required=True, needs=["storage:s3", "secrets:env"],
            dependencies=["storage", "secrets:env"],
            start=start(0.96, 2.05, waited_for=["storage:s3", "secrets:env"], attempts=3),
        ),
        plugin(
            "dbt:core", needs=["compute:duckdb", "catalog:iceberg"], dependencies=["compute", "catalog"],
            start=start(3.02, 0.74, waited_for=["compute:duckdb", "catalog:iceberg"]),
            distribution="floe-dbt-core 2.0.1", version="2.0.1",
        ),
        plugin(
            "semantic_layer:bsl", needs=["compute:duckdb"], dependencies=["compute:duckdb"],
            start=start(1.38, 0.33, waited_for=["compute:duckdb"]),
        ),
        plugin(
            "ingestion:dlt", needs=["compute:duckdb", "telemetry:otel"], dependencies=["compute"],
            optional_dependencies=["telemetry"], start=start(1.38, 0.52, waited_for=["compute:duckdb"]),
        ),
        plugin(
            "orchestrator:dagster", required=True, needs=["dbt:core", "ingestion:dlt", "lineage:openlineage"],
            dependencies=["dbt", "ingestion:dlt"], optional_dependencies=["lineage"],
            start=start(3.78, 1.43, waited_for=["dbt:core", "ingestion:dlt"]),
        ),
        plugin("lineage:openlineage", start=start(0.32, 0.08)),
        plugin("telemetry:otel", start=start(0.31, 0.11)),
        plugin(
            "identity:oidc", state="disabled", selected=False, health=None, start=None,
            reason="Disabled by 'disabled' in /etc/floe/floe.yaml:22",
        ),
        plugin(
            "compute:datafusion", state="discovered", selected=False, health=None, start=None,
            reason="Not selected: the configuration has no section for it, and autoload is 'configured'",
        ),
    ]  # fmt: skip
    return {each["ref"]: each for each in plugins}


CHAIN = ["secrets:env", "storage:s3", "catalog:iceberg", "dbt:core", "orchestrator:dagster"]


def startup(seconds: float) -> Snapshot:
    return {"ok": True, "seconds": seconds, "load_seconds": 0.27, "configure_seconds": 0.03, "outcomes": []}


def healthy() -> Snapshot:
    return snapshot(
        [*_plugins().values()], startup=startup(5.21), critical_chain=CHAIN, settings=settings(), schema=SCHEMA
    )


def broken() -> Snapshot:
    """A catalog that cannot start, what depends on it, an unhealthy store, and a distribution that cannot load."""
    plugins = _plugins()
    why = (
        "the catalog at http://catalog:8181 refused the connection: [Errno 111] Connection refused "
        "(3 attempts in 30.0 s)"
    )
    plugins["catalog:iceberg"].update(
        state="failed", health=None, reason=why, start=start(0.96, 30.0, "timed_out", attempts=3, message=why)
    )
    for ref, cause in (("dbt:core", "catalog:iceberg"), ("orchestrator:dagster", "dbt:core")):
        said = f"Not started, since {cause} was not started"
        plugins[ref].update(state="skipped", health=None, reason=said, start=start(0, 0, "skipped", message=said))
        plugins[ref]["start"]["began"] = None
    plugins["storage:s3"]["health"] = {
        "state": "degraded", "message": "1 of 3 endpoints does not answer", "details": {"lag": 3, "endpoints": 3},
        "seconds": 1.2, "time": NOW,
    }  # fmt: skip
    plugins["identity:oidc"].update(
        state="failed", reason="It needs the module 'authlib', which is not installed",
        dependencies=["secrets:vault"], selected=True,
    )  # fmt: skip
    problems = [
        {
            "ref": "catalog:iceberg", "distribution": "floe-catalog-iceberg 1.4.2 in /opt/floe/site-packages",
            "stage": "start", "message": why,
            "hint": "Start the catalog, or correct plugins.catalog.iceberg.uri (/etc/floe/floe.yaml:19)",
        },
        {
            "ref": "identity:oidc", "distribution": "floe-identity-oidc 0.9.0 in /opt/floe/site-packages",
            "stage": "load", "message": "It needs the module 'authlib', which is not installed",
            "hint": "Install it: pip install authlib, or reinstall floe-identity-oidc with its dependencies",
        },
        {
            "ref": None, "distribution": "acme-tools 3.1 in /opt/floe/site-packages", "stage": "discover",
            "message": "Its entry point 'Big Query' in the group floe.computes has a name with a space",
            "hint": "Ask its authors for a release whose entry point is named 'big-query'",
        },
    ]  # fmt: skip
    reasons = [
        "catalog:iceberg failed to start: the catalog at http://catalog:8181 refused the connection",
        "orchestrator:dagster was skipped, since dbt:core was not started",
    ]
    return snapshot(
        [*plugins.values()], problems=problems, startup=startup(31.4),
        critical_chain=["secrets:env", "storage:s3", "catalog:iceberg"], settings=settings(), schema=SCHEMA,
        platform=platform(health="unhealthy", ready=False, reasons=reasons),
    )  # fmt: skip


def starting() -> Snapshot:
    plugins = _plugins()
    for ref in ("catalog:iceberg", "semantic_layer:bsl", "dbt:core", "orchestrator:dagster"):
        plugins[ref].update(state="configured", health=None, start=None)
    plugins["catalog:iceberg"]["calls"] = [{"stage": "start", "seconds": 11.6, "timeout": 30.0}]
    plugins["semantic_layer:bsl"]["calls"] = [{"stage": "start", "seconds": 2.3, "timeout": None}]
    for each in plugins.values():
        each["health"] = None
    reasons = [
        "catalog:iceberg is being started: 11.6 s of 30 s",
        "orchestrator:dagster waits for dbt:core",
    ]
    return snapshot(
        [*plugins.values()], settings=settings(), schema=SCHEMA,
        platform=platform(
            state="starting", health=None, ready=False, reasons=reasons, started_at=time.time() - 13.0,
        ),
    )  # fmt: skip


def restarting() -> Snapshot:
    value = starting()
    value["platform"].update(
        restarts=2, host_pid=None, heartbeat_age=14.0,
        last_end="compute:duckdb killed the host: signal 11 (SIGSEGV) in its start; "
        "distribution floe-compute-duckdb 1.4.2",
    )  # fmt: skip
    return value


def empty() -> Snapshot:
    return snapshot([], platform=platform(health=None, configuration=None))


def many(number: int = 200) -> Snapshot:
    """Plugins of all categories, each with up to three dependencies among those before it."""
    categories = [
        "secrets", "storage", "compute", "catalog", "telemetry", "lineage", "dbt", "semantic_layer", "ingestion",
        "identity", "orchestrator",
    ]  # fmt: skip
    plugins: list[Snapshot] = []
    for index in range(number):
        category = categories[index * len(categories) // number]
        before = [plugins[index * step // 40]["ref"] for step in (11, 23, 31) if index > 20 and (index + step) % 3]
        needs = sorted(set(before))
        began = 0.1 + index * 0.02
        plugins.append(
            plugin(
                f"{category}:number-{index:03}",
                needs=needs,
                dependencies=needs,
                required=index % 7 == 0,
                start=start(began, 0.05 + (index * 37 % 50) / 20, waited_for=needs),
                state="failed" if index == 61 else "started",
            )
        )
    return snapshot(plugins, startup=startup(6.6), critical_chain=[plugins[0]["ref"], plugins[150]["ref"]])


def long_messages() -> Snapshot:
    value = broken()
    text = "failed: " + "/very/long/path/without/a/space" * 120
    value["problems"][0].update(message=text, hint="Do this. " * 300)
    value["plugins"][4].update(reason=text, description="word " * 800)
    value["platform"].update(reasons=[text, "catalog:iceberg " + "x" * 3_000], last_end=text)
    value["settings"][2]["value"] = text
    value["plugins"][1]["distribution"] = "distribution-" * 30
    return value


def hostile() -> Snapshot:
    """Every text that can be foreign has markup, marks that turn the direction, and control characters."""
    text = f"{HOSTILE} {BIDI}"
    value = broken()
    for each in value["plugins"]:
        each.update(
            description=text, reason=text, version=text, distribution=text, floe_api_version=text,
            dependencies=[text], optional_dependencies=[text],
        )  # fmt: skip
        if each["health"]:
            each["health"].update(message=text, details={text: text})
        if each["start"]:
            each["start"].update(message=text)
    for problem in value["problems"]:
        problem.update(message=text, hint=text, distribution=text)
    value["problems"].append({**value["problems"][0], "ref": f"compute:{text}'; rm -rf /"})
    value["platform"].update(reasons=[text], last_end=text, configuration=text, version=text)
    value["settings"] = [{"path": text, "value": {text: text}, "origin": text, "hidden_because": ""}]
    value["settings"].append({"path": text + "2", "value": "***", "origin": text, "hidden_because": text})
    value["schema"] = {"properties": {text: {"type": text, "description": text, "default": text, "enum": [text]}}}
    value["critical_chain"] = [text]
    return value
