"""Loading: once, on first access, isolated, whoever asks. Plugins are written as small projects and installed."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import write_project

HEAD = """
from floe_plugins import PluginRegistry, SecretsPlugin, StoragePlugin, PluginType, get_registry
class Base(SecretsPlugin):
    version = "1.0"
    floe_api_version = "1.0"
    def get_secret(self, key): return None
    def secret_names(self, prefix=""): return ()
    def put_secret(self, key, value): pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Write a project of modules; each module's class ``Plugin`` is the plugin of the module's name."""

    def write(**modules: str) -> Path:
        texts = {module: HEAD + textwrap.dedent(code) for module, code in modules.items()}
        return write_project(tmp_path / "-".join(modules), "floe.secrets", **texts)

    return write


def test_a_plugin_is_imported_on_first_access_and_not_before(environment: Any, project: Any) -> None:
    plugins = environment(project(acme_lazy="class Plugin(Base): name = 'acme_lazy'"))
    seen = plugins.json("""
        import sys, json
        from floe_plugins import PluginRegistry, SecretsPlugin
        registry = PluginRegistry()
        registry.discover(); registry.candidates(); registry.infos(); registry.info(SecretsPlugin, "acme_lazy")
        registry.resolve(plan=True)
        before = "acme_lazy" in sys.modules
        registry.get(SecretsPlugin, "acme_lazy")
        print(json.dumps([before, "acme_lazy" in sys.modules]))
    """)
    assert seen == [False, True]


def test_many_threads_get_one_instance(environment: Any, project: Any) -> None:
    plugins = environment(
        project(
            acme_once="""
            import threading
            made = []
            class Plugin(Base):
                name = "acme_once"
                def __init__(self):
                    made.append(threading.current_thread().name)
                    threading.Event().wait(0.05)
            """
        )
    )
    made, ids = plugins.json("""
        import json, threading
        from floe_plugins import PluginRegistry, SecretsPlugin
        registry = PluginRegistry()
        barrier = threading.Barrier(16)
        got = []
        def ask():
            barrier.wait()
            got.append(id(registry.get(SecretsPlugin, "acme_once")))
        threads = [threading.Thread(target=ask) for _ in range(16)]
        [t.start() for t in threads]; [t.join() for t in threads]
        import acme_once
        print(json.dumps([acme_once.made, len(set(got))]))
    """)
    assert len(made) == 1
    assert ids == 1


def test_a_failed_load_is_remembered_until_a_refresh(environment: Any, project: Any) -> None:
    plugins = environment(
        project(
            acme_flaky="""
            import os
            if os.environ.get("BREAK"): raise OSError("not today")
            class Plugin(Base): name = "acme_flaky"
            """
        )
    )
    said = plugins.json(
        """
        import json, os
        from floe_plugins import PluginLoadError, PluginRegistry, SecretsPlugin
        registry = PluginRegistry()
        def attempt():
            try:
                return registry.get(SecretsPlugin, "acme_flaky").name
            except PluginLoadError as error:
                return [type(error.__cause__).__name__, error.distribution.split()[0]]
        first = attempt()
        del os.environ["BREAK"]
        second = attempt()
        registry.discover(refresh=True)
        print(json.dumps([first, second, attempt()]))
        """,
        env={"BREAK": "1"},
    )
    assert said == [["OSError", "acme-acme-flaky"]] * 2 + ["acme_flaky"]


def test_a_plugin_that_asks_for_another_while_it_is_imported_gets_it(environment: Any, project: Any) -> None:
    plugins = environment(
        project(
            acme_asking="""
            other = get_registry().get(SecretsPlugin, "acme_asked")
            class Plugin(Base): name = "acme_asking"
            """,
            acme_asked="class Plugin(Base): name = 'acme_asked'",
        )
    )
    same = plugins.json("""
        import json
        from floe_plugins import PluginRegistry, SecretsPlugin
        registry = PluginRegistry()
        registry.get(SecretsPlugin, "acme_asking")
        import acme_asking
        print(json.dumps(acme_asking.other is registry.get(SecretsPlugin, "acme_asked")))
    """)
    assert same is True


TWO = {
    "acme_left": """
        import threading, builtins
        if hasattr(builtins, "barrier"): builtins.barrier.wait(10)
        get_registry().get(SecretsPlugin, "acme_right")
        class Plugin(Base): name = "acme_left"
        """,
    "acme_right": """
        import threading, builtins
        if hasattr(builtins, "barrier"): builtins.barrier.wait(10)
        get_registry().get(SecretsPlugin, "acme_left")
        class Plugin(Base): name = "acme_right"
        """,
}


def test_two_that_ask_for_each_other_get_an_error(environment: Any, project: Any) -> None:
    plugins = environment(project(**TWO))
    error = plugins.json("""
        import json
        from floe_plugins import PluginError, PluginRegistry, SecretsPlugin
        registry = PluginRegistry(timeouts={"load": 20})
        try:
            registry.get(SecretsPlugin, "acme_left")
        except PluginError as error:
            print(json.dumps(type(error).__name__))
    """)
    assert error == "PluginLoadError"


def test_two_threads_whose_plugins_ask_for_each_other_get_an_error_before_the_deadline(
    environment: Any, project: Any
) -> None:
    plugins = environment(project(**TWO))
    errors = plugins.json("""
        import builtins, json, threading
        builtins.barrier = threading.Barrier(2)
        from floe_plugins import PluginError, PluginRegistry, SecretsPlugin
        registry = PluginRegistry(timeouts={"load": 60})
        errors = []
        def ask(name):
            try:
                registry.get(SecretsPlugin, name)
                errors.append("loaded")
            except PluginError as error:
                errors.append(type(error).__name__)
        threads = [threading.Thread(target=ask, args=(n,)) for n in ("acme_left", "acme_right")]
        [t.start() for t in threads]; [t.join() for t in threads]
        print(json.dumps(errors))
    """)
    assert errors == ["PluginLoadError"] * 2


def test_an_import_that_never_ends_is_a_time_out_and_the_process_can_exit(environment: Any, project: Any) -> None:
    plugins = environment(
        project(
            acme_hanging="import threading; threading.Event().wait()\nclass Plugin(Base): name = 'acme_hanging'",
            acme_fine="class Plugin(Base): name = 'acme_fine'",
        )
    )
    said = plugins.json("""
        import json
        from floe_plugins import PluginRegistry, PluginTimeoutError, SecretsPlugin
        registry = PluginRegistry(timeouts={"load": 0.3})
        try:
            registry.get(SecretsPlugin, "acme_hanging")
        except PluginTimeoutError as error:
            said = [error.stage, error.seconds, error.distribution.split()[0]]
        print(json.dumps([said, [plugin.name for plugin in registry.list()]]))
    """)
    assert said == [["load", 0.3, "acme-acme-hanging-acme-fine"], ["acme_fine"]]


def test_names_of_a_newer_platform_make_a_plugin_incompatible(environment: Any) -> None:
    plugins = environment("newer-names", "newer-api", "newer-requires")
    errors = plugins.json("""
        import json, sys
        from floe_plugins import PluginError, PluginRegistry
        registry = PluginRegistry()
        said = {}
        for candidate in registry.candidates():
            try:
                registry.get(candidate.type, candidate.name)
            except PluginError as error:
                said[candidate.name] = type(error).__name__
        imported = sorted(name for name in sys.modules if name.startswith("floe_faulty"))
        print(json.dumps([said, imported]))
    """)
    said, imported = errors
    assert said == dict.fromkeys(("newer-names", "newer-api", "newer-requires"), "PluginIncompatibleError")
    assert set(imported) <= {"floe_faulty_newer_names"}
