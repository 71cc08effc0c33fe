import ast
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from support import write_distribution, write_project

from floe_plugins import (
    FLOE_API_VERSION,
    PluginIncompatibleError,
    PluginRef,
    PluginRegistry,
    SecretsPlugin,
    __version__,
)
from floe_plugins.inspection.compatibility import api_incompatibility, api_mismatch, requirement_incompatibility

TABLE = Path(__file__).parents[2] / "docs" / "compatibility.md"
ROW = re.compile(r"^\| (?P<plugin>.+?) \| (?P<platform>\".*?\") \| (?P<answer>runs|refused) \|")
ROWS = [match for line in TABLE.read_text("utf-8").splitlines() if (match := ROW.match(line))]
REF = PluginRef.parse("compute:quack")


def test_the_documented_table_has_the_combinations():
    assert len(ROWS) > 40
    assert {row["answer"] for row in ROWS} == {"runs", "refused"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['plugin']} on {row['platform']}")
def test_every_combination_in_the_documented_table_is_answered_as_documented(row):
    reason = api_mismatch(ast.literal_eval(row["plugin"]), ast.literal_eval(row["platform"]))
    assert (reason is None) == (row["answer"] == "runs"), reason


@pytest.mark.parametrize("nonsense", ["banana", "", None, 1.0, "9" * 5000, object(), ["1.0"]])
def test_nonsense_is_incompatible_with_a_short_message_that_says_what_is_expected(nonsense):
    reason = api_mismatch(nonsense, "1.0")
    assert reason is not None
    assert "expected MAJOR.MINOR in a string, such as '1.0'" in reason
    assert len(reason) < 200


def test_a_plugin_for_a_newer_api_is_told_what_it_needs_what_there_is_and_what_to_upgrade():
    error = api_incompatibility(REF, "acme-quack 2.1 in /site", "1.7", "1.2")
    assert isinstance(error, PluginIncompatibleError)
    assert (error.ref, error.requires, error.provides) == (REF, "1.7", "1.2")
    assert str(error) == (
        "compute:quack (from acme-quack 2.1 in /site): the plugin requires floe API 1.7, this platform provides 1.2. "
        "Upgrade floe-plugins to a version that provides API 1.7, "
        "or install an older version of acme-quack made for API 1.2"
    )


@pytest.mark.parametrize(("requires", "platform"), [("0.9", "1.0"), ("1.5", "2.0"), ("0.2", "0.3")])
def test_a_plugin_for_an_older_api_is_told_to_upgrade_the_distribution(requires, platform):
    error = api_incompatibility(REF, "acme-quack 2.1 in /site", requires, platform)
    assert error is not None
    assert error.hint.startswith(f"Upgrade acme-quack to a version made for API {platform}")


def test_a_plugin_without_a_known_distribution_is_refused_too():
    error = api_incompatibility(None, None, None)
    assert error is not None
    assert "Set floe_api_version in the plugin" in error.hint
    assert error.requires == "None"


def test_the_platform_takes_plugins_of_its_own_version():
    assert api_incompatibility(REF, None, FLOE_API_VERSION) is None


@pytest.mark.parametrize(
    "requires",
    [
        [],
        ["pydantic>=99"],
        ["floe-plugins"],
        ["floe-plugins>=0.1,<2"],
        ["Floe_Plugins (>=0.1)"],
        ["floe.plugins==0.1.*"],
        ["floe-plugins-extra>=9"],
        ["floe-pluginsx>=9"],
        ["floe-plugins>=9; extra == 'new'"],
        ["floe-plugins>=9 ; python_version < '3'"],
        ["floe-plugins>=9 ; extra == 'new' and python_version > '3'"],
        ["floe-plugins @ https://example.org/floe_plugins.whl"],
        ["floe-plugins[cli,yaml]>=0.1"],
        ["not a requirement at all >>"],
    ],
)
def test_a_distribution_whose_requirement_is_met_or_does_not_concern_us_is_let_through(requires):
    assert requirement_incompatibility(REF, "acme 1.0", requires, "0.1.5") is None


@pytest.mark.parametrize(
    "line",
    [
        "floe-plugins>=0.2",
        "floe-plugins<0.1",
        "FLOE_PLUGINS[cli]==3",
        "floe-plugins (>=1) ; python_version >= '3'",
        "floe-plugins >== 1",
    ],
)
def test_a_distribution_whose_requirement_is_not_met_is_refused(line):
    error = requirement_incompatibility(REF, "acme 1.0 in /site", ["pydantic>=2", line], "0.1.5")
    assert error is not None
    assert (error.requires, error.provides) == (line, "0.1.5")
    assert "acme made for floe-plugins 0.1.5" in error.hint


def test_every_one_of_several_requirements_counts():
    assert requirement_incompatibility(REF, None, ["floe-plugins>=0.1", "floe-plugins<0.1.5"], "0.1.5") is not None


@pytest.mark.parametrize(
    ("line", "answer"), [("floe-plugins>=0.1", True), ("floe-plugins>=0.2a1", True), ("floe-plugins>=0.2", False)]
)
def test_an_installed_prerelease_counts_where_it_satisfies(line, answer):
    assert (requirement_incompatibility(REF, None, [line], "0.2rc1") is None) is answer


