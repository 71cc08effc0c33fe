"""The conformance suite of a project, in an environment that a stand-in for uv makes."""

from __future__ import annotations

import os
from pathlib import Path

import fake_uv
import pytest

from floe_plugins import PluginType, __version__
from floe_plugins.authoring.conformance_run import ConformanceRun, Trial, run_conformance
from floe_plugins.authoring.project import new_project, write_project
from floe_plugins.authoring.validation import validate

pytestmark = [pytest.mark.once, pytest.mark.skipif(os.name == "nt", reason="the stand-in for uv is a script")]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The calls of uv."""
    monkeypatch.setenv("PATH", fake_uv.on_path(tmp_path / "bin"))
    return fake_uv.write(tmp_path / "bin")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project of a new plugin, with few rules and a test that fails and is no rule."""
    write_project(new_project(PluginType.SECRETS, "acme"), tmp_path / "acme")
    write_tests(tmp_path / "acme", "pass")
    return tmp_path / "acme"


def write_tests(project: Path, broken: str) -> None:
    (project / "tests" / "test_conformance.py").write_text(fake_uv.tests_with(broken), encoding="utf-8")


def run(project: Path, tests: Path | None = None, requirements: tuple[str, ...] = ()) -> ConformanceRun:
    return run_conformance(Trial(project, validate(project), tests, requirements))


def outcomes(done: ConformanceRun) -> dict[str, str]:
    return {each.rule: each.outcome for each in done.rules}


def test_the_rules_of_a_projects_tests_run_and_no_other_test(log: Path, project: Path) -> None:
    write_tests(project, "self.broken('it is\\x1bnot')")
    done = run(project, requirements=("acme-engine",))
    assert outcomes(done) == {"test_kept": "passed", "test_broken": "failed", "test_left_out": "skipped"}
    assert {each.ref for each in done.rules} == {"secrets:acme"}
    assert (done.tool, done.found, done.output) == ("uv", (), "")
    broken = done.rules[1]
    assert (broken.wanted, broken.seen, broken.example) == ("It is broken.", "it is\\x1bnot", "return ()")
    # Beside this very platform, with what the tests need.
    _, platform, all_else = log.read_text(encoding="utf-8").splitlines()
    assert "floe-plugins[testing]" in platform
    assert all_else.partition("bin/python ")[2].split() == [
        f"floe-plugins=={__version__}",
        str(project),
        "floe-plugins[cli,testing]",
        "pytest>=8",
        "acme-engine",
    ]


@pytest.mark.usefixtures("log")
def test_a_run_that_a_plugin_ends_says_so_and_where(project: Path) -> None:
    write_tests(project, "import os; print('bye', flush=True); os._exit(7)")
    done = run(project)
    [found] = done.found
    assert found.message == "the conformance suite did not run to its end: exit status 7 in test_broken"
    assert outcomes(done) == {"test_kept": "passed"}


@pytest.mark.usefixtures("log")
def test_tests_that_cannot_be_collected_are_told(project: Path) -> None:
    (project / "tests" / "test_conformance.py").write_text("import nowhere_to_be_found\n", encoding="utf-8")
    messages = [each.message for each in run(project, project / "tests").found]
    assert any("test_conformance.py" in each and "nowhere_to_be_found" in each for each in messages)


@pytest.mark.usefixtures("log")
def test_what_cannot_be_installed_is_told_with_what_the_installer_printed(project: Path) -> None:
    done = run(project, requirements=("refused",))
    [found] = done.found
    assert found.message == "installing it with uv failed: exit status 1"
    assert "give as --with PATH" in (found.hint or "")
    assert "no such package" in done.output


@pytest.mark.usefixtures("log")
def test_a_plugin_without_a_conformance_class_is_run_as_it_is(project: Path) -> None:
    for test in (project / "tests").glob("*.py"):
        test.unlink()
    validation = validate(project)
    (project / "src" / "floe_secrets_acme" / "plugin.py").write_text("import nowhere_to_be_found\n", encoding="utf-8")
    done = run_conformance(Trial(project, validation))
    assert "--floe-plugin floe_secrets_acme:AcmeSecrets: No module named 'nowhere_to_be_found'" in done.output
    assert [each.ref for each in done.found] == ["secrets:acme"]


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize("setting", ["[tool]\npytest = 1", "[tool.pytest]\nini_options = []"])
def test_settings_of_pytest_that_are_no_table_are_told_by_pytest(project: Path, setting: str) -> None:
    file = project / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    head = text.partition("[dependency-groups]")[0]
    file.write_text(f"{head}{setting}\n", encoding="utf-8")
    [found] = run(project).found
    assert found.message == "the conformance suite did not run to its end: exit status 1"
