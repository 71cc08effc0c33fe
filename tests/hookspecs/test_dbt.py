"""dbt: one dbt is asked, for the whole project unless the caller selects; a failing node is a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from floe_plugins import DBTPlugin
from floe_plugins.hookspecs.dbt import DbtNodeResult, DbtReport


@pytest.mark.parametrize("hook", ["parse", "build", "test", "artifacts"])
def test_one_dbt_answers_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(DBTPlugin, hook) == ("second", ["second"])


def test_everything_is_built_and_tested_and_nothing_rebuilt_unless_the_caller_says_so(calling: Any) -> None:
    hook = calling(
        DBTPlugin,
        echo={
            "build": lambda _self, select, exclude, full_refresh: (select, exclude, full_refresh),
            "test": lambda _self, select: select,
        },
    )
    assert hook.build(project=Path("shop")) == ((), (), False)
    assert hook.build(project=Path("shop"), exclude=["orders"], full_refresh=True) == ((), ["orders"], True)
    assert hook.test(project=Path("shop")) == ()


def test_a_node_that_failed_is_in_the_report_and_not_in_the_way_of_it(calling: Any) -> None:
    failed = DbtNodeResult("test.shop.unique", "fail", 0.1, "got 2 results", rows=2)
    hook = calling(DBTPlugin, dbt={"test": lambda _self: DbtReport(ok=False, results=(failed,), seconds=0.2)})
    report = hook.test(project=Path("shop"))
    assert not report.ok
    assert [(each.unique_id, each.rows) for each in report.results] == [("test.shop.unique", 2)]
