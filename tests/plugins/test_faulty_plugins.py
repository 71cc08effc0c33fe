"""What each distribution in ``testplugins/faulty`` comes to, and that it harms no other."""

from __future__ import annotations

import importlib.metadata
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import PluginEnvironment

FAULTY = Path(__file__).parents[2] / "testplugins" / "faulty"
NAMES = sorted(path.name for path in FAULTY.iterdir() if (path / "pyproject.toml").is_file())

# Directory -> the error of `get`, and what its message says.
LOADED = {
    "abstract-plugin": ("PluginLoadError", "does not implement secret_names"),
    "async-hook": ("PluginHookError", "'get_secret' cannot be async"),
    "import-error": ("PluginLoadError", "libengine.so.3"),
    "missing-attribute": ("PluginLoadError", "has no attribute 'Gone'"),
    "missing-module": ("PluginLoadError", "No module named 'floe_faulty_missing_module.gone'"),
    "name-differs": ("PluginLoadError", "'another-name'"),
    "not-a-plugin": ("PluginLoadError", "no SecretsPlugin"),
    "system-exit": ("PluginLoadError", "no licence found"),
    "typo-hook": ("PluginHookError", "'get_secret'"),
    "wrong-category": ("PluginLoadError", "no StoragePlugin"),
    "newer-api": ("PluginIncompatibleError", "99.0"),
    "newer-names": ("PluginIncompatibleError", "2.0"),
    "newer-requires": ("PluginIncompatibleError", "floe-plugins>=99"),
}
# Directory -> state and words of its outcome at start, state and words of its health, state of its outcome at stop.
# None where the plugin does not come that far.
RUN = {
    "cycle-a": ("failed", "secrets:cycle-b", "unhealthy", "", None),
    "cycle-b": ("failed", "secrets:cycle-a", "unhealthy", "", None),
    "needs-missing": ("skipped", "compute:nowhere", "unhealthy", "", None),
    "failing-start": ("failed", "no vault answers on port 8200", "unhealthy", "failed", None),
    "hanging-start": ("timed_out", "", "unhealthy", "failed", None),
    "degraded": ("succeeded", "", "degraded", "one of two replicas answers", "succeeded"),
    "failing-check": ("succeeded", "", "unhealthy", "the vault has hung up", "succeeded"),
    "hanging-check": ("succeeded", "", "unhealthy", "no answer", None),
    "wrong-check": ("succeeded", "", "unhealthy", "str", "succeeded"),
    "failing-stop": ("succeeded", "", "healthy", "", "failed"),
    "hanging-stop": ("succeeded", "", "healthy", "", "timed_out"),
    "unhashable": ("succeeded", "", "healthy", "", "succeeded"),
    "configured": ("succeeded", "", "healthy", "", "succeeded"),
}
# Directory -> what `check` says of it: first of what keeps the plugin from working, then of what does not.
CHECKED = {
    "needs-itself": "it needs itself",
    "no-self": "'get_secret' cannot be called as a hook: it has no 'self'",
    "reserved-field": "config_schema has a field 'distribution', which is a reserved key",
    "schema-table": "config_schema is of type dict, not a pydantic model class",
    "unknown-stage": "'timeouts' has the key 'start'",
    "fewer-arguments": "its hook 'get_secret' leaves out 'key'",
    "like-names": "differs from that of secrets:like-names",
    "near-hook": "its method 'heath_check' is no hook and is never called; 'health_check' is one",
    "no-version": "its version 'one' is not a valid version (PEP 440)",
    "platform-api": "its floe_api_version is FLOE_API_VERSION",
}
WORKING = ["secrets-env", "storage-local"]

ASK = """
    import json
    from floe_plugins import PluginError, PluginRegistry

    def asked(candidate):
        try:
            return type(registry.get(candidate.type, candidate.name)).__name__, None
        except PluginError as error:
            return type(error).__name__, str(error)

    registry = PluginRegistry()
    answers = {str(candidate.ref): asked(candidate) for candidate in registry.candidates()}
    problems = [problem.to_dict() for problem in registry.problems]
    print(json.dumps([answers, problems]))
"""

LIVE = """
    import json, os, sys
    from floe_plugins import PluginRegistry

    config = {"plugins": {"secrets": {"configured": {"token": "hunter2"}}}, "registry": {"autoload": "all"}}
    registry = PluginRegistry(config, timeouts={"startup": 1, "shutdown": 1, "health": 1})
    reports = [registry.startup(), registry.health(), registry.shutdown()]
    json.dump([report.to_dict() for report in reports], sys.stdout)
    sys.stdout.flush()
    os._exit(0)
"""


