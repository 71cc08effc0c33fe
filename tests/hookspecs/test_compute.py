"""Compute: one engine is asked, and its error is the caller's."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins import ComputePlugin, UnsupportedOperationError


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
