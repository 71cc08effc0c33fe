"""What one plugin does is told from what others in its host do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import child_environ, write_distribution

PLUGIN = """
import os, threading
from support import Secrets
from floe_plugins import HealthStatus

class Plugin(Secrets):
    name = "{name}"
    dependencies = {dependencies}
    def startup(self):
        {startup}
    def health_check(self):
        return HealthStatus("{health}", "so it is")
    def shutdown(self):
        {shutdown}
"""


def doctor(site: Path, *arguments: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    command = [sys.executable, "-m", "floe_plugins", "doctor", "--start", "--json", *arguments]
    environ = child_environ(site)
    done = subprocess.run(command, cwd=site, env=environ, capture_output=True, text=True, timeout=110, check=False)
    document = json.loads(done.stdout)
    assert done.returncode == any(not each["is_warning"] for each in document["problems"])
    return {each["ref"].partition(":")[2]: each for each in document["plugins"]}, document["problems"]


def install(site: Path, name: str, **code: str) -> None:
    defaults = {"startup": "pass", "shutdown": "pass", "health": "healthy", "dependencies": "()"}
    module = PLUGIN.format(name=name, **{**defaults, **code})
    write_distribution(
        site, f"acme-{name}", f"[floe.secrets]\n{name} = acme_{name}:Plugin\n", **{f"acme_{name}": module}
    )


def test_what_a_dependency_does_is_not_counted_for_its_dependent(tmp_path: Path) -> None:
    install(tmp_path, "below", startup="os.environ['BELOW'] = ''; os.open('/dev/null', os.O_RDONLY)")
    install(tmp_path, "above", startup="os.environ['ABOVE'] = ''", dependencies="('secrets:below',)")
    found, _ = doctor(tmp_path)
    assert found["above"]["changed"] == [{"kind": "environment variables", "names": ["ABOVE"]}]
    assert found["below"]["changed"] == [{"kind": "environment variables", "names": ["BELOW"]}]
    assert (found["above"]["open_files"], len(found["below"]["open_files"])) == ([], 1)


def test_what_stays_after_the_stop_is_a_warning(tmp_path: Path) -> None:
    thread = "threading.Thread(target=self.ended.wait, daemon=True, name='mine').start()"
    startup = f"self.ended = threading.Event(); {thread}"
    install(tmp_path, "tidy", startup=startup, shutdown="self.ended.set()")
    install(tmp_path, "untidy", startup=f"{startup}; os.open('/dev/null', os.O_RDONLY)")
    found, problems = doctor(tmp_path)
    assert found["tidy"]["threads"] == found["untidy"]["threads"] == ["mine"]
    assert {(each["ref"], each["message"]) for each in problems} == {
        ("secrets:untidy", "it leaves threads behind after its stop: mine (1)"),
        ("secrets:untidy", "it leaves open files behind after its stop: /dev/null (1)"),
    }


@pytest.mark.parametrize(("health", "is_warning"), [("unhealthy", False), ("degraded", True)])
def test_one_that_is_not_healthy_is_told(tmp_path: Path, health: str, is_warning: bool) -> None:  # noqa: FBT001 a case
    install(tmp_path, "ill", health=health)
    _, [problem] = doctor(tmp_path)
    assert (problem["stage"], problem["message"]) == ("check", f"it is {health}: so it is")
    assert problem["is_warning"] == is_warning


def test_one_that_cannot_be_started_or_stopped_is_told(tmp_path: Path) -> None:
    install(tmp_path, "late", startup="raise OSError('no disk')")
    install(tmp_path, "stuck", shutdown="raise OSError('no disk')")
    install(tmp_path, "lonely", dependencies="('secrets:nowhere',)")
    found, problems = doctor(tmp_path)
    stages = {each["ref"].partition(":")[2]: each["stage"] for each in problems}
    assert stages == {"late": "start", "stuck": "stop", "lonely": "resolve"}
    ended = {name: each["ended"] for name, each in found.items()}
    assert ended == {"late": "failed to start", "stuck": "failed to stop", "lonely": "not started"}
    assert "no disk" in next(each["message"] for each in problems if each["stage"] == "start")


def test_what_the_platform_imports_is_not_counted(tmp_path: Path) -> None:
    install(tmp_path, "small")
    found, _ = doctor(tmp_path)
    assert "acme_small" in found["small"]["top_level_modules"]
    assert not {"attr", "packaging", "pluggy", "pydantic", "queue"} & set(found["small"]["top_level_modules"])
    assert found["small"]["threads"] == found["small"]["open_files"] == []


def test_each_setting_that_is_wrong_is_a_problem_of_its_own(tmp_path: Path) -> None:
    settings = "from pydantic import BaseModel\nclass Settings(BaseModel):\n    url: str\n    size: int\n"
    module = PLUGIN.format(name="set", startup="pass", shutdown="pass", health="healthy", dependencies="()")
    module = f"{settings}{module}    config_schema = Settings\n"
    write_distribution(tmp_path, "acme-set", "[floe.secrets]\nset = acme_set:Plugin\n", acme_set=module)
    _, problems = doctor(tmp_path)
    assert [(each["stage"], "\n" in each["message"], each["message"].partition(":")[0]) for each in problems] == [
        ("configure", False, "plugins.secrets.set.size"),
        ("configure", False, "plugins.secrets.set.url"),
    ]
