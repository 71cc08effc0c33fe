"""Candidates and their distributions."""

from __future__ import annotations

import pytest

from floe_plugins import Candidate, Distribution, PluginRef, PluginType

ACME = Distribution("acme-floe", "1.0", "/site/acme_floe-1.0.dist-info")
DUCKDB = Candidate(PluginRef.parse("compute:duckdb"), "acme:DuckDB", ACME)


def test_a_distribution_reads_as_name_version_and_location() -> None:
    assert str(ACME) == "acme-floe 1.0 in /site/acme_floe-1.0.dist-info"
    assert str(Distribution("acme", "", "/site/acme.egg-info")) == "acme in /site/acme.egg-info"


def test_a_candidate_has_the_category_and_the_name_of_its_ref() -> None:
    assert (DUCKDB.type, DUCKDB.name) == (PluginType.COMPUTE, "duckdb")


@pytest.mark.parametrize(
    "other",
    [
        Candidate(PluginRef.parse("compute:spark"), "acme:DuckDB", ACME),
        Candidate(DUCKDB.ref, "acme:Other", ACME),
        Candidate(DUCKDB.ref, "acme:DuckDB", Distribution("acme-floe", "1.1", ACME.path)),
    ],
)
def test_candidates_are_equal_only_if_all_their_facts_are(other: Candidate) -> None:
    assert other != DUCKDB
    assert Candidate(DUCKDB.ref, "acme:DuckDB", ACME) == DUCKDB
    assert len({DUCKDB, other, Candidate(DUCKDB.ref, "acme:DuckDB", ACME)}) == 2


def test_a_candidate_as_a_dict_has_its_distribution_as_a_dict() -> None:
    assert DUCKDB.to_dict() == {
        "ref": "compute:duckdb",
        "value": "acme:DuckDB",
        "distribution": {"name": "acme-floe", "version": "1.0", "path": "/site/acme_floe-1.0.dist-info"},
    }
