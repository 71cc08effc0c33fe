"""Lazy imports: names of a package, and modules that only annotations use."""

from __future__ import annotations

import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

from floe_plugins.core.lazy import LazyModule, lazy_exports

ROOT = Path(__file__).parents[2]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package with a submodule that nothing has imported."""
    name = f"lazy_{tmp_path.name.replace('-', '_')}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("", encoding="utf-8")
    (tmp_path / name / "parts.py").write_text("class Wheel: ...\nclass Hidden: ...\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


def namespace(package: str) -> dict[str, Any]:
    return {"__name__": package}


def test_a_name_is_imported_on_first_use_and_kept(package: str) -> None:
    names = namespace(package)
    getattribute, _ = lazy_exports(names, {"parts": ["Wheel"]})
    assert f"{package}.parts" not in sys.modules
    wheel: Any = getattribute("Wheel")
    assert wheel.__module__ == f"{package}.parts"
    assert names["Wheel"] is wheel
    assert "Hidden" not in names


def test_a_name_that_is_not_exported_is_an_attribute_error_that_imports_nothing(package: str) -> None:
    getattribute, _ = lazy_exports(namespace(package), {"parts": ["Wheel"]})
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'Hidden'"):
        getattribute("Hidden")
    assert f"{package}.parts" not in sys.modules


def test_names_that_the_table_lacks_are_asked_for_when_they_are_needed(package: str) -> None:
    names = namespace(package)
    getattribute, _ = lazy_exports(names, {}, lambda: {"Wheel": f"{package}.parts"})
    assert getattribute("Wheel") is names["Wheel"] is sys.modules[f"{package}.parts"].Wheel
    with pytest.raises(AttributeError, match="Hidden"):
        getattribute("Hidden")


def test_all_lists_the_exports_before_they_are_imported(package: str) -> None:
    getattribute, _ = lazy_exports(namespace(package), {"parts": ["Wheel"]}, lambda: {"Axle": f"{package}.parts"})
    assert getattribute("__all__") == ["Axle", "Wheel"]
    assert f"{package}.parts" not in sys.modules


def test_dir_lists_the_exports_before_they_are_imported(package: str) -> None:
    _, directory = lazy_exports(namespace(package), {"parts": ["Wheel"]})
    assert directory() == ["Wheel", "__all__", "__name__"]


def test_a_module_is_imported_when_an_attribute_is_used(package: str) -> None:
    module = LazyModule(f"{package}.parts")
    assert f"{package}.parts" not in sys.modules
    assert module.Wheel is sys.modules[f"{package}.parts"].Wheel


def test_looking_for_special_attributes_does_not_import_the_module(package: str) -> None:
    module = LazyModule(f"{package}.parts")
    assert not hasattr(module, "__wrapped__")
    assert repr(module) == f"<{package}.parts, imported on first use>"
    assert f"{package}.parts" not in sys.modules


def test_annotations_resolve_through_a_lazy_module() -> None:
    def function(value: decimal.Decimal) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    assert typing.get_type_hints(function, {"decimal": LazyModule("decimal")})["value"].__name__ == "Decimal"


def test_it_imports_importlib_alone() -> None:
    code = "import sys; from floe_plugins.core import lazy; print('typing' in sys.modules)"
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.stdout.strip(), done.stderr) == ("False", "")
