"""The status socket lies where only its user can reach it, and has one name for one platform."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from floe_plugins import PluginError
from floe_plugins.cli.supervisor.runtime_directory import default_socket


@pytest.fixture(autouse=True)
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("FLOE_PLUGINS_SOCKET", raising=False)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def test_one_configuration_has_one_socket_from_wherever_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "floe.toml"
    file.touch()
    (tmp_path / "link.toml").symlink_to(file)
    monkeypatch.chdir(tmp_path)
    assert default_socket("floe.toml") == default_socket(str(file)) == default_socket(str(tmp_path / "link.toml"))
    assert default_socket("other.toml") != default_socket("floe.toml")


def test_a_platform_without_a_file_is_that_of_its_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = default_socket(None)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert default_socket(None) != here


def test_the_directory_is_made_for_this_user_alone(runtime: Path) -> None:
    directory = default_socket(None, create=True).parent
    assert directory == runtime / "floe-plugins"
    assert directory.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kind", ["open", "file", "link"])
def test_a_directory_that_others_can_use_is_refused(runtime: Path, kind: str) -> None:
    place = runtime / "floe-plugins"
    if kind == "open":
        place.mkdir()
        place.chmod(0o777)
    elif kind == "file":
        place.touch()
    else:
        (runtime / "theirs").mkdir(mode=0o700)
        place.symlink_to(runtime / "theirs")
    with pytest.raises(PluginError, match="for the status socket"):
        default_socket(None, create=True)


def test_a_variable_gives_another_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOE_PLUGINS_SOCKET", "/run/floe.sock")
    assert default_socket("floe.toml") == Path("/run/floe.sock")


def test_without_a_runtime_directory_it_lies_below_tmp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert default_socket(None).parent == Path(f"/tmp/floe-plugins-{os.getuid()}")  # noqa: S108 it is made for one user
