"""A bad configuration file gives one message and exit status 2, and starts nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
from support import UNMEASURED, child_environ, write_distribution

WITNESS = """
import os
from pathlib import Path

from pydantic import BaseModel

from support import Secrets


class Settings(BaseModel):
    path: str = ""
    count: int = 0
    ratio: float = 0.0
    names: list[str] = []


class Witness(Secrets):
    name = "witness"
    config_schema = Settings

    def startup(self):
        Path(os.environ["WITNESS"]).touch()
"""

YAML = "plugins:\n  secrets:\n    witness: "
TOML = "[plugins.secrets.witness]\n"
BOMB = "".join(
    f"      {name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdef", "bcdefg", strict=True)
)
HUGE = 10 * 1024 * 1024


def as_json(value: str) -> str:
    return '{"plugins": {"secrets": {"witness": ' + value + "}}}"


@attrs.frozen
class Answer:
    status: int
    output: str
    errors: str
    started: bool

    @property
    def messages(self) -> list[str]:
        """Lines that report an issue."""
        lines = (self.errors + self.output).splitlines()
        return [line for line in lines if re.search(r" \([a-z_]+\)(\.|$)", line)]


Platform = Callable[..., Answer]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory in which one plugin is installed: it leaves a file behind when it is started."""
    site = tmp_path_factory.mktemp("site")
    write_distribution(site, "witness", "[floe.secrets]\nwitness = witness:Witness\n", witness=WITNESS)
    return site


@pytest.fixture
def floe(site: Path, tmp_path: Path) -> Platform:
    """Run the command line in a directory of its own."""
    mark = tmp_path / "started"

    def run(*args: str, command: tuple[str, ...] = ("-m", "floe_plugins"), **variables: str) -> Answer:
        done = subprocess.run(
            [sys.executable, *command, *args],
            env=child_environ(site, WITNESS=str(mark), **variables),
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr, started=mark.exists())

    return run


def refused(floe: Platform, file: str, *expected: str, **variables: str) -> None:
    """Check that both commands refuse the file with one message that says all of this."""
    run = floe("run", "--once", "--config", file, **variables)
    assert run.output == ""
    for answer in (run, floe("config", "validate", file, **variables)):
        assert answer.status == 2
        assert not answer.started
        assert "Traceback" not in answer.errors
        assert len(answer.messages) == 1, answer
        for text in expected:
            assert text in answer.messages[0]
    assert run.errors.splitlines() == run.messages


def test_a_right_file_starts_the_plugin(floe: Platform, tmp_path: Path) -> None:
    (tmp_path / "floe.toml").write_text(TOML + 'path = "a"\n')

    checked = floe("config", "validate", "floe.toml")
    assert (checked.status, checked.errors, checked.started) == (0, "", False)
    run = floe("run", "--once", "--config", "floe.toml")
    assert (run.status, run.messages, run.started) == (0, [], True)


def test_a_missing_file_is_named(floe: Platform) -> None:
    refused(floe, "floe.toml", "floe.toml: file not found")


def test_a_directory_is_called_a_directory(floe: Platform, tmp_path: Path) -> None:
    (tmp_path / "floe.toml").mkdir()
    refused(floe, "floe.toml", "floe.toml: the path is a directory")


