"""``doctor``: each plugin in a process of its own, and what is said about it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from support import child_environ, write_distribution

pytestmark = pytest.mark.once


PAGE = (Path(__file__).parents[3] / "docs" / "doctor.md").read_text(encoding="utf-8")
TIMEOUT, MEMORY = 4, 150

PLUGIN = """
import threading
from floe_plugins import HealthStatus, SecretsPlugin

def act():
    {act}

class Plugin(SecretsPlugin):
    name = "{name}"
    version = "1.0"
    floe_api_version = "1.0"
    def get_secret(self, key): return None
    def secret_names(self, prefix=""): return ()
    def put_secret(self, key, value): pass
    def startup(self): {startup}
    def shutdown(self): {shutdown}
    def health_check(self):
        {check}
        return HealthStatus("healthy")

{load}
"""
# What code does to its process, and how doctor calls it.
ACTS = {
    "exit0": ("import os; os._exit(0)", r"os\._exit\(0\)"),
    "exit7": ("import os; os._exit(7)", r"os\._exit\(7\)"),
    "segfault": ("import ctypes; ctypes.string_at(0)", r"signal \d+ \(SIGSEGV\)"),
    "spinning": ('import re; re.match("(a+)+$", "a" * 40 + "b")', "took too long"),
    "sleeping": ("import ctypes; ctypes.PyDLL(None).sleep(60)", "took too long"),
    "looping": ("while True: pass", "took too long"),
    "waiting": ("threading.Event().wait()", "took too long"),
    "hungry": ("kept = [bytearray(2**24) for _ in range(100_000)]", ""),
}
FAILED = {"load": "failed to load", "startup": "failed to start", "check": "unhealthy", "shutdown": "failed to stop"}

Doctor = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """Install plugins, each given by the code of its stages, and run ``floe-plugins doctor`` on them."""

    def run(plugins: Mapping[str, Mapping[str, str]], *arguments: str, **environ: str) -> Any:
        site = tmp_path / "site"
        for name, code in plugins.items():
            stages = {"act": "pass", "startup": "pass", "shutdown": "pass", "check": "pass", "load": "", **code}
            module = f"acme_{name}"
            entry_points = f"[floe.secrets]\n{name} = {module}:Plugin\n"
            write_distribution(site, f"acme-{name}", entry_points, **{module: PLUGIN.format(name=name, **stages)})
        return subprocess.run(
            [sys.executable, "-m", "floe_plugins", "doctor", *arguments],
            cwd=tmp_path,
            env=child_environ(site, **environ),
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )

    return run


def of(done: subprocess.CompletedProcess[str]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The plugins by name, and the problems."""
    document = json.loads(done.stdout)
    assert {*document} == {"schema_version", "configuration", "plugins", "problems", "warnings"}
    return {each["ref"].partition(":")[2]: each for each in document["plugins"]}, document["problems"]


@pytest.mark.parametrize("stage", ["load", "startup", "check", "shutdown", "background"])
def test_whatever_code_does_to_its_process_its_plugin_is_named(doctor: Doctor, stage: str) -> None:
    plugins: dict[str, dict[str, str]] = {"good": {}}
    for name, (act, _) in ACTS.items():
        if stage != "background":
            plugins[name] = {"act": act, stage: "act()"}
        elif name not in {"hungry", "waiting"}:  # an error on a thread ends that thread alone; one that waits may
            load = "thread = threading.Thread(target=act, daemon=True)"
            plugins[name] = {"act": act, "load": load, "startup": "thread.start(); thread.join()"}
    start = () if stage == "load" else ("--start",)
    limits = ("--timeout", str(TIMEOUT), "--memory", str(MEMORY), "--jobs", "3")
    done = doctor(plugins, "--json", *limits, *start)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    found, problems = of(done)
    assert found.keys() == plugins.keys()
    assert found.pop("good")["state"] == ("stopped" if start else "loaded")
    for name, plugin in found.items():
        assert plugin["state"] == "failed", plugin
        assert re.match(ACTS[name][1] or FAILED[stage], plugin["ended"]), plugin
        [problem] = [each for each in problems if each["ref"] == plugin["ref"] and not each["is_warning"]]
        assert problem["distribution"].startswith(f"acme-{name} 1.0 in ")
        assert problem["hint"]
        assert plugin["seconds"]["total"] < 10 * TIMEOUT  # this machine may be busy
        if name == "hungry":
            assert f"more than the {MEMORY} MiB that --memory allows" in problem["message"]


