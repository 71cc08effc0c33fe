"""Every way of failing at every stage: docs/faults.md says what is reported, and all others run.

Each plugin is installed with real files; two healthy ones stand beside the faulty one.
"""

from __future__ import annotations

import importlib
import re
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from support import write_distribution

from floe_plugins import HealthState, PluginRef, PluginRegistry

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"
FAULTY = PluginRef.parse("secrets:faulty")

FAULTS = {
    "raises": 'raise RuntimeError("bad")',
    "raises without a message": "raise RuntimeError",
    "raises what refuses to be shown": "raise Mute",
    "raises a group": 'raise ExceptionGroup("several", [ValueError("a"), OSError("b")])',
    "SystemExit": "sys.exit(3)",
    "recursion without end": "recurse()",
    "MemoryError": 'raise MemoryError("too big")',
    "CancelledError": "raise asyncio.CancelledError",
    "hangs": "FOREVER.wait()",
    "ends late": "FOREVER.wait()",
    "hangs in async": "await asyncio.Event().wait()",
    "leaves a thread behind": "threading.Thread(target=FOREVER.wait, daemon=True).start()",
    "returns something else": "return 'something else'",
    "contains a yield": "yield",
}
STAGES = ("import", "instantiate", "configure", "startup", "health", "shutdown")
NOT_THERE = {
    **{("import", fault): "a module returns nothing" for fault in ("hangs in async", *list(FAULTS)[-2:])},
    **{("instantiate", fault): "Python refuses it" for fault in ("hangs in async",)},
    **{("configure", fault): "pydantic ignores it" for fault in ("hangs in async", *list(FAULTS)[-2:])},
}

SOURCE = """
import asyncio, sys, threading
from pydantic import BaseModel
from floe_plugins import HealthState, HealthStatus
from support import Secrets
from fault_support import FOREVER, Mute, recurse
if sys.version_info < (3, 11):
    from exceptiongroup import ExceptionGroup

{module}

class Config(BaseModel):
    def model_post_init(self, context):
        {configure}

class Plugin(Secrets):
    name, config_schema = "{name}", Config

    {async_startup}def startup(self):
        {startup}

    {async_health}def health_check(self):
        {health}
        return HealthStatus(HealthState.HEALTHY)

    {async_shutdown}def shutdown(self):
        {shutdown}

def make():
    {instantiate}
    return Plugin()
"""
SUPPORT = """
import threading
FOREVER = threading.Event()
def recurse():
    recurse()
class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no words")
    __repr__ = __str__
"""


def install(site: Path, name: str, stage: str = "", fault: str = "") -> None:
    """A distribution with a plugin that has one fault at most."""
    parts = dict.fromkeys(("module", *STAGES[1:]), "pass")
    parts |= {f"async_{hook}": "" for hook in STAGES[3:]}
    if stage:
        parts["module" if stage == "import" else stage] = FAULTS[fault]
    if "async" in fault:
        parts[f"async_{stage}"] = "async "
    module, code = f"fault_{name}", textwrap.dedent(SOURCE).format(name=name, **parts)
    write_distribution(site, module, f"[floe.secrets]\n{name} = {module}:make\n", **{module: code})


@pytest.fixture
def support(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "fault_support.py").write_text(SUPPORT)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("fault_support")
    yield module
    module.FOREVER.set()
    for name in [name for name in sys.modules if name.startswith("fault_")]:
        del sys.modules[name]


def cases() -> list[tuple[str, str]]:
    return [(stage, fault) for stage in STAGES for fault in FAULTS if (stage, fault) not in NOT_THERE]


def row_of(stage: str, fault: str, site: Path, support: ModuleType) -> str:
    """What is reported of a fault, as a row of the page; checks that all others ran."""
    for name in ("first", "last"):
        install(site, name)
    install(site, "faulty", stage, fault)
    single: dict[str, object] = {}
    if FAULTS[fault] in {FAULTS["hangs"], FAULTS["hangs in async"]}:
        single = {str(FAULTY): {{"import": "load", "instantiate": "load"}.get(stage, stage): 0.3, "shutdown": 0.3}}
    config = {"registry": {"autoload": "all", "timeouts": single}}
    registry = PluginRegistry(config, path=[str(site)], environ={})
    started, health, stopped = registry.startup(), registry.health(), registry.shutdown()
    assert not support.FOREVER.is_set()
    reports: list[dict[PluginRef, tuple[str, str]]] = [
        {each.ref: (str(each.state), each.message) for each in started.outcomes},
        {ref: (str(status.state), status.message) for ref, status in health.statuses.items()},
        {each.ref: (str(each.state), each.message) for each in stopped.outcomes},
    ]
    mine = [report.pop(FAULTY, ("", "")) for report in reports]
    assert [len(report) for report in reports] == [2, 2, 2], reports
    assert {state for report in reports for state, _ in report.values()} == {"succeeded", str(HealthState.HEALTHY)}
    state = registry.state(*FAULTY)
    if fault == "ends late":
        support.FOREVER.set()
        for thread in [thread for thread in threading.enumerate() if thread.name.endswith(str(FAULTY))]:
            thread.join(30)
        assert registry.state(*FAULTY) is state
    reported, message = mine[max(STAGES.index(stage) - 3, 0)]
    return f"| {stage} | {fault} | {reported} | {safe_str(message, site)} | {state} |"


def safe_str(message: str, site: Path) -> str:
    """What is the same in every place and with every version of Python and pydantic."""
    message = re.sub(r"(maximum recursion depth exceeded)(?: \w+)*", r"\1", message)
    return re.sub(r"\s+", " ", message.replace(str(site), "...")).replace("|", "/")


@pytest.mark.parametrize(("stage", "fault"), cases(), ids=lambda value: value.replace(" ", "-"))
def test_a_fault_is_reported_as_the_page_says_and_all_others_run(
    stage: str, fault: str, tmp_path: Path, support: ModuleType
) -> None:
    row = row_of(stage, fault, tmp_path, support)
    assert row in PAGE.read_text().splitlines(), f"the page should say: {row}"


def test_the_page_has_no_row_that_is_not_tested() -> None:
    table = PAGE.read_text().partition("\n## ")[0]
    told = [tuple(line.split(" | ")[:2]) for line in table.splitlines() if line.startswith("| ")]
    assert told[1:] == [(f"| {stage}", fault) for stage, fault in cases()]