# The interpreter may itself lie where only root may read: import all first, then be somebody else.
AS_NOBODY = """if 1:
    import importlib, os, pkgutil, sys
    import floe_plugins, rich.console, rich.table, rich.text
    for module in pkgutil.walk_packages(floe_plugins.__path__, "floe_plugins."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    from floe_plugins.__main__ import main
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    main()
    """


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="permissions as POSIX has them")
@pytest.mark.parametrize("args", [("run", "--once", "--config"), ("config", "validate")])
def test_a_file_that_may_not_be_read_says_so(floe: Platform, public_path: Path, args: tuple[str, ...]) -> None:
    file = public_path / "floe.toml"
    file.write_text(TOML)
    file.chmod(0)

    # Nobody may write down what is measured.
    answer = floe(*args, str(file), command=("-c", AS_NOBODY), **UNMEASURED)

    assert (answer.status, answer.started) == (2, False)
    assert answer.errors.splitlines() == answer.messages
    assert "permission denied" in answer.errors


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("floe.toml", TOML + "path = = 1\n", "floe.toml:2:8: invalid TOML"),
        ("floe.yaml", YAML + "{path: [}\n", "floe.yaml:3:22: invalid YAML"),
        ("floe.json", '{\n  "plugins": {,}\n}', "floe.json:2:15: invalid JSON"),
        ("floe.toml", TOML + "path = 1\npath = 2\n", "floe.toml:3:"),
        ("floe.yaml", YAML + "\n      path: a\n      path: b\n", "floe.yaml:5:7: invalid YAML: duplicate key"),
        ("floe.json", as_json('{"path": "a",\n "path": "b"}'), "floe.json:2:2: duplicate key 'path'"),
        ("floe.json", as_json('{"ratio":\n NaN}'), "floe.json:2:2: invalid JSON: NaN is not a number"),
    ],
)
def test_wrong_syntax_and_keys_that_stand_twice_have_line_and_column(
    floe: Platform, tmp_path: Path, file: str, text: str, place: str
) -> None:
    (tmp_path / file).write_text(text)
    refused(floe, file, place, "(syntax)")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("floe.yaml", "- a\n", "found a list; expected a table at the top level"),
        ("floe.json", "3", "found a number; expected a table at the top level"),
        ("floe.toml", "", "the file is empty"),
        ("floe.yaml", "# nothing yet\n", "the file is empty"),
        ("floe.json", "\n", "the file is empty"),
        ("floe.toml", "plugins = 3\n", "floe.toml:1:1: plugins: found a number; expected a table"),
    ],
)
def test_a_file_without_a_table_at_the_top_is_refused(
    floe: Platform, tmp_path: Path, file: str, text: str, message: str
) -> None:
    (tmp_path / file).write_text(text)
    refused(floe, file, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("&w {pth: a}\n", "floe.yaml:3:18: plugins.secrets.witness.pth: not a key of the plugin's schema"),
        ("\n      <<: {pth: a}\n", "plugins.secrets.witness.pth: not a key of the plugin's schema"),
        ("\n      path: &p\n        again: *p\n", "an alias refers to a list or table that contains it"),
        ("\n      a: &a [x, x, x, x, x, x, x, x, x, x]\n" + BOMB, "stands for more than 50000 values"),
    ],
)
def test_issues_behind_anchors_and_merge_keys_are_found_and_none_of_them_is_endless(
    floe: Platform, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "floe.yaml").write_text(YAML + text)
    refused(floe, "floe.yaml", message)


