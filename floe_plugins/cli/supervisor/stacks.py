"""The stacks that ``faulthandler`` writes when a process ends abruptly."""

from __future__ import annotations

import re

import attrs

_THREAD = re.compile(r"^(Current t|T)hread 0x([0-9a-f]+)")
_FRAME = re.compile(r'^  File "(.*)", line (\d+) in (.*)$')


@attrs.frozen
class Frame:
    """One frame of a stack.

    Attributes:
        file: The path, as the code's own object has it.
        line: The line, counted from 1.
        function: The name of the function, or ``<module>``.
    """

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f'File "{self.file}", line {self.line}, in {self.function}'


@attrs.frozen
class Stack:
    """The stack of one thread, the innermost frame first.

    Attributes:
        thread: The ident of the thread.
        frames: At most a hundred, which is where ``faulthandler`` stops.
        is_current: Whether it is the thread that met the signal.
    """

    thread: int
    frames: tuple[Frame, ...]
    is_current: bool = False


def parse(text: str) -> tuple[Stack, ...]:
    r"""Return the stacks of all threads in a dump.

    >>> dump = 'Current thread 0x00ff (most recent call first):\n  File "/site/acme.py", line 3 in startup\n'
    >>> parse(dump)[0].frames[0].function
    'startup'
    """
    stacks: list[tuple[int, bool, list[Frame]]] = []
    for line in text.splitlines():
        if thread := _THREAD.match(line):
            stacks.append((int(thread[2], 16), thread[1] == "Current t", []))
        elif stacks and (frame := _FRAME.match(line)):
            stacks[-1][2].append(Frame(frame[1], int(frame[2]), frame[3]))
    return tuple(Stack(thread, tuple(frames), current) for thread, current, frames in stacks)
