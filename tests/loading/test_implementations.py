"""Hooks are found wherever a plugin keeps them; what cannot be called is refused."""

from __future__ import annotations

import functools
import inspect
import pickle
import sys
import types
from collections.abc import Callable
from typing import Any

import pluggy
import pytest
from support import Secrets

from floe_plugins import PluginLoadError, PluginRegistry, SecretsPlugin, hookimpl


class Acme(Secrets):
    name = "acme"


def hooked(name: str, function: Any, **options: Any) -> type[Any]:
    if isinstance(function, types.FunctionType):  # a copy, since the marker is an attribute of it
        function = types.FunctionType(function.__code__, function.__globals__, name, function.__defaults__)
    return type("Acme", (Acme,), {name: hookimpl(function, **options) if options else function})


def check(cls: type[Any]) -> None:
    PluginRegistry(autoload="none", environ={}).register(cls)


async def waits(*_arguments: Any) -> None: ...


async def yields(*_arguments: Any) -> Any:
    yield


def wraps(_self: Any) -> Any:
    return (yield)


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (hooked("get_secret", waits), "'get_secret' cannot be async: only startup, shutdown, health_check are awaited"),
        (
            hooked("get_secret", yields),
            "'get_secret' cannot be async: only startup, shutdown, health_check are awaited",
        ),
        (
            hooked("renamed", waits, specname="get_secret"),
            "'renamed' cannot be async: only startup, shutdown, health_check are awaited",
        ),
        (
            hooked("get_sekret", lambda _: None, trylast=True),
            "'get_sekret' is marked as a hook, and SecretsPlugin has no hook 'get_sekret' (did you mean 'get_secret'?)",
        ),
        (
            hooked("qwqwqwqwqw", lambda _: None, trylast=True),
            "'qwqwqwqwqw' is marked as a hook, and SecretsPlugin has no hook 'qwqwqwqwqw'",
        ),
        (
            hooked("startup", wraps, wrapper=True),
            "'startup' cannot be a wrapper: lifecycle hooks are called on each plugin on its own",
        ),
        (
            hooked("health_check", wraps, hookwrapper=True),
            "'health_check' cannot be a wrapper: lifecycle hooks are called on each plugin on its own",
        ),
    ],
)
def test_a_hook_that_cannot_be_called_is_a_load_error_that_says_why(cls: type[Any], message: str) -> None:
    with pytest.raises(PluginLoadError) as caught:
        check(cls)
    assert (caught.value.message, caught.value.hint) == (message, "Tell the plugin's author.")


@pytest.mark.parametrize(
    "cls",
    [
        hooked("startup", waits),
        hooked("startup", wraps, trylast=True),
        hooked("newer", lambda _: None, optionalhook=True),
        hooked("own", waits),
        hooked("get_secret", wraps, wrapper=True),
    ],
)
def test_other_functions_are_the_plugins_own_affair(cls: type[Any]) -> None:
    check(cls)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="inspect.markcoroutinefunction is new in 3.12")
def test_a_function_that_counts_as_a_coroutine_function_is_async_too() -> None:
    def get_secret(_self: Any, key: str) -> Any:
        return waits(key)

    marked = inspect.markcoroutinefunction(get_secret)
    with pytest.raises(PluginLoadError, match="cannot be async"):
        check(type("Acme", (Acme,), {"get_secret": marked}))


def _no_answer(_self: object, key: str) -> None: ...


def _plain(key: str) -> str:
    return f"plain {key}"


class Static(Acme):
    @hookimpl(specname="get_secret")
    @staticmethod
    def found(key: str) -> str:
        return f"static {key}"


class Class(Acme):
    @classmethod
    @hookimpl(specname="get_secret")
    def found(cls, key: str) -> str:
        return f"{cls.name} {key}"


class Stored(Acme):
    def __init__(self) -> None:
        self.found = hookimpl(specname="get_secret")(lambda key: f"stored {key}")


class Slot(Acme):
    __slots__ = ("found", "unset")

    def __init__(self) -> None:
        self.found = hookimpl(specname="get_secret")(lambda key: f"slot {key}")


class Bound(Acme):
    def __init__(self) -> None:
        self.found = Vault().get


class Given(Acme):
    def __init__(self) -> None:
        self.found = types.MethodType(_given, self)


@hookimpl(specname="get_secret")
def _given(_self: object, key: str) -> str:
    return f"given {key}"


class Vault:
    @hookimpl(specname="get_secret")
    def get(self, key: str) -> str:
        return f"bound {key}"