def test_anchors_and_merge_keys_themselves_work(floe: Platform, tmp_path: Path) -> None:
    (tmp_path / "floe.yaml").write_text(f"{YAML}\n      <<: &more {{path: a}}\n      names: [&n b, *n]\n")
    assert floe("config", "validate", "floe.yaml").status == 0


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("floe.toml", TOML + f'path = "{"a" * HUGE}"\n'),
        ("floe.yaml", f"{YAML}{{path: {'a' * HUGE}}}"),
        ("floe.json", as_json(json.dumps({"path": "a" * HUGE}))),
    ],
    ids=["toml", "yaml", "json"],
)
def test_a_file_of_ten_megabytes_is_refused_without_being_parsed(
    floe: Platform, tmp_path: Path, file: str, text: str
) -> None:
    (tmp_path / file).write_text(text)
    refused(floe, file, "the file is larger than 1 MiB")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("floe.toml", f"{TOML}names = {'[' * 80}{']' * 80}", "values are nested deeper than 64 levels"),
        ("floe.yaml", f"{YAML}{{names: {'[' * 80}{']' * 80}}}", "values are nested deeper than 64 levels"),
        ("floe.json", as_json(f'{{"names": {"[" * 80}{"]" * 80}}}'), "values are nested deeper than 64 levels"),
        ("floe.toml", f"{TOML}names = {'[' * 100_000}{']' * 100_000}", "values are nested too deeply"),
        ("floe.yaml", f"{YAML}{{names: {'[' * 20_000}{']' * 20_000}}}", "values are nested too deeply"),
        ("floe.json", as_json(f'{{"names": {"[" * 100_000}{"]" * 100_000}}}'), "values are nested too deeply"),
    ],
    ids=["toml", "yaml", "json", "endless toml", "endless yaml", "endless json"],
)
def test_values_nested_too_deeply_are_refused(
    floe: Platform, tmp_path: Path, file: str, text: str, message: str
) -> None:
    (tmp_path / file).write_text(text)
    refused(floe, file, message)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("floe.toml", TOML + "ratio = nan\n", "floe.toml:2:1: plugins.secrets.witness.ratio: the number is not finite"),
        ("floe.yaml", YAML + "{ratio: -.inf}", "plugins.secrets.witness.ratio: the number is not finite"),
        ("floe.json", as_json('{"ratio": 1e999}'), "plugins.secrets.witness.ratio: the number is not finite"),
        ("floe.toml", f"{TOML}count = {'9' * 40}\n", "plugins.secrets.witness.count: the integer does not fit"),
        ("floe.yaml", f"{YAML}{{count: {'9' * 40}}}", "plugins.secrets.witness.count: the integer does not fit"),
        ("floe.json", as_json(f'{{"count": {"9" * 40}}}'), "plugins.secrets.witness.count: the integer does not fit"),
    ],
)
def test_numbers_that_are_not_finite_or_huge_are_refused(
    floe: Platform, tmp_path: Path, file: str, text: str, message: str
) -> None:
    (tmp_path / file).write_text(text)
    refused(floe, file, message)


@pytest.mark.skipif(not hasattr(sys, "get_int_max_str_digits"), reason="this Python reads numbers of any length")
@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("floe.toml", f"{TOML}count = {'9' * 5000}\n", "floe.toml:2:9"),
        ("floe.yaml", f"{YAML}{{count: {'9' * 5000}}}", "floe.yaml:3:22"),
        ("floe.json", as_json(f'{{"count":\n {"9" * 5000}}}'), "floe.json:2:2"),
    ],
    ids=["toml", "yaml", "json"],
)
def test_a_number_of_more_digits_than_python_reads_has_line_and_column(
    floe: Platform, tmp_path: Path, file: str, text: str, place: str
) -> None:
    (tmp_path / file).write_text(text)
    refused(floe, file, place, "a number has too many digits")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[plugins.secret.witness]\n", "plugins.secret: unknown category"),
        ("[plugins.secrets.witnes]\n", "no installed distribution provides secrets:witnes"),
        ('[plugins.secrets."Wit ness"]\n', "not a valid plugin name"),
        ('[registry]\nrequired = ["witness"]\n', "registry.required[0]: not a valid ref"),
        ('[registry]\nrequired = ["secret:witness"]\n', "Did you mean 'secrets'?"),
        ("[plugins.secrets]\nwitness = 3\n", "floe.toml:2:1: plugins.secrets.witness: found a number"),
        ("[plugins]\nsecrets = [1]\n", "floe.toml:2:1: plugins.secrets: found a list"),
        ('[plugins.secrets.witness]\nnames = "a"\n', "floe.toml:2:1: plugins.secrets.witness.names: should be a valid"),
    ],
)
def test_categories_refs_and_types_that_are_wrong_are_refused(
    floe: Platform, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "floe.toml").write_text(text)
    refused(floe, "floe.toml", message)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("${NOT_THERE}", "the environment variable NOT_THERE is not set"),
        ("${", "'${' is not followed by a valid reference"),
    ],
)
def test_references_that_cannot_be_filled_in_are_refused(
    floe: Platform, tmp_path: Path, reference: str, message: str
) -> None:
    (tmp_path / "floe.toml").write_text(f'{TOML}path = "{reference}"\n')
    refused(floe, "floe.toml", f"floe.toml:2:1: plugins.secrets.witness.path: {message}")
