"""The README's examples run as they are printed, its links lead to files, and its picture shows what a run prints."""

from __future__ import annotations

import io
import json
import re
import shlex
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = "https://github.com/floe-plugins/floe-plugins/blob/main/"
RAW = "https://raw.githubusercontent.com/floe-plugins/floe-plugins/main/"
PICTURE = ROOT / "docs" / "images" / "broken-platform.svg"


def block(marker: str) -> str:
    """The fenced block after an HTML comment."""
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found, f"README.md has no block {marker!r}"
    return found[1]


def untimed(text: str) -> str:
    """A text without the seconds, which differ from run to run."""
    return re.sub(r"\d+\.\d\d+", "0.00", text)


@pytest.fixture
def author(tmp_path: Path) -> Path:
    """The README's plugin as a project."""
    project = tmp_path / "acme"
    (project / "src").mkdir(parents=True)
    (project / "src" / "acme_secrets.py").write_text(block("author"), encoding="utf-8")
    (project / "pyproject.toml").write_text(block("author-project"), encoding="utf-8")
    return project


def test_the_author_s_plugin_is_listed_with_what_its_source_says(environment: Any, author: Path) -> None:
    listed = environment(author).json(["-m", "floe_plugins", "list", "--json"])
    assert listed["problems"] == []
    [plugin] = listed["plugins"]
    assert (plugin["ref"], plugin["version"], plugin["floe_api_version"]) == ("secrets:json-file", "1.0.0", "1.0")
    assert plugin["description"] == "Secrets from a JSON file"


def test_the_author_s_session_prints_what_the_readme_shows(environment: Any, author: Path) -> None:
    plugins = environment(author)
    printed: list[str] = []
    shown = block("author-console")
    for line in re.findall(r"^\$ (.+)$", shown, re.MULTILINE):
        printed.append(f"$ {line}")
        match shlex.split(line):
            case ["floe-plugins", *arguments]:
                done = plugins.run(["-m", "floe_plugins", *arguments])
                printed += done.stdout.replace(str(plugins.path), ".../site-packages").splitlines()
            case ["echo", text, ">", file]:
                (plugins.home / file).write_text(text, encoding="utf-8")
    assert [untimed(line.rstrip()) for line in printed] == untimed(shown).splitlines()


def test_the_developer_s_example_prints_what_its_comments_say(environment: Any, author: Path) -> None:
    plugins = environment(author)
    (plugins.home / "secrets.json").write_text(json.dumps({"token": "s3cret"}), encoding="utf-8")
    code = block("developer")
    said = plugins.run(code).stdout.splitlines()
    assert said == ["**********", "healthy", "secrets:json-file succeeded", "('token',)"]
    for line, comment in zip(said, re.findall(r"^\s*print\(.*#\s(.*)$", code, re.MULTILINE), strict=True):
        assert line in comment


def test_the_developer_s_example_names_what_a_failing_start_lacks(environment: Any, author: Path) -> None:
    error = environment(author).run(block("developer"), check=False).stderr.splitlines()[-1]
    assert error.startswith("floe_plugins.errors.PluginStartupError: secrets:json-file (from acme-floe-secrets 1.0.0 ")
    assert "FileNotFoundError: [Errno 2] No such file or directory: 'secrets.json'" in error


def test_the_guide_s_examples_run_and_its_test_passes(environment: Any) -> None:
    guide = (ROOT / "docs" / "authors.md").read_text(encoding="utf-8")
    found = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    assert len(found) == 2
    for code in found:
        environment().run(code)


@pytest.mark.parametrize("marker", ["main-job", "tests", "swap", "small"])
def test_each_command_is_one_line(marker: str) -> None:
    assert len(block(marker).splitlines()) == 1


def test_every_command_that_is_named_exists(environment: Any) -> None:
    plugins = environment()
    for words in set(re.findall(r"^    floe-plugins (\w+)", README, re.MULTILINE)):
        assert "Usage: floe-plugins" in plugins.run(["-m", "floe_plugins", words, "--help"]).stdout


def test_links_are_absolute_and_lead_to_files_of_the_project() -> None:
    targets = [*re.findall(r"^\[[^]]+\]: (\S+)$", README, re.MULTILINE), *re.findall(r"\]\(([^)]+)\)", README)]
    assert targets
    for target in targets:
        assert target.startswith("https://")
        path = target.removeprefix(PROJECT).removeprefix(RAW)
        assert path == target or (ROOT / path).is_file(), target
    used = set(re.findall(r"\]\[([^]]+)\]", README))
    assert used == set(re.findall(r"^\[([^]]+)\]: ", README, re.MULTILINE))


def test_the_picture_shows_what_a_run_among_broken_plugins_prints(
    environment: Any, public_path: Path, tmp_path: Path
) -> None:
    plugins = environment(
        "compute-duckdb", "secrets-env", "storage-local", "failing-start", "hanging-start", "import-error", "newer-api"
    )
    (public_path / "floe.yaml").write_text(
        "registry: {autoload: all, timeouts: {startup: 1}}\n"
        "plugins: {storage: {local: {root: data}}, compute: {duckdb: {path: warehouse.duckdb}}}\n",
        encoding="utf-8",
    )
    done = plugins.run(["-m", "floe_plugins", "run", "--once"], cwd=public_path, env={"FORCE_COLOR": "1"})
    printed = done.stdout.replace(str(public_path), "/srv/floe").replace(str(plugins.path), ".../site-packages")

    drawn = tmp_path / PICTURE.name
    drawn.write_text(draw(printed.rstrip()), encoding="utf-8")

    assert error_message(drawn) == error_message(PICTURE), f"look at {drawn}; if it is right, it goes to {PICTURE}"


def draw(ansi: str) -> str:
    """A terminal in which a command printed something."""
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console
    from rich.text import Text

    console = Console(record=True, width=120, file=io.StringIO())
    console.print(Text.from_ansi(ansi))
    # Fonts of other hosts are not loaded where the README is shown.
    template = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title="floe-plugins run --once", code_format=template, unique_id="run")


def error_message(picture: Path) -> list[str]:
    """The texts of an SVG, in the order of reading."""
    root = ET.parse(picture).getroot()  # noqa: S314 our own file
    texts = [text for element in root.iter() if element.tag.endswith("text") for text in element.itertext()]
    return untimed(" ".join(texts)).split()


def test_the_details_of_the_author_s_plugin_are_shown(environment: Any, author: Path) -> None:
    shown = environment(author).run(["-m", "floe_plugins", "show", "secrets:json-file"]).stdout
    for detail in ("1.0.0", "Secrets from a JSON file", "acme-floe-secrets"):
        assert detail in shown
