"""What a declared dependency says, and what meets it."""

from __future__ import annotations

import pytest

from floe_plugins import PluginRef, PluginType
from floe_plugins.dependencies.requirement import Requirement

COMPUTE, STORAGE = PluginType.COMPUTE, PluginType.STORAGE


@pytest.mark.parametrize(
    ("text", "category", "name", "specifier"),
    [
        ("compute:duckdb", COMPUTE, "duckdb", ""),
        ("compute:duckdb>=1.2", COMPUTE, "duckdb", ">=1.2"),
        ("compute:duckdb >=1.2, <2 ", COMPUTE, "duckdb", ">=1.2, <2"),
        ("floe.computes:duckdb~=1.0", COMPUTE, "duckdb", "~=1.0"),
        ("compute", COMPUTE, None, ""),
        ("floe.computes", COMPUTE, None, ""),
        ("duckdb", None, "duckdb", ""),
        ("duckdb==1.0", None, "duckdb", "==1.0"),
        (" my-engine_2 != 1 ", None, "my-engine_2", "!= 1"),
        ("dbt", PluginType.DBT, None, ""),
    ],
)
def test_every_form_is_read(text: str, category: PluginType | None, name: str | None, specifier: str) -> None:
    assert Requirement.parse(text) == Requirement(category, name, specifier)


@pytest.mark.parametrize("text", ["compute:duckdb>=1.2", "compute", "duckdb<2"])
def test_a_requirement_is_written_as_it_was_read(text: str) -> None:
    assert str(Requirement.parse(text)) == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "expected"),
        (">=1", "expected"),
        ("engine:duckdb", "there is no category 'engine'; the categories are compute,"),
        ("compute>=1", "a category has no version"),
        ("compute:", "a plugin's name is made of"),
        ("compute:DuckDB", "a plugin's name is made of"),
        ("compute:duckdb>=banana", "'>=banana' is not a version specifier"),
        ("compute:duckdb 1.2", "expected"),
        ("compute:a__b", "a plugin's name is made of"),
        (None, "it is not text"),
        (3.5, "it is not text"),
        ("compute:duckdb" + ",".join([">=1"] * 5_000), "it has more than 10000 characters"),
    ],
)
def test_nonsense_is_refused_with_what_is_wrong(text: str, why: str) -> None:
    with pytest.raises(ValueError, match="is not a dependency") as caught:
        Requirement.parse(text)
    assert why in str(caught.value)


@pytest.mark.parametrize(("length", "shown"), [(200, f"'{'-' * 200}' is"), (201, f"'{'-' * 200}...' is")])
def test_of_a_long_text_the_beginning_is_shown(length: int, shown: str) -> None:
    with pytest.raises(ValueError, match="is not a dependency") as caught:
        Requirement.parse("-" * length)
    assert str(caught.value).startswith(shown)


@pytest.mark.parametrize(
    ("text", "version", "meets"),
    [
        ("compute:duckdb", "0.1", True),
        ("compute:duckdb>=1.2", "1.2.0", True),
        ("compute:duckdb>=1.2", "1.1.9", False),
        ("compute:duckdb>=1.2", "1.3rc1", True),
        ("compute:duckdb>=1.2", "1.2rc1", False),
        ("compute:duckdb>=1.2", "banana", False),
        ("compute:duckdb>=1.2", None, True),
        ("compute", "0.1", True),
        ("duckdb<1", "0.9", True),
        ("compute:spark", "1.0", False),
        ("storage", "1.0", False),
    ],
)
def test_the_specifier_decides_and_an_unknown_version_is_let_through(
    text: str,
    version: str | None,
    meets: bool,  # noqa: FBT001
) -> None:
    assert Requirement.parse(text).matches(PluginRef(COMPUTE, "duckdb"), version) is meets


def test_a_bare_name_may_mean_plugins_of_several_categories() -> None:
    known = [PluginRef(STORAGE, "s3"), PluginRef(COMPUTE, "s3"), PluginRef(COMPUTE, "duckdb")]
    assert Requirement.parse("s3").among(known) == (PluginRef(COMPUTE, "s3"), PluginRef(STORAGE, "s3"))
    assert Requirement.parse("compute").among(known) == (PluginRef(COMPUTE, "duckdb"), PluginRef(COMPUTE, "s3"))


@pytest.mark.parametrize(("specifier", "version"), [(f">={'9' * 5_000}", "1.0"), (">=1", f"1.{'9' * 5_000}")])
def test_a_version_with_more_digits_than_python_converts_does_not_meet(specifier: str, version: str) -> None:
    ref = PluginRef(COMPUTE, "duckdb")
    assert not Requirement(COMPUTE, "duckdb", specifier).matches(ref, version)
