"""A platform that serves: it is asked, restarted, reloaded and stopped from outside."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import SOON, child_environ, write_distribution

from floe_plugins import PluginRegistry
from floe_plugins.cli.host.reload import Reload
from floe_plugins.cli.supervisor.service import Service
from floe_plugins.cli.supervisor.supervisor import Finished
from floe_plugins.cli.supervisor.view import SupervisorView

pytestmark = pytest.mark.once


PLUGIN = """
import os
from pydantic import BaseModel
from floe_plugins import HealthStatus, SecretsPlugin

class Config(BaseModel):
    prefix: str = "a"

class Plugin(SecretsPlugin):
    name = "mine"
    version = floe_api_version = "1.0"
    config_schema = Config
    def get_secret(self, key): return None
    def secret_names(self, prefix=""): return ()
    def put_secret(self, key, value): pass
    def startup(self):
        if os.path.exists("fail"):
            os.remove("fail")
            os._exit(0)
        while os.path.exists("hold"):
            pass
        print("started with", self.config.prefix, flush=True)
    def health_check(self):
        if os.path.exists("exit"):
            os.remove("exit")
            os._exit(0)
        return HealthStatus("unhealthy" if os.path.exists("sick") else "healthy", "as it is")
"""


class Running:
    """A platform that runs in a directory."""

    def __init__(self, directory: Path, *arguments: str, **variables: str) -> None:
        self.directory = directory
        self.environ = child_environ(directory, XDG_RUNTIME_DIR=str(directory), **variables)
        command = [sys.executable, "-m", "floe_plugins", "run", *arguments]
        self.process = subprocess.Popen(
            command,
            cwd=directory,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # without a terminal, as a service
        )

    def said(self, text: str) -> str:
        """Wait for a line on standard error that contains a text, and return it."""
        assert self.process.stderr is not None
        seen = []
        for line in self.process.stderr:
            seen.append(line)
            if text in line:
                return line
        raise AssertionError("".join(seen))

    def serves(self) -> None:
        """Wait until the platform serves."""
        assert self.process.stdout is not None
        assert any(line.startswith("running;") for line in self.process.stdout)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "floe_plugins", *arguments],
            cwd=self.directory,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def end(self, number: int = signal.SIGTERM) -> tuple[str, str]:
        self.process.send_signal(number)
        return self.process.communicate(timeout=SOON)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    write_distribution(tmp_path, "acme", "[floe.secrets]\nmine = acme_mine:Plugin\n", acme_mine=PLUGIN)
    (tmp_path / "floe.yaml").write_text("plugins: {secrets: {mine: {prefix: one}}}\n", encoding="utf-8")
    with contextlib.ExitStack() as stack:

        def start(*arguments: str, ready: str = "", serving: bool = True, **variables: str) -> Running:
            running = Running(tmp_path, *arguments, **variables)
            stack.enter_context(running.process)
            stack.callback(running.process.kill)
            if ready:
                running.said(ready)
            if serving:
                running.serves()
            return running

        yield start


def test_health_asks_the_platform_that_runs_and_says_so(run: Any) -> None:
    running = run()
    found = running.command("health")
    assert found.returncode == 0
    assert "platform healthy (asked the platform that runs)" in found.stdout
    assert "started with" not in found.stderr
    running.end()
    alone = running.command("health")
    assert "no platform runs with this configuration: started one for it" in alone.stdout
    assert "started with one" in alone.stderr


def test_one_plugin_is_stopped_started_and_restarted(run: Any) -> None:
    running = run()
    for action in ("stop", "start", "restart"):
        found = running.command(action, "secrets:mine", "--json")
        assert found.returncode == 0, found.stderr
        assert json.loads(found.stdout)["outcome"]["state"] == "succeeded"
    missing = running.command("restart", "secrets:min")
    assert missing.returncode == 1
    assert "secrets:mine" in missing.stderr


def test_timings_are_those_of_the_platform_that_runs(run: Any) -> None:
    running = run()
    while (found := running.command("timings")).returncode:  # the host tells of its start a moment later
        assert "has not started yet" in found.stderr
    assert "critical chain: secrets:mine" in found.stdout


def test_what_runs_is_listed_with_its_health(run: Any, tmp_path: Path) -> None:
    running = run()
    while "started  healthy" not in (found := running.command("list", "--running")).stdout:
        assert found.returncode == 0, found.stderr
    assert f"process {running.process.pid}" in found.stdout
    assert json.loads(running.command("list", "--running", "--json", "--category", "storage").stdout)["plugins"] == []
    (tmp_path / "sick").touch()
    running.command("health")
    while "unhealthy" not in (found := running.command("list", "--running")).stdout:
        assert found.returncode == 0, found.stderr
    assert "as it is" in found.stdout


def test_without_a_platform_the_commands_say_how_to_start_one(run: Any) -> None:
    running = run()
    running.end()
    for command in (("timings",), ("restart", "secrets:mine"), ("list", "--running")):
        found = running.command(*command)
        assert found.returncode == 1
        assert "floe-plugins run" in found.stderr


def test_the_socket_is_gone_after_the_end_and_can_be_left_out(run: Any, tmp_path: Path) -> None:
    run().end()
    assert list((tmp_path / "floe-plugins").iterdir()) == []
    running = run("--no-socket")
    assert list((tmp_path / "floe-plugins").iterdir()) == []
    running.end()


def test_a_second_platform_runs_without_a_socket_and_says_so(run: Any) -> None:
    first = run()
    second = run(ready="no status socket: another platform answers")
    second.end()
    assert "asked the platform that runs" in first.command("health").stdout


def test_a_directory_that_cannot_be_used_costs_the_socket_alone(run: Any, tmp_path: Path) -> None:
    (tmp_path / "floe-plugins").touch()
    run(ready="no status socket")


def test_a_host_that_ends_is_launched_anew_where_that_is_wanted(run: Any, tmp_path: Path) -> None:
    (tmp_path / "fail").touch()
    running = run("--restart", "on-failure", serving=False)
    running.said("secrets:mine ended the host by os._exit(0) while starting")
    running.said("starting the platform again in 1 s (restart 1 of 5)")
    running.serves()
    assert running.command("health").returncode == 0
    _, err = running.end()
    assert running.process.returncode == 0, err


def test_a_host_that_ends_ends_the_run_otherwise(run: Any, tmp_path: Path) -> None:
    (tmp_path / "fail").touch()
    running = run(ready="secrets:mine ended the host by os._exit(0) while starting", serving=False)
    running.process.communicate(timeout=SOON)
    assert running.process.returncode == 1


def test_a_platform_that_keeps_failing_is_given_up(tmp_path: Path) -> None:
    config = tmp_path / "floe.yaml"
    config.write_text('registry: {required: ["secrets:gone"]}\n', encoding="utf-8")
    code = f"""
