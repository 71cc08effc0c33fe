"""What code takes and changes in its process is found, each by its name."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from support import run_code

from floe_plugins.cli.host.footprint import Change, Footprint

_BEFORE = """
import json, os, sys, atexit, warnings
from floe_plugins.cli.host import footprint
os.environ |= {"OLD": "x", "KEPT": "x"}
os.chdir("/")
os.umask(0o022)
atexit._clear()
warnings.filters[:] = warnings.filters[:1]
before = footprint.take()
"""

_AFTER = """
print(json.dumps(footprint.compare(before, footprint.take()).to_dict()))
"""


def footprint_of(code: str) -> Any:
    done = run_code(f"{_BEFORE}{code}{_AFTER}")
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def test_without_a_change_nothing_is_found() -> None:
    found = footprint_of("pass")
    assert (found["threads"], found["open_files"], found["modules"], found["changed"]) == ([], [], 0, [])


def test_threads_files_and_modules_are_found() -> None:
    found = footprint_of("""
import os, threading, wave
threading.Thread(target=threading.Event().wait, daemon=True, name="mine").start()
os.open("/dev/null", os.O_RDONLY)
""")
    assert found["threads"] == ["mine"]
    assert len(found["open_files"]) == 1
    assert "wave" in found["top_level_modules"]
    assert found["modules"] >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell")
def test_memory_is_found() -> None:
    assert 90 < footprint_of("kept = bytearray(b'x') * (100 * 2**20)")["memory_mib"] < 150


def test_footprints_add_up() -> None:
    change = Change("umask", ("0022 before, now 0077",))
    first = Footprint(memory=1.0, threads=("a",), modules=frozenset({"x.y"}), changes=(change,))
    both = first + Footprint(memory=2.0, files=("f",), modules=frozenset({"x.z"}), changes=(change,))
    assert both.to_dict() == {
        "memory_mib": 3.0,
        "threads": ["a"],
        "open_files": ["f"],
        "modules": 2,
        "top_level_modules": ["x"],
        "changed": [{"kind": "umask", "names": ["0022 before, now 0077"]}],
    }
    assert (Footprint() + Footprint()).to_dict()["memory_mib"] is None


def test_a_change_is_the_end_of_a_sentence() -> None:
    assert Change("sys.path", ("/a", "/b")).text == "sys.path: /a, /b"
    assert Change("environment variables", tuple(map(str, range(25)))).text.endswith("18, 19 and 5 more")
