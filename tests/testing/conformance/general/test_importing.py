"""A correct module keeps every rule about importing, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from floe_plugins.testing import PluginConformance
from floe_plugins.testing.conformance.general.importing import ImportRules
from floe_plugins.testing.conformance.runner import Result, rules, run

pytestmark = pytest.mark.once

PLUGIN = """
import sys
from floe_plugins import SecretsPlugin

class Plugin(SecretsPlugin):
    name, version, floe_api_version = "x", "1.0", "1.0"

    def get_secret(self, key): ...
    def secret_names(self, prefix=""): ...
    def put_secret(self, key, value): ...

# Not in the process that runs the tests.
if "conformance_suite" not in sys.modules:
"""
FAULTY = {
    "test_importing_is_quick": "import time as t\nend = t.process_time() + 0.3\nwhile t.process_time() < end: pass",
    "test_importing_takes_little_memory": "kept = bytearray(b'x') * 80_000_000",
    "test_importing_imports_few_modules": "import types\nfor n in range(300): sys.modules[f'made{n}'] = types",
    "test_importing_uses_no_network": "import socket\nsocket.getaddrinfo('127.0.0.1', 1)",
    "test_importing_writes_no_files": "import os\nos.mkdir('made-by-importing'); os.rmdir('made-by-importing')",
    "test_importing_runs_no_processes": "import subprocess as s\ns.run([sys.executable, '-V'], stdout=s.DEVNULL)",
    "test_importing_starts_no_threads": "import threading\nthreading.Timer(2, print).start()",
    "test_importing_prints_nothing": "print('hello')",
    "test_importing_leaves_signal_handlers": "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "test_importing_leaves_logging": "import logging\nlogging.basicConfig()",
    "test_importing_leaves_the_environment": "import os\nos.environ['ACME'] = '1'",
    "test_importing_leaves_the_working_directory": "import os\nos.chdir('/')",
    "test_importing_leaves_the_interpreter": "sys.path.append('/acme')",
}


@pytest.fixture
def result_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Run the rules about importing on a plugin whose module has some more code."""
    names = []

    def result_of(code: str) -> Result:
        name = f"imported_{len(names)}_{abs(hash(code))}"
        names.append(name)
        (tmp_path / f"{name}.py").write_text(PLUGIN + textwrap.indent(code, "    "), encoding="utf-8")
        plugin = importlib.import_module(name).Plugin
        return run(
            type("Conformance", (PluginConformance,), {"plugin": plugin, "import_seconds": 0.25}), rules(ImportRules)
        )

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield result_of
    for name in names:
        sys.modules.pop(name, None)


def test_a_correct_module_keeps_every_rule(result_of: Any) -> None:
    result = result_of("pass")
    assert (dict(result.failed), dict(result.skipped)) == ({}, {})


@pytest.mark.parametrize("rule", rules(ImportRules))
def test_a_faulty_module_breaks_exactly_its_own_rule(rule: str, result_of: Any) -> None:
    assert list(result_of(FAULTY[rule]).failed) == [rule]


def test_a_class_that_no_other_process_can_import_is_left_out() -> None:
    plugin = type("Local", (), {})
    plugin.__module__ = "nowhere"
    result = run(type("Conformance", (PluginConformance,), {"plugin": plugin}), rules(ImportRules))
    assert result.skipped.keys() == rules(ImportRules).keys()
