"""The command line, as an operator meets it: in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FAULTY = (
    "import-error",
    "missing-module",
    "missing-attribute",
    "not-a-plugin",
    "abstract-plugin",
    "wrong-category",
    "system-exit",
    "name-differs",
    "same-ref-a",
    "same-ref-b",
    "newer-api",
    "newer-requires",
)
REFERENCE = ("storage-local", "secrets-env", "compute-duckdb")


@pytest.fixture
def floe(environment: Callable[..., Any]) -> Callable[..., Any]:
    """Run ``floe-plugins`` among the named plugins."""

    def run(names: tuple[str, ...], *args: str, **options: Any) -> Any:
        return environment(*names).run(["-m", "floe_plugins", *args], check=False, **options)

    return run


def test_list_prints_json_alone_and_exits_0_among_broken_plugins(floe: Any) -> None:
    done = floe((*REFERENCE, *FAULTY), "list", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    listed = json.loads(done.stdout)
    assert listed["schema_version"] == 1
    refs = {plugin["ref"] for plugin in listed["plugins"]}
    assert {"compute:duckdb", "storage:local", "secrets:env"} < refs
    assert any("same-ref" in (problem["distribution"] or "") for problem in listed["problems"])


def test_list_imports_neither_a_plugin_nor_pydantic_nor_pluggy(environment: Any) -> None:
    plugins = environment(*REFERENCE, *FAULTY)
    done = plugins.run("""
        import atexit, sys
        def report():
            loaded = {name.partition(".")[0] for name in sys.modules}
            bad = {n for n in loaded if n.startswith(("floe_faulty", "floe_compute", "floe_storage", "floe_secrets"))}
            print(sorted(bad | loaded & {"pydantic", "pluggy", "duckdb"}), file=sys.stderr)
        atexit.register(report)
        sys.argv = ["floe-plugins", "list", "--json"]
        from floe_plugins.__main__ import main
        main()
    """)
    assert done.stderr.strip() == "[]"


def test_list_shows_a_table_and_each_problem_with_what_to_do(floe: Any) -> None:
    done = floe(("storage-local", "same-ref-a", "same-ref-b"), "list")
    assert done.returncode == 0
    assert "storage:local" in done.stdout
    assert "1 problem" in done.stdout
    assert "floe-faulty-same-ref-a" in done.stdout
    assert "floe-faulty-same-ref-b" in done.stdout
    assert "Uninstall all but one, or pin one" in done.stdout
    assert "\x1b[" not in done.stdout


def test_list_of_nothing_says_so(floe: Any) -> None:
    assert floe((), "list").stdout == "No plugin is installed.\n"
    assert floe((), "list", "--category", "dbt").stdout == "No dbt plugin is installed.\n"


def test_list_of_an_unknown_category_is_wrong_usage(floe: Any) -> None:
    done = floe((), "list", "--category", "computer")
    assert done.returncode == 2
    assert "no category 'computer'" in done.stderr


def test_show_tells_what_is_known_without_importing(floe: Any) -> None:
    done = floe(("compute-duckdb", "storage-local"), "show", "compute:duckdb")
    assert done.returncode == 0
    for words in ("compute:duckdb", "discovered", "floe-compute-duckdb", "storage:local", "1.0"):
        assert words in done.stdout
    plugin = json.loads(floe(("compute-duckdb",), "show", "compute:duckdb", "--json").stdout)["plugin"]
    assert plugin["dependencies"] == ["storage:local"]
    assert plugin["distribution"]["name"] == "floe-compute-duckdb"


@pytest.mark.parametrize(("ref", "message"), [("compute:dukdb", "Did you mean compute:duckdb"), ("dukdb", "not a ref")])
def test_show_of_an_unknown_ref_names_the_closest(floe: Any, ref: str, message: str) -> None:
    done = floe(("compute-duckdb",), "show", ref)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


CONFIG = """
registry: {required: ["compute:duckdb"]}
plugins:
  compute: {duckdb: {path: warehouse.duckdb}}
  storage: {local: {root: data}}
  secrets: {env: {prefix: APP_}}