import sys
from floe_plugins.cli.supervisor import service
service.FIRST_PAUSE = 0.01
sys.argv = ["floe-plugins", "run", "--restart", "on-failure", "--config", {str(config)!r}]
from floe_plugins.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=child_environ(tmp_path, XDG_RUNTIME_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 1
    assert "the platform failed 6 times in a row: giving up" in done.stderr


def test_a_changed_file_is_applied_on_hangup(run: Any, tmp_path: Path) -> None:
    running = run()
    config = tmp_path / "floe.yaml"
    for text, said in (
        ("plugins: {secrets: {mine: {prefix: two}}}", "secrets:mine: its settings have changed; it was restarted"),
        ("plugins: {secrets: {mine: {prefix: [3]}}}", "its new settings are refused, it goes on with the old ones"),
        ("plugins: [", "nothing was reloaded: invalid configuration"),
        ("plugins: {secrets: {mine: {prefix: two}, env: {}}}", "secrets:env is new in the configuration: restart"),
        ("registry: {workers: 3}\nplugins: {secrets: {mine: {prefix: two}}}", "registry.workers has changed: restart"),
        ("plugins: {secrets: {mine: {prefix: two}}}", "nothing has changed"),
    ):
        config.write_text(text, encoding="utf-8")
        running.process.send_signal(signal.SIGHUP)
        running.said(said)
        assert running.command("health").returncode == 0


def test_why_a_host_did_not_reload_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said: queue.Queue[str] = queue.Queue()
    lines: list[str] = []

    class Hosts:
        """Stands for the supervisor."""

        monitor = None
        received = None
        signals = staticmethod(contextlib.nullcontext)
        on_tick: Any
        on_hangup: Any

        def __init__(self) -> None:
            self.observers: list[Any] = []

        def begin(self, _job: str, _options: Any) -> None: ...

        def wait(self) -> Finished:
            self.on_hangup()
            lines.append(said.get(timeout=SOON))
            return Finished(status=0)

        def ask(self, _event: str, _wait: float) -> Any:
            return {"error": {"message": "the request failed with ValueError"}}

    def no_terminal(_path: str, _flags: int) -> int:
        raise OSError

    monkeypatch.setattr(os, "open", no_terminal)
    monkeypatch.setattr(sys, "stdin", None)
    hosts: Any = Hosts()
    Service(supervisor=hosts, view=SupervisorView(hosts, None), say=said.put).run({})
    assert lines == ["nothing was reloaded: the request failed with ValueError"]


def test_a_service_manager_is_told_of_the_start_and_the_stop(run: Any, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(os.fspath(tmp_path / "notify"))
        manager.settimeout(SOON)
        running = run(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000")
        seen = ""
        while "READY=1" not in seen or "WATCHDOG=1" not in seen:
            seen += manager.recv(4096).decode() + "\n"
        running.end()
        while "STOPPING=1" not in seen:
            seen += manager.recv(4096).decode() + "\n"
    assert seen.index("READY=1") < seen.index("STOPPING=1")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_platform_in_order(run: Any, number: int) -> None:
    running = run()
    _, err = running.end(number)
    assert "secrets:mine stopped" in err
    assert running.process.returncode == 0


def fetch(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=SOON) as answer:  # noqa: S310 its own server
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_probes_are_answered_while_the_host_is_gone(run: Any, tmp_path: Path) -> None:
    running = run("--serve", "127.0.0.1:0", "--restart", "on-failure", serving=False)
    url = running.said("serving at http://").split()[-1].rstrip("/")
    while fetch(f"{url}/readyz")[0] != 200:
        assert running.process.poll() is None
    assert fetch(f"{url}/livez") == (200, "ok")
    (tmp_path / "hold").touch()
    (tmp_path / "exit").touch()
    running.command("health")
    running.said("secrets:mine ended the host by os._exit(0) in its health check")
    assert fetch(f"{url}/livez") == (200, "ok")
    status, reason = fetch(f"{url}/readyz")
    assert status == 503
    assert "secrets:mine" in reason
    (tmp_path / "hold").unlink()
    while fetch(f"{url}/readyz")[0] != 200:
        assert running.process.poll() is None
    assert "floe_host_restarts_total 1" in fetch(f"{url}/metrics")[1]


def test_a_variable_that_spells_a_plugin_otherwise_is_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_distribution(tmp_path, "acme", "[floe.secrets]\nmy-plugin = acme:Plugin\n", acme="")
    config = tmp_path / "floe.json"
    config.write_text('{"registry": {"workers": 2}}', encoding="utf-8")
    monkeypatch.setenv("FLOE_PLUGINS__SECRETS__MY_PLUGIN__PREFIX", "two")
    registry = PluginRegistry(config, path=[str(tmp_path)])
    registry.discover()
    assert Reload(registry, str(config)).run()["lines"] == ["the configuration was read again: nothing has changed"]


def test_what_came_from_standard_input_is_not_read_again() -> None:
    [line] = Reload(PluginRegistry(path=[], environ={}), "-").run()["lines"]
    assert line == "nothing was reloaded: the configuration came from standard input, which is read once"


def ask(url: str, path: str, method: str, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(f"{url}{path}", method=method, headers=headers)  # noqa: S310 its own server
    try:
        with urllib.request.urlopen(request, timeout=SOON) as answer:  # noqa: S310 as above
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_behind_a_proxy_only_the_named_host_and_only_the_right_token_act(run: Any) -> None:
    secret = "t0ken-of-the-test"  # noqa: S105
    running = run(
        "--serve", "127.0.0.1:0", "--allow-host", "Status.example.com", FLOE_PLUGINS_TOKEN=secret, serving=False
    )
    url = running.said("serving at http://").split()[-1].rstrip("/")
    running.serves()
    restart, right = "/api/plugins/secrets:mine/restart", f"Bearer {secret}"
    status, reason = ask(url, "/livez", "GET", Host="evil.example.com")
    assert status == 403
    assert "not one that this server answers for" in reason
    assert ask(url, restart, "POST", Host="evil.example.com", Authorization=right)[0] == 403
    assert ask(url, "/livez", "GET", Host="status.example.com:443") == (200, "ok")
    assert ask(url, restart, "POST", Host="status.example.com")[0] == 401
    assert ask(url, restart, "POST", Host="status.example.com", Authorization="Bearer wrong")[0] == 401
    status, outcome = ask(url, restart, "POST", Host="status.example.com", Authorization=right)
    assert status == 200, outcome
    out, err = running.end()
    assert secret not in out + err


def test_the_token_of_the_variable_is_not_in_the_environment_of_plugins(run: Any, tmp_path: Path) -> None:
    (tmp_path / "acme_mine.py").write_text(
        PLUGIN.replace('print("started with", ', 'print("token", os.environ.get("FLOE_PLUGINS_TOKEN"), '), "utf-8"
    )
    running = run("--serve", "127.0.0.1:0", FLOE_PLUGINS_TOKEN="t0ken-of-the-test", serving=False)  # noqa: S106
    assert "token None" in running.said("token ")
