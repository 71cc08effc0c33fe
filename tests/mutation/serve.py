"""Run tests of a copy of the project, each time in a fork of this process, which has imported what takes long.

``run.py`` and ``plugins.py`` start it, write requests to its standard input and read answers from its standard output,
one line of JSON each. Its arguments are the directory of what is changed, and more modules to import. It imports
nothing of floe_plugins itself.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from types import CodeType
from typing import Any

import _pytest.config
import pytest

PRELOADED = (
    *(f"_pytest.{name}" for name in _pytest.config.default_plugins if name != "pytester_assertions"),
    *(
        "attrs",
        "hatchling.builders.wheel",
        "hypothesis",
        "hypothesis.extra._patching",
        "installer",
        "installer.sources",
    ),
    *("jsonschema", "packaging.requirements", "packaging.specifiers", "pluggy", "pydantic", "pydantic.json_schema"),
    *("click", "rich.console", "rich.table", "ruamel.yaml", "tomlkit", "pygments.lexers.python", "asyncio", "unittest"),
    *("pytest_timeout", "_hypothesis_pytestplugin", "exceptiongroup", "importlib.metadata", "concurrent.futures"),
)
SOURCE = str(Path.cwd() / (sys.argv[1] if len(sys.argv) > 1 else "floe_plugins")) + os.sep
# pytest cannot rewrite the assertions of plugins that are imported already, and need not.
FILTER = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
BROKEN = 70  # exit status of a fork that could not run pytest
TOOL = 4  # of sys.monitoring; debuggers, coverage and profilers have others


class Recorder:
    """Notes how long each test takes, and which lines of the package run meanwhile, on any thread."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, dict[str, list[int]]] = {}
        self._now: set[tuple[str, int]] = set()
        if monitoring := getattr(sys, "monitoring", None):
            monitoring.use_tool_id(TOOL, "mutation")
            monitoring.register_callback(TOOL, monitoring.events.PY_START, self._begin)
            monitoring.register_callback(TOOL, monitoring.events.LINE, self._line)
            monitoring.set_events(TOOL, monitoring.events.PY_START)

    def _begin(self, code: CodeType, _offset: int) -> Any:
        if code.co_filename.startswith(SOURCE):
            self._now.add((code.co_filename, code.co_firstlineno))
            sys.monitoring.set_local_events(TOOL, code, sys.monitoring.events.LINE)
        return sys.monitoring.DISABLE

    def _line(self, code: CodeType, line: int) -> Any:
        self._now.add((code.co_filename, line))
        return sys.monitoring.DISABLE

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._now = set()
        if hasattr(sys, "monitoring"):
            sys.monitoring.restart_events()
        begun = time.monotonic()
        result = yield
        self.seconds[item.nodeid] = round(time.monotonic() - begun, 3)
        lines: dict[str, list[int]] = defaultdict(list)
        for file, line in sorted(self._now):
            lines[file.removeprefix(SOURCE).removesuffix(".py")].append(line)
        self.lines[item.nodeid] = lines
        return result


class Chooser:
    """Runs the wanted tests, in the wanted order; the rest in its own order behind them, without those to skip."""

    def __init__(self, first: list[str], skipped: list[str], *, alone: bool) -> None:
        self._place = {name: place for place, name in enumerate(first)}
        self._skipped = set(skipped)
        self._alone = alone

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        wanted = [each for each in items if each.nodeid not in self._skipped]
        if self._alone:
            wanted = [each for each in wanted if each.nodeid in self._place]
        items[:] = sorted(wanted, key=lambda each: self._place.get(each.nodeid, len(self._place)))


def child(request: dict[str, Any], output: int) -> int:
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    recorder = Recorder() if request["record"] else None
    plugin = recorder or Chooser(request["first"], request["skipped"], alone=request["alone"])
    stop = [] if recorder else ["-x"]
    arguments = [
        "-v" if request.get("verbose") else "-q",
        "--tb=no",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        *FILTER,
        "-o",
        f"timeout={request['each']}",
        *stop,
    ]
    try:
        status = pytest.main([*arguments, *request["paths"]], plugins=[plugin])
    except BaseException:  # noqa: BLE001 such as a group of warnings that were raised after the last test
        traceback.print_exc()
        status = pytest.ExitCode.INTERNAL_ERROR
    if recorder:
        found = {"seconds": recorder.seconds, "lines": recorder.lines}
        Path(request["record"]).write_text(json.dumps(found), encoding="utf-8")
    # With some tests deselected there may be none left.
    return 0 if status == pytest.ExitCode.NO_TESTS_COLLECTED else int(status)


def answer(request: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as output:
        process = os.fork()
        if not process:
            status = BROKEN
            try:
                status = child(request, output.fileno())
                sys.stdout.flush()
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                os._exit(status)
        until = time.monotonic() + request["limit"]
        while not (ended := os.waitpid(process, os.WNOHANG))[0] and time.monotonic() < until:
            time.sleep(0.01)
        with contextlib.suppress(ProcessLookupError):  # with all that the tests have started and not ended
            os.killpg(process, signal.SIGKILL)
        if not ended[0]:
            ended = os.waitpid(process, 0)
        output.seek(0)
        text = output.read().decode(errors="replace")
    return {"status": os.waitstatus_to_exitcode(ended[1]), "output": text}


def main() -> None:
    for name in (*PRELOADED, *sys.argv[2:]):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    if any(name.startswith("floe_plugins") for name in sys.modules):
        sys.exit("the server has imported what is changed")
    for line in sys.stdin:
        sys.stdout.write(json.dumps(answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
