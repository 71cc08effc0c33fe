from __future__ import annotations

import traceback
from pathlib import Path

import pytest
from floe_reference_secrets_env import EnvSecrets, EnvSecretsConfig
from pydantic import SecretStr

from floe_plugins import HealthState, PluginError, UnsupportedOperationError


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A directory as Kubernetes mounts it: links to links into a folder with the time in its name."""
    mounted = tmp_path / "secrets"
    newest = mounted / "..2026_01_08_10_00_00.123"
    newest.mkdir(parents=True)
    (mounted / "..data").symlink_to(newest.name)
    for name, content in {"db-password": "from a file\n", "token": "two lines\nhere\n\n", "both": "file"}.items():
        (newest / name).write_bytes(content.encode())
        (mounted / name).symlink_to(f"..data/{name}")
    return mounted


@pytest.fixture
def secrets(files: Path, monkeypatch: pytest.MonkeyPatch) -> EnvSecrets:
    monkeypatch.setenv("APP_API_KEY", "from the environment\n")
    monkeypatch.setenv("APP_both", "environment")
    monkeypatch.setenv("OTHER", "none of ours")
    plugin = EnvSecrets()
    plugin.config = EnvSecretsConfig(prefix="APP_", files=files)
    plugin.startup()
    return plugin


def value(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def test_a_variable_is_found_by_its_name_without_the_prefix(secrets: EnvSecrets) -> None:
    assert value(secrets.get_secret("API_KEY")) == "from the environment\n"
    assert secrets.get_secret("APP_API_KEY") is None
    assert secrets.get_secret("OTHER") is None


def test_one_newline_at_the_end_of_a_file_is_no_part_of_the_secret(secrets: EnvSecrets) -> None:
    assert value(secrets.get_secret("db-password")) == "from a file"
    assert value(secrets.get_secret("token")) == "two lines\nhere\n"


def test_the_environment_goes_before_the_files(secrets: EnvSecrets) -> None:
    assert value(secrets.get_secret("both")) == "environment"


def test_a_secret_does_not_show_itself(secrets: EnvSecrets) -> None:
    assert "from" not in repr(secrets.get_secret("db-password"))


def test_a_rotated_secret_is_seen(secrets: EnvSecrets, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    newest = files / "..2026_01_08_11_00_00.456"
    newest.mkdir()
    (newest / "db-password").write_text("rotated", encoding="utf-8")
    (files / "..data").unlink()
    (files / "..data").symlink_to(newest.name)
    monkeypatch.setenv("APP_API_KEY", "rotated too")

    assert value(secrets.get_secret("db-password")) == "rotated"
    assert value(secrets.get_secret("API_KEY")) == "rotated too"


def test_what_is_not_there_is_none(secrets: EnvSecrets) -> None:
    assert secrets.get_secret("nothing") is None


@pytest.mark.parametrize("key", ["", ".", "..", "..data", "a/b", "../passwd", "a=b", "nul\0", "ä", "a\n", "x" * 254])
def test_what_cannot_name_a_secret_is_refused(secrets: EnvSecrets, key: str) -> None:
    with pytest.raises(ValueError, match="cannot name a secret"):
        secrets.get_secret(key)
    with pytest.raises(ValueError, match="cannot name a secret"):
        secrets.put_secret(key, SecretStr("x"))


def test_names_are_sorted_and_hidden_folders_are_none(secrets: EnvSecrets) -> None:
    assert secrets.secret_names() == ("API_KEY", "both", "db-password", "token")
    assert secrets.secret_names("db") == ("db-password",)


def test_every_name_can_be_asked_for(secrets: EnvSecrets, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (files / "folder").mkdir()
    monkeypatch.setenv("APP_", "no name is left of it")
    monkeypatch.setenv("APP_a b", "no key")

    assert all(secrets.get_secret(name) for name in secrets.secret_names())


def test_nothing_can_be_written(secrets: EnvSecrets) -> None:
    with pytest.raises(UnsupportedOperationError, match="read-only") as caught:
        secrets.put_secret("API_KEY", SecretStr("hunter2"))

    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_text_is_an_error_without_its_content(secrets: EnvSecrets, files: Path) -> None:
    (files / "binary").write_bytes(b"hunter2\xff")

    with pytest.raises(PluginError, match="UTF-8") as caught:
        secrets.get_secret("binary")

    error = caught.value
    assert "hunter2" not in "".join(traceback.format_exception(type(error), error, error.__traceback__))
    assert error.__context__ is None


def test_without_a_directory_the_environment_is_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOE_SECRET_A", "a")
    plugin = EnvSecrets()
    plugin.config = EnvSecretsConfig()
    plugin.startup()

    assert plugin.secret_names() == ("A",)
    assert plugin.get_secret("B") is None
    assert plugin.health_check().state is HealthState.HEALTHY


def test_a_directory_that_is_missing_fails_the_start(tmp_path: Path) -> None:
    plugin = EnvSecrets()
    plugin.config = EnvSecretsConfig(files=tmp_path / "missing")

    with pytest.raises(FileNotFoundError, match="missing"):
        plugin.startup()


def test_a_directory_that_disappears_is_unhealthy(secrets: EnvSecrets, files: Path) -> None:
    files.rename(files.with_name("gone"))

    assert secrets.health_check().state is HealthState.UNHEALTHY


def test_health_counts_and_names_no_value(secrets: EnvSecrets) -> None:
    status = secrets.health_check()

    assert status.state is HealthState.HEALTHY
    assert status.message == "4 secrets can be read"
