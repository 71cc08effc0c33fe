"""What faulthandler writes is read as stacks."""

from __future__ import annotations

import subprocess
import sys

from floe_plugins.cli.supervisor.stacks import Frame, parse


def test_the_stacks_of_all_threads_of_a_crash_are_read() -> None:
    code = """
import ctypes, faulthandler, threading
faulthandler.enable(all_threads=True)
entered = threading.Event()
def other():
    entered.set()
    threading.Event().wait()
threading.Thread(target=other, daemon=True).start()
entered.wait()
def crash():
    ctypes.string_at(0)
crash()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    stacks = parse(done.stderr)
    current = next(each for each in stacks if each.is_current)
    assert [frame.function for frame in current.frames][-2:] == ["crash", "<module>"]
    assert any(frame.function == "other" for each in stacks if not each.is_current for frame in each.frames)


def test_other_text_is_left_out() -> None:
    assert parse("Fatal Python error: Aborted\n\nno stack\n") == ()
    assert parse('  File "x.py", line 1 in f\n') == ()


def test_a_frame_reads_as_in_a_traceback() -> None:
    assert str(Frame("x.py", 3, "f")) == 'File "x.py", line 3, in f'
