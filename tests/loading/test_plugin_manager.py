"""A category's PluginManager: overrides are implementations, plugins are told apart by identity."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import attrs
import pluggy
import pytest
import support
from support import write_distribution

from floe_plugins import (
    ComputePlugin,
    OutcomeState,
    PluginLoadError,
    PluginNotFoundError,
    PluginRegistry,
    PluginState,
    PluginType,
    SecretsPlugin,
    TelemetryBackendPlugin,
    UnsupportedOperationError,
    hookimpl,
)
from floe_plugins.hookspecs.base import hookspec
from floe_plugins.hookspecs.compute import Files
from floe_plugins.loading.pluggy_parts import QuickHookCaller


class Engine(ComputePlugin):
    """An engine as it was written for API 1.0, where these names were free."""

    name, version, floe_api_version = "engine", "1.0", "1.0"

    def execute(self, sql: str, parameters: Any = None) -> Any:
        return [sql]

    def register_table(self, name: str, data: Any) -> None: ...

    def connect(self) -> Any: ...

    def dbt_profile(self, target: str) -> dict[str, Any]:
        return {"target": target}

    def release(self) -> None: ...


class EngineOfItsOwnWords(Engine):
    """Its own methods have the names of later hooks, and other arguments."""

    name = "words"

    async def submit(self, job: str, *, priority: int) -> str:  # type: ignore[override]
        return f"{job}{priority}"

    def write(self) -> str:  # type: ignore[override]
        return "its own"


class NewEngine(Engine):
    """It knows the later hooks."""

    name, floe_api_version = "new", "1.1"

    def submit(self, sql: str) -> Any:  # type: ignore[override]
        return f"submitted {sql}"


class Telemetry(TelemetryBackendPlugin):
    version = "1.0"
    floe_api_version = "1.0"

    def __init__(self, name: str = "plain") -> None:
        self.name = name

    def span_exporters(self) -> list[Any]:
        return [self.name]

    def metric_readers(self) -> list[Any]:
        return []

    def flush(self, deadline: float) -> bool:
        return deadline > 0


class First(Telemetry):
    @hookimpl(tryfirst=True)
    def span_exporters(self) -> list[Any]:
        return [self.name]


class Renamed(Telemetry):
    @hookimpl(specname="span_exporters")
    def exporters_of_acme(self) -> list[Any]:
        return ["renamed"]


class Wrapping(Telemetry):
    @hookimpl(wrapper=True)
    def flush(self, deadline: float) -> Any:
        yield
        return f"wrapped {deadline}"


class Loud(Telemetry):
    @property
    def explosive(self) -> str:
        raise AssertionError("registration evaluated a property")


@attrs.define
class Equal(Telemetry):
    """Compares equal to every other, and has no hash."""

    name: str = "equal"


class Secrets(support.Secrets):
    name = "memory"

    def get_secret(self, key: str) -> Any:
        return None if key == "missing" else key.upper()

    def secret_names(self, prefix: str = "") -> tuple[str, ...]:
        return (f"{prefix}a",)


def test_an_override_without_a_marker_is_called(registry: PluginRegistry) -> None:
    registry.register(Telemetry())
    assert registry.manager(PluginType.TELEMETRY_BACKEND).hook.span_exporters() == [["plain"]]


def test_results_of_all_come_last_registered_first_and_options_change_that(registry: PluginRegistry) -> None:
    registry.register(First("first"), Telemetry("one"), Telemetry("two"))
    pm = registry.manager(TelemetryBackendPlugin)
    assert pm.hook.span_exporters() == [["first"], ["two"], ["one"]]


def test_specname_and_wrappers_work_as_in_pluggy(registry: PluginRegistry) -> None:
    registry.register(Renamed("renamed"))
    registry.register(Wrapping("wrapping"))
    pm = registry.manager(TelemetryBackendPlugin)
    assert ["renamed"] in pm.hook.span_exporters()
    assert pm.hook.flush(deadline=1.0) == "wrapped 1.0"


def test_a_hook_of_one_answer_gives_it_alone(registry: PluginRegistry) -> None:
    registry.register(Secrets)
    pm = registry.manager(SecretsPlugin)
    assert pm.hook.get_secret(key="a") == "A"
    assert pm.hook.secret_names(prefix="x") == ("xa",)


def test_a_caller_s_value_reaches_an_argument_with_a_default(registry: PluginRegistry) -> None:
    registry.register(Secrets)
    assert registry.manager(SecretsPlugin).hook.secret_names(prefix="given") == ("givena",)


def test_registration_evaluates_no_property(registry: PluginRegistry) -> None:
    registry.register(Loud("loud"))
    assert registry.state(PluginType.TELEMETRY_BACKEND, "loud") is PluginState.LOADED


def test_adding_the_hooks_of_an_object_evaluates_no_property(registry: PluginRegistry) -> None:
    class More:
        @property
        def loud(self) -> None:
            raise SystemExit("evaluated")

        @hookspec
        def more(self) -> None: ...

    manager = registry.manager(TelemetryBackendPlugin)
    manager.add_hookspecs(More())
    assert hasattr(manager.hook, "more")
    assert not hasattr(manager.hook, "loud")


def test_plugins_that_compare_equal_are_told_apart(registry: PluginRegistry) -> None:
    first, second = Equal("a"), Equal("b")
    second_twin = Equal("b")
    registry.register(first, second)
    pm = registry.manager(TelemetryBackendPlugin)
    assert len(pm.get_plugins()) == 2
    assert first in pm.get_plugins()
    assert second_twin not in pm.get_plugins()
    assert pm.get_name(second) == "b"
    assert not pm.is_registered(second_twin)
    assert pm.is_registered(second) is True
    assert pm.subset_hook_caller("span_exporters", [first])() == [["b"]]
    pm.unregister(first)
    assert pm.hook.span_exporters() == [["b"]]


def test_a_plugin_is_taken_under_its_own_name_alone(registry: PluginRegistry) -> None:
    pm = registry.manager(TelemetryBackendPlugin)
    with pytest.raises(ValueError, match="own name"):
        pm.register(Telemetry(), "other")
    assert pm.register(Telemetry()) == "plain"
    assert registry.get(TelemetryBackendPlugin, "plain") is pm.get_plugin("plain")


def test_a_name_is_compared_as_text_whatever_its_class_does(registry: PluginRegistry) -> None:
    class Name(str):
        __slots__ = ()
        __hash__ = None  # type: ignore[assignment]

    plugin = support.named("a")()
    type(plugin).name = Name("a")
    assert registry.manager(SecretsPlugin).register(plugin, "a") == "a"


def test_no_implementation_is_looked_at_when_another_is_added(registry: PluginRegistry) -> None:
    pm = registry.manager(TelemetryBackendPlugin)
    assert {type(caller) for caller in vars(pm.hook).values()} == {QuickHookCaller}


def test_a_plugin_of_another_category_is_refused_by_the_registry_not_kept(registry: PluginRegistry) -> None:
    with pytest.raises(PluginLoadError):
        registry.manager(TelemetryBackendPlugin).register(object())


def test_a_blocked_name_is_neither_registered_nor_found(registry: PluginRegistry) -> None:
    pm = registry.manager(TelemetryBackendPlugin)
    pm.set_blocked("plain")
    assert pm.is_blocked("plain")
    assert pm.register(Telemetry()) is None
    with pytest.raises(PluginNotFoundError):
        registry.get(TelemetryBackendPlugin, "plain")
    assert pm.unblock("plain")
    assert pm.register(Telemetry()) == "plain"


def test_the_wrong_arguments_of_a_hook_are_a_load_error_and_leave_nothing(registry: PluginRegistry) -> None:
    class Wrong(Telemetry):
        def flush(self, deadline: float, colour: str) -> bool:  # type: ignore[override]
            return bool(deadline and colour)

    with pytest.raises(PluginLoadError, match="colour"):
        registry.register(Wrong())
    assert not registry.manager(TelemetryBackendPlugin).get_plugins()
    assert not registry.list()


def test_lifecycle_hooks_give_one_outcome_per_plugin(registry: PluginRegistry) -> None:
    class Failing(Telemetry):
        def startup(self) -> None:
            raise OSError("no socket")

    registry.register(Telemetry("good"), Failing("bad"))
    pm = registry.manager(TelemetryBackendPlugin)
    outcomes = {outcome.ref.name: outcome.state for outcome in pm.hook.startup()}
    assert outcomes == {"good": OutcomeState.SUCCEEDED, "bad": OutcomeState.FAILED}
    assert {outcome.ref.name for outcome in pm.hook.health_check()} == {"good", "bad"}
    assert [outcome.ref.name for outcome in pm.hook.shutdown()] == ["good"]


def test_entry_points_of_another_group_are_refused(registry: PluginRegistry) -> None:
    with pytest.raises(ValueError, match=r"floe\.telemetry_backends"):
        registry.manager(TelemetryBackendPlugin).load_setuptools_entrypoints("floe.secrets")


def test_monitoring_sees_hook_calls(registry: PluginRegistry) -> None:
    registry.register(Telemetry())
    pm = registry.manager(TelemetryBackendPlugin)
    seen: list[str] = []
    undo = pm.add_hookcall_monitoring(lambda name, *_: seen.append(name), lambda *_: None)
    pm.hook.flush(deadline=1.0)
    undo()
    pm.hook.flush(deadline=1.0)
    assert seen == ["flush"]


def test_a_manager_is_a_pluggy_manager_and_the_same_each_time(registry: PluginRegistry) -> None:
    pm = registry.manager(PluginType.DBT)
    assert isinstance(pm, pluggy.PluginManager)
    assert pm.project_name == "floe"
    assert registry.manager(PluginType.DBT) is pm
    pm.check_pending()


def test_one_of_many_threads_registers_a_name(registry: PluginRegistry) -> None:
    barrier = threading.Barrier(8)
    wins: list[str] = []

    def attempt() -> None:
        barrier.wait()
        try:
            registry.register(Telemetry("same"))
        except ValueError:
            return
        wins.append("won")

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wins == ["won"]
    assert registry.manager(TelemetryBackendPlugin).hook.span_exporters() == [["same"]]


def test_entry_points_that_are_loaded_are_counted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from support import Secrets\nclass Plugin(Secrets): name = 'a'\n"
    write_distribution(tmp_path, "counted", "[floe.secrets]\na = counted_plugin:Plugin\n", counted_plugin=code)
    monkeypatch.syspath_prepend(str(tmp_path))
    manager = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={}).manager(SecretsPlugin)
    assert manager.load_setuptools_entrypoints("floe.secrets", "none") == 0
    assert manager.load_setuptools_entrypoints("floe.secrets") == 1
    assert manager.load_setuptools_entrypoints("floe.secrets") == 0
    del sys.modules["counted_plugin"]


def test_options_of_a_plugin_that_is_not_registered_can_be_read(registry: PluginRegistry) -> None:
    manager = registry.manager(TelemetryBackendPlugin)
    assert manager.parse_hookimpl_opts(Telemetry(), "flush") is not None
    assert manager.parse_hookimpl_opts(Telemetry(), "version") is None


def test_the_set_of_plugins_shows_them(registry: PluginRegistry) -> None:
    registry.register(Equal("a"))
    manager = registry.manager(TelemetryBackendPlugin)
    assert repr(manager.get_plugins()) == repr(list(manager.get_plugins()))


def test_plugins_that_are_compared_by_identity_are_an_ordinary_set(registry: PluginRegistry) -> None:
    plugin = support.named("a")()
    registry.register(plugin)
    found = registry.manager(SecretsPlugin).get_plugins()
    assert type(found) is set
    assert found | {1} == {plugin, 1}


def test_a_hook_of_a_category_raises_and_returns_to_the_application_what_the_plugin_does(
    registry: PluginRegistry,
) -> None:
    class OwnError(BaseException):
        pass

    error, answer = OwnError(), object()

    def get_secret(_self: object, key: str) -> object:
        if key == "raise":
            raise error
        return answer

    registry.register(support.named("a", get_secret=get_secret))
    hook = registry.manager(SecretsPlugin).hook
    assert hook.get_secret(key="give") is answer
    with pytest.raises(OwnError) as caught:
        hook.get_secret(key="raise")
    assert caught.value is error


def test_a_hook_may_leave_out_arguments(registry: PluginRegistry) -> None:
    registry.register(support.named("a", secret_names=lambda _self: ("all",)))
    assert registry.manager(SecretsPlugin).hook.secret_names(prefix="x") == ("all",)


def test_hooks_of_a_category_run_on_the_thread_of_their_caller(registry: PluginRegistry) -> None:
    seen: list[threading.Thread] = []
    registry.register(
        support.named(
            "a",
            startup=lambda _self: seen.append(threading.current_thread()),
            secret_names=lambda _self: seen.append(threading.current_thread()),
        )
    )
    with registry:
        registry.get(SecretsPlugin, "a").secret_names()
        registry.manager(SecretsPlugin).hook.secret_names()
    assert seen[0] is not threading.current_thread()
    assert seen[1:] == [threading.current_thread()] * 2


def test_plugins_that_were_selected_after_the_first_hook_call_are_loaded_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from support import Secrets\nclass Plugin(Secrets): name = {!r}\n"
    write_distribution(tmp_path, "again-one", "[floe.secrets]\none = again_one:Plugin\n", again_one=code.format("one"))
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={})
    manager = registry.manager(SecretsPlugin)
    assert len(manager.hook.get_secret.get_hookimpls()) == 1
    write_distribution(tmp_path, "again-two", "[floe.secrets]\ntwo = again_two:Plugin\n", again_two=code.format("two"))
    registry.discover(refresh=True)
    assert len(manager.hook.get_secret.get_hookimpls()) == 2
    manager.load_again()
    assert len(manager.hook.get_secret.get_hookimpls()) == 2
    found = {plugin.name: str(distribution.version) for plugin, distribution in manager.list_plugin_distributions()}
    assert found == {"one": "1.0", "two": "1.0"}
    assert sorted(facade.project_name for _, facade in manager.list_plugin_distinfo()) == ["again-one", "again-two"]
    for name in ("again_one", "again_two"):
        del sys.modules[name]


def test_what_is_registered_by_hand_has_no_distribution(registry: PluginRegistry) -> None:
    registry.register(support.named("a"))
    assert registry.manager(SecretsPlugin).list_plugin_distributions() == []


def test_what_a_manager_does_not_have_is_an_attribute_error(registry: PluginRegistry) -> None:
    with pytest.raises(AttributeError, match="'CategoryManager' object has no attribute 'hoook'"):
        _ = registry.manager(SecretsPlugin).hoook


def test_a_plugin_is_unregistered_by_itself_or_its_name_and_no_other_in_its_place(registry: PluginRegistry) -> None:
    manager = registry.manager(TelemetryBackendPlugin)
    a, b = Telemetry("a"), Telemetry("b")
    registry.register(a, b)
    with pytest.raises(ValueError, match="do not agree: the name 'a' is another plugin's"):
        manager.unregister(b, "a")
    with pytest.raises(ValueError, match="do not agree: the name 'c' is no plugin's"):
        manager.unregister(b, "c")
    with pytest.raises(AssertionError, match="plugin is not registered"):
        manager.unregister(Telemetry("a"))
    with pytest.raises(AssertionError, match="one of name or plugin"):
        manager.unregister()
    assert manager.unregister(name="c") is None
    assert manager.unregister(a, "a") is a
    assert manager.unregister(name="b") is b
    assert registry.list() == []


def test_a_blocked_name_is_no_plugin(registry: PluginRegistry) -> None:
    manager = registry.manager(TelemetryBackendPlugin)
    registry.register(Telemetry("a"), Telemetry("b"))
    manager.set_blocked("a")
    assert [plugin.name for plugin in manager.get_plugins()] == ["b"]
    assert manager.get_name(None) is None
    assert not manager.is_registered(None)
    assert not manager.unblock("b")
    assert manager.register(None) is None


def test_a_mixin_behind_the_category_does_not_hide_its_hooks(registry: PluginRegistry) -> None:
    class Mixin:
        def flush(self, deadline: float) -> bool:
            raise AssertionError("hidden by the category's own")

        @hookimpl(specname="span_exporters")
        def more(self) -> list[Any]:
            return ["mixed in"]

    class Mixed(Telemetry, Mixin):
        pass

    registry.register(Mixed("mixed"))
    hook = registry.manager(TelemetryBackendPlugin).hook
    assert hook.flush(deadline=1.0) == [True]
    assert sorted(hook.span_exporters()) == [["mixed"], ["mixed in"]]


def test_a_hook_of_the_instance_or_of_another_kind_is_found(registry: PluginRegistry) -> None:
    class Odd(Telemetry):
        flush = staticmethod(lambda deadline: f"static {deadline}")  # type: ignore[assignment]

    odd = Odd("odd")
    odd.span_exporters = lambda: ["of the instance"]  # type: ignore[method-assign]
    registry.register(odd)
    hook = registry.manager(TelemetryBackendPlugin).hook
    assert hook.flush(deadline=1.0) == ["static 1.0"]
    assert hook.span_exporters() == [["of the instance"]]


def test_a_lifecycle_hook_that_is_a_property_is_looked_up_when_it_is_called(registry: PluginRegistry) -> None:
    threads: list[str] = []

    def startup(_self: Any) -> Any:
        threads.append(threading.current_thread().name)
        return lambda: None

    registry.register(type("Odd", (Telemetry,), {"startup": property(startup)})("odd"))
    assert threads == []
    assert registry.startup().ok
    assert threads == ["telemetry_backend:odd"]
    registry.shutdown()


def test_a_lifecycle_hook_may_have_another_name(registry: PluginRegistry) -> None:
    begun: list[str] = []

    class Renaming(Telemetry):
        @hookimpl(specname="startup")
        def begin(self) -> None:
            begun.append(self.name)

    registry.register(Telemetry("plain"), Renaming("renaming"))
    assert registry.startup().ok
    assert begun == ["renaming"]
    registry.shutdown()


def test_options_of_a_hook_of_the_instance_count(registry: PluginRegistry) -> None:
    odd = Telemetry("odd")
    odd.span_exporters = hookimpl(trylast=True)(lambda: ["odd"])  # type: ignore[method-assign]
    registry.register(Telemetry("plain"), odd)
    assert registry.manager(TelemetryBackendPlugin).hook.span_exporters() == [["plain"], ["odd"]]


def test_a_plugin_that_was_taken_out_is_forgotten(registry: PluginRegistry) -> None:
    plugin = Telemetry("gone")
    known = weakref.ref(plugin)
    registry.register(plugin)
    registry.unregister(TelemetryBackendPlugin, "gone")
    del plugin
    gc.collect()
    assert known() is None


def test_an_installed_plugin_whose_name_is_blocked_is_not_found_until_it_is_allowed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from support import Secrets\nclass Plugin(Secrets): name = 'a'\n"
    write_distribution(tmp_path, "blocked", "[floe.secrets]\na = blocked_plugin:Plugin\n", blocked_plugin=code)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={})
    manager = registry.manager(SecretsPlugin)
    manager.set_blocked("a")
    with pytest.raises(PluginNotFoundError):
        registry.get(SecretsPlugin, "a")
    assert "blocked_plugin" not in sys.modules
    assert not manager.unblock("b")
    with pytest.raises(PluginNotFoundError):
        registry.get(SecretsPlugin, "a")
    assert manager.unblock("a")
    assert registry.get(SecretsPlugin, "a").name == "a"
    del sys.modules["blocked_plugin"]


def engines(*plugins: Any) -> Any:
    registry = support.new_registry()
    registry.register(*plugins)
    return registry.manager(ComputePlugin)


@pytest.mark.parametrize("plugin", [Engine, EngineOfItsOwnWords])
def test_a_hook_that_was_added_later_does_by_the_older_ones_what_it_can(plugin: type[Engine]) -> None:
    hook = engines(plugin).hook
    assert hook.submit(sql="SELECT 1").result() == ["SELECT 1"]
    with pytest.raises(UnsupportedOperationError):
        hook.write(sql="SELECT 1", target=Files("x"))


def test_an_older_plugin_keeps_its_own_methods_that_have_the_name_of_a_later_hook() -> None:
    [(_, plugin)] = engines(EngineOfItsOwnWords).list_name_plugin()
    assert plugin.write() == "its own"


def test_an_older_plugins_own_methods_are_not_taken_for_mistaken_hooks() -> None:
    registry = support.new_registry()
    registry.register(EngineOfItsOwnWords)
    assert registry.problems == ()
    registry.register(support.named("newer", EngineOfItsOwnWords, floe_api_version="1.1", submit=Engine.execute))
    assert "its hook 'write' leaves out 'sql'" in registry.problems[1].message


def test_a_plugin_that_knows_a_later_hook_is_asked() -> None:
    assert engines(NewEngine).hook.submit(sql="SELECT 1") == "submitted SELECT 1"


def test_a_later_hook_under_another_name_takes_the_place_of_its_default() -> None:
    class Renamed(NewEngine):
        name = "renamed"
        submit = Engine.submit

        @hookimpl(specname="submit")
        def begin(self, sql: str) -> Any:
            return f"begun {sql}"

    manager = engines(Renamed)
    assert manager.hook.submit(sql="SELECT 1") == "begun SELECT 1"
    assert len(manager.hook.submit.get_hookimpls()) == 1


def test_defaults_go_when_their_plugin_goes() -> None:
    manager = engines(Engine)
    manager.unregister(name="engine")
    assert manager.hook.submit(sql="SELECT 1") is None


class More:
    @hookspec(historic=True)
    def told(self, news: str) -> None: ...

    @hookspec(warn_on_impl=DeprecationWarning("old"))
    def old(self) -> None: ...

    @hookspec(firstresult=True)
    def first(self, value: int) -> int: ...


def adding(**functions: Any) -> type[Telemetry]:
    return type("Adding", (Telemetry,), {name: hookimpl(function) for name, function in functions.items()})


def test_hooks_that_were_added_are_implemented_by_the_plugins_loaded_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from floe_plugins import hookimpl\nfrom support import Secrets\nclass Plugin(Secrets):\n    name = 'a'\n"
    code += "    @hookimpl\n    def first(self, value): return value + 1\n"
    write_distribution(tmp_path, "added", "[floe.secrets]\na = added_plugin:Plugin\n", added_plugin=code)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={})
    manager = registry.manager(SecretsPlugin)
    manager.add_hookspecs(More)
    assert manager.hook.first(value=1) == 2
    manager.check_pending()
    del sys.modules["added_plugin"]


def test_a_hook_that_nobody_added_is_refused_when_it_is_registered(registry: PluginRegistry) -> None:
    with pytest.raises(PluginLoadError, match="'first' is marked as a hook"):
        registry.register(adding(first=lambda _self, value: value))
    registry.manager(TelemetryBackendPlugin).add_hookspecs(More)
    registry.register(adding(first=lambda _self, value: value))


def test_added_hooks_may_be_historic_or_warn(registry: PluginRegistry) -> None:
    manager = registry.manager(TelemetryBackendPlugin)
    manager.add_hookspecs(More)
    heard: list[str] = []
    manager.hook.told.call_historic(kwargs={"news": "earlier"})
    registry.register(adding(told=lambda _self, news: heard.append(news))("listener"))
    assert heard == ["earlier"]
    with pytest.warns(DeprecationWarning, match="old"):
        registry.register(adding(old=lambda _self: None)("older"))


def test_a_plugin_whose_historic_hook_raises_is_not_kept(registry: PluginRegistry) -> None:
    def told(_self: Any, news: str) -> None:
        raise OSError(news)

    manager = registry.manager(TelemetryBackendPlugin)
    manager.add_hookspecs(More)
    manager.hook.told.call_historic(kwargs={"news": "bad"})
    with pytest.raises(PluginLoadError, match="OSError: bad"):
        registry.register(adding(told=told))
    assert not manager.get_plugins()
    assert manager.hook.told.get_hookimpls() == []


def test_a_lifecycle_hook_can_leave_plugins_out(registry: PluginRegistry) -> None:
    a, b = Telemetry("a"), Telemetry("b")
    registry.register(a, b)
    manager = registry.manager(TelemetryBackendPlugin)
    assert [outcome.ref.name for outcome in manager.subset_hook_caller("startup", [a])()] == ["b"]
    assert [outcome.ref.name for outcome in manager.hook.startup()] == ["a", "b"]
    for name in ("health_check", "shutdown"):
        assert [outcome.ref.name for outcome in manager.subset_hook_caller(name, [b])()] == ["a"]
    assert registry.state(TelemetryBackendPlugin, "b") is PluginState.STARTED
    registry.shutdown()


def test_what_the_others_need_is_started_though_it_is_left_out(registry: PluginRegistry) -> None:
    class Needing(Telemetry):
        dependencies = ("telemetry_backend:a",)

    a = Telemetry("a")
    registry.register(a, Needing("b"))
    manager = registry.manager(TelemetryBackendPlugin)
    assert [outcome.ref.name for outcome in manager.subset_hook_caller("startup", [a])()] == ["a", "b"]
    registry.shutdown()


def test_monitoring_and_tracing_see_calls_of_lifecycle_hooks(registry: PluginRegistry) -> None:
    a = Telemetry("a")
    registry.register(a, Telemetry("b"))
    manager = registry.manager(TelemetryBackendPlugin)
    seen: list[Any] = []
    undo = manager.add_hookcall_monitoring(
        lambda name, *_: seen.append(name), lambda outcome, *_: seen.append(len(outcome.get_result()))
    )
    manager.hook.startup()
    manager.subset_hook_caller("health_check", [a])()
    undo()
    traced: list[str] = []
    manager.trace.root.setwriter(traced.append)
    untrace = manager.enable_tracing()
    manager.hook.shutdown()
    untrace()
    manager.hook.startup()
    registry.shutdown()
    assert seen == ["startup", 2, "health_check", 1]
    assert "shutdown" in traced[0]
    assert len(traced) == 2


def test_starting_the_registry_is_no_call_of_a_hook_but_an_event(registry: PluginRegistry) -> None:
    registry.register(Telemetry)
    seen: list[str] = []
    undo = registry.manager(TelemetryBackendPlugin).add_hookcall_monitoring(
        lambda name, *_: seen.append(name), lambda *_: None
    )
    registry.startup()
    registry.shutdown()
    undo()
    assert seen == []


def test_further_functions_are_called_along_with_a_lifecycle_hook(registry: PluginRegistry) -> None:
    registry.register(Telemetry)
    manager = registry.manager(TelemetryBackendPlugin)
    extra, outcome = manager.hook.startup.call_extra([lambda: "further"], {})
    assert extra == "further"
    assert outcome.ref.name == "plain"
    registry.shutdown()


def test_lifecycle_hooks_take_no_arguments(registry: PluginRegistry) -> None:
    registry.register(Telemetry)
    manager = registry.manager(TelemetryBackendPlugin)
    for call in (lambda: manager.hook.startup(timeout=1), lambda: manager.hook.startup.call_extra([], {"timeout": 1})):
        with pytest.raises(TypeError, match="the hook 'startup' has no arguments, and was called with timeout"):
            call()
    assert registry.state(TelemetryBackendPlugin, "plain") is PluginState.LOADED


def test_a_blocked_name_has_no_distribution(registry: PluginRegistry) -> None:
    manager = registry.manager(SecretsPlugin)
    manager.set_blocked("nowhere")
    assert manager.list_plugin_distributions() == []


@pytest.mark.parametrize("own", [["a"], property(lambda _: {}["a"])])
def test_a_plugin_whose_name_cannot_be_read_is_refused_as_by_the_registry(registry: PluginRegistry, own: Any) -> None:
    plugin = support.named("a")()
    type(plugin).name = own
    with pytest.raises(PluginLoadError, match="'name'"):
        registry.manager(SecretsPlugin).register(plugin)
