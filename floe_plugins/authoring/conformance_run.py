"""Build a project or take a wheel, and run the conformance suite of its plugins in a fresh environment."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from floe_plugins._version import __version__
from floe_plugins.authoring.class_reading import Found
from floe_plugins.authoring.fresh_environment import Done, FreshEnvironment
from floe_plugins.authoring.validation import Validation
from floe_plugins.configuration.formats import toml
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.inspection.compatibility import PACKAGE

_REF = re.compile(r"[a-z_]+:.+")
_MAX_REPORT = 16 << 20
_TEST_GROUP = "test"
INSTALLING = "installing it"
_PYTEST_RAN = (0, 1, 5)  # all passed, some failed, there were none


class RuleResult(NamedTuple):
    """What came of one rule.

    Attributes:
        ref: the plugin, as its class says; empty if that says none.
        rule: the name of the rule.
        outcome: ``passed``, ``failed`` or ``skipped``.
        wanted: the sentence of the contract.
        seen: what the plugin did instead, or why the rule does not apply to it.
        example: code that keeps the rule.
    """

    ref: str
    rule: str
    outcome: str
    wanted: str
    seen: str
    example: str


class ConformanceRun(NamedTuple):
    """What came of running the suite.

    Attributes:
        tool: what made the environment: ``uv`` or ``venv``.
        rules: the rules that ran.
        found: what kept rules from running.
        output: the end of what the command printed that failed.
    """

    tool: str
    rules: tuple[RuleResult, ...]
    found: tuple[Found, ...]
    output: str


class Trial(NamedTuple):
    """What to run.

    Attributes:
        path: the project's directory, or the wheel.
        validation: what reading it came to.
        tests: the file or directory with conformance classes; by default those of the project, or none.
        requirements: what else to install.
        seconds: how long all may take.
    """

    path: Path
    validation: Validation
    tests: Path | None = None
    requirements: Sequence[str] = ()
    seconds: float = 600.0


def run_conformance(trial: Trial, platform: Platform = FLOE) -> ConformanceRun:
    """Install a project or wheel beside the platform into a fresh environment, and run the conformance suite there.

    The conformance classes of the tests run, with the settings that they give. A plugin that has none there is run
    as it is, without settings.

    Blocks until all has run, or ``trial.seconds`` are over; then, and when interrupted, what runs is ended with all
    that it started. Needs the index that uv or pip is configured for. A failure of any of it is among ``found`` of the
    result, and not raised.

    Raises:
        OSError: the environment cannot be made, as on a full disk.
    """
    with tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as directory:
        place = Path(directory).resolve()
        prefixes = ("FLOE_", f"{platform.prefix}_")
        environment = FreshEnvironment(place / "environment", seconds=trial.seconds, prefixes=prefixes)
        for what, done in _prepared(environment, trial):
            if done.status != 0:
                hint = "See what it printed"
                if what == INSTALLING and done.status is not None:
                    hint += "; what is not on the index, such as a plugin that it depends on, give as --with PATH"
                found = Found(f"{what} with {environment.tool} failed: {_ending(done, trial.seconds)}", hint)
                return ConformanceRun(environment.tool, (), (found,), done.tail)
        return _run(environment, trial, place, platform)


def _prepared(environment: FreshEnvironment, trial: Trial) -> Iterator[tuple[str, Done]]:
    tables: Mapping[str, Any] = {} if trial.path.is_file() else _pyproject(trial.path)
    yield "making a fresh environment", environment.create()
    yield f"installing {PACKAGE}", environment.install([_platform_requirement()])
    # Beside the platform that is there: with a requirement of another one, this fails and says so.
    needed = [f"{PACKAGE}=={__version__}", _with_extra(trial.path.resolve(), tables), *_test_group(tables)]
    yield INSTALLING, environment.install([*needed, *trial.requirements])


def _run(environment: FreshEnvironment, trial: Trial, place: Path, platform: Platform) -> ConformanceRun:
    rules: list[RuleResult] = []
    found: list[Found] = []
    output = ""
    names = {str(each.ref): each.value for each in trial.validation.plugins}
    for number, (arguments, directory, ref) in enumerate(_suites(trial, place, names, rules)):
        report = place / f"report-{number}"
        command = [str(environment.python), "-I", "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        # The project's own options may need what is not installed here; how its tests import each other stays.
        # A file that a plugin leaves open must not end the whole run, as it may where warnings are errors.
        command += ["-W", "default::pytest.PytestUnraisableExceptionWarning"]
        command += ["-o", "addopts=--import-mode=importlib", "--floe-report", str(report), *arguments]
        if "--floe-plugin" in arguments and platform is not FLOE:
            command += ["--floe-platform", json.dumps(platform.to_dict())]
        done = environment.run(command, directory)
        events = [*_read(report)]
        ran = [_result(each, ref) for each in events if each.get("event") == "rule"]
        rules += ran
        problems = [*_problems(events, done, trial.seconds, ref)]
        if problems:
            found, output = problems, done.tail
            break
    rules_of = {each.ref for each in rules}
    if not found:
        missing = "no rule of the conformance suite ran for it"
        found = [Found(missing, "See what pytest prints", ref) for ref in names if ref not in rules_of]
    return ConformanceRun(environment.tool, tuple(rules), tuple(found), output)


def _suites(
    trial: Trial, place: Path, names: Mapping[str, str], rules: Sequence[RuleResult]
) -> Iterator[tuple[list[str], Path, str | None]]:
    """Yield arguments of pytest, a directory and a plugin for each run; the later ones once the first have run."""
    is_project = trial.path.is_dir()
    if trial.tests is not None:
        yield [str(trial.tests.resolve())], trial.path if is_project else trial.tests.resolve().parent, None
    elif is_project:
        tables = _pyproject(trial.path)
        settings = {**_table(tables, "tool", "pytest"), **_table(tables, "tool", "pytest", "ini_options")}
        yield ["--floe-plugin"] if "floe_plugin" in settings else [], trial.path, None
    for ref, value in names.items():
        if ref not in {each.ref for each in rules}:
            yield ["--floe-plugin", value.partition("[")[0].replace(" ", "")], place, ref


def _problems(events: Sequence[Mapping[str, Any]], done: Done, seconds: float, ref: str | None) -> Iterator[Found]:
    failed = [each for each in events if each.get("event") == "collect"]
    for each in failed:
        yield Found(f"pytest cannot collect {each.get('file')}: {each.get('message')}", "Correct it", ref)
    is_whole = done.status in _PYTEST_RAN and any(each.get("event") == "end" for each in events)
    if not is_whole and not failed:
        begun = [str(each.get("rule")) for each in events if each.get("event") == "begin"]
        where = f" in {begun[-1]}" if begun else ""
        message = f"the conformance suite did not run to its end: {_ending(done, seconds)}{where}"
        yield Found(message, "See what it printed", ref)


def _ending(done: Done, seconds: float) -> str:
    if done.status is None:
        return f"all of it took more than {seconds:g} s"
    return f"signal {-done.status}" if done.status < 0 else f"exit status {done.status}"


def _read(report: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the lines of a report. Code of the plugin had the chance to write anything there."""
    try:
        with report.open("rb") as file:
            lines = file.read(_MAX_REPORT).splitlines()
    except OSError:
        return
    for line in lines:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(event, dict):
            yield event