@pytest.mark.parametrize(
    ("cls", "answer"),
    [
        (Static, "static a"),
        (Class, "acme a"),
        (Stored, "stored a"),
        (Slot, "slot a"),
        (Bound, "bound a"),
        (Given, "given a"),
    ],
)
def test_a_marked_method_of_any_kind_is_called(cls: type[Any], answer: str, registry: PluginRegistry) -> None:
    cls = type("Silent", (cls,), {"get_secret": hookimpl(trylast=True)(_no_answer)})
    registry.register(cls)
    assert registry.manager(SecretsPlugin).hook.get_secret(key="a") == answer


def test_a_lifecycle_hook_of_the_instance_is_called(registry: PluginRegistry) -> None:
    begun: list[str] = []

    class Own(Acme):
        def __init__(self) -> None:
            self.startup = lambda: begun.append("begun")

    registry.register(Own)
    with registry:
        assert begun == ["begun"]


NO_METHODS: dict[str, Callable[[], Any]] = {
    "partialmethod": lambda: functools.partialmethod(hookimpl(lambda _self, key: key)),
    "property": lambda: property(hookimpl(lambda _self: _plain)),
    "cached_property": lambda: functools.cached_property(hookimpl(lambda _self: _plain)),
    "_lru_cache_wrapper": lambda: functools.lru_cache(lambda _self, key: key),
    "str": lambda: "a secret",
}


@pytest.mark.parametrize("kind", NO_METHODS)
def test_what_pluggy_would_pass_over_is_refused(kind: str) -> None:
    cls = type("Acme", (Acme,), {"get_secret": NO_METHODS[kind]()})
    message = f"'get_secret' cannot be called as a hook: expected a method, not an object of (functools.)?{kind}"
    with pytest.raises(PluginLoadError, match=message):
        check(cls)


@pytest.mark.parametrize("cls", [Static, Class, Stored, Slot, Bound, Given])
def test_a_misspelt_hook_is_noticed_wherever_it_is(cls: type[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = cls()
    found = inspect.getattr_static(plugin, "found")
    value = plugin.found if isinstance(found, types.MemberDescriptorType) else found
    marked = next(each for each in (getattr(value, "__func__", None), value) if hasattr(each, "floe_impl"))
    monkeypatch.setattr(marked, "floe_impl", {**marked.floe_impl, "specname": "get_sekret"})
    with pytest.raises(PluginLoadError, match="did you mean 'get_secret'"):
        PluginRegistry(autoload="none", environ={}).register(plugin)


def test_a_startup_that_is_no_function_is_refused() -> None:
    with pytest.raises(PluginLoadError, match="'startup' cannot be called as a hook: expected a method"):
        check(type("Acme", (Acme,), {"startup": 3}))


@pytest.mark.parametrize("wrap", [functools.lru_cache, functools.partialmethod])
def test_a_lifecycle_hook_may_be_anything_that_can_be_called(wrap: Any, registry: PluginRegistry) -> None:
    registry.register(type("Acme", (Acme,), {"startup": wrap(lambda _self: None)}))
    assert registry.startup().ok
    registry.shutdown()


def test_a_method_that_is_kept_at_hand_is_no_other_hook(registry: PluginRegistry) -> None:
    class Kept(Acme):
        def __init__(self) -> None:
            self.callback = self.get_secret

        @hookimpl
        def get_secret(self, key: str) -> Any:
            return key

    registry.register(Kept)
    manager = registry.manager(SecretsPlugin)
    assert len(manager.hook.get_secret.get_hookimpls()) == 1
    manager.check_pending()


def test_what_a_plugin_holds_is_not_asked_for_marks(registry: PluginRegistry) -> None:
    class Proxy:
        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            raise AssertionError(f"asked for {name}")

    class Holding(Acme):
        client = Proxy()

        def __init__(self) -> None:
            self.other = Proxy()

    registry.register(Holding)


def test_a_misfit_is_a_validation_error_of_pluggy_that_knows_the_plugin(registry: PluginRegistry) -> None:
    class Wrong(Acme):
        def get_secret(self, key: str, colour: str) -> Any:
            return key

    wrong = [Wrong(), type("Acme", (Acme,), {"get_sekret": hookimpl(lambda _self: None)})()]
    for plugin in wrong:
        with pytest.raises(pluggy.PluginValidationError) as caught:
            registry.register(plugin)
        error = caught.value
        assert isinstance(error, PluginLoadError)
        assert error.plugin is plugin
        copied = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert str(copied) == str(error)
