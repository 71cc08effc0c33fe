"""Ingestion: one loader is asked, and rows are appended unless the caller says otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from floe_plugins import IngestionPlugin, UnsupportedOperationError
from floe_plugins.hookspecs.ingestion import ConnectorSource, IngestReport, Issue, Severity


@pytest.mark.parametrize("hook", ["validate", "run", "discard_pending"])
def test_one_loader_answers_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(IngestionPlugin, hook) == ("second", ["second"])


def test_rows_are_appended_unless_the_caller_says_otherwise(calling: Any) -> None:
    hook = calling(IngestionPlugin, echo={"run": lambda _self, table, mode: (table, mode)})
    assert hook.run(source=[], table="orders") == ("orders", "append")
    assert hook.run(source=[], table="orders", mode="merge") == ("orders", "merge")


def test_a_source_reaches_the_loader_as_it_is_and_unread(calling: Any) -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield {"id": 1}
        yield {"id": 2}

    def run(_self: object, source: Any, table: str) -> IngestReport:
        return IngestReport("1", {table: len(list(source))})

    hook = calling(IngestionPlugin, counting={"run": run, "validate": lambda _self: ()})
    source = rows()
    assert hook.validate(source=source) == ()
    assert hook.run(source=source, table="orders").rows == {"orders": 2}


def test_no_issue_is_an_answer(calling: Any) -> None:
    wrong = (Issue(Severity.ERROR, "no such file"),)
    hook = calling(IngestionPlugin, strict={"validate": lambda _self: wrong}, lax={"validate": lambda _self: ()})
    assert hook.validate(source="rows.csv") == ()


def test_the_severity_of_an_issue_is_a_plain_word_for_callers_and_in_json() -> None:
    issue = Issue(Severity("warning"), "a column has two types", "price")
    assert issue.severity == "warning"
    assert json.dumps(issue.severity) == '"warning"'


@pytest.mark.parametrize("hook", ["connectors", "discover", "resume_pending"])
def test_one_loader_answers_a_hook_that_was_added_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(IngestionPlugin, hook) == ("second", ["second"])


def test_an_older_loader_has_no_connectors_and_says_what_it_cannot_and_what_to_do(calling: Any) -> None:
    hook = calling(IngestionPlugin, old={})
    assert hook.connectors() == ()
    with pytest.raises(UnsupportedOperationError, match="ingestion:old does not tell what a ConnectorSource"):
        hook.discover(source=ConnectorSource("files"))
    with pytest.raises(UnsupportedOperationError) as caught:
        hook.resume_pending()
    assert "discard_pending" in caught.value.hint


def test_what_a_connector_is_given_does_not_show() -> None:
    assert "hunter2" not in repr(ConnectorSource("api", {"token": "hunter2"}, "orders"))
