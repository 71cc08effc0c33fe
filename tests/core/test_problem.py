"""Problems: text for operators, data for machines, and equality without the cause."""

from __future__ import annotations

import pytest

from floe_plugins import PluginLoadError, PluginRef, Problem, Stage

REF = PluginRef.parse("compute:duckdb")
FULL = Problem(
    stage=Stage.LOAD,
    message="it failed",
    ref=REF,
    distribution="acme 1.0 in /site",
    hint="Reinstall it",
    cause=ValueError("why"),
)


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, "load: it failed"),
        ({"hint": "Reinstall it"}, "load: it failed. Reinstall it"),
        ({"ref": REF}, "load: compute:duckdb: it failed"),
        ({"distribution": "acme 1.0 in /site"}, "load: from acme 1.0 in /site: it failed"),
        ({"ref": REF, "distribution": "acme 1.0"}, "load: compute:duckdb (from acme 1.0): it failed"),
    ],
)
def test_the_text_has_the_stage_and_all_facts_that_are_known(facts: dict[str, object], text: str) -> None:
    assert str(Problem(stage=Stage.LOAD, message="it failed", **facts)) == text  # type: ignore[arg-type]


def test_as_a_dict_it_has_every_fact_as_plain_data() -> None:
    assert FULL.to_dict() == {
        "stage": "load",
        "message": "it failed",
        "ref": "compute:duckdb",
        "distribution": "acme 1.0 in /site",
        "hint": "Reinstall it",
        "cause": "ValueError: why",
        "docs_url": FULL.docs_url,
    }


def test_the_catalogue_is_asked_for_the_class_of_the_cause_or_else_for_the_stage() -> None:
    class OwnError(PluginLoadError):
        """A plugin's own."""

    assert FULL.docs_url.endswith("/docs/reference/errors.md#load")
    problem = Problem(stage=Stage.DISCOVER, message="it failed", cause=OwnError("why"))
    assert problem.docs_url.endswith("/docs/reference/errors.md#pluginloaderror")


def test_problems_that_differ_only_in_their_cause_are_equal() -> None:
    other = Problem(
        stage=Stage.LOAD, message="it failed", ref=REF, distribution="acme 1.0 in /site", hint="Reinstall it"
    )
    assert other == FULL
    assert len({other, FULL}) == 1
    assert Problem(stage=Stage.LOAD, message="it failed") != FULL
