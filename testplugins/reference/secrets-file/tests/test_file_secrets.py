from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drilling import states
from floe_reference_secrets_file import FileSecrets
from pydantic import SecretStr

from floe_plugins import (
    HealthState,
    IdentityPlugin,
    PluginConfigurationError,
    PluginError,
    PluginRef,
    PluginRegistry,
    SecretsPlugin,
)
from floe_plugins.hookspecs.identity import Principal

KEY = "correct horse battery staple"
REF = PluginRef.parse("secrets:file")

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and limits are POSIX's")


def platform(path: Path, **config: Any) -> PluginRegistry:
    keys = config if {"key", "key_file"} & config.keys() else {"key": KEY, **config}
    return PluginRegistry({"plugins": {"secrets": {"file": {"path": str(path), "create": True, **keys}}}})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets.json"


@pytest.fixture
def registry(path: Path) -> Iterator[PluginRegistry]:
    with platform(path) as started:
        yield started


@pytest.fixture
def secrets(registry: PluginRegistry) -> SecretsPlugin:
    return registry.get(SecretsPlugin, "file")


def value(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def start_error(registry: PluginRegistry) -> BaseException | None:
    try:
        [outcome] = registry.startup().outcomes
    finally:
        registry.shutdown()
    return outcome.cause


def told(error: BaseException | None) -> str:
    assert error is not None
    return "".join(traceback.format_exception(type(error), error, error.__traceback__))


def test_what_was_put_can_be_got_by_another_platform(secrets: SecretsPlugin, path: Path) -> None:
    secrets.put_secret("db.password", SecretStr("hunter2 ü\n"))

    with platform(path, create=False) as other:
        assert value(other.get(SecretsPlugin, "file").get_secret("db.password")) == "hunter2 ü\n"


def test_what_is_not_there_is_none(secrets: SecretsPlugin) -> None:
    assert secrets.get_secret("nothing") is None


def test_names_are_sorted_and_begin_as_asked(secrets: SecretsPlugin) -> None:
    for name in ("db-b", "db-a", "other"):
        secrets.put_secret(name, SecretStr("x"))

    assert secrets.secret_names() == ("db-a", "db-b", "other")
    assert secrets.secret_names("db") == ("db-a", "db-b")


def test_a_new_value_takes_the_place_of_the_old(secrets: SecretsPlugin) -> None:
    secrets.put_secret("a", SecretStr("old"))
    secrets.put_secret("a", SecretStr("new"))

    assert value(secrets.get_secret("a")) == "new"
    assert secrets.secret_names() == ("a",)


def test_a_secret_that_another_platform_rotates_is_seen(secrets: SecretsPlugin, path: Path) -> None:
    secrets.put_secret("a", SecretStr("old"))
    with platform(path) as other:
        other.get(SecretsPlugin, "file").put_secret("a", SecretStr("rotated"))

    assert value(secrets.get_secret("a")) == "rotated"


def test_neither_names_nor_values_can_be_read_in_the_file(secrets: SecretsPlugin, path: Path) -> None:
    secrets.put_secret("telltale", SecretStr("hunter2"))

    content = path.read_bytes()
    assert b"telltale" not in content
    assert b"hunter2" not in content
    assert KEY.encode() not in content


def test_only_the_owner_can_read_the_file(secrets: SecretsPlugin, path: Path) -> None:
    secrets.put_secret("a", SecretStr("x"))

    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_to_the_file_stays_one(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "link.json"
    link.symlink_to("elsewhere/secrets.json")
    with platform(link) as registry:
        registry.get(SecretsPlugin, "file").put_secret("a", SecretStr("x"))

    assert link.is_symlink()
    assert (tmp_path / "elsewhere" / "secrets.json").is_file()


@pytest.mark.parametrize("key", ["", ".", "..", "..data", "a/b", "a=b", "nul\0", "ä", "a\n", "x" * 254])
def test_what_cannot_name_a_secret_is_refused(secrets: SecretsPlugin, key: str) -> None:
    with pytest.raises(ValueError, match="cannot name a secret"):
        secrets.get_secret(key)
    with pytest.raises(ValueError, match="cannot name a secret"):
        secrets.put_secret(key, SecretStr("x"))


def test_the_key_may_lie_in_a_file(tmp_path: Path, path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n", encoding="utf-8")
    with platform(path) as registry:
        registry.get(SecretsPlugin, "file").put_secret("a", SecretStr("x"))

    with platform(path, key_file=str(tmp_path / "key")) as registry:
        assert value(registry.get(SecretsPlugin, "file").get_secret("a")) == "x"


def test_a_key_in_the_environment_reaches_the_plugin(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOE_PLUGINS__SECRETS__FILE__KEY", KEY)
    with PluginRegistry({"plugins": {"secrets": {"file": {"path": str(path), "create": True}}}}) as registry:
        assert registry.get(SecretsPlugin, "file").secret_names() == ()
        assert KEY not in repr(registry.config(SecretsPlugin, "file"))


@pytest.mark.parametrize(
    "config",
    [{"key": None}, {"key": KEY, "key_file": "k"}, {"key": "8-digits"}, {"key": KEY, "lock_timeout": 0}],
    ids=["none", "two keys", "a short key", "no time"],
)
def test_a_wrong_configuration_is_refused_without_the_key(path: Path, config: dict[str, Any]) -> None:
    with pytest.raises(PluginConfigurationError, match=r"plugins\.secrets\.file") as caught:
        platform(path, **config).startup()

    assert not any(key in "".join(traceback.format_exception_only(caught.value)) for key in (KEY, "8-digits"))


def test_a_short_key_in_a_file_is_refused(tmp_path: Path, path: Path, secrets: SecretsPlugin) -> None:
    secrets.put_secret("a", SecretStr("x"))
    (tmp_path / "key").write_text("short\n", encoding="utf-8")

    assert "shorter than 16" in told(start_error(platform(path, key_file=str(tmp_path / "key"))))


def test_a_missing_file_fails_the_start_unless_it_is_to_be_made(path: Path) -> None:
    assert "create" in told(start_error(platform(path, create=False)))


def test_another_key_fails_the_start_and_shows_neither(secrets: SecretsPlugin, path: Path) -> None:
    secrets.put_secret("a", SecretStr("hunter2"))

    message = told(start_error(platform(path, key="another key than the first")))

    assert "cannot be decrypted" in message
    assert not any(text in message for text in ("hunter2", KEY, "another key than the first"))


def damaged(content: bytes) -> dict[str, bytes]:
    outer = json.loads(content)
    token = outer["secrets"]
    return {
        "empty": b"",
        "no JSON": b"\x00\xff",
        "a list": b"[]",
        "half": content[: len(content) // 2],
        "another format": json.dumps({**outer, "format": "x"}).encode(),
        "endless work": json.dumps({**outer, "cost": 2**40}).encode(),
        "no cost": json.dumps({**outer, "cost": 3}).encode(),
        "salt": json.dumps({**outer, "salt": "AAAA"}).encode(),
        "changed": json.dumps(
            {**outer, "secrets": token[:50] + ("A" if token[50] != "A" else "B") + token[51:]}
        ).encode(),
        "shorter": json.dumps({**outer, "secrets": token[:-8]}).encode(),
    }


@pytest.mark.parametrize("how", damaged(b'{"secrets": "' + b"x" * 60 + b'"}'))
def test_a_damaged_file_is_refused_and_unhealthy_but_not_written_over(
    secrets: SecretsPlugin, registry: PluginRegistry, path: Path, how: str
) -> None:
    secrets.put_secret("a", SecretStr("hunter2"))
    content = damaged(path.read_bytes())[how]
    path.write_bytes(content)

    for call in (secrets.secret_names, lambda: secrets.put_secret("b", SecretStr("x"))):
        with pytest.raises(PluginError, match="damaged"):
            call()
    status = registry.health().statuses[REF]
    assert status.state is HealthState.UNHEALTHY
    assert "damaged" in status.message
    assert path.read_bytes() == content


class Neighbour(IdentityPlugin):
    """Needs the secrets, and answers without them."""

    name = "neighbour"
    version = "1.0.0"
    floe_api_version = "1.0"
    dependencies = ("secrets:file",)

    def verify(self, token: str, audience: str | None = None) -> Principal:
        return Principal("ada", "here", {})

    def roles(self, principal: Principal) -> frozenset[str]:
        return frozenset()

    def keys(self, refresh: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 pluggy passes by name
        return {"keys": []}


@pytest.mark.drill("damaged file of secrets")
def test_a_damaged_file_is_reported_until_a_backup_takes_its_place(request: pytest.FixtureRequest, path: Path) -> None:
    config = {"secrets": {"file": {"path": str(path), "create": True, "key": KEY}}, "identity": {"neighbour": {}}}
    registry = PluginRegistry({"plugins": config}, required=["secrets:file"])
    request.addfinalizer(registry.shutdown)
    registry.register(Neighbour)
    registry.startup().raise_for_failures()
    secrets = registry.get(SecretsPlugin, "file")
    secrets.put_secret("a", SecretStr("hunter2"))
    backup = path.read_bytes()
    path.write_bytes(backup[: len(backup) // 2])

    for call in (lambda: secrets.get_secret("a"), lambda: secrets.put_secret("b", SecretStr("x"))):
        with pytest.raises(PluginError, match="damaged"):
            call()
    report = registry.health()
    assert registry.get(IdentityPlugin, "neighbour").verify("token").subject == "ada"

    assert report.state is HealthState.UNHEALTHY
    assert states(report) == {
        "identity:neighbour": "healthy",
        "secrets:file": "unhealthy",
    }
    assert path.read_bytes() == backup[: len(backup) // 2]
    path.write_bytes(backup)
    assert value(secrets.get_secret("a")) == "hunter2"
    assert registry.health().state is HealthState.HEALTHY
    stopped = registry.shutdown()
    assert stopped.ok
    assert [str(outcome.ref) for outcome in stopped.outcomes] == ["identity:neighbour", "secrets:file"]


def test_health_counts_and_names_nothing(secrets: SecretsPlugin, registry: PluginRegistry) -> None:
    secrets.put_secret("telltale", SecretStr("x"))

    status = registry.health().statuses[REF]

    assert (status.state, status.message) == (HealthState.HEALTHY, "1 secrets can be read")


def test_a_file_that_disappears_is_unhealthy(path: Path) -> None:
    with platform(path) as first:
        first.get(SecretsPlugin, "file").put_secret("a", SecretStr("x"))
    with platform(path, create=False) as registry:
        path.unlink()

        assert registry.health().statuses[REF].state is HealthState.UNHEALTHY


def test_nothing_is_logged_of_keys_and_values(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), platform(path) as registry:
        registry.get(SecretsPlugin, "file").put_secret("a", SecretStr("hunter2"))
        registry.health()

    assert not any(text in caplog.text for text in ("hunter2", KEY))


def test_threads_that_write_at_once_lose_nothing(secrets: SecretsPlugin) -> None:
    together = threading.Barrier(4)
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            together.wait()
            for turn in range(3):
                secrets.put_secret(f"{number}-{turn}", SecretStr("x"))
                assert secrets.get_secret(f"{number}-{turn}")
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(secrets.secret_names()) == 12


ELSEWHERE = """
import os, resource, sys
from pydantic import SecretStr
from floe_plugins import PluginRegistry, SecretsPlugin
from floe_plugins.errors import PluginError
path, key, act = sys.argv[1:]
config = {"path": path, "key": key, "lock_timeout": 0.2 if act == "wait" else 300}
with PluginRegistry({"plugins": {"secrets": {"file": config}}}) as registry:
    secrets = registry.get(SecretsPlugin, "file")
    secrets.secret_names()
    if act == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
    if act == "denied":
        secrets.put_secret("before", SecretStr("x"))
        os.setgid(65534), os.setuid(65534)
    try:
        for number in range(3 if act == "put" else 1):
            secrets.put_secret(f"{os.getpid()}-{number}", SecretStr("x" * 300))
    except (OSError, PluginError) as error:
        print(type(error).__name__, error)
    [status] = registry.health().statuses.values()
    print(status.state.value, status.message)
"""


def elsewhere(path: Path, act: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE, path, KEY, act], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )


def told_elsewhere(path: Path, act: str) -> str:
    with elsewhere(path, act) as process:
        said = process.communicate()[0]
    assert process.returncode == 0
    return said


def test_processes_that_write_at_once_lose_nothing(secrets: SecretsPlugin, path: Path) -> None:
    secrets.put_secret("a", SecretStr("x"))
    writers = [elsewhere(path, "put") for _ in range(3)]
    for writer in writers:
        writer.communicate()

    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert len(secrets.secret_names()) == 10


def test_a_process_that_keeps_the_file_for_itself_is_named_as_the_cause(secrets: SecretsPlugin, path: Path) -> None:
    from filelock import FileLock

    secrets.put_secret("a", SecretStr("x"))
    with FileLock(f"{path}.lock"):
        said = told_elsewhere(path, "wait")

    assert "being written by another process" in said
    assert secrets.secret_names() == ("a",)


def test_a_full_disk_is_an_error_and_loses_nothing(secrets: SecretsPlugin, path: Path) -> None:
    secrets.put_secret("a", SecretStr("x"))

    said = told_elsewhere(path, "full")

    assert "File too large" in said
    assert "healthy 1 secrets can be read" in said
    assert secrets.secret_names() == ("a",)
    assert sorted(file.name for file in path.parent.iterdir()) == ["secrets.json", "secrets.json.lock"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can become another user")
def test_without_permission_writing_fails_and_health_says_so(secrets: SecretsPlugin, path: Path) -> None:
    secrets.put_secret("a", SecretStr("x"))

    said = told_elsewhere(path, "denied")

    assert "PermissionError" in said
    assert "unhealthy cannot read" in said
    assert secrets.secret_names() == ("a", "before")


def test_importing_the_plugin_imports_no_engine() -> None:
    code = (
        "import sys, floe_reference_secrets_file; print([m for m in ('cryptography', 'filelock') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)

    assert done.stdout.strip() == "[]"


def test_the_class_is_what_its_entry_point_names(secrets: SecretsPlugin) -> None:
    assert isinstance(secrets, FileSecrets)
