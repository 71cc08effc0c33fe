"""Checked plugins are in the table and in their manager, or in neither; they get what the platform gives them."""

from __future__ import annotations

import importlib
import sys
import threading
from pathlib import Path
from typing import Any

import attrs
import pytest
from support import SOON, Secrets, named, new_registry, write_distribution

from floe_plugins import (
    Category,
    Platform,
    PluginLoadError,
    PluginRef,
    PluginRegistry,
    PluginType,
    SecretsPlugin,
    Stage,
)

A = PluginRef.parse("secrets:a")


def test_a_plugin_gets_its_registry_though_it_is_frozen() -> None:
    @attrs.frozen
    class Frozen(Secrets):
        name = "a"

    registry = new_registry()
    registry.register(Frozen)
    assert registry.get(SecretsPlugin, "a").registry is registry


def test_a_plugin_that_refuses_its_registry_is_told_what_to_leave() -> None:
    with pytest.raises(PluginLoadError) as caught:
        new_registry().register(named("a", registry=property(lambda _self: None)))
    error = caught.value
    assert error.ref == A
    assert error.message.startswith("its attribute 'registry' cannot be set: AttributeError")
    assert error.hint == "Leave 'registry' to the platform: no property, and no __slots__ without it."
    assert isinstance(error.__cause__, AttributeError)


def test_a_loaded_plugin_is_found_by_type_and_by_class_and_a_removed_one_nowhere() -> None:
    registry = new_registry()
    registry.register(named("a"))
    registration = registry._services().registration
    plugin = registry.get(SecretsPlugin, "a")
    assert registration.plugins[PluginType.SECRETS] is registration.plugins[SecretsPlugin]
    assert registration.plugins[SecretsPlugin] == {"a": plugin}
    registration.remove(A)
    assert registration.plugins[SecretsPlugin] == {}
    assert not registration.manager(PluginType.SECRETS).has_plugin("a")
    registration.remove(A)  # once more does nothing
    registration.remove(PluginRef.parse("storage:none"))


def test_a_category_has_one_manager() -> None:
    registration = new_registry()._services().registration
    assert registration.manager(PluginType.SECRETS) is registration.manager(PluginType.SECRETS)


def test_hooks_that_do_not_fit_are_a_load_error_and_leave_nothing() -> None:
    def get_secret(_self: Any, key: str, colour: str) -> None: ...

    registry = new_registry()
    with pytest.raises(PluginLoadError) as caught:
        registry.register(named("a", get_secret=get_secret))
    assert caught.value.ref == A
    assert caught.value.message.startswith("its hooks do not fit the contract: ")
    assert caught.value.hint == "A hook takes the arguments that its contract names, or fewer."
    assert "\n" not in caught.value.message
    assert "get_secret" in caught.value.message
    assert "', '" not in caught.value.message  # no list of words
    assert not registry.manager(SecretsPlugin).has_plugin("a")
    registry.register(named("a"))


