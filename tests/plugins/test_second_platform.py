"""A host that is not floe has all of the machinery under its own name; ``examples/site`` is one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support import SOON

pytestmark = pytest.mark.once

SITE = Path(__file__).parents[2] / "examples" / "site"


@pytest.fixture
def site(environment: Callable[..., Any]) -> Any:
    installed = environment(SITE / "host", SITE / "markdown", SITE / "folder")
    shutil.copy(SITE / "site.toml", installed.home)
    shutil.copytree(SITE / "pages", installed.home / "pages")
    return installed


def command(*arguments: str) -> list[str]:
    return ["-c", "import sys; sys.argv[0] = 'site'; from site_host.cli import main; main()", *arguments]


def test_it_lists_checks_and_runs_its_plugins_and_builds_the_site(site: Any) -> None:
    listed = site.json(command("list", "--json"))
    assert [each["ref"] for each in listed["plugins"]] == ["publisher:folder", "renderer:markdown", "source:folder"]
    assert site.json(command("check", "--json"))["problems"] == []
    outcomes = site.run(command("run", "--once")).stdout
    assert all(ref in outcomes for ref in ("publisher:folder", "renderer:markdown", "source:folder"))
    built = site.run("from site_host.build import main; main()").stdout
    assert built == f"{Path('public', 'hello.html')}\n"
    assert "<h1>Hello</h1>" in (site.home / "public" / "hello.html").read_text(encoding="utf-8")


def test_its_plugins_pass_the_conformance_suite_and_the_rules_of_their_host(site: Any) -> None:
    tests = [str(SITE / name / "tests") for name in ("markdown", "folder")]
    done = site.run(["-m", "pytest", *quietly(site), "--import-mode=importlib", *tests], check=False)
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 100


def test_the_suite_runs_for_a_plugin_of_another_platform_without_a_test_file(site: Any) -> None:
    named = ["--floe-plugin", "site_markdown:Markdown", "--floe-platform", "site_host:SITE"]
    done = site.run(["-m", "pytest", *quietly(site), *named], check=False)
    assert done.returncode == 0, done.stdout
    module = site.path / "site_markdown.py"
    module.write_text(module.read_text(encoding="utf-8").replace('site_api_version = "1.0"', "site_api_version = 1.0"))
    broken = site.run(["-m", "pytest", *quietly(site), *named], check=False)
    assert "site_api_version" in broken.stdout
    assert "floe_api_version" not in broken.stdout


def quietly(site: Any) -> list[str]:
    """The options of pytest that keep it from the settings of these tests."""
    return ["-q", "-c", os.devnull, "--rootdir", str(site.home), "-p", "no:cacheprovider", "-p", "no:xdist"]


def test_it_speaks_its_own_words(site: Any) -> None:
    told = site.run(command("--help")).stdout
    assert "SITE_AUTOLOAD" in told
    assert "site.toml" in told
    assert "floe" not in told.lower()
    wrong = site.run(command("show", "compute:duckdb"), check=False)
    assert wrong.returncode == 2
    assert wrong.stderr.startswith("site: ")
    assert "the categories are source, renderer, publisher" in wrong.stderr
    hidden = site.json(command("list", "--json"), env={"SITE_DISABLE": "source", "FLOE_PLUGINS_DISABLE": "renderer"})
    assert [each["ref"] for each in hidden["plugins"] if each["state"] == "disabled"] == ["source:folder"]
    schema = site.json(command("config", "schema"))
    assert schema["title"] == "site configuration"
    assert set(schema["properties"]["plugins"]["properties"]) == {"source", "renderer", "publisher"}


@pytest.fixture
def served(site: Any) -> Iterator[tuple[str, list[str]]]:
    """The address at which the platform is served, and what a service manager is told of it."""
    told: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(site.home / "notify"))
        manager.settimeout(SOON)
        process = subprocess.Popen(
            [sys.executable, *command("run", "--serve", "127.0.0.1:0")],
            cwd=site.home,
            env={**site.variables(), "NOTIFY_SOCKET": "notify", "XDG_RUNTIME_DIR": str(site.home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process, contextlib.ExitStack() as stack:
            stack.callback(process.send_signal, signal.SIGTERM)
            assert process.stdout
            printed = []
            for line in process.stdout:
                printed.append(line)
                if "serving at " in line:
                    break
            else:
                pytest.fail("".join(printed))
            while "READY=1" not in "".join(told):
                told.append(manager.recv(4096).decode())
            yield line.partition("serving at ")[2].strip().rstrip("/"), told


def get(address: str) -> str:
    with urllib.request.urlopen(address, timeout=SOON) as reply:  # noqa: S310 it is that of the server
        text: str = reply.read().decode()
        return text


def test_metrics_the_page_and_service_managers_say_its_name(served: tuple[str, list[str]]) -> None:
    address, told = served
    metrics = get(f"{address}/metrics")
    names = re.findall(r"^# TYPE (\w+)", metrics, re.MULTILINE)
    assert "site_plugin_state" in names
    assert {name.partition("_")[0] for name in names} == {"site"}
    assert 'site_api_version="1.0"' in metrics
    page = get(f"{address}/")
    assert "<title>site</title>" in page
    assert "<code>site list</code>" in page
    assert "floe" not in page
    assert json.loads(get(f"{address}/api/snapshot"))["platform"]["command"] == "site"
    assert "floe" not in "".join(told)


def test_a_new_project_is_found_checked_and_tested(site: Any) -> None:
    made = site.json(command("new", "publisher", "acme", "--json"))
    assert made["distribution"] == "site-publisher-acme"
    project = site.home / made["distribution"]
    validated = site.json(command("validate", str(project), "--strict", "--json"))
    assert validated["problems"] == []
    site.install(project)
    assert "publisher:acme" in [each["ref"] for each in site.json(command("list", "--json"))["plugins"]]
    options = [*quietly(site), "--import-mode=importlib", "-W", "error"]
    done = site.run(["-m", "pytest", *options, str(project / "tests")], check=False)
    assert done.returncode == 0, done.stdout
    requirements = (project / "pyproject.toml").read_text(encoding="utf-8")
    assert '"site-host>=1.0.0"' in requirements


@pytest.mark.parametrize("name", ["markdown", "folder"])
def test_nothing_is_wrong_with_its_own_plugins(name: str, site: Any) -> None:
    validated = site.json(command("validate", str(SITE / name), "--strict", "--json"))
    assert validated["problems"] == []
    assert validated["plugins"]


def test_validation_reads_the_hooks_of_its_categories(site: Any) -> None:
    site.run(command("new", "renderer", "acme"))
    module = site.home / "site-renderer-acme" / "src" / "site_renderer_acme" / "plugin.py"
    module.write_text(module.read_text(encoding="utf-8").replace("def render(", "def rendr("), encoding="utf-8")
    found = site.run(command("validate", "site-renderer-acme"), check=False)
    assert found.returncode == 1
    assert "it does not implement the hook 'render'" in found.stdout


def test_a_plugin_for_another_version_of_its_api_is_refused_in_its_words(site: Any) -> None:
    module = site.path / "site_markdown.py"
    module.write_text(
        module.read_text(encoding="utf-8").replace('site_api_version = "1.0"', 'site_api_version = "2.0"')
    )
    checked = site.run(command("check"), check=False)
    assert checked.returncode == 1
    assert "the plugin requires site API 2.0, this platform provides 1.0" in checked.stdout


def test_the_host_has_less_than_250_lines() -> None:
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in SITE.glob("host/**/*.py")) < 250
