"""A correct plugin leaves nothing behind, and for each rule a faulty one breaks it and no other."""

from __future__ import annotations

import contextvars
import logging
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conformance_plugins import Good, GoodConformance
from conformance_suite import conformance

from floe_plugins.testing.conformance.general.leftovers import LeavingRules
from floe_plugins.testing.conformance.runner import rules, run

FOREVER = threading.Event()
ANSWERS: list[Answer] = []
POOLS: list[ThreadPoolExecutor] = []
PROCESSES: list[subprocess.Popen[bytes]] = []
VARIABLE: contextvars.ContextVar[object] = contextvars.ContextVar("floe-variable")


class SetsUpLogging(Good):
    def get_secret(self, key):
        logging.basicConfig()


class SetsAVariable(Good):
    def get_secret(self, key):
        VARIABLE.set(object())


class SetsAVariableInAHealthCheck(Good):
    def health_check(self):
        VARIABLE.set(object())
        return super().health_check()


class LeavesATemporaryDirectory(Good):
    def get_secret(self, key):
        Path(tempfile.mkdtemp(), "profile").write_text(key, encoding="utf-8")


class LeavesAThreadOfEachCall(Good):
    def get_secret(self, key):
        threading.Thread(target=FOREVER.wait, daemon=True).start()


class LeavesAPoolOfEachCall(Good):
    def get_secret(self, key):
        pool = ThreadPoolExecutor()
        POOLS.append(pool)
        pool.submit(FOREVER.wait)


class SharesAPool(Good):
    """One pool for the whole process, which gets a thread more with each call, and the last answer."""

    def get_secret(self, key):
        ANSWERS[:] = [Answer()]
        if not POOLS:
            POOLS.append(ThreadPoolExecutor(100))
        POOLS[0].submit(FOREVER.wait)


class Answer:
    pass


class RemembersAnswers(Good):
    def get_secret(self, key):
        ANSWERS.append(Answer())


class LeavesAProcess(Good):
    def get_secret(self, key):
        process = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
        PROCESSES.append(process)


class SetsAVariableOnce(Good):
    def get_secret(self, key):
        if VARIABLE.get(None) is None:
            VARIABLE.set(object())


FAULTY: dict[str, type[Any]] = {
    "test_hooks_leave_what_all_code_shares": SetsUpLogging,
    "test_temporary_files_are_removed_when_it_stops": LeavesATemporaryDirectory,
    "test_what_hooks_start_has_ended_when_it_stops": LeavesAThreadOfEachCall,
    "test_what_hooks_make_is_forgotten_when_it_stops": RemembersAnswers,
}


def broken(plugin: type[Any], names: Iterable[str] = rules(LeavingRules)) -> dict[str, str]:
    FOREVER.clear()
    result = run(conformance(GoodConformance, plugin), names)
    FOREVER.set()
    ANSWERS.clear()
    while POOLS:
        POOLS.pop().shutdown()
    while PROCESSES:
        PROCESSES.pop().communicate()
    return {name: error.seen for name, error in result.failed.items()}


def test_a_correct_plugin_keeps_every_rule() -> None:
    assert broken(Good) == {}


@pytest.mark.once
@pytest.mark.parametrize("rule", rules(LeavingRules))
def test_a_faulty_plugin_breaks_exactly_its_own_rule(rule: str) -> None:
    assert list(broken(FAULTY[rule])) == [rule]


@pytest.mark.parametrize("plugin", [SetsAVariable, SetsAVariableInAHealthCheck])
def test_what_was_changed_is_named(plugin: type[Any]) -> None:
    [seen] = broken(plugin).values()
    assert "context variable floe-variable" in seen


@pytest.mark.once
def test_a_pool_of_each_call_is_noticed() -> None:
    assert broken(LeavesAPoolOfEachCall, ["test_what_hooks_start_has_ended_when_it_stops"])


@pytest.mark.once
def test_what_all_calls_share_is_no_fault() -> None:
    assert broken(SharesAPool) == {}


def test_a_variable_that_is_set_once_for_the_thread_is_no_fault() -> None:
    assert broken(SetsAVariableOnce) == {}


def test_the_root_logger_has_its_handlers_again() -> None:
    before = [*logging.getLogger().handlers]
    broken(SetsUpLogging)
    assert logging.getLogger().handlers == before


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system shows no processes as files")
def test_a_process_is_named() -> None:
    [seen] = broken(LeavesAProcess).values()
    assert seen.count("process ") == 2
