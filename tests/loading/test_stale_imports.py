"""Modules that were imported before their distribution changed."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from floe_plugins import Candidate, Distribution, PluginRef
from floe_plugins.loading import stale_imports

UPGRADED = """
    import json, os, pathlib, shutil, sys, textwrap
    from floe_plugins import PluginRegistry, PluginType

    SOURCE = '''
    from floe_plugins import SecretsPlugin
    class Plugin(SecretsPlugin):
        name = "acme"
        version = "{version}"
        floe_api_version = "1.0"
        def get_secret(self, key): ...
        def secret_names(self, prefix=""): return ()
        def put_secret(self, key, value): ...
    '''

    def install(version):
        info = site / f"acme-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: acme\\nVersion: {version}\\n")
        (info / "entry_points.txt").write_text("[floe.secrets]\\nacme = acme_upgraded:Plugin\\n")
        (site / "acme_upgraded.py").write_text(textwrap.dedent(SOURCE).replace("{version}", version))

    site = pathlib.Path("site").absolute()
    site.mkdir()
    sys.path.insert(0, str(site))
    registry = PluginRegistry()
    registry.discover()
    install("2.0.0")
    if BY_OTHERS:
        import acme_upgraded
    else:
        PluginRegistry().get(PluginType.SECRETS, "acme")
    shutil.rmtree(site / "acme-2.0.0.dist-info")
    install("3.0.0")
    registry = PluginRegistry()
    registry.get(PluginType.SECRETS, "acme")
    print(json.dumps([str(problem) for problem in registry.problems]))
"""


@pytest.mark.parametrize("by_others", [False, True], ids=["by a registry", "by the application"])
def test_a_plugin_that_was_upgraded_while_its_module_was_imported_asks_for_a_restart(
    environment: Any, *, by_others: bool
) -> None:
    code = "import floe_plugins.loading.stale_imports\n" * by_others + UPGRADED.replace("BY_OTHERS", str(by_others))
    [problem] = environment().json(code.replace("\n    ", "\n"))
    assert "version 2.0.0 is loaded, 3.0.0 is installed. Restart the process" in problem
    assert "author" not in problem


def test_a_fresh_module_that_says_something_else_is_its_authors(environment: Any) -> None:
    code = (
        UPGRADED.split("registry = PluginRegistry()", maxsplit=1)[0]
        + """
    install("2.0.0")
    with open(site / "other.py", "w") as file:
        file.write("import acme_upgraded\\nacme_upgraded.Plugin.version = '9.0'\\nPlugin = acme_upgraded.Plugin\\n")
    info = site / "acme-2.0.0.dist-info" / "entry_points.txt"
    info.write_text("[floe.secrets]\\nacme = other:Plugin\\n")
    registry = PluginRegistry()
    registry.get(PluginType.SECRETS, "acme")
    print(json.dumps([str(problem) for problem in registry.problems]))
    """
    )
    for problem in environment().json(code.replace("\n    ", "\n")):
        assert "tell its author" in problem


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Candidate, Path]]:
    """A candidate whose module is not imported, and the module's file, which is younger than this process."""
    file = tmp_path / "written_plugin.py"
    file.write_text("class Plugin: pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    candidate = Candidate(
        PluginRef.parse("secrets:a"), "written_plugin:Plugin", Distribution("acme", "1.0", str(tmp_path))
    )
    yield candidate, file
    sys.modules.pop("written_plugin", None)


def test_a_module_is_outdated_once_its_file_has_changed_since_it_was_imported(written: Any) -> None:
    candidate, file = written
    assert not stale_imports.is_imported(candidate)
    assert not stale_imports.is_outdated(candidate)
    stale_imports.remember(candidate, "written_plugin", was_imported=False)
    importlib.import_module("written_plugin")
    assert stale_imports.is_imported(candidate)
    assert not stale_imports.is_outdated(candidate)  # nothing was there to remember
    stale_imports.remember(candidate, "written_plugin", was_imported=False)
    assert not stale_imports.is_outdated(candidate)
    changed = file.stat()
    os.utime(file, ns=(changed.st_atime_ns, changed.st_mtime_ns + 1))
    assert stale_imports.is_outdated(candidate)
    file.write_text("class Plugin: x = 1\n")
    os.utime(file, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    assert stale_imports.is_outdated(candidate)
    file.unlink()
    assert stale_imports.is_outdated(candidate)


def test_a_module_that_others_imported_is_outdated_if_its_file_is_younger_than_the_process(written: Any) -> None:
    candidate, _ = written
    importlib.import_module("written_plugin")
    stale_imports.remember(candidate, "written_plugin", was_imported=True)
    assert stale_imports.is_outdated(candidate)


def test_a_module_that_others_imported_from_an_old_file_is_not_outdated() -> None:
    candidate = Candidate(PluginRef.parse("secrets:a"), "colorsys:rgb_to_yiq", Distribution("acme", "1.0", "/site"))
    importlib.import_module("colorsys")
    stale_imports.remember(candidate, None, was_imported=True)
    assert not stale_imports.is_outdated(candidate)
    other = Candidate(candidate.ref, candidate.value, Distribution("acme", "2.0", "/site"))
    stale_imports.remember(other, None, was_imported=True)  # what was known first stays
    assert not stale_imports.is_outdated(candidate)
    assert stale_imports.is_outdated(other)


def test_a_module_that_was_imported_anew_is_another_one(written: Any) -> None:
    candidate, file = written
    importlib.import_module("written_plugin")
    stale_imports.remember(candidate, "written_plugin", was_imported=False)
    file.write_text("class Plugin: x = 1\n")
    del sys.modules["written_plugin"]
    importlib.invalidate_caches()
    importlib.import_module("written_plugin")
    assert not stale_imports.is_outdated(candidate)
    stale_imports.remember(candidate, "written_plugin", was_imported=False)
    assert not stale_imports.is_outdated(candidate)


def test_a_module_is_outdated_once_the_file_of_its_class_has_changed(written: Any, tmp_path: Path) -> None:
    candidate, file = written
    classes = tmp_path / "written_classes.py"
    classes.write_text("class Plugin: pass\n")
    file.write_text("from written_classes import Plugin\n")
    importlib.invalidate_caches()
    importlib.import_module("written_plugin")
    stale_imports.remember(candidate, "written_classes", was_imported=False)
    assert not stale_imports.is_outdated(candidate)
    classes.write_text("class Plugin: x = 1\n")
    assert stale_imports.is_outdated(candidate)
    del sys.modules["written_classes"]


@pytest.mark.parametrize("name", ["absent", "no text"])
def test_a_module_that_hides_its_name_is_known_by_its_entry_point(written: Any, name: str) -> None:
    candidate, file = written
    module = importlib.import_module("written_plugin")
    stale_imports.remember(candidate, None, was_imported=False)

    def refuse(_name: str) -> Any:
        raise RuntimeError("no such attribute")

    module.__dict__.update(__getattr__=refuse, __name__=[])
    if name == "absent":
        del module.__dict__["__name__"]
    assert not stale_imports.is_outdated(candidate)
    file.unlink()
    assert stale_imports.is_outdated(candidate)
