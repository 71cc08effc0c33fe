"""What the README's commands stand on: the wrapper that fetches uv, and the versions of Python that are named."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
# Stands in for the real one, which the index has: says what it was called with.
UV = '#!/bin/sh\necho "$*|$HOME|$UV_CACHE_DIR|${UV_DEFAULT_INDEX:-}"\n'

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the wrapper is a shell script")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository that has nothing but the wrapper."""
    root = tmp_path / "check out"
    (root / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "uv", root / ".ci" / "uv")
    return root


@pytest.fixture
def uv(checkout: Path, tmp_path: Path) -> Run:
    """Run the wrapper with this Python outside its virtual environment, and a pip that asks no index for uv."""
    wheels = tmp_path / "wheels"
    commands = tmp_path / "commands"
    wheels.mkdir()
    commands.mkdir()
    # What is installed already wants another uv.
    conflict = tmp_path / "installed" / "uv_user-1.0.dist-info"
    conflict.mkdir(parents=True)
    (conflict / "METADATA").write_text("Metadata-Version: 2.1\nName: uv-user\nVersion: 1.0\nRequires-Dist: uv<1\n")
    python = getattr(sys, "_base_executable", sys.executable)
    (commands / "python3").write_text(
        f'#!/bin/sh\nPYTHONPATH="{conflict.parent}:{sysconfig.get_path("purelib")}" exec "{python}" "$@"\n',
        encoding="utf-8",
    )
    (commands / "python3").chmod(0o755)
    with zipfile.ZipFile(wheels / "uv-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("uv-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: uv\nVersion: 1.0\n")
        wheel.writestr("uv-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("uv-1.0.dist-info/RECORD", "")
        script = zipfile.ZipInfo("uv-1.0.data/scripts/uv")
        script.external_attr = (stat.S_IFREG | 0o755) << 16
        wheel.writestr(script, UV)

    def run(*args: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["sh", str(checkout / ".ci" / "uv"), *args],
            env={
                "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_FIND_LINKS": wheels.as_uri(),
                "PIP_NO_INDEX": "1",
                **variables,
            },
            cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False,
        )  # fmt: skip

    return run


def test_uv_is_installed_when_it_is_first_used_and_then_used_again(uv: Run, checkout: Path) -> None:
    tools = checkout / ".tools"
    first = uv("run", "it", HOME="/home/ada")
    again = uv("run", "it", HOME="/home/ada", PIP_FIND_LINKS="")

    assert first.stderr == f"Installing uv, which installs everything else, into {tools}\n"
    assert again.stderr == ""
    assert first.stdout == again.stdout == f"run it|/home/ada|{tools / 'cache'}|\n"


def test_without_a_home_the_tools_are_the_home(uv: Run, checkout: Path) -> None:
    assert uv().stdout.split("|")[1] == str(checkout / ".tools")


@pytest.mark.parametrize(
    "setting",
    [
        {"PIP_USER": "1"},
        {"PIP_PREFIX": "/nowhere"},
        {"PIP_TARGET": "/nowhere"},
        {"PIP_REQUIRE_VIRTUALENV": "1"},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_the_user_s_settings_of_pip_do_not_stop_it(uv: Run, setting: dict[str, str]) -> None:
    assert uv("run", **setting).stdout.startswith("run|")


@pytest.mark.parametrize("content", ["not a program", "#!/nowhere/python\n", "#!/bin/sh\nexit 1\n"])
def test_a_uv_that_does_not_run_is_replaced(uv: Run, checkout: Path, content: str) -> None:
    broken = checkout / ".tools" / "bin" / "uv"
    broken.parent.mkdir(parents=True)
    broken.write_text(content, encoding="utf-8")
    broken.chmod(0o755)

    assert uv("run").stdout.startswith("run|")


def test_an_index_that_pip_is_configured_for_is_uv_s_too(uv: Run, tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://file.example/simple\n", encoding="utf-8")
    configured = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}

    for variables, index in (
        ({}, "https://file.example/simple"),
        ({"PIP_INDEX_URL": "https://pip.example/simple"}, "https://pip.example/simple"),
        ({"UV_DEFAULT_INDEX": "https://uv.example/simple"}, "https://uv.example/simple"),
    ):
        assert uv(**configured, **variables).stdout.split("|")[3] == f"{index}\n"


def test_every_place_names_the_same_versions_of_python() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    minors = [int(minor) for minor in re.findall(r"Python :: 3\.(\d+)", " ".join(project["classifiers"]))]
    tox, readme, ci = ((ROOT / name).read_text(encoding="utf-8") for name in ("tox.ini", "README.md", ".ci/run"))

    assert project["requires-python"] == f">=3.{minors[0]}"
    assert f"env_list = lint, typing, py{{{', '.join(f'3{minor}' for minor in minors)}}}-{{newest, lowest}}" in tox
    assert f"expected Python {', '.join(f'3.{minor}' for minor in minors[:-1])} or 3.{minors[-1]} on PATH" in tox
    assert f"--python '>=3.{minors[0]},<3.{minors[-1] + 1}'" in readme
    assert f"no Python from 3.{minors[0]} to 3.{minors[-1]} with pip" in ci


@pytest.mark.parametrize("document", ["README.md", *sorted(f"docs/{path.name}" for path in ROOT.glob("docs/*.md"))])
def test_each_tox_environment_that_a_document_names_is_there(document: str) -> None:
    tox = tox_ini()
    environments = {section.removeprefix("testenv:") for section in tox.sections()} | {"py312-newest"}
    labels = {line.partition(" = ")[0] for line in tox["tox"]["labels"].splitlines()}
    for flag, name in re.findall(r"`tox run -(e|m) ([\w-]+)`", (ROOT / document).read_text(encoding="utf-8")):
        assert name in (environments if flag == "e" else labels)


def test_the_environments_of_tox_run_what_the_readme_says() -> None:
    tox = tox_ini()
    reference = {path.parent.name for path in (ROOT / "testplugins" / "reference").glob("*/pyproject.toml")}
    [plugins] = re.findall(r"^plugins = plugin-\{(.*)\}, pipeline$", tox["tox"]["labels"], re.MULTILINE)
    assert set(plugins.split(", ")) == reference
    assert "FAULT_CELLS = all" in tox["testenv:faults"]["set_env"]
    assert tox["testenv:faults"]["commands"].endswith("tests/faults {posargs}")
    assert tox["testenv:mutation"]["commands"].startswith("python tests/mutation/run.py")
    assert tox["testenv:stress"]["commands"].splitlines() == [
        "",
        "python tests/stress/interrupts.py 1000",
        "python tests/stress/cancellations.py 200",
        "python tests/stress/storm.py 60 64",
        "python tests/stress/soak.py 2000 300",
    ]


def tox_ini() -> configparser.ConfigParser:
    found = configparser.ConfigParser(interpolation=None)
    found.read(ROOT / "tox.ini", encoding="utf-8")
    return found


def test_the_tests_run_with_the_newest_and_with_the_lowest_dependencies() -> None:
    tox = tox_ini()
    assert "-{newest, lowest}" in tox["tox"]["env_list"]
    assert (
        tox["testenv"]["commands_pre"].strip().startswith("lowest: uv pip install --upgrade --resolution lowest-direct")
    )
    commands = [line for line in tox["testenv"]["commands"].splitlines() if "-m pytest" in line]
    assert [line.partition(":")[0] for line in commands] == ["newest", "lowest"]
