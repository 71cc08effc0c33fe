"""The vocabulary."""

import pickle
import subprocess
import sys

import pytest

from floe_plugins import ComputePlugin, PluginRef, PluginType

SLUGS = [
    "compute",
    "orchestrator",
    "catalog",
    "storage",
    "telemetry_backend",
    "lineage_backend",
    "dbt",
    "semantic_layer",
    "ingestion",
    "secrets",
    "identity",
]
GROUPS = [
    "floe.computes",
    "floe.orchestrators",
    "floe.catalogs",
    "floe.storage",
    "floe.telemetry_backends",
    "floe.lineage_backends",
    "floe.dbt",
    "floe.semantic_layers",
    "floe.ingestion",
    "floe.secrets",
    "floe.identity",
]


def test_the_categories_are_the_eleven_of_the_specification() -> None:
    assert [member.group for member in PluginType] == GROUPS
    assert [member.slug for member in PluginType] == SLUGS


@pytest.mark.parametrize("member", PluginType)
def test_a_category_reads_as_its_group_on_every_python(member: PluginType) -> None:
    assert f"{member}" == str(member) == member.value == member.group
    assert PluginType(member.group) is member


@pytest.mark.parametrize("member", PluginType)
def test_a_category_class_is_found_by_its_type_and_the_type_by_the_class(member: PluginType) -> None:
    assert member.spec.__name__ == member.spec_name[1]
    assert PluginType.of(member.spec) is member


@pytest.mark.parametrize("member", PluginType)
def test_a_category_parses_from_slug_and_group(member: PluginType) -> None:
    assert PluginType.parse(member.slug) is PluginType.parse(member.group) is member


def test_an_unknown_category_is_refused_with_the_list_of_them() -> None:
    with pytest.raises(ValueError, match=r"no category 'computes'.*compute, orchestrator"):
        PluginType.parse("computes")


def test_a_class_of_no_category_is_refused() -> None:
    with pytest.raises(TypeError, match="expected one of ComputePlugin"):
        PluginType.of(int)


def test_a_ref_is_written_as_it_is_read() -> None:
    ref = PluginRef.parse("compute:duckdb")
    assert ref == PluginRef(PluginType.COMPUTE, "duckdb") == PluginRef.parse("floe.computes:duckdb")
    assert str(ref) == f"{ref}" == "compute:duckdb"
    assert PluginType.of(ComputePlugin) is ref.type


def test_refs_of_the_same_name_differ_by_category() -> None:
    assert PluginRef.parse("storage:s3") != PluginRef.parse("catalog:s3")


@pytest.mark.parametrize(
    "text", ["duckdb", "compute:", ":duckdb", "compute:DuckDB", "compute:a__b", "compute:-a", "compute:a-", "x:y", ""]
)
def test_nonsense_is_no_ref(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        PluginRef.parse(text)


@pytest.mark.parametrize("name", ["a", "a1", "9", "duck-db", "duck_db", "x" * 200])
def test_ordinary_names_are_refs(name: str) -> None:
    assert PluginRef.parse(f"compute:{name}").name == name


def test_refs_survive_pickling() -> None:
    ref = PluginRef.parse("dbt:core")
    copy = pickle.loads(pickle.dumps(ref))  # noqa: S301 made one line above
    assert copy == ref
    assert copy.type is PluginType.DBT


def test_the_vocabulary_needs_the_standard_library_alone() -> None:
    code = "import sys; sys.modules['attrs'] = sys.modules['pluggy'] = sys.modules['pydantic'] = None; "
    subprocess.run([sys.executable, "-c", code + "import floe_plugins.core.refs"], check=True)
