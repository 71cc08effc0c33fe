"""Compute: one engine is asked, and its error is the caller's."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from floe_plugins import ComputePlugin, UnsupportedOperationError
from floe_plugins.hookspecs.compute import ComputeCapabilities, Files
from floe_plugins.hookspecs.running import RunState


@pytest.mark.parametrize("hook", ["execute", "register_table", "connect", "dbt_profile", "release"])
def test_one_engine_answers_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(ComputePlugin, hook) == ("second", ["second"])


def test_a_statement_needs_no_parameters(calling: Any) -> None:
    hook = calling(ComputePlugin, echo={"execute": lambda _self, sql, parameters: (sql, parameters)})
    assert hook.execute(sql="SELECT 1") == ("SELECT 1", None)
    assert hook.execute(sql="SELECT ?", parameters=[3]) == ("SELECT ?", [3])


def test_what_an_engine_cannot_do_is_an_error_and_no_other_engine_does_it_instead(calling: Any) -> None:
    def refuse(_self: object, target: str) -> Any:
        raise UnsupportedOperationError(f"dbt has no adapter, so there is no {target}")

    hook = calling(ComputePlugin, able={"dbt_profile": lambda _self: {}}, unable={"dbt_profile": refuse})
    with pytest.raises(UnsupportedOperationError, match="no dev"):
        hook.dbt_profile(target="dev")


@pytest.mark.parametrize("hook", ["submit", "attach", "write", "capabilities", "lease"])
def test_one_engine_answers_a_hook_that_was_added_and_no_other_is_asked(answers: Any, hook: str) -> None:
    assert answers(ComputePlugin, hook) == ("second", ["second"])


def test_an_engine_that_can_only_execute_runs_a_query_on_a_thread(calling: Any) -> None:
    hook = calling(ComputePlugin, echo={"execute": lambda _self, sql, parameters: (sql, parameters)})
    query = hook.submit(sql="SELECT ?", parameters=[3], timeout=60)
    assert query.result() == ("SELECT ?", [3])
    assert query.state is RunState.SUCCEEDED


def test_an_error_of_a_statement_is_raised_to_who_asks_for_its_result(calling: Any) -> None:
    def fail(_self: object, sql: str) -> Any:
        raise ValueError(f"no such table in {sql}")

    query = calling(ComputePlugin, failing={"execute": fail}).submit(sql="SELECT 1")
    with pytest.raises(ValueError, match="no such table"):
        query.result()
    assert query.state is RunState.FAILED


@pytest.mark.parametrize(
    ("hook", "arguments"),
    [
        ("attach", {"name": "t", "source": Files("s3://bucket/t.parquet")}),
        ("write", {"sql": "SELECT 1", "target": Files("s3://bucket/t.parquet")}),
        ("lease", {}),
    ],
)
def test_what_an_engine_does_not_offer_is_said_with_what_to_do_instead(
    calling: Any, hook: str, arguments: dict[str, Any]
) -> None:
    with pytest.raises(UnsupportedOperationError, match="compute:plain cannot") as caught:
        getattr(calling(ComputePlugin, plain={}), hook)(**arguments)
    assert caught.value.hint


def test_nothing_is_known_of_an_engine_that_does_not_tell(calling: Any) -> None:
    assert calling(ComputePlugin, plain={}).capabilities() == ComputeCapabilities()


def test_files_are_parquet_unless_said_otherwise() -> None:
    assert (Files("a").format, Files("a").options) == ("parquet", {})
    assert Files("a", "csv", MappingProxyType({"delim": ";"})).options["delim"] == ";"
