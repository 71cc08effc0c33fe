"""For any shape of a schema, any secret and any channel: no trace of the secret, and other texts as they are.

Each example makes a schema of random nested places, plants one secret in it, and has a plugin with this schema say the
secret in every channel. ``REDACTION_EXAMPLES=2000 python -m pytest -s tests/property/test_redaction.py`` runs as many
examples and prints how many schemas, secrets and channels there were.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import sys
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Annotated, Any, NamedTuple

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import AnyUrl, Field, RootModel, Secret, SecretBytes, SecretStr, create_model, field_validator
from pydantic import dataclasses as pydantic_dataclasses
from typing_extensions import TypedDict

from floe_plugins import (
    HealthState,
    HealthStatus,
    IsSecret,
    PluginConfigurationError,
    PluginRegistry,
    SecretsPlugin,
)
from floe_plugins.configuration.redaction.sources import redactor_of_model
from floe_plugins.execution.background_errors import BackgroundErrors
from floe_plugins.reporting.origins import plugin_settings

if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

EXAMPLES = int(os.environ.get("REDACTION_EXAMPLES", "60"))
HARMLESS = (
    "table orders has no column order_id; RuntimeError after 30 s at https://example.org:8080/path?q=1, max_tokens=4096"
)
COUNTS: Counter[str] = Counter()


@attrs.frozen
class Place:
    """Where a secret may stand: the type, the settings in a file with the secret in place, and a name for counting."""

    what: str
    annotation: Any
    given: Callable[[str], Any]
    key: str = "field"
    environ: Callable[[str], dict[str, str]] = lambda _: {}


def _typed_dict(annotation: Any) -> Any:
    return TypedDict("_Typed", {"inner": annotation})  # type: ignore[operator] # a functional TypedDict


LEAVES = (
    Place("SecretStr", SecretStr, lambda s: s),
    Place("SecretBytes", SecretBytes, lambda s: s),
    Place("Secret[str]", Secret[str], lambda s: s),
    Place("IsSecret", Annotated[str, IsSecret], lambda s: s),
    Place("union", SecretStr | int, lambda s: s),
    Place("optional", SecretStr | None, lambda s: s),
    Place("name", dict[str, str], lambda s: {"password": s}),
    Place("alias", create_model("Aliased", inner=(str, Field(alias="apiKey"))), lambda s: {"apiKey": s}),
    Place("sent alias", create_model("Sent", inner=(str, Field(serialization_alias="token"))), lambda s: {"inner": s}),
    Place("key below a name", dict[str, dict[str, int]], lambda s: {"tokens": {s: 1}}),
    Place("secret key", dict[SecretStr, int], lambda s: {s: 1}),
    Place("header", str, lambda s: f"Authorization: Bearer {s}"),
    Place("named in a text", str, lambda s: f'password="first {s}"'),
    Place("text URL", str, lambda s: f"https://me:{s}@example.org/x"),
    Place("AnyUrl", AnyUrl, lambda s: f"https://me:{s}@example.org/x"),
    Place("variable", str, lambda _: "${TOKEN}", environ=lambda s: {"TOKEN": s}),
    Place("in a variable", str, lambda _: "/data/${DB_PASSWORD}/x", environ=lambda s: {"DB_PASSWORD": s}),
    Place("default of a variable", str, lambda s: f"/data/${{X_PASSWORD:-{s}}}/x"),
)
# Secrets that URLs and headers can hold; the others may have any letters.
SIMPLE = {"header", "text URL", "AnyUrl", "named in a text", "default of a variable"}


def _model(annotation: Any) -> Any:
    return create_model("Inner", inner=(annotation, ...))


def _dataclass(annotation: Any) -> Any:
    return dataclasses.make_dataclass("Data", [("inner", annotation)])


def _pydantic_dataclass(annotation: Any) -> Any:
    return pydantic_dataclasses.dataclass(type("Data", (), {"__annotations__": {"inner": annotation}}))


def _named_tuple(annotation: Any) -> Any:
    return NamedTuple("Named", [("inner", annotation), ("other", int)])  # type: ignore[misc] # made of values


def _root(annotation: Any) -> Any:
    return RootModel[annotation]


WRAPPERS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "model": (_model, lambda v: {"inner": v}),
    "dataclass": (_dataclass, lambda v: {"inner": v}),
    "pydantic dataclass": (_pydantic_dataclass, lambda v: {"inner": v}),
    "NamedTuple": (_named_tuple, lambda v: {"inner": v, "other": 1}),
    "TypedDict": (_typed_dict, lambda v: {"inner": v}),
    "list": (lambda a: list[a], lambda v: [v]),
    "deque": (lambda a: deque[a], lambda v: [v]),
    "tuple": (lambda a: tuple[int, a], lambda v: [1, v]),
    "long tuple": (lambda a: tuple[a, ...], lambda v: [v, v]),
    "dict": (lambda a: dict[str, a], lambda v: {"one": v}),
    "union": (lambda a: _model(a) | list[a], lambda v: {"inner": v}),
    "optional": (lambda a: a | None, lambda v: v),
    "root": (_root, lambda v: v),
}


@st.composite
def places(draw: Any) -> tuple[Place, str]:
    leaf = draw(st.sampled_from(LEAVES))
    names = draw(st.lists(st.sampled_from(sorted(WRAPPERS)), max_size=3))
    annotation, wrap = leaf.annotation, leaf.given
    for name in names:
        make, put = WRAPPERS[name]
        annotation = make(annotation)

        def wrap(secret: str, inner: Any = wrap, put: Any = put) -> Any:
            return put(inner(secret))

    what = " in ".join([leaf.what, *names])
    letters = "abcdwxyz0189_" if leaf.what in SIMPLE else "abwxzABZ019_-äßİΣ日😀'\"\\ /@:{"
    text = draw(
        st.text(letters, min_size=4, max_size=24).filter(lambda text: text == text.strip() and "${" not in text)
    )
    # A digit and a letter at least, since words and numbers are other cases.
    return attrs.evolve(leaf, what=what, annotation=annotation, given=wrap), f"q7{text}7q"


class Hostile:
    """Says the secret when it is shown."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return f"<Hostile {self.text}>"


