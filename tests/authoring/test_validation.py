"""A project or wheel is checked by what it says of itself; nothing of it runs."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from floe_plugins import PluginType
from floe_plugins.authoring.project import new_project, write_project
from floe_plugins.authoring.validation import validate

CODE = "src/floe_secrets_acme/plugin.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project of a new plugin."""
    write_project(new_project(PluginType.SECRETS, "acme"), tmp_path / "acme")
    return tmp_path / "acme"


def change(project: Path, file: str, old: str, new: str) -> None:
    """Replace a text in a file of the project, which is there."""
    text = (project / file).read_text(encoding="utf-8")
    assert old in text
    (project / file).write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("category", PluginType)
def test_nothing_is_wrong_with_a_new_project(tmp_path: Path, category: PluginType) -> None:
    write_project(new_project(category, "acme"), tmp_path / "acme")
    result = validate(tmp_path / "acme")
    assert [str(each.ref) for each in result.plugins] == [f"{category.slug}:acme"]
    assert result.found == ()


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("pyproject.toml", "floe.secrets", "floe.secret", "'floe.secret' is not a plugin group"),
        ("pyproject.toml", "floe.secrets", "other.secrets", "declares no plugins"),
        ("pyproject.toml", "acme = ", "Acme = ", "'Acme' is not a plugin name"),
        ("pyproject.toml", "acme = ", "acne = ", "name 'acme', and its entry point 'acne'"),
        ("pyproject.toml", "acme:AcmeSecrets", "acne:AcmeSecrets", "there is no such module"),
        ("pyproject.toml", '"floe-plugins>=', '"floe-plugins>=99.', "requires 'floe-plugins>=99."),
        ("pyproject.toml", 'version = "0.1.0"', 'version = "one"', "'one' is not a valid version (PEP 440)"),
        (CODE, 'version = "0.1.0"', 'version = "one"', "'one' is not a valid version (PEP 440)"),
        (CODE, 'floe_api_version = "', 'floe_api_version = "9', "requires floe API 9"),
        (CODE, 'version = "0.1.0"', 'version = "1"; dependencies = ["secrets:acme"]', "depends on itself"),
        (CODE, 'version = "0.1.0"', 'version = "1"; dependencies = ["a b"]', "'a b' is not a dependency"),
    ],
)
def test_each_mistake_is_told(project: Path, file: str, old: str, new: str, words: str) -> None:
    change(project, file, old, new)
    assert words in " ".join(each.message for each in validate(project).found if not each.is_warning)


def test_nothing_of_a_project_runs(project: Path) -> None:
    ran = project / "ran"
    line = f"open({str(ran)!r}, 'w')\n"
    for file in (project / CODE, project / "src/floe_secrets_acme/__init__.py"):
        file.write_text(f"{file.read_text(encoding='utf-8')}\n{line}", encoding="utf-8")
    (project / "setup.py").write_text(line, encoding="utf-8")
    validate(project)
    assert not ran.exists()


def test_a_module_that_is_a_link_out_of_the_project_is_told(project: Path, tmp_path: Path) -> None:
    module = (project / "src/floe_secrets_acme/__init__.py").rename(tmp_path / "elsewhere.py")
    (project / "src/floe_secrets_acme/__init__.py").symlink_to(module)
    assert any("leads out of the project" in each.message for each in validate(project).found)


def wheel(place: Path, **files: str) -> Path:
    """Write a wheel with these files among its metadata."""
    path = place / "acme-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"acme-1.0.dist-info/{name}", text)
    return path


METADATA = "Metadata-Version: 2.1\nName: acme\nVersion: 1.0\nRequires-Dist: floe-plugins\n"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "it has 0 directories NAME-VERSION.dist-info"),
        ({"entry_points.txt": "[floe.secrets]\nacme = acme:A\n"}, "it has no METADATA"),
        ({"METADATA": METADATA}, "it declares no plugins"),
        ({"METADATA": "Author: \0\n"}, "METADATA cannot be read: its headers are not UTF-8 text"),
        ({"METADATA": METADATA, "entry_points.txt": "[floe.secrets]\nacme = acme:A\n"}, "there is no such module"),
    ],
)
def test_a_wheel_that_lacks_something_is_told_in_words_without_the_place_it_is_unpacked_to(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    messages = " ".join(each.message for each in validate(wheel(tmp_path, **files)).found)
    assert words in messages
    assert "validate-" not in messages


@pytest.mark.parametrize(
    ("name", "words"), [("none", "neither a directory nor a file"), ("file", "not a wheel"), ("", "no pyproject.toml")]
)
def test_what_is_neither_a_project_nor_a_wheel_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        validate(tmp_path / name)
