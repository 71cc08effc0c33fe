"""Lineage backend: every one has every event, but a dataset has one name everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins import LineageBackendPlugin


@pytest.mark.parametrize("hook", ["emit", "flush"])
def test_every_backend_is_asked_for_what_concerns_events(answers: Any, hook: str) -> None:
    found, asked = answers(LineageBackendPlugin, hook)
    assert sorted(found) == sorted(asked) == ["first", "second"]


def test_one_backend_names_a_dataset_and_no_other_is_asked(answers: Any) -> None:
    assert answers(LineageBackendPlugin, "namespace") == ("second", ["second"])


def test_every_backend_has_the_whole_event(calling: Any) -> None:
    had: dict[str, Any] = {}

    def taking(name: str) -> Any:
        return {"emit": lambda _self, event: had.update({name: event})}

    event = {"eventType": "START", "run": {"runId": "1"}}
    calling(LineageBackendPlugin, file=taking("file"), server=taking("server")).emit(event=event)
    assert had == {"file": event, "server": event}


def test_an_event_that_does_not_fit_is_an_error_of_the_caller(calling: Any) -> None:
    def refuse(_self: object, event: Any) -> None:
        raise ValueError(f"run is missing in {event}")

    with pytest.raises(ValueError, match="run is missing"):
        calling(LineageBackendPlugin, strict={"emit": refuse}).emit(event={})


def test_dbts_nodes_go_to_every_backend_and_those_that_make_nothing_of_them_say_so(calling: Any) -> None:
    hook = calling(LineageBackendPlugin, old={}, new={"emit_dbt": lambda _self, artifacts: len(artifacts)})
    assert sorted(hook.emit_dbt(artifacts={"manifest": "a"})) == [0, 1]