def _result(event: Mapping[str, Any], ref: str | None) -> RuleResult:
    texts = {name: str(event.get(name, "")) for name in RuleResult._fields}
    named = ref or (texts["ref"] if _REF.fullmatch(texts["ref"]) else "")
    outcome = texts["outcome"] if texts["outcome"] in {"passed", "skipped"} else "failed"
    return RuleResult(**{**texts, "ref": named, "outcome": outcome})


def _platform_requirement() -> str:
    """This very package with the suite: from where it was installed, where that is still there, else from the index."""
    name = f"{PACKAGE}[testing]"
    try:
        text = metadata.distribution(PACKAGE).read_text("direct_url.json")
        url = str(json.loads(text)["url"]) if text else ""
    except (metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        url = ""
    parts = urlsplit(url)
    if parts.scheme == "file" and Path(unquote(parts.path)).exists():
        return f"{name} @ {url}"
    return f"{name}=={__version__}"


def _pyproject(project: Path) -> Mapping[str, Any]:
    """The tables of a project that reading found nothing wrong with."""
    parsed = toml.parse((project / "pyproject.toml").read_text(encoding="utf-8"))
    return parsed if isinstance(parsed, dict) else {}


def _table(tables: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """The table at a path; an empty one if something else is there, over which the tool that reads it will stumble."""
    found: Any = tables
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _with_extra(path: Path, tables: Mapping[str, Any]) -> str:
    extras = _table(tables, "project", "optional-dependencies")
    return f"{path}[{_TEST_GROUP}]" if _TEST_GROUP in extras else str(path)


def _test_group(tables: Mapping[str, Any]) -> list[str]:
    """The requirements of the dependency group for tests, with the groups that it includes."""
    return [*dict.fromkeys(_group(_table(tables, "dependency-groups"), _TEST_GROUP, ()))]


def _group(groups: Mapping[str, Any], name: str, within: tuple[str, ...]) -> Iterable[str]:
    entries = groups.get(name, []) if name not in within else []
    for each in entries if isinstance(entries, list) else []:
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict) and isinstance(each.get("include-group"), str):
            yield from _group(groups, each["include-group"], (*within, name))
