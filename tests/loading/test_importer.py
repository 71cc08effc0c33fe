"""Entry point values: classes, instances, factories, and what is said of anything else."""

from __future__ import annotations

import importlib
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import support

from floe_plugins import (
    Candidate,
    Distribution,
    PluginIncompatibleError,
    PluginLoadError,
    PluginRef,
    SecretsPlugin,
)
from floe_plugins.loading.importer import about, import_plugin, instantiate

REF = PluginRef.parse("secrets:acme")


class Acme(support.Secrets):
    name = "acme"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module that entry points can name."""
    made = types.ModuleType("acme_plugins")
    monkeypatch.setitem(sys.modules, "acme_plugins", made)
    return made


def load(value: str) -> Any:
    return import_plugin(Candidate(REF, value, Distribution("acme", "1.0", "/nowhere/acme-1.0.dist-info"))).plugin


def test_a_class_an_instance_and_a_factory_are_all_plugins(module: Any) -> None:
    module.Plugin, module.plugin, module.make = Acme, Acme(), lambda: Acme()  # noqa: PLW0108 a factory
    assert type(load("acme_plugins:Plugin")) is Acme
    assert load("acme_plugins:plugin") is module.plugin
    assert type(load("acme_plugins:make")) is Acme


def test_a_nested_name_and_extras_are_understood(module: Any) -> None:
    module.Outer = type("Outer", (), {"Inner": Acme})
    assert type(load("acme_plugins:Outer.Inner [fast, slow]")) is Acme


REFUSED = {
    "a module": (None, "an object of module"),
    "a text": ("text", "an object of str"),
    "another class": (int, "the class int, which is no SecretsPlugin"),
    "the category itself": (SecretsPlugin, "abstract"),
    "a factory of something else": (lambda: 3, "an object of int"),
    "a factory that raises": (lambda: 1 / 0, "ZeroDivisionError"),
    "a class that wants arguments": (type("Wants", (Acme,), {"__init__": lambda self, engine: None}), "engine"),  # noqa: ARG005
    "another name": (type("Other", (Acme,), {"name": "other"}), "calls itself 'other', its entry point 'acme'"),
    "a description that raises": (type("D", (Acme,), {"description": property(lambda _: 1 / 0)}), "reading 'descr"),
    "a description that is none": (type("D", (Acme,), {"description": None}), "'description' must be a string"),
    "a property that raises": (type("P", (Acme,), {"version": property(lambda _: 1 / 0)}), "reading 'version' failed"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_anything_else_is_a_load_error_that_says_what_it_is(module: Any, what: str) -> None:
    thing, said = REFUSED[what]
    module.thing = thing
    with pytest.raises(PluginLoadError, match=said) as caught:
        load("acme_plugins" if thing is None else "acme_plugins:thing")
    assert caught.value.ref == REF
    assert caught.value.distribution
    assert caught.value.hint


def test_the_cause_of_a_failure_is_chained(module: Any) -> None:
    module.make = lambda: 1 / 0
    with pytest.raises(PluginLoadError) as caught:
        load("acme_plugins:make")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_interrupt_that_plugin_code_raises_is_its_failure(module: Any) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    module.make = interrupted
    with pytest.raises(PluginLoadError, match="failed with KeyboardInterrupt"):
        load("acme_plugins:make")


def test_a_name_that_this_platform_lacks_is_an_incompatibility(module: Any) -> None:
    def wants() -> Any:
        from floe_plugins import BrandNewPlugin  # type: ignore[attr-defined]

        return BrandNewPlugin

    with pytest.raises(ImportError) as direct:
        wants()
    module.__getattr__ = lambda _name: wants()
    with pytest.raises(PluginIncompatibleError, match="BrandNewPlugin"):
        load("acme_plugins:Plugin")
    assert direct.value.name == "floe_plugins"


def missing(name: str) -> Any:
    raise ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize(
    ("value", "error", "hint"),
    [
        ("acme_gone:Plugin", None, "The distribution does not contain the module; reinstall acme or tell its author."),
        ("acme_plugins.sub.deep:Plugin", None, "The distribution does not contain the module; reinstall acme"),
        ("acme_gone.sub:Plugin", None, "The distribution does not contain the module; reinstall acme"),
        ("acme_plugins:Plugin", lambda _: missing("pandas"), "Install what provides 'pandas'; acme may not declare"),
        ("acme_plugins:Plugin", lambda _: missing("acme"), "Install what provides 'acme'; acme may not declare"),
        ("acme_plugins:Gone", None, "The entry point names something that the module does not have; tell the"),
        (
            "acme_plugins:Plugin",
            lambda _: (_ for _ in ()).throw(ImportError("cannot import name", name="pandas")),
            "Upgrade or reinstall acme, or disable the plugin with FLOE_PLUGINS_DISABLE=secrets:acme.",
        ),
    ],
)
def test_a_failed_import_comes_with_a_hint_that_fits(module: Any, value: str, error: Any, hint: str) -> None:
    if error is not None:
        module.__getattr__ = error
    if ".sub." in value:
        module.__path__ = []
    with pytest.raises(PluginLoadError) as caught:
        load(value)
    assert caught.value.hint.startswith(hint)


class Evasive:
    """An object whose class cannot be asked for."""

    @property
    def __class__(self) -> Any:
        raise RuntimeError("not to be asked")

    @__class__.setter
    def __class__(self, value: Any) -> None: ...


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ImportError(5, name="floe_plugins.gone"), PluginIncompatibleError),
        (AttributeError("no such thing", name="x", obj=Evasive()), PluginLoadError),
    ],
)
def test_an_import_error_of_odd_parts_is_told_as_it_stands(
    module: Any, error: Exception, kind: type[Exception]
) -> None:
    def fail(_name: str) -> Any:
        raise error

    module.__getattr__ = fail
    with pytest.raises(kind, match=type(error).__name__):
        load("acme_plugins:Plugin")


def test_a_value_that_names_no_module_is_told_as_it_stands() -> None:
    with pytest.raises(PluginLoadError, match="ValueError: the value is not module:Class"):
        load("acme plugins")


@pytest.mark.parametrize("version", ["2.0", "1.999", None, 3])
def test_a_class_for_another_api_is_refused_before_it_is_called(version: Any) -> None:
    made: list[int] = []
    cls = type("Acme", (Acme,), {"floe_api_version": version, "__init__": lambda _: made.append(1)})
    with pytest.raises((PluginIncompatibleError, PluginLoadError)):
        instantiate(cls)
    assert made == []


def test_an_api_version_that_is_a_property_is_read_of_the_instance() -> None:
    cls = type("Acme", (Acme,), {"floe_api_version": property(lambda _: "1.0")})
    assert instantiate(cls).metadata.floe_api_version == "1.0"
    with pytest.raises(PluginIncompatibleError):
        instantiate(type("Acme", (Acme,), {"floe_api_version": property(lambda _: "9.0")}))


def test_an_abstract_class_is_told_with_what_it_lacks_sorted() -> None:
    with pytest.raises(PluginLoadError) as caught:
        instantiate(SecretsPlugin, SecretsPlugin)
    assert caught.value.message == (
        "SecretsPlugin is abstract: it does not implement get_secret, put_secret, secret_names"
    )
    assert caught.value.hint == "Override every abstract hook of SecretsPlugin."


def test_an_abstract_class_with_a_misspelt_hook_is_told_with_it() -> None:
    cls = type("Acme", (SecretsPlugin,), {"get_secrets": lambda _self, _key: None})
    with pytest.raises(PluginLoadError, match="secret_names, and has 'get_secrets'"):
        instantiate(cls, SecretsPlugin)


def test_a_class_that_cannot_be_looked_at_is_a_load_error() -> None:
    class Meta(type(SecretsPlugin)):  # type: ignore[misc]
        def __getattribute__(cls, name: str) -> Any:
            if name == "__abstractmethods__":
                raise SystemExit("no")
            return super().__getattribute__(name)

    odd = Meta("Odd", (Acme,), {})
    with pytest.raises(PluginLoadError, match=r"looking at the plugin failed with SystemExit: no") as caught:
        instantiate(odd)
    assert isinstance(caught.value.__cause__, SystemExit)
    assert caught.value.hint == "Tell the plugin's author."


def test_an_error_is_about_the_plugin_that_it_names_and_else_about_this_one() -> None:
    other = PluginRef.parse("secrets:other")
    with pytest.raises(PluginLoadError) as caught, about(REF, "acme 1.0"):
        raise PluginLoadError("bad")
    assert (caught.value.ref, caught.value.distribution) == (REF, "acme 1.0")
    with pytest.raises(PluginLoadError) as caught, about(REF, "acme 1.0"):
        raise PluginLoadError("bad", ref=other, distribution="other 1.0")
    assert (caught.value.ref, caught.value.distribution) == (other, "other 1.0")


def test_an_error_without_a_ref_names_the_class_once() -> None:
    with pytest.raises(PluginLoadError) as caught, about(None, None, Acme):
        raise PluginLoadError("bad")
    assert caught.value.message == "Acme: bad"
    with pytest.raises(PluginLoadError) as caught, about(None, None, Acme):
        raise PluginLoadError("Acme is bad")
    assert caught.value.message == "Acme is bad"
    with pytest.raises(PluginLoadError) as caught, about(REF, None, Acme):
        raise PluginLoadError("bad")
    assert caught.value.message == "bad"


def test_a_module_that_is_no_file_of_its_distribution_is_not_imported_where_that_counts(tmp_path: Path) -> None:
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    candidate = Candidate(REF, "this:Plugin", Distribution("acme", "1.0", str(info)))
    with pytest.raises(PluginLoadError):
        import_plugin(candidate, only_own_files=True)
    assert "this" not in sys.modules


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("from floe_plugins import SecretPlugin", "from floe_plugins import SecretsPlugin"),
        ("from floe_plugins import TableRef", "from floe_plugins.hookspecs import TableRef"),
        ("from floe_plugins.hookspecs import TablRef", "from floe_plugins.hookspecs import TableRef"),
        ("from floe_plugins.hookspecs.storage import ComputePlugin", "from floe_plugins import ComputePlugin"),
    ],
)
def test_a_wrong_import_from_this_package_is_answered_with_the_right_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, hint: str
) -> None:
    (tmp_path / "acme_wrong.py").write_text(f"{line}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginLoadError) as caught:
        load("acme_wrong:Plugin")
    assert f"Write '{hint}'" in caught.value.hint
    assert "Upgrade" not in caught.value.hint


def test_a_name_like_none_of_this_package_asks_for_another_release(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme_newer.py").write_text("from floe_plugins import Lease\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(PluginIncompatibleError) as caught:
        load("acme_newer:Plugin")
    assert caught.value.hint.startswith("Upgrade floe-plugins")


def test_the_author_is_spoken_to_by_the_error_of_an_editable_plugin_alone(tmp_path: Path) -> None:
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    hints = []
    for is_there in (False, True):
        if is_there:
            direct = {"url": tmp_path.as_uri(), "dir_info": {"editable": True}}
            (info / "direct_url.json").write_text(json.dumps(direct), encoding="utf-8")
        with pytest.raises(PluginLoadError) as caught, about(REF, Distribution("acme", "1.0", str(info))):
            raise PluginLoadError("bad", hint="Tell the plugin's author: write a name.")
        hints.append(caught.value.hint)
    assert hints == ["Tell the plugin's author: write a name.", "Write a name."]


def test_a_failed_load_of_a_module_that_was_imported_before_its_file_changed_asks_for_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme_changed.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("acme_changed")
    (tmp_path / "acme_changed.py").write_text("class Plugin: ...", encoding="utf-8")
    with pytest.raises(PluginLoadError) as caught:
        load("acme_changed:Plugin")
    del sys.modules["acme_changed"]
    assert caught.value.hint == "Its files have changed since its module was imported: restart the process."
