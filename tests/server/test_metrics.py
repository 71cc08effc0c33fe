from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from serving import FakeView, ask, plugin_row, snapshot_of

from floe_plugins.core.safe_text import escape
from floe_plugins.server import Server
from floe_plugins.server.metrics import MAX_LABEL, Metrics

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples_of(snapshot: dict[str, Any]) -> Samples:
    families = parse_text(Metrics().respond(snapshot).body.decode())
    samples = [sample for family in families for sample in family.samples]
    found = {(each.name, frozenset(each.labels.items())): each.value for each in samples}
    assert len(found) == len(samples)
    return found


def value_of(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


def labels_of(samples: Samples, name: str) -> list[dict[str, str]]:
    return [dict(labels) for found, labels in samples if found == name]


EVERYTHING = snapshot_of(
    plugin_row("compute:a", restarts=3, required=True, calls=[{"stage": "check", "seconds": 2.5, "timeout": 5.0}]),
    plugin_row("compute:b", state="failed", health=None, start=None),
    problems=[{"stage": "start", "message": "a secret story", "ref": "compute:b"}],
    restarts=2,
    heartbeat_age=0.5,
)


def test_the_names_begin_with_that_of_the_platform() -> None:
    current = {**EVERYTHING, "platform": {**EVERYTHING["platform"], "name": "site"}}
    samples = samples_of(current)
    assert {name.partition("_")[0] for name, _ in samples} == {"site"}
    assert {"site_plugin_state", "site_platform_ready", "site_host_restarts_total", "site_problems"} <= {
        name for name, _ in samples
    }
    assert all("site_api_version" in labels for labels in labels_of(samples, "site_plugin_info"))


@pytest.mark.parametrize("name", [None, "", "no name", "größe", 7])
def test_a_view_without_a_name_that_metrics_can_have_is_floes(name: object) -> None:
    snapshot = {**EVERYTHING, "platform": {**EVERYTHING["platform"], "name": name}}
    assert samples_of(snapshot) == samples_of(EVERYTHING)


def test_the_text_is_what_promtool_accepts(server: Server, view: FakeView) -> None:
    view.current = EVERYTHING
    reply = ask(server, "/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.text.endswith("\n")
    names = re.findall(r"^# HELP (\S+) (.+)$", reply.text, re.MULTILINE)
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", reply.text, re.MULTILINE))
    assert [name for name, _ in names] == list(types)
    assert len({text for _, text in names}) == len(names)
    for name, kind in types.items():
        assert re.fullmatch(r"floe_[a-z]+(_[a-z]+)*", name)
        assert (kind == "counter") == name.endswith("_total")
        assert not name.endswith(("_count", "_sum", "_bucket", "_gauge", "_counter"))
        assert not re.search(r"_(ms|millis\w*|minutes?|secs?|mb|kb)(_|$)", name)
    for labels in (dict(labels) for _, labels in samples_of(EVERYTHING)):
        assert labels.keys() <= {"ref", "state", "stage", "version", "distribution", "floe_api_version"}


def test_who_asks_for_openmetrics_gets_it(server: Server, view: FakeView) -> None:
    view.current = EVERYTHING
    reply = ask(server, "/metrics", Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert reply.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert {"floe_plugin", "floe_plugin_restarts"} <= {family.name for family in parse_openmetrics(reply.text)}


def test_a_plugin_says_what_it_is() -> None:
    labels = {"ref": "compute:a", "version": "1.0", "distribution": "acme 1.0", "floe_api_version": "1.0"}
    assert value_of(samples_of(EVERYTHING), "floe_plugin_info", **labels) == 1


def test_a_plugin_is_in_one_state_and_has_one_health() -> None:
    samples = samples_of(EVERYTHING)
    for name, expected in (
        ("floe_plugin_state", {"compute:a": "started", "compute:b": "failed"}),
        ("floe_plugin_health", {"compute:a": "healthy", "compute:b": "unknown"}),
    ):
        for ref, state in expected.items():
            series = [each["state"] for each in labels_of(samples, name) if each["ref"] == ref]
            assert state in series
            assert len(set(series)) == len(series) >= 4
            assert [each for each in series if value_of(samples, name, ref=ref, state=each) == 1] == [state]


def test_seconds_restarts_and_problems_are_counted() -> None:
    samples = samples_of(EVERYTHING)
    assert value_of(samples, "floe_plugin_check_seconds", ref="compute:a") == 0.25
    assert value_of(samples, "floe_plugin_check_seconds", ref="compute:b") is None
    assert value_of(samples, "floe_plugin_start_seconds", ref="compute:a") == 1.5
    assert value_of(samples, "floe_plugin_start_attempts", ref="compute:a") == 2
    assert value_of(samples, "floe_plugin_call_seconds", ref="compute:a", stage="check") == 2.5
    assert value_of(samples, "floe_plugin_restarts_total", ref="compute:a") == 3
    assert value_of(samples, "floe_plugin_restarts_total", ref="compute:b") == 0
    assert value_of(samples, "floe_plugin_required", ref="compute:a") == 1
    assert value_of(samples, "floe_plugin_required", ref="compute:b") == 0
    assert value_of(samples, "floe_plugin_selected", ref="compute:b") == 1
    assert value_of(samples, "floe_problems", stage="start") == 1
    assert value_of(samples, "floe_problems", stage="load") == 0
    assert value_of(samples, "floe_host_restarts_total") == 2
    assert value_of(samples, "floe_host_heartbeat_age_seconds") == 0.5
    assert value_of(samples, "floe_platform_ready") == 1
    assert value_of(samples, "floe_platform_start_time_seconds") == 100
    assert value_of(samples, "floe_platform_state", state="running") == 1
    assert value_of(samples, "floe_platform_health", state="healthy") == 1
    assert value_of(samples, "floe_platform_info", version="1.2") == 1


def test_what_is_not_known_is_left_out_or_unknown() -> None:
    samples = samples_of(snapshot_of(health=None, ready=False, started_at=None, state="starting"))
    assert value_of(samples, "floe_host_heartbeat_age_seconds") is None
    assert value_of(samples, "floe_platform_start_time_seconds") is None
    assert value_of(samples, "floe_platform_health", state="unknown") == 1
    assert value_of(samples, "floe_platform_ready") == 0
    assert samples_of({})


@pytest.mark.parametrize(
    "text",
    [
        'a"b',
        "a\\b",
        "a\nfloe_evil 1\n",
        'x"} 1\nfloe_evil{y="',
        "\ud800",
        "\x1b[2J\x00\r",
        "\u2028\u202e",
        "é",
        "x" * 10_000,
    ],
)
def test_what_a_plugin_says_stays_in_its_label(text: str) -> None:
    samples = samples_of(snapshot_of(plugin_row("compute:a", version=text, distribution=text)))
    [labels] = labels_of(samples, "floe_plugin_info")
    assert labels["version"] == escape(text)[:MAX_LABEL]
    assert not any(name.startswith("floe_evil") for name, _ in samples)


def test_messages_are_never_labels_and_problems_add_no_series() -> None:
    problems = [{"stage": "load", "message": f"text {number}", "ref": f"compute:{number}"} for number in range(100)]
    problems += [{"stage": f"stage {number}", "message": "", "ref": None} for number in range(100)]
    body = Metrics().respond(snapshot_of(problems=problems)).body
    assert b"text" not in body.replace(b"text/plain", b"")
    assert len(body.splitlines()) == len(Metrics().respond(snapshot_of()).body.splitlines())
    assert value_of(samples_of(snapshot_of(problems=problems)), "floe_problems", stage="load") == 100


def test_a_stage_or_state_of_a_plugins_own_makes_no_series() -> None:
    calls = [{"stage": "mine", "seconds": 1.0, "timeout": None}]
    odd = samples_of(snapshot_of(plugin_row("compute:a", calls=calls, state="mine", health={"state": "mine"})))
    states = {
        labels["state"] for name in ("floe_plugin_state", "floe_plugin_health") for labels in labels_of(odd, name)
    }
    assert "mine" not in states
    assert labels_of(odd, "floe_plugin_call_seconds") == []


@pytest.mark.parametrize(
    "number", [10**400, float("nan"), float("inf"), "1", True, None, [1]], ids=lambda each: str(each)[:5]
)
def test_what_is_no_finite_number_is_no_value(number: object) -> None:
    row = plugin_row(
        "compute:a", restarts=number, health={"state": "healthy", "seconds": number}, start={"seconds": number}
    )
    samples = samples_of(snapshot_of(row, heartbeat_age=number, restarts=number))
    assert value_of(samples, "floe_plugin_check_seconds", ref="compute:a") is None
    assert value_of(samples, "floe_plugin_start_seconds", ref="compute:a") is None
    assert value_of(samples, "floe_plugin_restarts_total", ref="compute:a") == 0
    assert value_of(samples, "floe_host_heartbeat_age_seconds") is None


def test_the_metrics_of_the_process_stay_as_they_are() -> None:
    before = {family.name for family in REGISTRY.collect()}
    names = {name for name, _ in samples_of(EVERYTHING)}
    assert {family.name for family in REGISTRY.collect()} == before
    assert all(name.startswith("floe_") for name in names)


def test_two_platforms_in_one_process_do_not_mix() -> None:
    one, other = samples_of(snapshot_of(plugin_row("compute:a"))), samples_of(snapshot_of(plugin_row("compute:b")))
    assert {each["ref"] for each in labels_of(one, "floe_plugin_info")} == {"compute:a"}
    assert {each["ref"] for each in labels_of(other, "floe_plugin_info")} == {"compute:b"}
