"""The recipes of docs/embedding.md, each run in a process of its own as its reader would run it."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from support import child_environ, write_distribution

pytestmark = pytest.mark.once

TEXT = (Path(__file__).parents[1] / "docs" / "embedding.md").read_text(encoding="utf-8")
RECIPES = dict(re.findall(r"<!-- recipe: (\w+) -->\n```python\n(.*?)```", TEXT, re.DOTALL))
PLUGIN = """
from floe_plugins import HealthStatus, SecretsPlugin

class Greeting(SecretsPlugin):
    name = "greeting"
    version = "1.0"
    floe_api_version = "1.0"
    started = False

    def startup(self):
        print("started", flush=True)
        self.started = True

    def shutdown(self):
        print("stopped", flush=True)

    def get_secret(self, key): ...
    def put_secret(self, key, value): ...

    def secret_names(self, prefix=""):
        assert self.started
        return ("GREETING",)
"""
# What calls a recipe as its server, queue or notebook does, where that is not at hand or takes long to come up.
DRIVERS = {
    "starlette": """
        import asyncio
        from recipe import app

        async def get(path):
            sent = []
            async def send(message): sent.append(message)
            async def receive(): return {"type": "http.request"}
            scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "headers": [],
                     "query_string": b"", "root_path": "", "http_version": "1.1", "server": ("localhost", 80),
                     "client": ("127.0.0.1", 1), "scheme": "http"}
            await app(scope, receive, send)
            return sent[0]["status"], b"".join(each.get("body", b"") for each in sent)

        async def main():
            async with app.router.lifespan_context(app):
                print(await get("/names"))
                print((await get("/platform/livez"))[0])

        asyncio.run(main())
    """,
    "jupyter": """
        import ast, asyncio, inspect
        cell = compile(open("recipe.py").read(), "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        names = {}

        async def main():
            await eval(cell, names)
            print(names["registry"].one(names["SecretsPlugin"]).secret_names())
            await names["registry"].ashutdown()

        asyncio.run(main())
    """,
    "dramatiq": """
        import dramatiq
        from dramatiq.brokers.stub import StubBroker
        broker = StubBroker()
        dramatiq.set_broker(broker)
        import recipe
        worker = dramatiq.Worker(broker, worker_timeout=100)
        worker.start()
        recipe.print_names.send()
        broker.join("default")
        worker.stop()
    """,
    "celery": """
        import subprocess, sys, threading
        from pathlib import Path
        import recipe
        for name in ("in", "out"): Path(name).mkdir(exist_ok=True)
        Path("celeryconfig.py").write_text(
            "broker_url = 'filesystem://'\\nresult_backend = 'file://' + __import__('os').path.abspath('out')\\n"
            "broker_transport_options = {'data_folder_in': 'in', 'data_folder_out': 'in'}\\n"
            "worker_redirect_stdouts = False\\n"
        )
        recipe.app.config_from_object("celeryconfig")
        arguments = [sys.executable, "-m", "celery", "-A", "recipe:app", "--config", "celeryconfig", "worker",
                     "--concurrency", "1", "--loglevel", "ERROR"]
        worker = subprocess.Popen(arguments)
        print(recipe.names.delay().get(timeout=60))
        worker.terminate()
        worker.wait(60)
    """,
    "gunicorn": """
        import http.client, socket, subprocess, sys, time
        from pathlib import Path
        Path("gunicorn.conf.py").write_text(Path("recipe.py").read_text() + "\\nbind = 'unix:socket'\\nworkers = 2\\n")
        Path("application.py").write_text('''
        from floe_plugins import PluginRegistry, SecretsPlugin
        registry = PluginRegistry("floe.yaml")
        registry.list()
        def app(environ, start_response):
            start_response("200 OK", [])
            return [repr(registry.one(SecretsPlugin).secret_names()).encode()]
        '''.replace("\\n        ", "\\n"))
        server = subprocess.Popen([sys.executable, "-m", "gunicorn", "application:app"])
        while True:
            try:
                connection = http.client.HTTPConnection("localhost", timeout=10)
                connection.sock = socket.socket(socket.AF_UNIX)
                connection.sock.connect("socket")
                connection.request("GET", "/")
                print(connection.getresponse().read().decode())
                break
            except OSError:
                if server.poll() is not None: raise
                time.sleep(0.05)
        server.terminate()
        server.wait(60)
    """,
    "pytest": "import pytest; raise SystemExit(pytest.main(['-q', '-s', '-p', 'no:cacheprovider', 'recipe.py']))",
}
NEEDS = {"starlette": "starlette", "celery": "celery", "dramatiq": "dramatiq", "gunicorn": "gunicorn"}
SAYS = {
    "otel": ["GREETING", "floe discover\n", "floe start secrets:greeting\n", "floe stop\n"],
    "starlette": ["(200, b'[\"GREETING\"]')", "200"],
    "event_loop": ["healthy"],
    "pytest": ["1 passed"],
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_starts_the_platform_uses_it_and_stops_it(name: str, tmp_path: Path) -> None:
    needed = NEEDS.get(name)
    if needed is not None and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed: tox run -m recipes")
    site = tmp_path / "site"
    site.mkdir()
    write_distribution(
        site, "greeting", "[floe.secrets]\ngreeting = greeting_plugin:Greeting\n", greeting_plugin=PLUGIN
    )
    (tmp_path / "floe.yaml").write_text("plugins: {secrets: {greeting: {}}}\n", encoding="utf-8")
    (tmp_path / "recipe.py").write_text(RECIPES[name], encoding="utf-8")
    driver = textwrap.dedent(DRIVERS.get(name, ""))
    (tmp_path / "driver.py").write_text(driver, encoding="utf-8")
    script = "driver.py" if driver else "recipe.py"
    done = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env={**child_environ(site), "PYTHONPATH": os.pathsep.join([str(site), str(tmp_path)])},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("started", "stopped", *SAYS.get(name, ["GREETING"])):
        assert words in done.stdout, done.stdout + done.stderr


def test_every_block_of_code_is_a_recipe() -> None:
    assert len(RECIPES) == TEXT.count("```python") > len(NEEDS)
    assert set(DRIVERS) | set(SAYS) <= set(RECIPES)
