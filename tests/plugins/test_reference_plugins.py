"""The reference plugins, installed from their wheels: each by itself, then together by a registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import floe_plugins

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import PluginEnvironment, Wheels

REFERENCE = Path(__file__).parents[2] / "testplugins" / "reference"
# Those on light engines run here; each of the others has a tox environment of its own.
NAMES = ["compute-duckdb", "secrets-env", "storage-local"]
# What the tests of a plugin need beside it.
NEEDS = {"compute-duckdb": ["storage-local"]}
# Packages that are slow to import, so that they wait for their first use.
ENGINES = ["duckdb", "fsspec", "nanoarrow", "pyarrow"]

SALES = """
    import json
    from floe_plugins import ComputePlugin, PluginRegistry, SecretsPlugin, StoragePlugin

    config = {"plugins": {
        "compute": {"duckdb": {"path": "warehouse.duckdb"}},
        "storage": {"local": {"root": "data"}},
        "secrets": {"env": {"prefix": "APP_"}},
    }}
    with PluginRegistry(config) as registry:
        storage = registry.get(StoragePlugin, "local")
        with storage.open("sales/2026.csv", "wb") as file:
            file.write(b"region,amount\\nnorth,10\\nsouth,20\\nnorth,30\\n")
        compute = registry.get(ComputePlugin, "duckdb")
        compute.execute(
            "CREATE TABLE sales AS SELECT region, sum(amount)::BIGINT AS amount FROM read_csv(?) GROUP BY region",
            [storage.uri("sales/2026.csv")],
        )
        with compute.connect() as connection:
            sales = connection.cursor().execute("FROM sales ORDER BY region").fetchall()
        secret = registry.one(SecretsPlugin).get_secret("TOKEN")
        health = registry.health()
        order = [str(ref) for ref in registry.resolve()]
    print(json.dumps({
        "sales": sales, "shown": str(secret), "health": health.to_dict(), "order": order,
        "problems": [str(problem) for problem in registry.problems],
        "states": [str(registry.state(candidate.type, candidate.name)) for candidate in registry.candidates()],
    }))
"""


@pytest.mark.parametrize("name", NAMES)
def test_its_own_tests_pass_on_the_installed_wheel(
    name: str, environment: Callable[..., PluginEnvironment], tmp_path: Path
) -> None:
    plugins = environment(name, *NEEDS.get(name, []))

    done = plugins.run(
        ["-m", "pytest", "-q", "-c", str(REFERENCE / name / "pyproject.toml"), "--basetemp", str(tmp_path / "own"),
         str(REFERENCE / name / "tests")],
        check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", NAMES)
def test_a_wheel_says_that_it_is_typed(name: str, environment: Callable[..., PluginEnvironment]) -> None:
    assert [*environment(name).path.glob("floe_*/py.typed")]


def test_compute_queries_a_file_that_storage_keeps(environment: Callable[..., PluginEnvironment]) -> None:
    plugins = environment(*NAMES)

    result = plugins.json(SALES, env={"APP_TOKEN": "hunter2"})

    assert result["sales"] == [["north", 40], ["south", 20]]
    assert set(result["shown"]) == {"*"}
    assert result["problems"] == []
    assert result["health"]["state"] == "healthy"
    assert {ref: status["default"] for ref, status in result["health"]["statuses"].items()} == {
        "compute:duckdb": False,
        "secrets:env": False,
        "storage:local": False,
    }
    assert result["order"].index("storage:local") < result["order"].index("compute:duckdb")
    assert set(result["states"]) == {"stopped"}


def test_a_stopped_platform_leaves_the_database_to_others(environment: Callable[..., PluginEnvironment]) -> None:
    plugins = environment(*NAMES)
    plugins.run(SALES)

    rows = plugins.json("""
        import duckdb, json
        print(json.dumps(duckdb.connect("data/warehouse.duckdb").execute("FROM sales").fetchall()))
    """)

    assert sorted(rows) == [["north", 40], ["south", 20]]


def test_they_start_from_an_empty_configuration(environment: Callable[..., PluginEnvironment]) -> None:
    report = environment(*NAMES).json("""
        import json
        from floe_plugins import PluginRegistry

        registry = PluginRegistry()
        started = registry.startup()
        registry.shutdown()
        print(json.dumps(started.to_dict()))
    """)

    assert report["ok"] is True
    assert len(report["outcomes"]) == len(NAMES)


def test_loading_them_imports_no_engine(environment: Callable[..., PluginEnvironment]) -> None:
    imported = environment(*NAMES).json(f"""
        import json, sys
        from floe_plugins import PluginRegistry

        plugins = PluginRegistry().list()
        print(json.dumps([len(plugins), [name for name in {ENGINES} if name in sys.modules]]))
    """)

    assert imported == [len(NAMES), []]


def test_what_is_read_of_them_before_the_import_is_true(environment: Callable[..., PluginEnvironment]) -> None:
    before, after = environment(*NAMES).json("""
        import json
        from floe_plugins import PluginRegistry

        def known():
            facts = [info.to_dict() for info in registry.infos()]
            return [{key: fact[key] for key in wanted} for fact in facts]

        wanted = ["ref", "version", "floe_api_version", "description", "dependencies"]
        registry = PluginRegistry()
        before = known()
        registry.list()
        print(json.dumps([before, known()]))
    """)

    assert before == after
    assert all(fact["version"] and fact["description"] for fact in before)


def test_pip_installs_one_into_a_virtual_environment(wheels: Wheels, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    # Not its own: some systems' Pythons cannot put a pip into a virtual environment.
    pip = [sys.executable, "-m", "pip", "--python", python]
    [site] = home.glob("[Ll]ib/**/site-packages")
    # The tests' own packages, so that nothing needs to be downloaded; ours may be an editable install.
    ours = Path(floe_plugins.__file__).parent.parent
    (site / "tests.pth").write_text(f"{ours}\n{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    wheel = wheels.of("storage-local")

    def run(*command: str | Path) -> str:
        variables = {key: value for key, value in os.environ.items() if not key.startswith(("FLOE_", "PYTHON"))}
        return subprocess.run(
            command, check=True, capture_output=True, text=True, encoding="utf-8", env=variables, cwd=tmp_path
        ).stdout

    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel)
    listed = json.loads(run(python, "-m", "floe_plugins", "list", "--json"))

    assert sys.version_info[:2] == tuple(
        map(int, run(python, "-c", "import sys; print(*sys.version_info[:2])").split())
    )
    assert "storage:local" in json.dumps(listed)
    run(*pip, "uninstall", "--quiet", "--yes", "floe-reference-storage-local")
    assert "storage:local" not in run(python, "-m", "floe_plugins", "list", "--json")


def test_the_two_copies_of_the_outbox_are_equal() -> None:
    one, other = REFERENCE.glob("*/src/*/_outbox.py")
    assert one.read_bytes() == other.read_bytes()
