"""What stands against unloading the modules of a plugin, and how a plugin that was upgraded is replaced."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import named, new_registry

from floe_plugins import (
    Candidate,
    Distribution,
    PluginLoadError,
    PluginNotFoundError,
    PluginRef,
    PluginRegistry,
    PluginState,
)
from floe_plugins.loading.unloading import comes_from, obstacle, own_modules, unload


def candidate_of(module: str) -> Candidate:
    return Candidate(PluginRef.parse("secrets:a"), f"{module}:Plugin", Distribution("acme", "1.0", "/site"))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An imported package ``unloaded.plugin`` in a namespace package."""
    folder = tmp_path / "unloaded" / "plugin"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from .part import Plugin\nLIMIT = 3\n")
    (folder / "part.py").write_text("class Plugin: pass\ndef make(): return Plugin()\n")
    (tmp_path / "unloaded" / "other.py").write_text("class Other: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("unloaded.plugin", "unloaded.other"):
        importlib.import_module(name)
    yield "unloaded.plugin"
    for name in [name for name in sys.modules if name.partition(".")[0] == "unloaded"]:
        del sys.modules[name]


def test_a_plugin_has_its_package_and_not_what_others_have_in_the_same_namespace(package: str) -> None:
    own = own_modules(candidate_of(package))
    assert sorted(own) == ["unloaded.plugin", "unloaded.plugin.part"]
    assert obstacle(own) is None


def test_a_plugin_in_a_part_of_a_package_has_the_whole_package(package: str) -> None:
    assert sorted(own_modules(candidate_of(f"{package}.part"))) == ["unloaded.plugin", "unloaded.plugin.part"]
    assert {"json", "json.decoder", "json.encoder"} <= own_modules(candidate_of("json.decoder")).keys()


def test_what_was_unloaded_is_imported_anew(package: str) -> None:
    own = own_modules(candidate_of(package))
    unload(own)
    assert not {*own} & {*sys.modules}
    assert not hasattr(sys.modules["unloaded"], "plugin")
    assert importlib.import_module(package) is not own[package]


@pytest.mark.parametrize(
    ("held", "name"),
    [
        (lambda package: package, "held"),
        (lambda package: package.Plugin, "held"),
        (lambda package: package.part.make, "held"),
        (lambda package: package.Plugin(), "held"),
    ],
    ids=["a module", "a class", "a function", "an object"],
)
def test_a_module_that_has_something_of_it_is_an_obstacle(
    package: str, held: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = ModuleType("holder")
    monkeypatch.setitem(sys.modules, "holder", holder)
    holder.__dict__[name] = held(sys.modules[package])
    assert obstacle(own_modules(candidate_of(package))) == "the module holder has held from it"


def test_native_code_is_an_obstacle(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    native = ModuleType(f"{package}.native")
    native.__file__ = "native.cpython-312-x86_64-linux-gnu.so"
    monkeypatch.setitem(sys.modules, native.__name__, native)
    assert obstacle(own_modules(candidate_of(package))) == f"{native.__name__} is native code, which cannot be unloaded"


def test_modules_that_are_not_known_are_an_obstacle() -> None:
    assert own_modules(candidate_of("never_imported")) == {}
    assert obstacle({}) == "its modules are not known"


def test_objects_with_a_class_of_their_own_making_are_not_asked(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

    class Strange(metaclass=Meta):
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError(f"asked for {name}")

    def function() -> None:
        pass

    function.__module__ = ["unhashable"]  # type: ignore[assignment]
    holder = ModuleType("holder")
    holder.__dict__.update(strange=object.__new__(Strange), cls=Strange, function=function)
    monkeypatch.setitem(sys.modules, "holder", holder)
    own = own_modules(candidate_of(package))
    assert obstacle(own) is None
    assert not comes_from(object.__new__(Strange), own)


SOURCE = """
from floe_plugins import hookimpl
from support import Secrets

class Plugin(Secrets):
    name = "{name}"
    version = "{version}"
    dependencies = {dependencies}
"""


class Site:
    """A directory in which distributions are installed, and a registry that sees it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.registry = PluginRegistry(autoload="all", path=[str(path)], environ={})

    def install(self, version: str, name: str = "acme", code: str = SOURCE, dependencies: tuple[str, ...] = ()) -> None:
        self.uninstall(name)
        info = self.path / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[floe.secrets]\n{name} = replaced_{name}:Plugin\n")
        text = code.format(name=name, version=version, dependencies=dependencies)
        (self.path / f"replaced_{name}.py").write_text(text)
        shutil.rmtree(self.path / "__pycache__", ignore_errors=True)

    def uninstall(self, name: str = "acme") -> None:
        for info in self.path.glob(f"{name}-*.dist-info"):
            shutil.rmtree(info)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(str(tmp_path))
    made = Site(tmp_path)
    yield made
    made.registry.shutdown()
    for name in [name for name in sys.modules if name.startswith("replaced_")]:
        del sys.modules[name]


def version_of(registry: PluginRegistry, name: str = "acme") -> str:
    return registry.get("secrets", name).version  # type: ignore[no-any-return]


def test_a_refresh_tells_what_is_loaded_and_no_longer_installed(site: Site) -> None:
    site.install("2.0.0")
    assert version_of(site.registry) == "2.0.0"
    assert site.registry.discover(refresh=True).outdated == ()
    site.install("3.0.0")
    [outdated] = site.registry.discover(refresh=True).outdated
    assert (str(outdated.ref), outdated.loaded.version) == ("secrets:acme", "2.0.0")
    assert outdated.installed is not None
    assert outdated.installed.version == "3.0.0"
    assert str(outdated) == (
        "secrets:acme: acme 2.0.0 is loaded, 3.0.0 is installed. Restart the process, or call replace('secrets:acme')"
    )
    assert version_of(site.registry) == "2.0.0"
    site.uninstall()
    [outdated] = site.registry.discover(refresh=True).outdated
    assert outdated.installed is None
    assert "acme 2.0.0 is loaded, is no longer installed. Restart the process, or call unregister" in str(outdated)


def test_an_upgraded_plugin_is_replaced_and_runs_again_with_its_dependents(site: Site) -> None:
    site.install("2.0.0")
    site.install("1.0", "needy", dependencies=("secrets:acme",))
    assert site.registry.startup().ok
    site.install("3.0.0")
    report = site.registry.replace("secrets:acme")
    assert [outcome.ref.name for outcome in report.outcomes] == ["acme", "needy"]
    assert version_of(site.registry) == "3.0.0"
    assert site.registry.state("secrets", "acme") is PluginState.STARTED
    assert site.registry.state("secrets", "needy") is PluginState.STARTED
    assert site.registry.discover(refresh=True).outdated == ()
    assert site.registry.problems == ()


def test_a_plugin_that_did_not_run_is_replaced_and_not_started(site: Site) -> None:
    site.install("2.0.0")
    old = site.registry.get("secrets", "acme")
    site.install("3.0.0")
    assert site.registry.replace("secrets", "acme").outcomes == ()
    assert version_of(site.registry) == "3.0.0"
    assert site.registry.get("secrets", "acme") is not old
    assert site.registry.state("secrets", "acme") is PluginState.LOADED


def test_a_plugin_that_others_have_something_of_is_not_touched(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("2.0.0")
    assert site.registry.startup().ok
    site.install("3.0.0")
    user = ModuleType("acme_user")
    user.__dict__["Plugin"] = type(site.registry.get("secrets", "acme"))
    monkeypatch.setitem(sys.modules, "acme_user", user)
    with pytest.raises(PluginLoadError, match="cannot be replaced: the module acme_user has Plugin from it") as caught:
        site.registry.replace("secrets:acme")
    assert caught.value.hint == "Restart the process to run what is installed."
    assert version_of(site.registry) == "2.0.0"
    assert site.registry.state("secrets", "acme") is PluginState.STARTED


def test_a_plugin_that_shares_its_modules_with_another_is_not_replaced(site: Site) -> None:
    site.install("2.0.0")
    site.install("1.0", "other", code="from replaced_acme import Plugin as Acme\nclass Plugin(Acme): name = 'other'\n")
    assert len(site.registry.list()) == 2
    with pytest.raises(PluginLoadError, match="cannot be replaced: secrets:other comes from the same modules"):
        site.registry.replace("secrets:acme")


def test_a_plugin_that_was_registered_by_hand_is_not_replaced() -> None:
    registry = new_registry()
    registry.register(named("a"))
    with pytest.raises(PluginLoadError, match="cannot be replaced: it was registered by hand"):
        registry.replace("secrets:a")
    with pytest.raises(PluginNotFoundError):
        registry.replace("secrets:b")


def test_a_plugin_that_is_no_longer_installed_goes_on(site: Site) -> None:
    site.install("2.0.0")
    assert site.registry.startup().ok
    site.uninstall()
    with pytest.raises(PluginLoadError, match="cannot be replaced: it is no longer installed"):
        site.registry.replace("secrets:acme")
    assert site.registry.state("secrets", "acme") is PluginState.STARTED


def test_a_plugin_whose_stop_failed_is_not_replaced(site: Site) -> None:
    failing = SOURCE + "    def shutdown(self):\n        raise OSError('busy')\n"
    site.install("2.0.0", code=failing)
    assert site.registry.startup().ok
    site.install("3.0.0")
    with pytest.raises(Exception, match="busy"):
        site.registry.replace("secrets:acme")
    assert version_of(site.registry) == "2.0.0"


def test_a_new_version_that_does_not_load_says_why(site: Site) -> None:
    site.install("2.0.0")
    assert site.registry.startup().ok
    site.install("3.0.0", code="raise OSError('broken')\n")
    with pytest.raises(PluginLoadError, match="broken"):
        site.registry.replace("secrets:acme")
    assert site.registry.state("secrets", "acme") is PluginState.FAILED


def test_what_a_cached_module_lacks_is_not_blamed_on_the_author(site: Site) -> None:
    site.install("2.0.0")
    assert version_of(site.registry) == "2.0.0"
    site.install("3.0.0")
    entry_points = site.path / "acme-3.0.0.dist-info" / "entry_points.txt"
    entry_points.write_text("[floe.secrets]\nacme = replaced_acme:NewPlugin\n")
    fresh = PluginRegistry(path=[str(site.path)], environ={})
    with pytest.raises(PluginLoadError) as caught:
        fresh.get("secrets", "acme")
    assert "acme 2.0.0" in caught.value.hint
    assert "was imported: restart the process" in caught.value.hint
    assert "author" not in str(caught.value)


def test_an_unregistered_plugin_is_loaded_from_what_is_installed_now(site: Site) -> None:
    site.install("2.0.0")
    assert version_of(site.registry) == "2.0.0"
    site.install("3.0.0")
    site.registry.discover(refresh=True)
    site.registry.unregister("secrets:acme")
    assert site.registry.info("secrets:acme").distribution.version == "3.0.0"  # type: ignore[union-attr]
    assert version_of(site.registry) == "2.0.0"  # its module stays imported
    [problem] = [str(problem) for problem in site.registry.problems]
    assert (
        "version 2.0.0 is loaded, 3.0.0 is installed. Restart the process, or call replace('secrets:acme')" in problem
    )
    site.uninstall()
    site.registry.discover(refresh=True)
    site.registry.unregister("secrets:acme")
    with pytest.raises(PluginNotFoundError):
        site.registry.get("secrets:acme")


UPGRADING = """
    import json, subprocess, sys
    from floe_plugins import PluginRegistry

    def install(wheel):
        subprocess.run([*PIP, "install", "--quiet", "--no-index", "--no-deps", "--upgrade", wheel], check=True)

    registry = PluginRegistry(autoload="all")
    registry.startup().raise_for_failures()
    versions = [registry.get("secrets:acme").version]
    install(NEW)
    told = [str(each) for each in registry.discover(refresh=True).outdated]
    versions.append(registry.get("secrets:acme").version)
    registry.replace("secrets:acme").raise_for_failures()
    versions.append(registry.get("secrets:acme").version)
    after = [str(each) for each in registry.discover(refresh=True).outdated]
    registry.shutdown()
    print(json.dumps([versions, told, after]))
"""


@pytest.mark.once
def test_a_real_upgrade_with_pip_is_told_and_replaced(environment: Callable[..., Any], tmp_path: Path) -> None:
    wheels = [_wheel(tmp_path, version) for version in ("2.0.0", "3.0.0")]
    place = environment()
    place.path.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    [packages] = (tmp_path / "venv").rglob("site-packages")
    with zipfile.ZipFile(wheels[0]) as archive:
        archive.extractall(packages)
    code = textwrap.dedent(UPGRADING).replace("PIP", repr([sys.executable, "-m", "pip", "--python", str(python)]))
    code = code.replace("NEW", repr(str(wheels[1])))
    versions, told, after = place.json(code, env={"PYTHONPATH": str(packages)})
    assert versions == ["2.0.0", "2.0.0", "3.0.0"]
    assert after == []
    assert told == [
        "secrets:acme: acme 2.0.0 is loaded, 3.0.0 is installed. Restart the process, or call replace('secrets:acme')"
    ]


def _wheel(folder: Path, version: str) -> Path:
    code = textwrap.dedent(
        f"""
        from floe_plugins import SecretsPlugin
        class Plugin(SecretsPlugin):
            name, version, floe_api_version = "acme", "{version}", "1.0"
            def get_secret(self, key): ...
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): ...
        """
    )
    info = f"acme-{version}.dist-info"
    files = {
        "acme_secrets/__init__.py": "from acme_secrets.plugin import Plugin\n",
        "acme_secrets/plugin.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: acme\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[floe.secrets]\nacme = acme_secrets:Plugin\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    wheel = folder / f"acme-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return wheel
