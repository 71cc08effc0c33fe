"""Loading: once, on first access, isolated, whoever asks. Plugins are written as small projects and installed."""

from __future__ import annotations

import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support import SOON, run_code, write_distribution, write_project

from floe_plugins import (
    PluginLoadError,
    PluginRef,
    PluginRegistry,
    PluginState,
    PluginTimeoutError,
    SecretsPlugin,
    Stage,
)
from floe_plugins.loading.loader import Loader, SupersededError

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
        print(json.dumps([acme_once.made, got]))
    """)
    assert len(made) == 1
    assert len(ids) == 16
    assert len(set(ids)) == 1


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


# In this process: modules of one installed distribution, which find what a test shares with them in `load_shared`.


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """What a test shares with the plugins; ``shared.install(name=code)`` makes a registry of them."""
    shared = SimpleNamespace(forever=threading.Event(), threads=[])

    def install(timeouts: Any = SOON, *, workers: int = 16, **modules: str) -> PluginRegistry:
        head = "import threading, load_shared\nfrom floe_plugins import SecretsPlugin\nfrom support import Secrets\n"
        texts = {f"load_{name}": head + textwrap.dedent(code) for name, code in modules.items()}
        entry_points = "\n".join(f"{name} = load_{name}:Plugin" for name in modules)
        write_distribution(tmp_path, "load-tests", f"[floe.secrets]\n{entry_points}\n", **texts)
        monkeypatch.syspath_prepend(str(tmp_path))
        timeouts = timeouts if isinstance(timeouts, dict) else {"load": timeouts}
        config = {"registry": {"autoload": "all", "timeouts": timeouts, "workers": workers}}
        shared.registry = PluginRegistry(config, path=[str(tmp_path)], environ={})
        return shared.registry

    shared.install = install
    monkeypatch.setitem(sys.modules, "load_shared", shared)
    yield shared
    shared.forever.set()
    for name in [name for name in sys.modules if name.startswith("load_")]:
        del sys.modules[name]


def plugin(name: str, before: str = "") -> str:
    return f"{before}\nclass Plugin(Secrets): name = {name!r}\n"


def asking(name: str) -> str:
    return f"load_shared.registry.get(SecretsPlugin, {name!r})"


def in_threads(*functions: Callable[[], Any]) -> list[Any]:
    """What the functions return or raise, each on a thread of its own."""
    results: list[Any] = [None] * len(functions)

    def run(place: int) -> None:
        try:
            results[place] = functions[place]()
        except BaseException as error:  # noqa: BLE001 the test looks at it
            results[place] = error

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(functions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    return results


def test_all_threads_that_wait_for_a_load_get_its_error(shared: Any) -> None:
    registry = shared.install(a="load_shared.forever.wait()\nraise OSError('not today')")
    threading.Timer(0.3, shared.forever.set).start()
    errors = in_threads(*[lambda: registry.get(SecretsPlugin, "a")] * 16)
    assert [type(each) for each in errors] == [PluginLoadError] * 16
    assert {str(each.__cause__) for each in errors} == {"not today"}


def test_threads_that_wait_for_a_load_are_answered_at_its_deadline(shared: Any) -> None:
    registry = shared.install(0.3, a=plugin("a", "load_shared.forever.wait()"))
    begun = time.monotonic()
    errors = in_threads(*[lambda: registry.get(SecretsPlugin, "a")] * 4)
    assert [type(each) for each in errors] == [PluginTimeoutError] * 4
    assert time.monotonic() - begun < SOON / 2
    assert {each.seconds for each in errors} == {0.3}


def test_who_waits_for_a_load_within_another_load_waits_no_longer_than_its_deadline(shared: Any) -> None:
    entered = shared.entered = threading.Event()
    registry = shared.install(
        {"load": SOON, "secrets:inner": {"load": 0.2}},
        outer=plugin("outer", asking("inner")),
        inner=plugin("inner", "load_shared.entered.set()\nload_shared.forever.wait()"),
    )
    outer: list[Any] = []
    thread = threading.Thread(target=lambda: outer.extend(in_threads(lambda: registry.get(SecretsPlugin, "outer"))))
    thread.start()
    assert entered.wait(SOON)
    with pytest.raises(PluginTimeoutError, match=r"loading did not end within 0\.2 s"):
        registry.get(SecretsPlugin, "inner")
    shared.forever.set()
    thread.join(SOON)
    assert outer[0].name == "outer"
    assert registry.get(SecretsPlugin, "inner").name == "inner"


def test_three_threads_whose_plugins_ask_for_each_other_get_an_error_that_names_them(shared: Any) -> None:
    shared.barrier = threading.Barrier(3)
    circle = {"a": "b", "b": "c", "c": "a"}
    begin = "load_shared.barrier.wait(30)\n"
    registry = shared.install(SOON, **{name: plugin(name, begin + asking(other)) for name, other in circle.items()})
    begun = time.monotonic()
    errors = in_threads(*[lambda name=name: registry.get(SecretsPlugin, name) for name in circle])
    assert time.monotonic() - begun < SOON / 2
    assert [type(each) for each in errors] == [PluginLoadError] * 3
    assert any("asked for by what it waits for (secrets:a, secrets:b, secrets:c)" in str(each) for each in errors)


def test_a_plugin_that_asks_for_itself_gets_an_error_that_names_it(shared: Any) -> None:
    registry = shared.install(a=plugin("a", asking("a")))
    with pytest.raises(PluginLoadError, match=r"asked for by what it waits for \(secrets:a\)"):
        registry.get(SecretsPlugin, "a")


def test_after_a_load_within_a_load_the_next_one_has_a_thread_of_its_own(shared: Any) -> None:
    note = "load_shared.threads.append(threading.current_thread().name)\n"
    registry = shared.install(
        outer=plugin("outer", note + asking("inner") + f"\ntry:\n    {asking('bad')}\nexcept Exception: pass\n"),
        inner=plugin("inner", note),
        bad=note + "raise OSError('bad')",
        # Loaded by a hook, on the thread that has loaded others before.
        last=plugin("last", note),
    )
    found = registry.get(SecretsPlugin, "outer")
    assert shared.threads == ["secrets:outer"] * 3
    worker = registry._store.entry(PluginRef.parse("secrets:outer")).worker
    call = worker.submit(lambda: registry.get(SecretsPlugin, "last"))
    assert call.wait(SOON)
    assert call.result().name == "last"
    assert shared.threads[3] == "secrets:last"
    assert found.name == "outer"


def test_the_seconds_of_a_load_are_kept_for_success_and_failure(shared: Any) -> None:
    registry = shared.install(
        a=plugin("a", "threading.Event().wait(0.1)"), b="threading.Event().wait(0.1)\nraise OSError('bad')"
    )
    report = registry.startup()
    assert [each.ref.name for each in report.outcomes if 0.1 <= each.load_seconds < SOON] == ["a", "b"]
    assert report.load_seconds >= 0.1
    assert registry.state(SecretsPlugin, "b") is PluginState.FAILED
    registry.shutdown()


def test_a_load_that_is_overdue_is_not_begun_again(shared: Any) -> None:
    registry = shared.install(0.2, a=plugin("a", "load_shared.threads.append(1)\nload_shared.forever.wait()"))
    with pytest.raises(PluginTimeoutError):
        registry.get(SecretsPlugin, "a")
    registry.discover(refresh=True)
    begun = time.monotonic()
    with pytest.raises(PluginTimeoutError):
        registry.get(SecretsPlugin, "a")
    assert time.monotonic() - begun < SOON / 2
    assert shared.threads == [1]


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_an_interrupt_during_a_load_is_raised_and_the_plugin_can_be_had_afterwards(shared: Any) -> None:
    registry = shared.install(
        signalling=plugin("signalling", "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(0.3)")
    )
    [site] = {str(Path(each.distribution.path).parent) for each in registry.candidates()}
    done = run_code(
        f"""
        import signal, sys
        signal.signal(signal.SIGINT, signal.default_int_handler)
        import types; sys.modules["load_shared"] = types.ModuleType("load_shared")
        sys.path.insert(0, {site!r})
        from floe_plugins import PluginRegistry, SecretsPlugin
        registry = PluginRegistry(path=[{site!r}], environ={{}})
        try:
            registry.get(SecretsPlugin, "signalling")
        except KeyboardInterrupt:
            print("interrupted", registry.get(SecretsPlugin, "signalling").name, len(registry.list()))
        """,
        check=True,
    )
    assert done.stdout == "interrupted signalling 1\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
@pytest.mark.parametrize("ask", ["get(SecretsPlugin, 'a_waits')", "list()", "startup()", "manager(SecretsPlugin).hook"])
def test_an_interrupt_is_answered_while_a_load_goes_on_whose_result_is_kept(shared: Any, ask: str) -> None:
    waits = plugin("a_waits", "import os, signal, load_shared\nos.kill(os.getpid(), signal.SIGINT)\n") + (
        "assert load_shared.answered.wait(30)\n"
    )
    registry = shared.install(a_waits=waits, b_next=plugin("b_next"))
    [site] = {str(Path(each.distribution.path).parent) for each in registry.candidates()}
    done = run_code(
        f"""
        import signal, sys, threading, types
        signal.signal(signal.SIGINT, signal.default_int_handler)
        shared = sys.modules["load_shared"] = types.ModuleType("load_shared")
        shared.answered = threading.Event()
        sys.path.insert(0, {site!r})
        from floe_plugins import PluginRegistry, SecretsPlugin
        registry = PluginRegistry(path=[{site!r}], environ={{}}, autoload="all")
        try:
            registry.{ask}
        except KeyboardInterrupt:
            print("interrupted", registry.state("secrets:a_waits"))
        shared.answered.set()
        print(registry.get("secrets:a_waits").name)
        """,
        check=True,
    )
    assert done.stdout == "interrupted discovered\na_waits\n"


def test_a_loaded_plugin_is_in_the_table_of_plugins(shared: Any) -> None:
    registry = shared.install(a=plugin("a"))
    found = registry.get(SecretsPlugin, "a")
    assert registry._services().registration.plugins[SecretsPlugin] == {"a": found}


@pytest.mark.parametrize(
    "replace",
    [lambda registry: registry.discover(refresh=True), lambda registry: registry.unregister(SecretsPlugin, "a")],
    ids=["refresh", "unregister"],
)
def test_who_asked_for_a_plugin_that_is_replaced_while_it_is_loaded_gets_the_new_one(
    shared: Any, replace: Callable[[PluginRegistry], object]
) -> None:
    shared.made, shared.entered = [], threading.Event()
    code = """
        class Plugin(Secrets):
            name = "a"
            def __init__(self):
                load_shared.made.append(self)
                load_shared.entered.set()
                load_shared.forever.wait()
    """
    registry = shared.install(a=code)
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.append(registry.get(SecretsPlugin, "a")))
    thread.start()
    assert shared.entered.wait(SOON)
    replacing = threading.Thread(target=replace, args=(registry,))
    replacing.start()
    replacing.join(0.3)  # one that waits for the load goes on below
    shared.forever.set()
    replacing.join(SOON)
    thread.join(SOON)
    assert len(shared.made) == 2
    assert got == [shared.made[1]] == [registry.get(SecretsPlugin, "a")]


def test_what_a_plugin_declares_is_read_once_and_on_its_own_thread(shared: Any) -> None:
    code = """
        def noting(value):
            def read(self):
                load_shared.threads.append(threading.current_thread().name)
                return value
            return property(read)
        class Plugin(Secrets):
            name = "a"
            version, description, dependencies = noting("2.0"), noting("told"), noting(())
    """
    registry = shared.install(a=code)
    registry.startup()
    info = registry.info(SecretsPlugin, "a")
    registry.shutdown()
    assert (info.version, info.description, info.dependencies) == ("2.0", "told", ())
    assert shared.threads == ["secrets:a"] * 3


def test_a_refresh_leaves_what_is_loaded(shared: Any) -> None:
    registry = shared.install(a=plugin("a"))
    found = registry.get(SecretsPlugin, "a")
    registry.startup()
    registry.discover(refresh=True)
    assert registry.get(SecretsPlugin, "a") is found
    assert registry.state(SecretsPlugin, "a") is PluginState.STARTED
    registry.shutdown()


def test_an_entry_that_was_replaced_is_not_loaded_any_more(shared: Any) -> None:
    registry = shared.install(a=plugin("a", "load_shared.threads.append(1)"))
    ref = PluginRef.parse("secrets:a")
    registry.discover()
    old = registry._store.entry(ref)
    [info] = {Path(each.distribution.path) for each in registry.candidates()}
    info.rename(info.with_name("load_tests-2.0.dist-info"))
    registry.discover(refresh=True)
    assert registry._store.entry(ref) is not old
    with pytest.raises(SupersededError):
        registry._services().lifecycle.parts.loader.load(old)
    assert shared.threads == []
    assert registry.get(SecretsPlugin, "a").name == "a"
    assert shared.threads == [1]


@pytest.mark.parametrize("workers", [1, 4])
def test_loads_that_plugin_code_asks_for_while_it_is_imported_stay_on_its_thread(shared: Any, workers: int) -> None:
    """The inner module needs the outer one, whose import holds its lock."""
    note = "load_shared.threads.append(threading.current_thread().name)\n"
    registry = shared.install(
        2.0,
        outer=plugin("outer", f"{note}load_shared.registry.start(SecretsPlugin, 'inner')"),
        inner=plugin("inner", f"{note}import load_outer"),
        workers=workers,
    )
    assert registry.get(SecretsPlugin, "outer").name == "outer"
    assert registry.state(SecretsPlugin, "inner") is PluginState.STARTED
    assert shared.threads == ["secrets:outer"] * 2
    registry.shutdown()


def test_a_load_whose_thread_cannot_be_made_is_a_load_error(shared: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = shared.install(a=plugin("a"))
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "secrets:a":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(PluginLoadError, match=r"can't start new thread.* The process may start no more threads"):
        registry.get(SecretsPlugin, "a")


def test_a_plugin_whose_hooks_do_not_fit_is_not_kept_by_the_manager(shared: Any) -> None:
    code = "class Plugin(Secrets):\n    name = 'a'\n    def get_secret(self, key, colour): ...\n"
    registry = shared.install(a=code)
    with pytest.raises(PluginLoadError, match="its hooks do not fit the contract"):
        registry.get(SecretsPlugin, "a")
    manager = registry.manager(SecretsPlugin)
    assert not manager.has_plugin("a")
    assert manager.hook.get_secret.get_hookimpls() == []


def test_a_load_that_fails_is_told_as_a_change_of_state_with_the_reason(shared: Any) -> None:
    registry = shared.install(a="raise OSError('not today')")
    seen: list[Any] = []
    subscription = registry.subscribe(seen.append)
    with pytest.raises(PluginLoadError) as caught:
        registry.get(SecretsPlugin, "a")
    assert subscription.wait(SOON)
    subscription()
    states = [(str(each.ref), each.state, each.reason) for each in seen if each.kind == "state"]
    assert states == [("secrets:a", PluginState.FAILED, caught.value.message)]


def test_a_load_that_does_not_end_in_time_is_told_as_overdue(shared: Any) -> None:
    registry = shared.install(0.2, a=plugin("a", "load_shared.forever.wait()"))
    seen: list[Any] = []
    subscription = registry.subscribe(seen.append)
    with pytest.raises(PluginTimeoutError) as caught:
        registry.get(SecretsPlugin, "a")
    # It goes on, and is not waited for a second time.
    with pytest.raises(PluginTimeoutError):
        registry.get(SecretsPlugin, "a")
    assert subscription.wait(SOON)
    subscription()
    overdue = [(str(each.ref), each.stage, each.reason) for each in seen if each.kind == "call_overdue"]
    assert overdue == [("secrets:a", Stage.LOAD, caught.value.message)]


def test_who_has_given_up_waiting_for_a_load_may_be_waited_for_by_it(
    shared: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The module "b" waits for "a" in vain and goes on; only then "a" asks for "b"."""
    shared.begun, shared.gave_up, shared.asked = threading.Event(), threading.Event(), threading.Event()
    look = Loader._raise_on_cycle

    def look_for_cycle(loader: Any, entry: Any, load: Any) -> None:
        try:
            look(loader, entry, load)
        finally:
            if entry.ref.name == "b":
                shared.asked.set()

    monkeypatch.setattr(Loader, "_raise_on_cycle", look_for_cycle)
    gives_up = f"""
load_shared.begun.wait({SOON})
try:
    {asking("a")}
except Exception:
    load_shared.gave_up.set()
load_shared.asked.wait({SOON})
"""
    registry = shared.install(
        {"load": SOON, "secrets:a": {"load": 0.2}},
        outer=plugin("outer", asking("a")),  # so that "a" is loaded on another's thread, where it has no deadline
        a=plugin("a", f"load_shared.begun.set()\nload_shared.gave_up.wait({SOON})\n{asking('b')}"),
        b=plugin("b", gives_up),
    )
    found = in_threads(*[lambda name=name: registry.get(SecretsPlugin, name) for name in ("outer", "b")])
    assert [getattr(each, "name", each) for each in found] == ["outer", "b"]
    assert registry.get(SecretsPlugin, "a").name == "a"