def _startup_error(kind: str, secret: str) -> BaseException:
    error = ConnectionError(f"refused '{secret}'")
    if kind == "cause":
        error = ConnectionError("refused")
        error.__cause__ = ValueError(secret)
    elif kind == "context":
        error = ConnectionError("refused")
        error.__context__ = KeyError(secret)
    elif kind == "note":
        error = ConnectionError("refused")
        error.__notes__ = [f"with {secret}"]  # type: ignore[attr-defined,unused-ignore]
    elif kind == "group":
        return ExceptionGroup("several", [ValueError(f"no {secret!r}")])
    elif kind == "upper case":
        error = ConnectionError(f"İİ refused {secret.upper()}")
    elif kind == "quoted":
        error = ConnectionError(f"refused {secret!r} {json.dumps(secret)} {secret.encode()!r}")
    elif kind == "argument":
        error = OSError(5, HARMLESS, secret)
    elif kind == "class name":
        return type(secret, (Exception,), {})("refused")
    return error


KINDS = ("text", "cause", "context", "note", "group", "upper case", "quoted", "argument", "class name")


def _plugin(schema: Any, kind: str, secret: str) -> Any:
    def startup(_: Any) -> None:
        raise _startup_error(kind, secret)

    return type("Vault", (SecretsPlugin,), {**_METHODS, "config_schema": schema, "startup": startup})


def _healthy_plugin(schema: Any, secret: str) -> Any:
    details = {
        secret: 1,
        "text": f"with {secret}",
        "harmless": HARMLESS,
        "set": {secret},
        "bytes": secret.encode(),
        "path": PurePosixPath("/x") / secret,
        "object": Hostile(secret),
        "error": ValueError(secret),
        "list": [[secret]],
    }

    def health_check(plugin: Any) -> HealthStatus:
        return HealthStatus(HealthState.DEGRADED, f"{HARMLESS} {secret}", {**details, "model": plugin.config})

    return type("Vault", (SecretsPlugin,), {**_METHODS, "config_schema": schema, "health_check": health_check})


_METHODS = {
    "name": "vault",
    "version": "1.0",
    "floe_api_version": "1.0",
    "get_secret": lambda *_: None,
    "secret_names": lambda *_: (),
    "put_secret": lambda *_: None,
}


def _registry(plugin: Any, config: Any, environ: dict[str, str]) -> PluginRegistry:
    registry = PluginRegistry(config, autoload="none", environ=environ)
    registry.register(plugin)
    return registry


def _formatted(error: BaseException | None) -> str:
    return "".join(traceback.format_exception(type(error), error, error.__traceback__)) if error is not None else ""


