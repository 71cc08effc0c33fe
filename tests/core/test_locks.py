"""No lock stays locked in a child."""

from __future__ import annotations

import os

import pytest
from support import run_code


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_lock_that_another_thread_held_at_a_fork_is_free_in_the_child() -> None:
    done = run_code("""
import os, threading, warnings
from floe_plugins.core.locks import forkable_lock
warnings.simplefilter("ignore", DeprecationWarning)
lock, held, ended = forkable_lock(), threading.Event(), threading.Event()
def hold():
    with lock:
        held.set()
        ended.wait()
thread = threading.Thread(target=hold)
thread.start()
held.wait()
pid = os.fork()
if pid == 0:
    os._exit(0 if lock.acquire(timeout=10) else 1)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
ended.set()
thread.join()
print(status)
""")
    assert done.stdout == "0\n", done.stderr
