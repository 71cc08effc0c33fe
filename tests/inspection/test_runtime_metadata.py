"""The metadata of an instance: read once, checked, and kept as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

import pytest
from support import Secrets

from floe_plugins import PluginLoadError, PluginRef
from floe_plugins.inspection.runtime_metadata import RuntimeMetadata, read_attribute, read_metadata
from floe_plugins.loading.importer import about

REF = PluginRef.parse("secrets:acme")
ORIGIN = "acme 1.0 in /site"


class Acme(Secrets):
    name = "acme"


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        raise AssertionError("code of the plugin ran")


def made(**attributes: Any) -> Any:
    return type("Made", (Acme,), attributes)()


def test_metadata_has_the_defaults_of_the_base_class() -> None:
    assert read_metadata(Acme()) == RuntimeMetadata("acme", "1.0", "1.0", "", (), (), caller_thread=False, timeouts={})


def test_properties_are_evaluated_once_each() -> None:
    calls: list[str] = []
    plugin = made(version=property(lambda _self: calls.append("version") or "2.0"))
    assert read_metadata(plugin).version == "2.0"
    assert calls == ["version"]


def test_values_are_of_the_plain_types_also_if_the_plugin_s_are_not() -> None:
    plugin = made(version=Text("2.0"), dependencies=[Text("compute"), "storage"], caller_thread=1)
    metadata = read_metadata(plugin)
    assert type(metadata.version) is type(metadata.dependencies[0]) is str
    assert metadata.dependencies == ("compute", "storage")
    assert metadata.caller_thread is True


def test_a_later_change_of_the_plugin_does_not_change_its_metadata() -> None:
    needed = ["compute"]
    metadata = read_metadata(made(dependencies=needed))
    needed.append("storage")
    assert metadata.dependencies == ("compute",)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"version": None}, "'version' must be a string, not None"),
        ({"version": ""}, "'version' must be a string, not ''"),
        ({"name": 3}, "'name' must be a string, not 3"),
        ({"description": b"x"}, "'description' must be a string"),
        ({"dependencies": "compute"}, "'dependencies' must be a list or tuple of strings, not 'compute'"),
        ({"dependencies": {"compute"}}, "'dependencies' must be a list or tuple of strings"),
        ({"optional_dependencies": [3]}, "'optional_dependencies' must be a list or tuple of strings"),
        ({"version": property(lambda _self: 1 / 0)}, "reading 'version' failed with ZeroDivisionError"),
    ],
)
def test_an_attribute_of_another_type_is_a_load_error_with_all_facts(attributes: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginLoadError) as caught, about(REF, ORIGIN):
        read_metadata(made(**attributes))
    assert message in caught.value.message
    assert (caught.value.ref, caught.value.distribution) == (REF, ORIGIN)
    assert caught.value.hint


def test_a_missing_attribute_is_none() -> None:
    assert read_attribute(Acme(), "colour") is None


def test_an_error_of_a_property_is_the_cause() -> None:
    with pytest.raises(PluginLoadError) as caught:
        read_attribute(made(colour=property(lambda _self: 1 / 0)), "colour")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_interrupt_that_a_property_raises_is_the_plugin_s_failure() -> None:
    def interrupt(_self: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(PluginLoadError, match="failed with KeyboardInterrupt"):
        read_attribute(made(colour=property(interrupt)), "colour")


def test_timeouts_are_kept_as_plain_seconds() -> None:
    assert read_metadata(made(timeouts={"startup": 3})).timeouts == {"startup": 3.0}


class Endless(Sequence[str], Mapping[str, float]):  # type: ignore[misc]
    def __init__(self, item: str) -> None:
        self.item = item

    def __getitem__(self, _key: object) -> Any:
        return 1.0

    def __iter__(self) -> Iterator[str]:
        return repeat(self.item)

    def __len__(self) -> int:
        return 1


def test_dependencies_without_end_are_refused_and_timeouts_without_end_are_read_in_part() -> None:
    with pytest.raises(PluginLoadError, match="'dependencies' has more than 10000 items"):
        read_metadata(made(dependencies=Endless("secrets:other")))
    assert read_metadata(made(timeouts=Endless("startup"))).timeouts == {"startup": 1.0}