"""


def write(directory: Path, text: str = CONFIG, name: str = "floe.yaml") -> str:
    path = directory / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return str(path)


def test_run_once_starts_checks_and_stops(floe: Any, tmp_path: Path) -> None:
    done = floe(REFERENCE, "run", "--once", "--config", write(tmp_path))
    assert done.returncode == 0, done.stderr
    for ref in ("storage:local", "secrets:env", "compute:duckdb"):
        assert ref in done.stdout
    assert "platform healthy: 3 plugins" in done.stdout


def test_run_once_prints_one_json_document(floe: Any, tmp_path: Path) -> None:
    done = floe(REFERENCE, "run", "--once", "--json", "--config", write(tmp_path))
    document = json.loads(done.stdout)
    order = [outcome["ref"] for outcome in document["startup"]["outcomes"]]
    assert order.index("storage:local") < order.index("compute:duckdb")
    assert document["startup"]["ok"]
    assert document["shutdown"]["ok"]
    assert document["health"]["state"] == "healthy"
    stopped = [outcome["ref"] for outcome in document["shutdown"]["outcomes"]]
    assert stopped.index("compute:duckdb") < stopped.index("storage:local")


def test_run_starts_the_rest_and_names_what_is_broken(floe: Any, tmp_path: Path) -> None:
    config = write(tmp_path, "registry: {autoload: all}\n")
    done = floe((*REFERENCE, *FAULTY), "run", "--once", "--json", "--config", config)
    assert done.returncode == 0, done.stderr
    states = {o["ref"]: o["state"] for o in json.loads(done.stdout)["startup"]["outcomes"]}
    assert {ref for ref, state in states.items() if state == "succeeded"} == {
        "compute:duckdb",
        "storage:local",
        "secrets:env",
    }
    assert {state for ref, state in states.items() if ":" in ref} == {"succeeded", "failed"}


@pytest.mark.parametrize("broken", ["failing-start", "import-error"])
def test_run_exits_1_if_a_required_plugin_fails(floe: Any, environment: Any, tmp_path: Path, broken: str) -> None:
    listed = environment(broken).json(["-m", "floe_plugins", "list", "--json"])
    ref = listed["plugins"][0]["ref"]
    config = write(tmp_path, f"registry: {{autoload: all, required: ['{ref}']}}\n")
    assert floe((broken,), "run", "--once", "--config", config).returncode == 1
    config = write(tmp_path, "registry: {autoload: all}\n")
    assert floe((broken,), "run", "--once", "--config", config).returncode == 0


WRONG = {
    "no such file": (None, "no-such.yaml"),
    "syntax": ("plugins: [", "floe.yaml"),
    "top level": ("- a\n- b\n", "floe.yaml"),
    "category": ("plugins: {computer: {x: {}}}", "floe.yaml"),
    "value": ("plugins: {secrets: {env: {prefix: [1]}}}", "floe.yaml"),
    "key": ("plugins: {secrets: {env: {prefx: A}}}", "floe.yaml"),
    "not installed": ("plugins: {secrets: {vault: {}}}", "floe.yaml"),
    "kind of file": ("x", "floe.ini"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_wrong_configuration_is_one_message_and_exit_status_2(floe: Any, tmp_path: Path, mistake: str) -> None:
    text, name = WRONG[mistake]
    path = write(tmp_path, text, name) if text is not None else str(tmp_path / name)
    done = floe(REFERENCE, "run", "--once", "--config", path)
    assert done.returncode == 2, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert name in done.stderr
    assert "started" not in done.stdout


@pytest.fixture
def noisy(environment: Callable[..., Any], tmp_path: Path) -> Callable[[str], Any]:
    """Run a plugin that prints in every way there is, and whose ``shutdown()`` is this line."""

    def run(shutdown: str) -> Any:
        project = tmp_path / "noisy"
        project.mkdir()
        (project / "acme_noisy.py").write_text(
            textwrap.dedent(f"""
            import os, sys, time
            from floe_plugins import TelemetryBackendPlugin
            print("imported"); os.write(1, b"raw")
            class Noisy(TelemetryBackendPlugin):
                name = "noisy"; version = "1"; floe_api_version = "1.0"; timeouts = {{"shutdown": 0.2}}
                def span_exporters(self): return []
                def metric_readers(self): return []
                def flush(self, deadline): return True
                def startup(self): print("started"); os.system("echo child")
                def shutdown(self): {shutdown}
            """),
            encoding="utf-8",
        )
        (project / "pyproject.toml").write_text(
            textwrap.dedent("""
            [build-system]
            requires = ["hatchling"]
            build-backend = "hatchling.build"
            [project]
            name = "acme-noisy"
            version = "1"
            [project.entry-points."floe.telemetry_backends"]
            noisy = "acme_noisy:Noisy"
            [tool.hatch.build.targets.wheel]
            only-include = ["acme_noisy.py"]
            """),
            encoding="utf-8",
        )
        return environment(project).run(["-m", "floe_plugins", "run", "--once", "--json"], check=False)

    return run


def test_what_plugins_print_goes_to_stderr_in_its_order(noisy: Callable[[str], Any]) -> None:
    done = noisy("print('the end')")
    assert json.loads(done.stdout)["startup"]["ok"]
    words = ("imported", "raw", "started", "child", "the end")
    assert sorted(words, key=done.stderr.index) == list(words)


def test_what_plugins_print_is_not_lost_when_one_of_them_never_returns(noisy: Callable[[str], Any]) -> None:
    done = noisy("sys.stdout.write('no end of line'); time.sleep(3600)")
    assert json.loads(done.stdout)["shutdown"]["outcomes"][0]["state"] == "timed_out"
    for words in ("imported", "raw", "started", "child", "no end of line"):
        assert words in done.stderr


def test_options_stand_before_or_after_the_command(floe: Any) -> None:
    before = floe(("storage-local",), "--json", "list").stdout
    after = floe(("storage-local",), "list", "--json").stdout
    assert json.loads(before)["plugins"][0]["ref"] == json.loads(after)["plugins"][0]["ref"] == "storage:local"


def test_no_plugins_leaves_all_or_some_out(floe: Any) -> None:
    assert json.loads(floe(("storage-local",), "--no-plugins", "list", "--json").stdout)["plugins"] == []
    only = json.loads(floe(REFERENCE, "list", "--json", "--disable", "storage:local, secrets").stdout)["plugins"]
    states = {plugin["ref"]: plugin["state"] for plugin in only}
    assert floe((), "list", "--disable", "nonsense").returncode == 2
    assert states == {"compute:duckdb": "discovered", "secrets:env": "disabled", "storage:local": "disabled"}


def test_two_configuration_files_in_a_directory_are_an_error(environment: Any) -> None:
    plugins = environment("storage-local")
    write(plugins.home, "{}", "floe.json")
    write(plugins.home, "", "floe.toml")
    done = plugins.run(["-m", "floe_plugins", "list"], check=False)
    assert done.returncode == 2
    assert "floe.json" in done.stderr
    assert "floe.toml" in done.stderr


@pytest.fixture
def serving(environment: Any, tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start ``floe-plugins run`` with a plugin, and wait until it serves."""
    with contextlib.ExitStack() as stack:

        def serve(name: str, config: str) -> subprocess.Popen[str]:
            plugins = environment(name)
            process = subprocess.Popen(
                [sys.executable, "-m", "floe_plugins", "run", "--json", "--config", write(tmp_path, config)],
                env=plugins.variables(),
                cwd=plugins.home,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            assert process.stdout
            events = [json.loads(process.stdout.readline())["event"] for _ in range(2)]
            assert events == ["startup", "health"]
            return process

        yield serve


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_until_it_is_told_to_stop(serving: Any, number: signal.Signals) -> None:
    process = serving("storage-local", "plugins: {storage: {local: {root: data}}}")
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert json.loads(out)["event"] == "shutdown"
    assert process.returncode == 0


def test_told_twice_to_stop_it_leaves_at_once(serving: Any) -> None:
    process = serving("hanging-stop", "registry: {autoload: all, timeouts: {shutdown: 600}}")
    process.send_signal(signal.SIGINT)
    assert any("stopping" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT


def test_a_reader_that_has_seen_enough_is_no_error(environment: Any) -> None:
    plugins = environment(*REFERENCE)
    command = f"{sys.executable} -m floe_plugins list | head -c 1"
    done = subprocess.run(["bash", "-c", command], env=plugins.variables(), capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_the_help_names_every_command(floe: Any) -> None:
    done = floe((), "--help")
    assert done.returncode == 0
    for command in ("list", "show", "run"):
        assert f"\n  {command} " in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="file descriptors can be closed by a shell")
def test_closed_standard_output_is_no_traceback(environment: Any) -> None:
    plugins = environment("storage-local")
    command = f"{sys.executable} -m floe_plugins list >&-"
    done = subprocess.run(["bash", "-c", command], env=plugins.variables(), capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr


def test_run_shows_where_the_time_went_and_draws_it(floe: Any, tmp_path: Path) -> None:
    picture = tmp_path / "start.svg"
    config = write(tmp_path)
    done = floe(REFERENCE, "run", "--once", "--timings", "--timeline", str(picture), "--config", config)
    assert done.returncode == 0, done.stderr
    assert "What decided how long it took" in done.stdout
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    document = json.loads(floe(REFERENCE, "run", "--once", "--timings", "--json", "--config", config).stdout)
    assert {row["ref"] for row in document["blame"]} == {"compute:duckdb", "storage:local", "secrets:env"}
    assert document["critical_chain"][-1] == "compute:duckdb"


def test_progress_goes_to_standard_error(floe: Any, tmp_path: Path) -> None:
    done = floe(REFERENCE, "run", "--once", "--json", "--config", write(tmp_path))
    for words in ("compute:duckdb started in", "storage:local stopped in"):
        assert words in done.stderr


def test_health_says_how_the_platform_is(floe: Any) -> None:
    assert "platform healthy" in floe(("storage-local",), "health").stdout
    done = floe(("storage-local", "degraded"), "health", "--json")
    assert (done.returncode, json.loads(done.stdout)["health"]["state"]) == (0, "degraded")


def test_check_loads_all_and_exits_1_if_there_are_problems(floe: Any) -> None:
    done = floe(("storage-local", "import-error"), "check")
    assert done.returncode == 1
    assert "1 plugin can be loaded" in done.stdout
    assert "libengine" in done.stdout
    assert floe(("storage-local",), "check").returncode == 0


def test_config_commands_check_show_and_describe_the_file(floe: Any, tmp_path: Path) -> None:
    config = write(tmp_path)
    assert "no mistakes, 3 plugins checked" in floe(REFERENCE, "config", "validate", config).stdout
    shown = floe(REFERENCE, "config", "show", config, "--json")
    settings = {each["path"]: each for each in json.loads(shown.stdout)["settings"]}
    assert settings["plugins.secrets.env.prefix"]["value"] == "APP_"
    assert settings["plugins.secrets.env.prefix"]["origin"].endswith("floe.yaml:6")
    schema = json.loads(floe(REFERENCE, "config", "schema").stdout)
    assert "path" in json.dumps(schema["properties"]["plugins"]["properties"]["compute"]["properties"]["duckdb"])
    assert floe(REFERENCE, "config", "migrate", config).stdout == Path(config).read_text(encoding="utf-8")
    wrong = write(tmp_path, "plugins: {secrets: {env: {prefx: A}}, storage: {local: {root: 3}}}", "wrong.yaml")
    done = floe(REFERENCE, "config", "validate", wrong)
    assert done.returncode == 2
    assert "2 mistakes" in done.stdout
    assert "prefx" in done.stdout
