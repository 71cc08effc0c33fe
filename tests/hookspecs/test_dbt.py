"""dbt: one dbt is asked, for the whole project unless the caller selects; a failing node is a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from floe_plugins import DBTPlugin, UnsupportedOperationError
from floe_plugins.hookspecs.dbt import DbtCommand, DbtNodeResult, DbtReport


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


def test_one_runner_answers_a_hook_that_was_added_and_no_other_is_asked(answers: Any) -> None:
    assert answers(DBTPlugin, "submit") == ("second", ["second"])


def test_an_older_runner_builds_and_tests_on_a_thread(calling: Any) -> None:
    hook = calling(
        DBTPlugin,
        old={
            "build": lambda _self, project, select, exclude, full_refresh: (project, select, exclude, full_refresh),
            "test": lambda _self, project, select: (project, select),
        },
    )
    built = hook.submit(project=Path("p"), command=DbtCommand("build", ["a"], ["b"], full_refresh=True))
    assert built.result() == (Path("p"), ("a",), ("b",), True)
    assert hook.submit(project=Path("p"), command=DbtCommand("test", ["a"])).result() == (Path("p"), ("a",))


@pytest.mark.parametrize(
    ("command", "on_event"),
    [
        (DbtCommand("retry"), None),
        (DbtCommand(threads=2), None),
        (DbtCommand(environment={"A": "b"}), None),
        (DbtCommand(), print),
    ],
    ids=["retry", "threads", "environment", "events"],
)
def test_nothing_of_a_command_is_left_out_in_silence(calling: Any, command: DbtCommand, on_event: Any) -> None:
    hook = calling(DBTPlugin, old={})
    with pytest.raises(UnsupportedOperationError, match="dbt:old cannot run"):
        hook.submit(project=Path("p"), command=command, on_event=on_event)


def test_a_verb_that_the_plugin_has_not_is_all_that_it_refuses(calling: Any) -> None:
    with pytest.raises(UnsupportedOperationError) as caught:
        calling(DBTPlugin, old={}).submit(project=Path("p"), command=DbtCommand("seed"))
    assert caught.value.message == "dbt:old cannot run 'seed'"


def test_a_verb_takes_what_is_its_own(calling: Any) -> None:
    with pytest.raises(ValueError, match="takes a selection"):
        calling(DBTPlugin, old={}).submit(project=Path("p"), command=DbtCommand("test", exclude=["a"]))
