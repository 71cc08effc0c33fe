"""Spans tell an operator's tracing what happened to which plugin, without secrets."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pydantic
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support import SOON, Secrets, new_registry, write_distribution

from floe_plugins import (
    Category,
    HealthState,
    HealthStatus,
    Platform,
    PluginMetadata,
    PluginRegistry,
    PluginUnavailableError,
)
from floe_plugins.otel import PluginSpans

SITE = Platform("site", "1.0", [Category("source", "site.sources", f"{__name__}:Source")])
NAME = "secrets:quiet"


class Source(PluginMetadata):
    site_api_version = "1.0"


class Settings(pydantic.BaseModel):
    password: pydantic.SecretStr = pydantic.SecretStr("hunter2-and-more")


class Quiet(Secrets):
    name = "quiet"

    def startup(self) -> None:
        pass

    def shutdown(self) -> None:
        pass


class Spans:
    """The spans of a registry, by name."""

    def __init__(self, registry: PluginRegistry, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.subscriber = PluginSpans(self.provider, **options)
        self.subscription = registry.subscribe(self.subscriber)

    def all(self) -> dict[str, ReadableSpan]:
        assert self.subscription.wait(SOON)
        return {span.name: span for span in self.exporter.get_finished_spans()}

    def parent_of(self, name: str) -> str | None:
        found = self.all()
        parent = found[name].parent
        return None if parent is None else next(k for k, v in found.items() if v.context.span_id == parent.span_id)


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def registry_with(plugin: Any, **options: Any) -> tuple[PluginRegistry, Spans]:
    registry = new_registry(**options)
    spans = Spans(registry)
    registry.register(plugin)
    return registry, spans


def test_each_stage_is_a_span_and_each_call_a_child_of_it() -> None:
    class Whole(Quiet):
        config_schema = Settings

        def health_check(self) -> HealthStatus:
            return HealthStatus(HealthState.HEALTHY)

    registry, spans = registry_with(Whole)
    with registry:
        registry.health()
    expected = {
        "floe discover": None,
        "floe start": None,
        f"floe configure {NAME}": "floe start",
        f"floe start {NAME}": "floe start",
        "floe check": None,
        f"floe check {NAME}": "floe check",
        "floe stop": None,
        f"floe stop {NAME}": "floe stop",
    }
    assert {name: spans.parent_of(name) for name in spans.all()} == expected
    assert {span.status.status_code for span in spans.all().values()} == {trace.StatusCode.UNSET}


def test_the_load_of_an_installed_plugin_is_a_child_of_the_start(tmp_path: Path) -> None:
    write_distribution(tmp_path, "quiet", "[floe.secrets]\nquiet = module_that_is_not_there:Quiet\n")
    registry = PluginRegistry({"plugins": {"secrets": {"quiet": {}}}}, path=[tmp_path], environ={})
    spans = Spans(registry)
    registry.startup()
    assert spans.parent_of(f"floe load {NAME}") == "floe start"
    assert "module_that_is_not_there" in str(spans.all()[f"floe load {NAME}"].status.description)


def test_a_span_has_the_facts_of_its_plugin_and_the_times_of_its_call() -> None:
    registry, spans = registry_with(Quiet, timeouts={"startup": 17})
    registry.startup()
    span, outer = spans.all()[f"floe start {NAME}"], spans.all()["floe start"]
    assert attributes(span) == {
        "floe.plugin.ref": NAME,
        "floe.plugin.category": "secrets",
        "floe.plugin.name": "quiet",
        "floe.plugin.stage": "start",
        "floe.plugin.timeout": 17,
        "floe.plugin.attempt": 1,
    }
    assert span.start_time
    assert span.end_time
    assert outer.start_time
    assert outer.start_time <= span.start_time <= span.end_time
    registry.shutdown()


def test_what_fails_has_its_reason_without_the_secrets_of_its_settings() -> None:
    class Failing(Quiet):
        config_schema = Settings

        def startup(self) -> None:
            raise OSError(f"refused: {self.config.password.get_secret_value()}")

    registry, spans = registry_with(Failing)
    registry.startup()
    status = spans.all()[f"floe start {NAME}"].status
    assert status.status_code is trace.StatusCode.ERROR
    assert status.description == "OSError: refused: ***"
    assert "hunter2" not in "".join(span.to_json() for span in spans.all().values())


def test_a_result_that_is_none_is_an_error() -> None:
    class Returning(Quiet):
        def startup(self) -> Any:
            return False

    registry, spans = registry_with(Returning)
    registry.startup()
    assert "returned an object of type bool" in str(spans.all()[f"floe start {NAME}"].status.description)


def test_invalid_settings_fail_their_configuration_and_the_start() -> None:
    class Strict(pydantic.BaseModel):
        port: int

    class Wrong(Quiet):
        config_schema = Strict

    registry, spans = registry_with(Wrong)
    with pytest.raises(Exception, match="port"):
        registry.startup()
    codes = {name: span.status.status_code for name, span in spans.all().items() if name != "floe discover"}
    assert codes == dict.fromkeys(["floe start", f"floe configure {NAME}"], trace.StatusCode.ERROR)


def test_each_attempt_is_a_span_and_the_pauses_are_events_of_the_start() -> None:
    attempts = iter([PluginUnavailableError("the service is down", retry_after=0.1), None])

    class Down(Quiet):
        def startup(self) -> None:
            error = next(attempts)
            if error is not None:
                raise error

    registry, spans = registry_with(Down)
    registry.startup()
    assert spans.subscription.wait(SOON)
    found = [span for span in spans.exporter.get_finished_spans() if span.name == f"floe start {NAME}"]
    assert [attributes(span)["floe.plugin.attempt"] for span in found] == [1, 2]
    retry = next(event for event in spans.all()["floe start"].events if event.name == "retry")
    assert "the service is down" in str((retry.attributes or {})["floe.plugin.reason"])
    registry.shutdown()


def test_the_span_of_a_call_that_never_ends_is_ended_at_its_deadline() -> None:
    release = threading.Event()

    class Hanging(Quiet):
        def startup(self) -> None:
            release.wait(SOON)

    registry, spans = registry_with(Hanging, timeouts={"startup": 0.05})
    registry.startup()
    assert "did not end within 0.05 s" in str(spans.all()[f"floe start {NAME}"].status.description)
    release.set()


def test_the_span_of_a_check_without_an_answer_is_ended_at_its_deadline() -> None:
    release = threading.Event()

    class Hanging(Quiet):
        def health_check(self) -> HealthStatus:
            release.wait(SOON)
            return HealthStatus(HealthState.HEALTHY)

    registry, spans = registry_with(Hanging, timeouts={"health": 0.05})
    with registry:
        registry.health()
        assert spans.all()[f"floe check {NAME}"].status.description == "no answer in 0.05 s"
        release.set()


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (HealthState.HEALTHY, trace.StatusCode.UNSET),
        (HealthState.DEGRADED, trace.StatusCode.UNSET),
        (HealthState.UNHEALTHY, trace.StatusCode.ERROR),
    ],
)
def test_a_check_tells_the_health_and_is_an_error_if_that_is_bad(state: HealthState, code: trace.StatusCode) -> None:
    class Checked(Quiet):
        def health_check(self) -> HealthStatus:
            return HealthStatus(state, "so it is")

    registry, spans = registry_with(Checked)
    with registry:
        registry.health()
    span = spans.all()[f"floe check {NAME}"]
    assert (attributes(span)["floe.plugin.health"], span.status.status_code) == (state, code)


def test_another_platform_has_its_own_prefix() -> None:
    class Folder(Source):
        name, version = "folder", "1.0"

        def startup(self) -> None:
            pass

    registry = PluginRegistry(platform=SITE, path=[], environ={})
    spans = Spans(registry, platform=SITE)
    registry.register(Folder)
    with registry:
        pass
    assert "site.plugin.ref" in attributes(spans.all()["site start source:folder"])
    assert "floe" not in " ".join(key for span in spans.all().values() for key in (span.name, *attributes(span)))


def test_a_parent_is_taken_from_the_context_that_is_given() -> None:
    registry = new_registry()
    outer = TracerProvider().get_tracer("application").start_span("application")
    spans = Spans(registry, context=trace.set_span_in_context(outer))
    registry.discover()
    parent = spans.all()["floe discover"].parent
    assert parent is not None
    assert parent.span_id == outer.get_span_context().span_id


def test_closing_ends_the_spans_that_have_begun() -> None:
    entered, release = threading.Event(), threading.Event()

    class Slow(Quiet):
        def startup(self) -> None:
            entered.set()
            release.wait(SOON)

    registry, spans = registry_with(Slow)
    thread = threading.Thread(target=registry.startup)
    thread.start()
    assert entered.wait(SOON)
    assert spans.subscription.wait(SOON)
    spans.subscription()
    spans.subscriber.close()
    assert {"floe start", f"floe start {NAME}"} <= {span.name for span in spans.exporter.get_finished_spans()}
    release.set()
    thread.join()
    registry.shutdown()


def test_without_the_extra_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['opentelemetry'] = None; import floe_plugins.otel"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "install floe-plugins[otel]" in done.stderr.splitlines()[-1]


def test_opentelemetry_is_imported_by_those_alone_who_make_spans() -> None:
    code = (
        "import sys; from floe_plugins import PluginRegistry\n"
        "with PluginRegistry(autoload='none', environ={}): pass\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]"
    )
    subprocess.run([sys.executable, "-c", code], timeout=60, check=True)
