"""A platform that runs for long holds no more at its end than at its beginning.

``python tests/stress/soak.py [CHECKS] [RESTARTS]`` asks a platform that serves for its health CHECKS times and restarts
a plugin with two dependents RESTARTS times. It prints the threads, open files and MiB of the supervisor and the host,
and exits with status 1 if there are 3 more threads or files, or 9 MiB more, at the end.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support import child_environ, write_distribution

from floe_plugins.cli.supervisor.status_socket import ask

NAMES = ("a", "b", "c")
WARMING_UP = 50
MAX_MEMORY = 8
CONNECTIONS = 2

PLUGIN = """
from floe_plugins import HealthStatus
from support import Secrets

class Plugin(Secrets):
    name = {name!r}
    dependencies = {needs!r}
    def startup(self):
        self.file = open("/dev/null")
    def shutdown(self):
        self.file.close()
    def health_check(self):
        return HealthStatus("healthy", "fine")
"""


def held(pid: int) -> tuple[int, int, int]:
    """Threads, open files and MiB of a process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines())
    return int(status["Threads"]), len([*Path(f"/proc/{pid}/fd").iterdir()]), int(status["VmRSS"].split()[0]) // 1024


def main() -> None:
    checks, restarts = [*map(int, sys.argv[1:]), 2000, 300][:2] if len(sys.argv) > 1 else (2000, 300)
    with tempfile.TemporaryDirectory() as text:
        directory = Path(text)
        modules = {
            f"acme_{name}": PLUGIN.format(name=name, needs=tuple(f"secrets:{each}" for each in NAMES[:number][-1:]))
            for number, name in enumerate(NAMES)
        }
        entry_points = "".join(f"{name} = acme_{name}:Plugin\n" for name in NAMES)
        write_distribution(directory, "acme", f"[floe.secrets]\n{entry_points}", **modules)
        place = directory / "floe.sock"
        command = [sys.executable, "-m", "floe_plugins", "run", "--serve", "0", "--socket", str(place)]
        options: dict[str, Any] = {"cwd": directory, "env": child_environ(directory), "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options) as process:
            try:
                grown = soak(process, place, checks, restarts)
            finally:
                process.terminate()
    sys.exit(grown)


def soak(process: subprocess.Popen[str], place: Path, checks: int, restarts: int) -> bool:
    """Ask and restart; say whether either process has grown."""
    assert process.stdout is not None
    assert any(line.startswith("running") for line in process.stdout)
    for _ in range(WARMING_UP):
        ask(place, "health")
    host = (ask(place, "snapshot") or {})["snapshot"]["platform"]["host_pid"]
    before = show("at the beginning", process.pid, host)
    for _ in range(checks):
        assert (ask(place, "health") or {})["health"]["state"] == "healthy"
    show(f"after {checks:,} checks", process.pid, host)
    for _ in range(restarts):
        assert (ask(place, "act", action="restart", ref="secrets:a") or {})["outcome"]["state"] == "succeeded"
    after = show(f"after {restarts:,} restarts", process.pid, host)
    # The connection of the question before may not be closed yet.
    limits = (CONNECTIONS, CONNECTIONS, MAX_MEMORY)
    return any(
        last > limit + first
        for then, now in zip(before, after, strict=True)
        for first, last, limit in zip(then, now, limits, strict=True)
    )


def show(when: str, *pids: int) -> list[tuple[int, int, int]]:
    """Print and return what the processes hold."""
    found = [held(pid) for pid in pids]
    for name, each in zip(("supervisor", "host"), found, strict=True):
        print(f"{when}: {name}: {each[0]} threads, {each[1]} files, {each[2]} MiB", flush=True)
    return found


if __name__ == "__main__":
    main()
