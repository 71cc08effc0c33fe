"""How fast the probes are answered, beside a bare Starlette application behind the same server.

python -m benchmarks.serving [--rounds 15]

Needs starlette beside floe-plugins[server]. Each contender serves in a process of its own; the clients take turns.
"""

from __future__ import annotations

import argparse
import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

from benchmarks.timing import ROOT, Table, interleaved, show, table

CLIENTS = 8
REQUESTS = 100  # of each client, in one round

_PLATFORM = """
import logging, sys, threading
logging.getLogger("floe_plugins").addHandler(logging.NullHandler())
sys.path.insert(0, "tests")
from support import named, new_registry
from floe_plugins.server import RegistryView, Server, create_app, open_listener

def hang(plugin):
    threading.Event().wait()

registry = new_registry(timeouts={"health": 0.5})
registry.register(named("well"), named("hanging", health_check=hang))
registry.startup()
app = create_app(RegistryView(registry, 0.5))
"""

_STARLETTE = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from floe_plugins.server import Server, open_listener

async def livez(request):
    return PlainTextResponse("ok")

app = Starlette(routes=[Route("/livez", livez)])
"""

_FLOE_SERVER = """
import sys
server = Server(app, open_listener("0"))
server.start()
print(server.address.port, flush=True)
sys.stdin.read()
"""

_UVICORN = """
import asyncio, sys, threading, uvicorn
listener = open_listener("0")
config = uvicorn.Config(app, http="h11", loop="asyncio", log_config=None, access_log=False)
print(listener.getsockname()[1], flush=True)
threading.Thread(target=asyncio.run, args=(uvicorn.Server(config).serve([listener]),), daemon=True).start()
sys.stdin.read()
"""

# A platform whose plugin keeps the interpreter's lock in its health check: its host is ended and launched anew.
_SUPERVISED = """
import subprocess, sys, tempfile, threading
from pathlib import Path
sys.path.insert(0, "tests")
from support import child_environ, write_distribution
site = Path(tempfile.mkdtemp())
write_distribution(site, "acme", "[floe.secrets]\\nacme = acme_plugin:Plugin\\n", acme_plugin='''
import re
from support import Secrets

class Plugin(Secrets):
    name = "acme"
    def health_check(self):
        re.match("(a+)+$", "a" * 40 + "b")
''')
(site / "floe.yaml").write_text("registry: {autoload: all, timeouts: {health: 0.5}}")
command = [sys.executable, "-m", "floe_plugins", "run", "--no-socket", "--serve", "0", "--restart", "on-failure"]
options = {"cwd": site, "env": child_environ(site), "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
process = subprocess.Popen(command, text=True, **options)
line = next(line for line in process.stderr if "serving at" in line)
print(line.rpartition(":")[2].strip().rstrip("/"), flush=True)
next(line for line in process.stderr if "kept the host from answering" in line)  # the first round begins then
threading.Thread(target=process.stderr.read, daemon=True).start()
sys.stdin.read()
process.terminate()
process.wait()
"""

BARE = "a bare Starlette application"
KEPT = "/livez of a platform whose hosts are ended and launched anew"
CONTENDERS = {
    BARE: (_STARLETTE + _UVICORN, b"/livez"),
    "/livez, while the check of a plugin hangs": (_PLATFORM + _FLOE_SERVER, b"/livez"),
    KEPT: (_SUPERVISED, b"/livez"),
    "/readyz": (_PLATFORM + _FLOE_SERVER, b"/readyz"),
    "/readyz?verbose": (_PLATFORM + _FLOE_SERVER, b"/readyz?verbose"),
    "/metrics": (_PLATFORM + _FLOE_SERVER, b"/metrics"),
}

# Four fifths of the requests a second.
LIMITS = {"/livez, while the check of a plugin hangs": (BARE, 1.25), KEPT: (BARE, 1.25)}


class Contender:
    """The clients of one server; each call is one round."""

    def __init__(self, port: int, path: bytes) -> None:
        self.request = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path
        self.port = port

    def __call__(self) -> float:
        """Seconds that one request takes, with all clients at work."""
        with contextlib.ExitStack() as stack:
            address = ("127.0.0.1", self.port)
            clients = [stack.enter_context(socket.create_connection(address, 30)) for _ in range(CLIENTS)]
            self.ask(clients)
            begun = time.perf_counter()
            for _ in range(REQUESTS):
                self.ask(clients)
            return (time.perf_counter() - begun) / (REQUESTS * CLIENTS)

    def ask(self, clients: list[socket.socket]) -> None:
        """Let each client ask once, and wait for all answers."""
        for client in clients:
            client.sendall(self.request)
        for client in clients:
            answer = client.recv(65_536)
            head, _, body = answer.partition(b"\r\n\r\n")
            left = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) - len(body)
            while left > 0:
                left -= len(client.recv(left))


@contextlib.contextmanager
def served() -> Iterator[dict[str, Contender]]:
    """The contenders, each with a server, until the end of the block."""
    servers: dict[str, subprocess.Popen[str]] = {}
    contenders: dict[str, Contender] = {}
    try:
        for name, (code, path) in CONTENDERS.items():
            servers[name] = subprocess.Popen(
                [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            stdout = servers[name].stdout
            assert stdout is not None
            contenders[name] = Contender(int(stdout.readline()), path)
        yield contenders
    finally:
        for server in servers.values():
            server.communicate()  # the end of its standard input ends it


def serving(rounds: int) -> Table:
    """Seconds that a request takes."""
    with served() as contenders:
        return table(f"One request of {CLIENTS} clients at once", interleaved(contenders, rounds), LIMITS)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=15)
    sys.stdout.write(show([serving(parser.parse_args().rounds)]) + "\n")


if __name__ == "__main__":
    main()