def channels(place: Place, schema: Any, secret: str, kind: str, log: list[str]) -> Iterator[tuple[str, str]]:
    """What is said in each channel."""
    environ = place.environ(secret)
    config = {"plugins": {"secrets": {"vault": {place.key: place.given(secret)}}}}
    registry = _registry(_plugin(schema, kind, secret), config, environ)
    report = registry.startup()
    outcome = next(iter(report.outcomes))
    assert not report.ok
    yield f"startup {kind}", f"{outcome.cause} {json.dumps(report.to_dict(), ensure_ascii=False)}"
    yield f"chain {kind}", _without_source(_formatted(outcome.cause))
    yield "problems", " ".join(f"{each} {json.dumps(each.to_dict(), ensure_ascii=False)}" for each in registry.problems)
    registry.shutdown()

    registry = _registry(_healthy_plugin(schema, secret), config, environ)
    assert registry.startup().ok
    health = json.dumps(registry.health().to_dict(), ensure_ascii=False)
    assert health.count(HARMLESS) == 2, "a harmless text has changed"
    yield "health", health
    registry.shutdown()

    loaded = registry.configuration
    ref = next(iter(loaded.plugins))
    background = BackgroundErrors(str(ref))
    background.redactor = redactor_of_model(loaded.settings(ref), registry.config(SecretsPlugin, "vault"))
    background.log_error("it failed", _startup_error(kind, secret))
    background.handle_loop_exception(None, {"message": f"lost {secret}", "task": Hostile(secret)})
    yield "background log", _without_source("\n".join(log))

    rows, issues = plugin_settings(loaded, ref, _plugin(schema, kind, secret))
    assert not issues
    shown = [row for row in rows if row.path.startswith("plugins.")]
    assert all(row.hidden_because for row in shown if "***" in str(row.value) or "***" in row.path)
    yield "config show", " ".join(map(str, shown))
    yield "config show as JSON", json.dumps([row.to_dict() for row in shown], ensure_ascii=False)

    class Loud(schema):  # type: ignore[misc] # made of values
        @field_validator("field", mode="before")
        @classmethod
        def refuse(cls, value: Any) -> Any:
            raise ValueError(f"{HARMLESS}: no {secret} in {value!r}")

    refused = _registry(_plugin(Loud, kind, secret), config, environ)
    with pytest.raises(PluginConfigurationError) as caught:
        refused.startup()
    yield "configuration error", _formatted(caught.value) + json.dumps([each.to_dict() for each in caught.value.errors])
    yield "log", "\n".join(log)


def _without_source(text: str) -> str:
    """A traceback without the lines of source code, which are the same whatever the secret is."""
    return "\n".join(line for line in text.splitlines() if not line.startswith("    "))


def runs(secret: str) -> set[str]:
    folded = secret.casefold()
    found = {folded[at : at + 6] for at in range(len(folded) - 5)}
    return {run for run in found if not run.isdigit()}  # reports contain the digits of times


class Log(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(places(), st.sampled_from(KINDS))
def show_no_trace(planted: tuple[Place, str], kind: str) -> None:
    place, secret = planted
    schema = create_model("Settings", **{place.key: (place.annotation, ...)})  # type: ignore[call-overload] # values
    handler, logger = Log(), logging.getLogger("floe_plugins")
    logger.addHandler(handler)
    try:
        for channel, text in channels(place, schema, secret, kind, handler.texts):
            folded = text.casefold()
            assert not [run for run in runs(secret) if run in folded], (channel, place.what, text)
            COUNTS[f"channel {channel.removesuffix(kind)}"] += 1
            COUNTS["checks"] += 1
    finally:
        logger.removeHandler(handler)
    COUNTS[f"schema {place.what}"] += 1
    COUNTS[f"secret {secret}"] += 1


def test_no_channel_shows_a_trace_of_a_secret(capsys: pytest.CaptureFixture[str]) -> None:
    show_no_trace()
    found = {kind: sum(name.startswith(f"{kind} ") for name in COUNTS) for kind in ("schema", "secret", "channel")}
    assert COUNTS["checks"] >= EXAMPLES
    if EXAMPLES >= 1000:
        counted = ", ".join(f"{number} {kind}s" for kind, number in found.items())
        with capsys.disabled():
            print(f"\n{counted}, {COUNTS['checks']} checks: no leak, no harmless text changed")  # noqa: T201 asked for