def test_what_the_source_declares_is_compared_with_what_the_plugin_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        import sys
        from floe_plugins import SecretsPlugin
        class Plugin(SecretsPlugin):
            name = "a"
            version = "2.0"
            floe_api_version = "1.0"
            def get_secret(self, key): return None
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): pass
        sys.modules["support"].change(Plugin)
    """
    monkeypatch.setattr("support.change", lambda cls: setattr(cls, "version", "3.0"), raising=False)
    write_distribution(tmp_path, "differs", "[floe.secrets]\na = differs_plugin:Plugin\n", differs_plugin=code)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={})
    assert registry.get(SecretsPlugin, "a").version == "3.0"
    strict = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={"FLOE_PLUGINS_STRICT": "1"})
    with pytest.raises(PluginLoadError, match=r"the loaded plugin says '3\.0'"):
        strict.get(SecretsPlugin, "a")
    del sys.modules["differs_plugin"]
    [problem] = registry.problems
    assert problem.ref == A
    assert problem.stage is Stage.LOAD
    assert problem.distribution is not None
    assert problem.distribution.startswith("differs 1.0 in ")
    assert problem.message == "its source declares version '2.0', the loaded plugin says '3.0'"
    assert problem.hint == "What the loaded plugin says is in force; tell its author."


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (
            "SITE_API_VERSION",
            "its site_api_version is SITE_API_VERSION, so that it claims to be",
        ),
        ('"1.0"', "its source declares site_api_version '1.0', the loaded plugin says '1.1'"),
    ],
)
def test_what_plugins_of_another_platform_declare_is_named_as_they_name_it(
    declared: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = """
        from floe_plugins import PluginMetadata
        SITE_API_VERSION = "1.1"
        class PagePlugin(PluginMetadata):
            site_api_version: str
    """
    code = f"""
        import sys
        from words_host import SITE_API_VERSION, PagePlugin
        class Plugin(PagePlugin):
            name, version = "words", "1.0"
            site_api_version = {declared}
        sys.modules["builtins"].setattr(Plugin, "site_api_version", "1.1")  # does not show in the source
    """
    write_distribution(
        tmp_path, "words", "[site.pages]\nwords = words_plugin:Plugin\n", words_plugin=code, words_host=host
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    site = Platform("site", "1.1", [Category("page", "site.pages", "words_host:PagePlugin")])
    registry = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={}, platform=site)
    registry.get(importlib.import_module("words_host").PagePlugin, "words")
    for module in ("words_plugin", "words_host"):
        sys.modules.pop(module, None)
    assert [problem.message[: len(message)] for problem in registry.problems] == [message]


def test_plugins_of_one_category_can_be_registered_from_many_threads() -> None:
    registry, together = new_registry(), threading.Barrier(8)

    def register(number: int) -> None:
        together.wait(SOON)
        registry.register(named(f"p{number}"))

    threads = [threading.Thread(target=register, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert sorted(registry._services().registration.plugins[SecretsPlugin]) == [f"p{number}" for number in range(8)]
    assert len(registry.manager(SecretsPlugin).get_plugins()) == 8


def test_a_source_that_changed_since_it_was_imported_is_told_with_what_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        from support import Secrets
        class Plugin(Secrets):
            name = "a"
            version = "1.0"
            description = "{0}"
            dependencies = ("{0}",)
            optional_dependencies = ()
    """
    write_distribution(tmp_path, "sources", "[floe.secrets]\na = changing_plugin:Plugin\n", changing_plugin=code)
    monkeypatch.syspath_prepend(str(tmp_path))
    PluginRegistry(autoload="all", path=[str(tmp_path)], environ={}).get(SecretsPlugin, "a")
    file = tmp_path / "changing_plugin.py"
    file.write_text(file.read_text().replace("{0}", "another"))
    registry = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={})
    registry.get(SecretsPlugin, "a")
    del sys.modules["changing_plugin"]
    assert [(problem.message, problem.hint) for problem in registry.problems if problem.stage is Stage.LOAD] == [
        (
            "its source has changed since it was imported: description, dependencies",
            "Restart the process, or call replace('secrets:a').",
        )
    ]


def test_where_only_some_distributions_may_be_loaded_their_code_comes_from_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "from support import Secrets\nclass Plugin(Secrets):\n    name = 'a'\n"
    write_distribution(tmp_path / "site", "trusted", "[floe.secrets]\na = taken_plugin:Plugin\n", taken_plugin=code)
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "taken_plugin.py").write_text(code)
    for folder in ("site", "first"):
        monkeypatch.syspath_prepend(str(tmp_path / folder))

    def registry(**environ: str) -> PluginRegistry:
        return PluginRegistry(autoload="all", path=[str(tmp_path / "site")], environ=environ)

    with pytest.raises(PluginLoadError, match="taken_plugin"):
        registry(FLOE_PLUGINS_ONLY="trusted").get(SecretsPlugin, "a")
    assert "taken_plugin" not in sys.modules
    assert registry().get(SecretsPlugin, "a").name == "a"
    del sys.modules["taken_plugin"]


def test_what_the_source_does_not_tell_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "from support import Secrets\nclass Plugin(Secrets):\n    name = 'a'\n    description = 'x'.upper()\n"
    write_distribution(tmp_path, "untold", "[floe.secrets]\na = untold_plugin:Plugin\n", untold_plugin=code)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry = PluginRegistry(autoload="all", path=[str(tmp_path)], environ={})
    assert registry.get(SecretsPlugin, "a").description == "X"
    del sys.modules["untold_plugin"]
    assert registry.problems == ()
