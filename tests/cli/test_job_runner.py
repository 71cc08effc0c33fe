"""What any command whose plugin code runs in a host may come to."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def test_the_supervisor_imports_no_plugin_and_nothing_heavy(environment: Any, reference: tuple[str, ...]) -> None:
    done = environment(*reference).run("""
        import atexit, json, os, sys
        supervisor = os.getpid()
        atexit.register(lambda: os.getpid() == supervisor and print(json.dumps([*sys.modules]), file=sys.stderr))
        sys.argv = ["floe-plugins", "check", "--json"]
        from floe_plugins.__main__ import main
        main()
    """)
    modules = set(json.loads(done.stderr))
    assert json.loads(done.stdout)["loaded"] == 3
    heavy = {"pydantic", "pluggy", "packaging", "rich.console", "asyncio", "duckdb", "logging"}
    assert not {name for name in modules if name in heavy}
    assert not {name for name in modules if name.startswith(("floe_plugins.registry", "floe_plugins.loading"))}


def test_a_configuration_that_cannot_be_read_is_a_usage_error(floe: Any, write: Callable[..., str]) -> None:
    done = floe((), "health", "--config", write("registry: ["))
    assert done.returncode == 2
    assert done.stderr.startswith("floe-plugins: ")
    assert "Traceback" not in done.stderr


def test_json_is_one_document_also_when_the_command_fails(floe: Any, write: Callable[..., str]) -> None:
    done = floe((), "check", "--json", "--config", write("registry: ["))
    document = json.loads(done.stdout)
    assert document["error"]["type"] == "PluginConfigurationError"
    assert document["schema_version"] == 1


def test_what_cannot_be_disabled_is_a_usage_error(floe: Any) -> None:
    done = floe((), "check", "--disable", "nonsense:")
    assert done.returncode == 2
    assert "--disable" in done.stderr
