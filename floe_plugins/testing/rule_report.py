"""Write what came of each rule to a file, for ``floe-plugins validate --run``: one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from floe_plugins.core.safe_text import escape, safe_str
from floe_plugins.testing.conformance.case import Case, category_of
from floe_plugins.testing.conformance.rule import ContractError, rule_of


class RuleReport:
    """Part of a run of pytest in which the rules of the conformance suite run, and no other test.

    Each line of the file has an ``event``: ``begin`` and ``rule`` for each rule that runs and ran, ``collect`` for a
    file that cannot be collected, and ``end`` at the end, so that a run that was cut short shows, and where.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what is no rule."""
        others = [each for each in items if _case(each) is None]
        config.hook.pytest_deselected(items=others)
        items[:] = [each for each in items if _case(each) is not None]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that cannot be collected."""
        if report.failed:
            self._write({"event": "collect", "file": report.nodeid, "message": _last_line(report.longreprtext)})

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Note which rule runs next."""
        self._write({"event": "begin", "rule": item.name})

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Note what came of a rule: once, when it was called, or could not be."""
        report: pytest.TestReport = yield
        case = _case(item)
        if case is not None and (report.when == "call" or not report.passed):
            self._write({"event": "rule", **_facts(item, case, report, call)})
        return report

    def pytest_sessionfinish(self) -> None:
        """Note that the run came to its end."""
        self._write({"event": "end"})

    def _write(self, facts: dict[str, Any]) -> None:
        # Opened anew each time: a plugin may end the process, or close what is open, at any moment.
        with self._file.open("a", encoding="ascii") as file:
            file.write(json.dumps(facts) + "\n")


def _case(item: pytest.Item) -> type[Case] | None:
    found = getattr(item, "cls", None)
    is_rule = isinstance(found, type) and issubclass(found, Case) and rule_of(getattr(item, "function", None))
    return found if is_rule else None


def _facts(
    item: pytest.Item, case: type[Case], report: pytest.TestReport, call: pytest.CallInfo[None]
) -> dict[str, Any]:
    rule = rule_of(getattr(item, "function", None))
    error = None if call.excinfo is None else call.excinfo.value
    seen = error.seen if isinstance(error, ContractError) else ""
    if not seen and not report.passed:
        seen = str(error.msg) if isinstance(error, pytest.skip.Exception) else _last_line(report.longreprtext)
    return {
        "ref": _ref(case),
        "rule": item.name,
        "outcome": report.outcome,
        "wanted": "" if rule is None else rule.wanted,
        "seen": seen,
        "example": "" if rule is None else rule.example,
    }


def _ref(case: type[Case]) -> str:
    plugin: Any = getattr(case, "plugin", None)
    try:
        return f"{category_of(plugin, case.platform).slug}:{safe_str(getattr(plugin, 'name', ''))}"
    except (TypeError, AttributeError):  # the class has no plugin, or one of another platform
        return safe_str(getattr(plugin, "name", ""))


def _last_line(text: str) -> str:
    lines = [each.removeprefix("E").strip() for each in text.splitlines() if each.startswith("E ")] or [text.strip()]
    return escape(lines[-1])