def test_a_host_that_dies_for_want_of_memory_says_so(doctor: Doctor) -> None:
    act = "import os, signal; kept = bytearray(b'x') * (160 * 2**20); os.kill(os.getpid(), signal.SIGKILL)"
    done = doctor({"killed": {"act": act, "load": "act()"}}, "--memory", "200")
    assert done.returncode == 1
    assert "crashed the host by signal 9 (SIGKILL)" in done.stdout
    assert "more than the 200 MiB that --memory allows" in done.stdout


def test_a_message_is_a_line_with_whose_it_is_and_what_to_do(doctor: Doctor) -> None:
    done = doctor({"evil": {"act": "import ctypes; ctypes.string_at(0)", "load": "act()"}})
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    [place] = [number for number, line in enumerate(lines) if line.startswith("secrets:evil [load] crashed the host")]
    assert "while being loaded, at File " in lines[place]
    assert lines[place + 1].startswith("    from acme-evil 1.0 in ")
    assert lines[place + 2] == "    Leave it out with --disable secrets:evil, or tell its author."


def test_a_thread_that_keeps_the_process_is_a_problem(doctor: Doctor) -> None:
    load = "threading.Thread(target=threading.Event().wait, daemon=False).start()"
    done = doctor({"stuck": {"load": load}}, "--json")
    found, problems = of(done)
    assert (done.returncode, found["stuck"]["ended"]) == (1, "does not end")
    assert "keeps its process from ending" in problems[-1]["message"]


def test_changes_are_warnings_that_strict_makes_failures(doctor: Doctor) -> None:
    load = 'import os; os.environ["ACME_KEY"] = "s3cret"'
    done = doctor({"loud": {"load": load}})
    assert done.returncode == 0
    assert "secrets:loud [load] it changed the environment variables: ACME_KEY" in done.stdout
    assert "1 warning\n" in done.stdout
    assert "s3cret" not in done.stdout
    assert doctor({}, "--strict").returncode == 1


def test_what_a_plugin_prints_is_captured_and_escaped(doctor: Doctor) -> None:
    load = 'import os; print("\\x1b[2Jcleared it all", flush=True); os.write(2, b"and more\\n" * 1000)'
    done = doctor({"chatty": {"load": load}}, "-v")
    assert "\x1b[2J" not in done.stdout + done.stderr
    assert "9019 B: \\x1b[2Jcleared ..." in done.stdout
    assert "secrets:chatty printed \\x1b[2Jcleared it all\\nand more\\nand more" in done.stdout
    assert len(done.stdout) < 4000
    assert "and more" not in done.stderr


CONFIGURED = """
import os
from pydantic import BaseModel, SecretStr, model_validator

class Settings(BaseModel):
    token: SecretStr
    how: str

def startup(self):
    print("opened with", self.config.token.get_secret_value(), "at", self.config.how, flush=True)
    if self.config.how == "once": os._exit(3)

Plugin.config_schema, Plugin.startup = Settings, startup
"""


def test_what_may_hold_secrets_that_are_not_known_yet_is_not_shown(doctor: Doctor, tmp_path: Path) -> None:
    config = {"plugins": {"secrets": {"open": {"token": "hunter2-prod", "how": "always"}}}}
    (tmp_path / "floe.json").write_text(json.dumps(config), encoding="utf-8")
    validate = """
class Telling(Settings):
    @model_validator(mode="before")
    @classmethod
    def tell(cls, settings):
        print(settings, flush=True)
        os._exit(0)

Plugin.config_schema = Telling
"""
    done = doctor({"open": {"load": CONFIGURED + validate}}, "--start", "--json")
    found, _ = of(done)
    assert done.returncode == 1
    assert found["open"]["printed"]["bytes"] > 0
    assert found["open"]["printed"]["text"].startswith("(withheld")
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize("how", ["always", "once"])
def test_secrets_of_the_configuration_are_not_shown(doctor: Doctor, tmp_path: Path, how: str) -> None:
    config = {"plugins": {"secrets": {"open": {"token": "hunter2-prod", "how": how}}}}
    (tmp_path / "floe.json").write_text(json.dumps(config), encoding="utf-8")
    done = doctor({"open": {"load": CONFIGURED}}, "--start", "--json")
    found, _ = of(done)
    assert found["open"]["printed"]["text"] == f"opened with *** at {how}\n"
    assert "hunter2" not in done.stdout + done.stderr
    assert done.returncode == (how == "once")


