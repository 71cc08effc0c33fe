"""Which configuration file is in force."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support import run_code

from floe_plugins import PluginConfigurationError
from floe_plugins.configuration.lookup import find_file


@pytest.mark.parametrize("name", ["floe.toml", "floe.yaml", "floe.yml", "floe.json"])
def test_the_file_in_the_directory_is_found(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.touch()
    assert find_file(tmp_path, {}) == file


def test_a_directory_without_a_file_has_none(tmp_path: Path) -> None:
    assert find_file(tmp_path, {}) is None


def test_the_variable_names_the_file_that_counts(tmp_path: Path) -> None:
    (tmp_path / "floe.toml").touch()
    (tmp_path / "floe.yaml").touch()
    assert str(find_file(tmp_path, {"FLOE_PLUGINS_CONFIG": "/etc/floe.toml"})) == str(Path("/etc/floe.toml"))


def test_two_files_in_one_directory_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "floe.toml").touch()
    (tmp_path / "floe.json").touch()
    with pytest.raises(PluginConfigurationError, match=r"floe\.toml and floe\.json"):
        find_file(tmp_path, {})


def test_a_link_to_nothing_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "floe.toml").symlink_to(tmp_path / "nowhere")
    assert find_file(tmp_path, {}) is None


def test_a_directory_that_cannot_be_searched_is_an_error_rather_than_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever may do everything can search every directory.
    def refuse(path: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "stat", refuse)
    with pytest.raises(PluginConfigurationError, match="Permission denied"):
        find_file(tmp_path, {})


def test_looking_where_there_is_no_file_imports_nothing_that_reads_one() -> None:
    done = run_code("""
        import sys
        before = set(sys.modules)  # a virtual environment may import some of them itself
        from floe_plugins.configuration.lookup import find_file
        assert find_file("/nowhere", {}) is None
        print({"attrs", "pathlib", "floe_plugins.configuration.file"} & (set(sys.modules) - before))
    """)
    assert done.stdout == "set()\n", done.stderr