@pytest.mark.parametrize("name", ["newer-api", "newer-requires"])
def test_what_can_be_refused_without_importing_is_never_imported(environment: Any, name: str) -> None:
    error, imported = environment(name).json("""
        import json, sys
        from floe_plugins import PluginIncompatibleError, PluginRegistry
        registry = PluginRegistry()
        [candidate] = registry.candidates()
        try:
            registry.get(candidate.type, candidate.name)
        except PluginIncompatibleError as error:
            said = [error.requires, error.provides, error.distribution.split()[0], error.hint]
        print(json.dumps([said, [name for name in sys.modules if name.startswith("floe_faulty")]]))
    """)
    assert all(error)
    assert imported == []


def test_the_distribution_s_requirement_is_looked_at_first(environment: Any, tmp_path: Any) -> None:
    code = """
        from floe_plugins import SecretsPlugin
        class Plugin(SecretsPlugin):
            name = "both"; version = "1"; floe_api_version = "99.0"
    """
    project = write_project(tmp_path / "acme", "floe.secrets", dependencies=["floe-plugins>=98"], both=code)
    said = environment(project).json("""
        import json
        from floe_plugins import PluginRegistry
        print(json.dumps([problem.message for info in PluginRegistry().infos() for problem in info.problems]))
    """)
    assert said == [f"the distribution requires 'floe-plugins>=98', floe-plugins {__version__} is installed"]


@pytest.mark.parametrize("kind", ["link to itself", "socket"])
def test_metadata_that_cannot_be_read_is_the_plugins_problem_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    for name in ("bad", "good"):
        write_distribution(Path(), name, f"[floe.secrets]\n{name} = nowhere_{name}:Plugin\n")
    metadata = Path("bad-1.0.dist-info", "METADATA")
    metadata.unlink()
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(metadata))
    else:
        metadata.symlink_to("METADATA")
    registry = PluginRegistry(path=[str(tmp_path)], autoload="all", environ={})
    bad, good = registry.infos()
    assert "its METADATA cannot be read" in bad.problems[0].message
    assert good.problems == ()
    assert [outcome.ref.name for outcome in registry.startup().outcomes] == ["bad", "good"]
    assert any("METADATA cannot be read" in problem.message for problem in registry.problems)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["floe-plugins>=" + "1" * 5_000], "which is not a valid requirement"),
        (["floe-plugins; " + "(" * 2_000 + "python_version > '3'" + ")" * 2_000], "which is not a valid requirement"),
        (["floe-plugins; " + " and ".join(["python_version > '3'"] * 10_000)], "which is too long"),
        (["floe-plugins"] * 30_000, "beside very many others"),
    ],
)
def test_requirements_that_take_long_or_cannot_be_read_are_refused(lines: list[str], reason: str) -> None:
    error = requirement_incompatibility(REF, None, lines)
    assert error is not None
    assert error.message.endswith(reason)
    assert len(error.message) < 300


def test_a_requirement_behind_a_mebibyte_of_headers_is_not_overlooked(tmp_path: Path) -> None:
    write_distribution(tmp_path, "acme", "[floe.secrets]\nacme = nowhere_long:Plugin\n", nowhere_long="1 / 0")
    with (tmp_path / "acme-1.0.dist-info" / "METADATA").open("a", encoding="utf-8") as metadata:
        metadata.write("Classifier: x\n" * 80_000 + "Requires-Dist: floe-plugins>=99\n")
    registry = PluginRegistry(path=[str(tmp_path)], autoload="all", environ={})
    with pytest.raises(PluginIncompatibleError, match=r"METADATA cannot be read.*longer than 1048576 bytes"):
        registry.get(SecretsPlugin, "acme")


@pytest.mark.parametrize(
    ("encoding", "message"), [("utf-16", "METADATA cannot be read.*not UTF-8"), ("utf-8-sig", "requires 'floe-plugins")]
)
def test_a_requirement_is_not_overlooked_for_the_encoding_of_its_file(
    tmp_path: Path, encoding: str, message: str
) -> None:
    write_distribution(tmp_path, "acme", "[floe.secrets]\nacme = nowhere_encoded:Plugin\n", nowhere_encoded="1 / 0")
    metadata = tmp_path / "acme-1.0.dist-info" / "METADATA"
    metadata.write_text("Requires-Dist: floe-plugins>=99\nName: acme\nVersion: 1.0\n", encoding=encoding)
    registry = PluginRegistry(path=[str(tmp_path)], autoload="all", environ={})
    with pytest.raises(PluginIncompatibleError, match=message):
        registry.get(SecretsPlugin, "acme")


def test_the_limits_of_requirements_are_those_of_the_page() -> None:
    assert requirement_incompatibility(REF, None, ["floe-plugins" + " " * (10_000 - len("floe-plugins"))]) is None
    error = requirement_incompatibility(REF, None, ["floe-plugins" + " " * (10_001 - len("floe-plugins"))])
    assert error is not None
    assert error.message.endswith("which is too long")
    assert requirement_incompatibility(REF, None, ["floe-plugins"] * 100) is None
    error = requirement_incompatibility(REF, None, ["floe-plugins"] * 101)
    assert error is not None
    assert error.message.endswith("beside very many others")