def test_what_must_not_be_imported_is_listed(doctor: Doctor, tmp_path: Path) -> None:
    act = f"import pathlib; pathlib.Path({str(tmp_path / 'imported')!r}).touch()"
    done = doctor({"off": {"act": act, "load": "act()"}}, "--disable", "secrets:off", "--json")
    found, problems = of(done)
    assert (done.returncode, problems) == (0, [])
    assert found["off"]["state"] == "disabled"
    assert "disabled by 'secrets:off'" in found["off"]["ended"]
    path = tmp_path / "site" / "acme_off.py"
    path.write_text(
        path.read_text(encoding="utf-8").replace('api_version = "1.0"', 'api_version = "99.0"'), encoding="utf-8"
    )
    done = doctor({}, "--json")
    found, problems = of(done)
    assert (done.returncode, found["off"]["state"], len(problems)) == (1, "incompatible", 1)
    assert "secrets:off" in doctor({}).stdout
    assert not (tmp_path / "imported").exists()


def test_only_the_plugins_that_are_asked_for_are_tried(doctor: Doctor) -> None:
    done = doctor({"one": {}, "two": {"load": "1 / 0"}}, "secrets:one", "--json")
    assert (done.returncode, list(of(done)[0])) == (0, ["one"])


@pytest.mark.parametrize(("ref", "message"), [("secrets:onne", "Did you mean secrets:one?"), ("nonsense", "nonsense")])
def test_a_plugin_that_is_not_there_is_a_usage_error(doctor: Doctor, ref: str, message: str) -> None:
    done = doctor({"one": {}}, ref)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_none_to_try_is_told(doctor: Doctor) -> None:
    assert doctor({}).stdout.splitlines()[0] == "no plugins are installed"
    done = doctor({"one": {}}, "--no-plugins")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "installed plugins are switched off")


def test_one_problem_does_not_hide_the_others_where_problems_are_strict(doctor: Doctor, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_distribution(tmp_path / "site", f"same-{name}", "[floe.secrets]\nsame = acme_two:Plugin\n")
    done = doctor({"one": {"load": "1 / 0"}, "two": {}}, "--json", FLOE_PLUGINS_STRICT="1")
    found, _ = of(done)
    assert {name: each["state"] for name, each in found.items()} == {
        "one": "failed",
        "same": "refused",
        "two": "loaded",
    }


def test_the_reference_plugins_are_well(floe: Any, reference: tuple[str, ...], write: Callable[..., str]) -> None:
    done = floe(reference, "doctor", "--start", "--json", "--config", write())
    found, problems = of(done)
    assert {name: each["ended"] for name, each in found.items()} == dict.fromkeys(("duckdb", "env", "local"), "stopped")
    # Engines may leave threads of theirs behind, which is a warning.
    assert (done.returncode, [each for each in problems if each["ref"] != "compute:duckdb"]) == (0, [])
    assert found["duckdb"]["modules"] > 0
    assert {"load", "start", "check", "stop", "total"} <= found["duckdb"]["seconds"].keys()


def test_each_faulty_plugin_is_a_row_and_a_problem(floe: Any, faulty: tuple[str, ...]) -> None:
    done = floe(faulty, "doctor", "--json")
    found, problems = of(done)
    assert done.returncode == 1
    assert len(found) >= len(faulty) - 2
    for plugin in found.values():
        assert plugin["state"] != "loaded", plugin
        assert any(each["ref"] == plugin["ref"] for each in problems)


def example(name: str) -> str:
    return PAGE.partition(f"<!-- {name} -->\n```")[2].partition("\n")[2].partition("```")[0]


def test_the_page_shows_what_is_printed(tmp_path: Path) -> None:
    write_distribution(
        tmp_path / "site",
        "acme",
        "[floe.secrets]\nvault = acme_vault:Vault\nbroken = acme_broken:Broken\n",
        acme_vault=example("vault"),
        acme_broken=example("broken"),
    )
    done = subprocess.run(
        [sys.executable, "-m", "floe_plugins", "doctor", "--start"],
        cwd=tmp_path,
        env=child_environ(tmp_path / "site"),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert comparable(done.stdout.replace(str(tmp_path), "")) == comparable(example("printed"))


def comparable(text: str) -> list[str]:
    """The words of a text, without numbers that differ from run to run."""
    return re.sub(r"\d+\.\d+(?= )", "0.0", text.replace("/python3.12/", "/")).split()
