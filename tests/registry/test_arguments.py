"""Wrong arguments of the registry are refused before anything is done."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins import FLOE, Category, ComputePlugin, PluginConfigurationError, PluginRef, PluginRegistry, PluginType
from floe_plugins.registry.arguments import category_of, ref_of


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), 1e300, 10**400, 0, -5, True, "30"])
def test_a_timeout_that_is_no_number_of_seconds_is_refused(seconds: Any) -> None:
    with pytest.raises(PluginConfigurationError, match=r"timeouts\['startup'\] must be a number of seconds"):
        PluginRegistry(environ={}, timeouts={"startup": seconds})


def test_a_misspelt_timeout_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(PluginConfigurationError, match=r"'startpu'; expected load, configure, startup, .*_total"):
        PluginRegistry(environ={}, timeouts={"startpu": 3})


@pytest.mark.parametrize("workers", [0, -1, True, "many", 2.5])
def test_workers_that_are_no_number_of_them_are_refused(workers: Any) -> None:
    with pytest.raises(PluginConfigurationError, match="workers must be a whole number"):
        PluginRegistry(environ={}, workers=workers)


@pytest.mark.parametrize("config", [[], 3, iter(()), object()])
def test_a_configuration_of_another_type_is_refused(config: Any) -> None:
    with pytest.raises(PluginConfigurationError, match="must be a file, a mapping or a Configuration"):
        PluginRegistry(config, environ={})


def test_a_ref_and_a_category_may_be_given_in_either_form() -> None:
    duckdb = PluginRef.parse("compute:duckdb")
    assert ref_of(FLOE.categories, PluginType.COMPUTE, "duckdb") == duckdb
    assert ref_of(FLOE.categories, ComputePlugin, "duckdb") == duckdb
    assert category_of(FLOE.categories, ComputePlugin) is PluginType.COMPUTE


def test_a_category_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="not 'compute'"):
        category_of(FLOE.categories, "compute")  # type: ignore[arg-type]


def test_a_category_of_another_platform_is_refused_by_its_name() -> None:
    with pytest.raises(TypeError, match="page is a category of another platform; those of this one are compute, "):
        category_of(FLOE.categories, Category("page", "site.pages", "site_host:PagePlugin"))
