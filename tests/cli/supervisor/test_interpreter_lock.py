"""Of a process that does not answer, the thread that keeps the interpreter's lock is found."""

from __future__ import annotations

import subprocess
import sys

import pytest

from floe_plugins.cli.supervisor.interpreter_lock import observe

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what threads do")

CODE = """
import ctypes, re, sys, threading, time
ready = threading.Barrier(3)
ids = {}
def waiter():
    ids["waiter"] = threading.get_native_id()
    ready.wait()
    while True:
        time.sleep(0)
def keeper():
    ids["keeper"] = threading.get_native_id()
    ready.wait()
    started.wait()
    ACTION
started = threading.Event()
for each in (waiter, keeper):
    threading.Thread(target=each, daemon=True).start()
ready.wait()
print(ids["keeper"], ids["waiter"], flush=True)
started.set()
threading.Event().wait()
"""


def observed(action: str) -> tuple[int, int, object, frozenset[int]]:
    code = CODE.replace("ACTION", action)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            keeper, waiter = map(int, process.stdout.readline().split())
            # At first the keeper waits for the lock too.
            while not (found := observe(process.pid)).waiting or keeper in found.waiting:
                assert process.poll() is None
        finally:
            process.kill()
    return keeper, waiter, found.keeper, found.waiting


def test_the_thread_that_computes_is_the_keeper() -> None:
    keeper, waiter, found, waiting = observed('re.match("(a+)+$", "a" * 40 + "b")')
    assert found == keeper
    assert waiter in waiting


def test_the_threads_that_look_for_the_lock_are_told_from_one_that_keeps_it_asleep() -> None:
    keeper, waiter, found, waiting = observed("ctypes.PyDLL(None).sleep(60)")
    assert found is None
    assert waiter in waiting
    assert keeper not in waiting


def test_of_a_process_that_has_ended_nothing_is_told() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    assert observe(process.pid).keeper is None
