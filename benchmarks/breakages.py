"""Break a platform in 15 ways, and measure how soon and how well the command line answers.

    python -m benchmarks.breakages [--only WORD] [--show]

Each breakage is made in a temporary directory of installed distributions. An answer is complete when the output has
the cause, the owner (the plugin and its distribution, where there are such) and what to do next. The exit status is 1
if any of these lacks, if the command ends with another status than it should, or if the answer takes too long.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

from benchmarks.broken_sites import BREAKAGES, DEADLINE, Breakage

ROOT = Path(__file__).parent.parent
# Seconds after the deadline, or after what is known at once, until the answer has to stand there.
MARGIN = 2.0
KNOWN_AT_ONCE = 1.0
GIVE_UP = 60.0


@attrs.frozen
class Answer:
    """What a command said, and when.

    Attributes:
        output: All of its output.
        seconds: From the beginning, or from the first try of what is known at once, to the complete answer.
        status: The exit status.
        lacking: What the answer lacks; empty for a complete one.
    """

    output: str
    seconds: float
    status: int | None
    lacking: tuple[str, ...]


def answer_to(breakage: Breakage, directory: Path) -> Answer:
    """Break a platform in a directory, which must be empty, and run the command."""
    breakage.write(directory)
    with breakage.around():
        port = os.environ.pop("BREAKAGES_PORT", "")
        owner = [each.format(port=port) for each in breakage.owner]
        arguments = [each.format(port=port) for each in breakage.command]
        output, answered, status = _run(
            arguments, directory, lambda text: not _lacking(breakage, owner, text, directory)
        )
    lacking = _lacking(breakage, owner, output, directory)
    limit = KNOWN_AT_ONCE if breakage.is_known_at_once else DEADLINE + MARGIN
    began = answered[0]
    if breakage.is_known_at_once and (directory / "tried").exists():
        began = float((directory / "tried").read_text(encoding="utf-8"))
    seconds = answered[1] - began
    if seconds > limit:
        lacking.append(f"an answer within {limit:g} s")
    if status not in breakage.status:
        lacking.append(f"status {breakage.status[0]}")
    return Answer(output, seconds, status, tuple(lacking))


def _lacking(breakage: Breakage, owner: Sequence[str], text: str, directory: Path) -> list[str]:
    """What of cause, owner and next step does not stand in the output, where paths and line ends mean nothing."""
    plain = " ".join(text.replace(str(directory), "").split())
    found = {
        "cause": re.search(breakage.cause, plain) is not None,
        "owner": all(each in plain for each in owner),
        "next step": re.search(breakage.next_step, plain) is not None,
    }
    return [name for name, is_there in found.items() if not is_there]


def _run(
    arguments: Sequence[str], directory: Path, is_answer: Callable[[str], bool]
) -> tuple[str, tuple[float, float], int | None]:
    """Run a command: its output, when it began and had answered, and its status; None if it had to be ended."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FLOE_")}
    environment |= {"PYTHONPATH": f"{ROOT}{os.pathsep}{directory / 'site'}", "XDG_RUNTIME_DIR": str(directory)}
    began = time.time()
    output: list[str] = []
    answered: float | None = None
    process = subprocess.Popen(
        [sys.executable, "-m", "floe_plugins", *arguments],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    is_late = threading.Event()

    def give_up() -> None:
        is_late.set()
        os.killpg(process.pid, signal.SIGKILL)

    guard = threading.Timer(GIVE_UP, give_up)
    guard.start()
    with process:
        assert process.stdout
        for line in process.stdout:
            output.append(line)
            if answered is None and is_answer("".join(output)):
                answered = time.time()
        process.wait()
    guard.cancel()
    return "".join(output), (began, answered or time.time()), None if is_late.is_set() else process.returncode


def main() -> int:
    """Print the table; return 1 if any answer lacks something."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.breakages", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--only", default="", help="only breakages whose title has this word")
    parser.add_argument("--show", action="store_true", help="also print what each command said")
    options = parser.parse_args()
    chosen = [each for each in BREAKAGES if options.only in each.title]
    if not chosen:
        parser.error(f"no breakage has {options.only!r} in its title")
    write = sys.stdout.write
    write("| breakage | command | seconds | status | cause | owner | next step |\n|---|---|---|---|---|---|---|\n")
    failures = []
    for breakage in chosen:
        with tempfile.TemporaryDirectory() as directory:
            answer = answer_to(breakage, Path(directory))
        told = ["no" if name in answer.lacking else "yes" for name in ("cause", "owner", "next step")]
        command = " ".join(breakage.command).format(port="PORT")
        cells = [breakage.title, f"`{command}`", f"{answer.seconds:.1f}", str(answer.status), *told]
        write(f"| {' | '.join(cells)} |\n")
        if options.show:
            write(f"\n{answer.output}\n")
        sys.stdout.flush()
        if answer.lacking:
            failures.append(f"{breakage.title} lacks {', '.join(answer.lacking)}")
    write("".join(f"\n{each}" for each in failures) + "\n" * bool(failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
