"""The host: its streams, its signals and its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from support import SOON, child_environ, run_code, write_distribution

from floe_plugins.cli.host.process import MAX_FRAMES, MAX_NAME

PLUGIN = """
from floe_plugins import SecretsPlugin

class Plugin(SecretsPlugin):
    name = "mine"
    version = floe_api_version = "1.0"
    def get_secret(self, key): return None
    def secret_names(self, prefix=""): return ()
    def put_secret(self, key, value): pass
    def startup(self):
        CODE
    def shutdown(self):
        open("stopped", "w").close()
"""


def command(tmp_path: Path, code: str, *arguments: str) -> dict[str, Any]:
    write_distribution(
        tmp_path, "acme", "[floe.secrets]\nmine = acme_mine:Plugin\n", acme_mine=PLUGIN.replace("CODE", code)
    )
    return {
        "args": [sys.executable, "-m", "floe_plugins", *arguments],
        "cwd": tmp_path,
        "env": child_environ(tmp_path),
        "text": True,
    }


def run(tmp_path: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = command(tmp_path, code, *arguments)
    return subprocess.run(**options, capture_output=True, timeout=60, check=False)


def test_what_plugins_print_goes_to_standard_error(tmp_path: Path) -> None:
    done = run(tmp_path, "import os; print('printed'); os.write(1, b'written')", "health", "--json")
    assert done.stdout.startswith("{")
    assert "printed" in done.stderr
    assert "written" in done.stderr


def test_plugins_cannot_read_the_operators_input(tmp_path: Path) -> None:
    done = run(tmp_path, "import sys; assert sys.stdin.read() == ''", "health")
    assert done.returncode == 0, done.stdout


def test_what_plugins_registered_for_the_end_is_called(tmp_path: Path) -> None:
    done = run(tmp_path, "import atexit; atexit.register(print, 'the end')", "health")
    assert "the end" in done.stderr


def test_threads_and_children_that_plugins_leave_do_not_keep_the_command(tmp_path: Path) -> None:
    code = "import os, threading; threading.Thread(target=threading.Event().wait).start(); "
    code += "os.fork() or os.execlp('sleep', 'sleep', '600')"
    done = run(tmp_path, code, "health")
    assert done.returncode == 0, done.stderr


def test_who_ends_the_process_is_told_in_a_few_words() -> None:
    code = f"""
        import os, threading
        from floe_plugins.cli.host import process
        told = []
        class Channel:
            def send(self, event, **facts): told.append((event, facts))
        process._leave = lambda status: None
        process._trace_exit(Channel())
        names = {{}}
        code = "def dive(left): dive(left - 1) if left else os._exit(3)"
        exec(compile(f"import os\\n{{code}}", "n" * 10**5, "exec"), names)
        names["dive"](200)
        [(event, facts)] = told
        assert event == "exiting" and facts["status"] == 3
        assert len(facts["frames"]) == {MAX_FRAMES}
        assert {{frame[0] for frame in facts["frames"]}} == {{"n" * {MAX_NAME}}}
    """
    run_code(code, check=True)


def test_a_child_of_a_plugin_may_leave_by_os_exit(tmp_path: Path) -> None:
    done = run(tmp_path, "import os; os.waitpid(os.fork() or os._exit(3), 0)", "health")
    assert done.returncode == 0, done.stderr
    assert "os._exit" not in done.stderr


def test_a_host_whose_supervisor_is_killed_stops_the_plugins(tmp_path: Path) -> None:
    options = command(tmp_path, "pass", "run", "--json")
    with subprocess.Popen(**options, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert "startup" in process.stdout.readline()
        process.kill()
    end = time.monotonic() + SOON
    while not (tmp_path / "stopped").exists():
        assert time.monotonic() < end


def test_a_host_that_is_stuck_does_not_outlive_its_supervisor(tmp_path: Path) -> None:
    code = """import os, re
        with open("pid", "w") as file:
            file.write(str(os.getpid()))
        re.match("(a+)+$", "a" * 40 + "b")"""
    options = command(tmp_path, code)
    main = "import sys; from floe_plugins.cli.host import process; process.STUCK = 1.5; "
    main += "sys.argv = ['floe-plugins', 'run']; from floe_plugins.__main__ import main; main()"
    options["args"] = [sys.executable, "-c", main]
    with subprocess.Popen(**options, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert process.poll() is None
        process.kill()
    while is_running(int((tmp_path / "pid").read_text())):
        pass


def is_running(pid: int) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    except OSError:
        return False
    return fields[0] != "Z"  # its new parent may not have reaped it yet


def test_a_signal_to_the_host_alone_stops_the_platform(tmp_path: Path) -> None:
    code = "import os; open('pid', 'w').write(str(os.getpid()))"
    options = command(tmp_path, code, "run", "--json")
    with subprocess.Popen(**options, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert "startup" in process.stdout.readline()
        process.stdout.readline()
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
        process.communicate(timeout=SOON)
    assert (tmp_path / "stopped").exists()