def test_each_has_its_place_in_the_tables() -> None:
    assert {*NAMES} == {*LOADED, *RUN, *CHECKED, "malformed-entry-points", "same-ref-a", "same-ref-b"}


@pytest.mark.parametrize("name", sorted({*NAMES} - {"malformed-entry-points", "like-names"}))
def test_each_is_installed_with_one_entry_point(name: str, environment: Callable[..., PluginEnvironment]) -> None:
    plugins = environment(name)

    [distribution] = importlib.metadata.distributions(path=[str(plugins.path)])

    assert distribution.metadata["Name"] == f"floe-faulty-{name}"
    assert len(distribution.entry_points) == 1


def test_each_that_cannot_be_loaded_says_why_and_whose_it_is(environment: Callable[..., PluginEnvironment]) -> None:
    answers, problems = environment(*LOADED, *WORKING).json(ASK)

    for name, (error, words) in LOADED.items():
        ref = f"storage:{name}" if name == "wrong-category" else f"secrets:{name}"
        [problem] = [problem for problem in problems if problem["ref"] == ref]
        assert answers[ref][0] == error, name
        assert words in answers[ref][1], name
        assert words in problem["message"] + problem["hint"], name
        assert f"floe-faulty-{name} 0.1.0" in problem["distribution"], name
        assert problem["stage"] == "load", name
        assert problem["hint"], name
    assert answers["secrets:env"] == ["EnvSecrets", None]
    assert answers["storage:local"] == ["LocalStorage", None]
    assert len(problems) == len(LOADED)


def test_of_two_with_the_same_ref_neither_wins(environment: Callable[..., PluginEnvironment]) -> None:
    answers, [problem] = environment("same-ref-a", "same-ref-b", *WORKING).json(ASK)

    error, message = answers["secrets:same-ref"]
    assert error == "DuplicatePluginError"
    for text in (message, problem["message"]):
        assert "floe-faulty-same-ref-a 1.0.0" in text
        assert "floe-faulty-same-ref-b 2.0.0" in text
    assert answers["secrets:env"] == ["EnvSecrets", None]


def test_a_malformed_file_is_named_and_the_others_load_and_start(environment: Callable[..., PluginEnvironment]) -> None:
    plugins = environment("malformed-entry-points", *WORKING)

    answers, problems = plugins.json(ASK)
    started, _, _ = plugins.json(LIVE.replace('"secrets": {"configured": {"token": "hunter2"}}', ""))

    assert answers["secrets:env"] == ["EnvSecrets", None]
    assert answers["storage:local"] == ["LocalStorage", None]
    assert any("floe-faulty-malformed-entry-points" in problem["distribution"] for problem in problems)
    assert {"secrets:env", "storage:local"} <= {
        outcome["ref"] for outcome in started["outcomes"] if outcome["state"] == "succeeded"
    }


def test_each_that_fails_later_is_reported_and_the_others_run(environment: Callable[..., PluginEnvironment]) -> None:
    started, health, stopped = environment(*RUN, *WORKING).json(LIVE)

    starts, stops = by_ref(started), by_ref(stopped)
    for name, (start, start_words, state, words, stop) in RUN.items():
        ref = f"secrets:{name}"
        assert starts[ref]["state"] == start, (name, starts[ref])
        assert start_words in str(starts[ref]["message"]) + str(starts[ref]["cause"]), (name, starts[ref])
        assert health["statuses"][ref]["state"] == state, (name, health["statuses"][ref])
        assert words in health["statuses"][ref]["message"], (name, health["statuses"][ref])
        assert stop is None or stops[ref]["state"] == stop, (name, stops[ref])
    for ref in ("secrets:env", "storage:local"):
        assert starts[ref]["state"] == stops[ref]["state"] == "succeeded"
        assert health["statuses"][ref]["state"] == "healthy"
    assert "hunter2" not in str([started, health, stopped])


def test_each_mistake_of_an_author_is_found_by_check(environment: Callable[..., PluginEnvironment]) -> None:
    done = environment(*CHECKED, *WORKING).run(["-m", "floe_plugins", "check", "--all", "--json"], check=False)

    problems = {problem["ref"]: problem for problem in json.loads(done.stdout)["problems"]}
    for name, words in CHECKED.items():
        problem = problems.pop(f"secrets:{name.replace('like-names', 'like_names')}")
        assert words in problem["message"], name
        assert f"floe-faulty-{name} 0.1.0" in problem["distribution"], name
        assert problem["hint"] or "author" in problem["message"], name
    assert problems == {}


def by_ref(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The outcomes of a report, by ref."""
    return {outcome["ref"]: outcome for outcome in report["outcomes"]}
