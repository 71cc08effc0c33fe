"""A forked child neither uses its parent's plugins nor hangs on its locks."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path

import pytest
from support import UNMEASURED, run_code, write_distribution

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

HEAD = """
import os, sys, threading, time, warnings
from floe_plugins import PluginError, PluginRegistry, SecretsPlugin
from support import Lab, Secrets
warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons warn of a fork with threads
lab = Lab()

def in_child(function):
    # What the child said, and its exit status; it is killed if it hangs.
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            os.write(write, str(function()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    with os.fdopen(read) as said:
        text = said.read()
    return text, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def error_of(function):
    try:
        function()
    except PluginError as error:
        return str(error)
    return "no error"
"""


def said(code: str) -> list[str]:
    done = run_code(HEAD + textwrap.dedent(code), **UNMEASURED)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "use",
    [
        "registry.shutdown()",
        "registry.startup()",
        "registry.get(SecretsPlugin, 'a')",
        "registry.health()",
        "registry.problems",
        "registry.stop(SecretsPlugin, 'a')",
        "registry.register(lab.plugin('z'))",
        "registry.discover(refresh=True)",
    ],
)
def test_a_started_registry_is_unusable_in_a_child_and_says_what_to_do(use: str) -> None:
    lines = said(f"""
        registry = lab.registry(lab.plugin("a"))
        registry.startup()
        print(*in_child(lambda: error_of(lambda: {use})))
        print(*lab.log, registry.shutdown().ok)
    """)
    assert lines[0].startswith("this registry was started in process ")
    assert "Make and start a registry in each process after the fork" in lines[0]
    assert lines[0].endswith(" 0")
    assert lines[1] == "+a True"


def test_a_registry_that_was_not_started_works_in_a_child() -> None:
    lines = said("""
        registry = lab.registry(lab.plugin("a"), lab.plugin("b", dependencies=("secrets:a",)))
        registry.get(SecretsPlugin, "a")
        def child():
            assert registry.startup().ok and registry.health().state == "healthy" and registry.shutdown().ok
            return lab.log
        print(*in_child(child))
        print(lab.log, registry.startup().ok)
    """)
    assert lines[0] == "['+a', '+b', '-b', '-a'] 0"
    assert lines[1].startswith("[] ") or lines[1].endswith("True")


def test_a_stopped_registry_works_in_a_child() -> None:
    lines = said("""
        registry = lab.registry(lab.plugin("a"))
        registry.startup()
        registry.shutdown()
        print(*in_child(lambda: registry.startup().ok))
    """)
    assert lines == ["True 0"]


def test_children_that_are_forked_while_threads_are_busy_do_not_hang() -> None:
    lines = said("""
        registry = lab.registry(*(lab.plugin(f"p{i}") for i in range(8)))
        ended = threading.Event()
        def work():
            while not ended.is_set():
                registry.startup(); registry.health(); registry.shutdown(); registry.problems
        threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
        for thread in threads: thread.start()
        def child():
            fresh = lab.registry(lab.plugin("fresh"))
            assert fresh.startup().ok
            return error_of(registry.startup)[:29]
        found = [in_child(child) for _ in range(25)]
        ended.set()
        print({text for text, _ in found} <= {"no error", "this registry was started in "}, {s for _, s in found})
    """)
    assert lines == ["True {0}"]


def test_locks_that_another_thread_held_are_free_in_a_child() -> None:
    lines = said("""
        import support
        from contextlib import ExitStack
        from floe_plugins import Distribution, PluginEvent
        from floe_plugins.inspection import source_files
        from floe_plugins.otel import PluginSpans
        registry, spans = lab.registry(lab.plugin("a")), PluginSpans()
        made, manager = registry._services(), registry.manager(SecretsPlugin)
        locks = [registry._lock, registry._store.lock, manager._lock, made.registration._lock, made.loader._lock,
                 made.coordinator._changed, source_files._parsed._lock, spans._lock]
        held, ended = threading.Event(), threading.Event()
        def hold():
            with ExitStack() as stack:
                for lock in locks: stack.enter_context(lock)
                held.set()
                ended.wait()
        thread = threading.Thread(target=hold)
        thread.start()
        held.wait()
        def child():
            threading.Timer(30, os._exit, [3]).start()
            registry.register(lab.plugin("b"))
            spans(PluginEvent(kind="problem"))
            here = Distribution("support", "1", os.path.join(os.path.dirname(support.__file__), "support.dist-info"))
            assert source_files.SourceModules(here).module("support") is not None
            return registry.startup().ok, manager.has_plugin("b")
        print(*in_child(child))
        ended.set()
        thread.join()
    """)
    assert lines == ["(True, True) 0"]


def test_a_plugin_that_was_being_loaded_is_loaded_by_a_child_itself(tmp_path: Path) -> None:
    code = """
        import threading
        from support import Secrets
        entered, go_on = threading.Event(), threading.Event()
        class Plugin(Secrets):
            name = "a"
            def __init__(self):
                entered.set()
                go_on.wait()
    """
    write_distribution(tmp_path, "forked", "[floe.secrets]\na = forked_plugin:Plugin\n", forked_plugin=code)
    lines = said(f"""
        sys.path.append({str(tmp_path)!r})
        import forked_plugin
        registry = PluginRegistry(autoload="all", path=[{str(tmp_path)!r}], environ={{}})
        thread = threading.Thread(target=lambda: registry.get(SecretsPlugin, "a"))
        thread.start()
        forked_plugin.entered.wait()
        def child():
            threading.Timer(30, os._exit, [3]).start()
            forked_plugin.go_on = threading.Event()
            forked_plugin.go_on.set()
            return registry.get(SecretsPlugin, "a").name
        print(*in_child(child))
        forked_plugin.go_on.set()
        thread.join()
    """)
    assert lines == ["a 0"]


def test_a_subscriber_is_told_in_a_child_what_happens_there() -> None:
    found = said(
        """
        told = []
        registry = PluginRegistry(autoload="none", environ={})
        subscription = registry.subscribe(lambda event: told.append((os.getpid(), event.kind)))
        registry.discover()
        print(subscription.wait(60))

        def use():
            before = len(told)
            registry.discover(refresh=True)
            return subscription.wait(60), [kind for pid, kind in told[before:] if pid == os.getpid()]

        print(in_child(use))
        """
    )
    assert found == ["True", "(\"(True, ['stage_begun', 'stage_ended'])\", 0)"]


def test_waiting_in_a_child_ends_though_its_parent_has_not_told_all() -> None:
    found = said(
        """
        let_go = threading.Event()
        registry = PluginRegistry(autoload="none", environ={})
        subscription = registry.subscribe(lambda event: let_go.wait(60))
        registry.discover()
        print(in_child(lambda: subscription.wait(60)))
        let_go.set()
        """
    )
    assert found == ["('True', 0)"]
