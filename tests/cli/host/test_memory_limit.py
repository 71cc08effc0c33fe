"""A process that may use only so much memory more."""

from __future__ import annotations

import sys

import pytest
from support import run_code

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems keep no such limit, or none at all")


def test_more_memory_than_allowed_is_an_error_until_the_limit_is_lifted() -> None:
    done = run_code("""
        from floe_plugins.cli.host.memory_limit import MemoryLimit
        limit = MemoryLimit(50)
        small = bytearray(20 * 2**20)
        try:
            bytearray(100 * 2**20)
        except MemoryError:
            print("refused")
        limit.lift()
        print(len(bytearray(100 * 2**20)) // 2**20)
    """)
    assert done.stdout.split() == ["refused", "100"], done.stderr


def test_what_the_process_uses_already_does_not_count() -> None:
    done = run_code("""
        from floe_plugins.cli.host.memory_limit import MemoryLimit
        before = bytearray(100 * 2**20)
        limit = MemoryLimit(50)
        print(len(bytearray(20 * 2**20)) // 2**20)
    """)
    assert done.stdout.split() == ["20"], done.stderr


def test_a_stricter_limit_stays_in_force() -> None:
    done = run_code("""
        import resource
        from floe_plugins.cli.host.memory_limit import MemoryLimit
        strict = (300 * 2**20, resource.getrlimit(resource.RLIMIT_DATA)[1])
        resource.setrlimit(resource.RLIMIT_DATA, strict)
        limit = MemoryLimit(1000)
        print(resource.getrlimit(resource.RLIMIT_DATA)[0] // 2**20)
        limit.lift()
        print(resource.getrlimit(resource.RLIMIT_DATA) == strict)
    """)
    assert done.stdout.split() == ["300", "True"], done.stderr


def test_without_a_number_there_is_no_limit() -> None:
    done = run_code("""
        import resource
        from floe_plugins.cli.host.memory_limit import MemoryLimit
        before = resource.getrlimit(resource.RLIMIT_DATA)
        limit = MemoryLimit(None)
        print(resource.getrlimit(resource.RLIMIT_DATA) == before)
        limit.lift()
    """)
    assert done.stdout.split() == ["True"], done.stderr
