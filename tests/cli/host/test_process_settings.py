"""What code changes of what it shares with the whole process is found, each by its name."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from support import run_code

from floe_plugins.cli.host.process_settings import HINTS

CHANGES = {
    "signal handlers": ("import faulthandler, signal; faulthandler.register(signal.SIGUSR1)", ["SIGUSR1"]),
    "environment variables": (
        "import os; os.environ['ACME'] = 'a'; del os.environ['OLD']; os.environ['KEPT'] = 'new'",
        ["ACME", "KEPT", "OLD"],
    ),
    "sys.path": ("import sys; sys.path.append('/nowhere')", ["/nowhere"]),
    "hooks of the interpreter": (
        "import sys, threading; sys.excepthook = print; threading.excepthook = print; threading.settrace(print)",
        ["sys.excepthook", "threading.excepthook", "threading.settrace()"],
    ),
    "logging set-up": (
        "import logging; logging.getLogger().setLevel('DEBUG'); logging.getLogger().addHandler(logging.NullHandler())",
        ["handlers of the root logger", "level of the root logger (WARNING before, now DEBUG)"],
    ),
    "umask": ("import os; os.umask(0o027)", ["0022 before, now 0027"]),
    "working directory": ("import os; os.chdir('/tmp')", ["/ before, now /tmp"]),
    "warnings filters": ("import warnings; warnings.simplefilter('ignore')", ["1 before, now 2"]),
    "functions for the end of the process": ("import atexit; atexit.register(int)", ["0 before, now 1"]),
    "locale": (
        "import locale; locale.setlocale(locale.LC_NUMERIC, 'C.UTF-8')",
        ["LC_NUMERIC (C before, now C.UTF-8)"],
    ),
}


_BEFORE = """
import json, os, sys, atexit, warnings
from floe_plugins.cli.host import process_settings
os.environ |= {"OLD": "x", "KEPT": "x"}
os.chdir("/")
os.umask(0o022)
atexit._clear()
warnings.filters[:] = warnings.filters[:1]
before = process_settings.read()
"""

_AFTER = """
found = {kind: [*process_settings.changed(before[kind], now)] for kind, now in process_settings.read().items()}
print(json.dumps({kind: names for kind, names in found.items() if names}))
"""


def changes_of(code: str) -> Any:
    done = run_code(f"{_BEFORE}{code}{_AFTER}")
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell all of them")
@pytest.mark.parametrize("kind", CHANGES)
def test_a_change_is_found(kind: str) -> None:
    code, names = CHANGES[kind]
    assert changes_of(code) == {kind: names}


def test_each_change_that_harms_others_has_a_hint() -> None:
    assert CHANGES.keys() - HINTS.keys() == {"functions for the end of the process"}


def test_without_a_change_nothing_is_found() -> None:
    assert changes_of("pass") == {}


def test_values_of_the_environment_are_not_told() -> None:
    assert "s3cret" not in json.dumps(changes_of("import os; os.environ['ACME'] = 's3cret'"))


def test_an_object_that_says_it_is_equal_is_another_one() -> None:
    found = changes_of("""
import sys
class Hook:
    def __eq__(self, other): return True
    def __hash__(self): return 1
    def __call__(self, *args): pass
sys.unraisablehook = Hook()
""")
    assert found == {"hooks of the interpreter": ["sys.unraisablehook"]}
