"""The examples in docstrings run, and print the results that they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import floe_plugins

NAMES = [
    floe_plugins.__name__,
    *(
        module.name
        for module in pkgutil.walk_packages(floe_plugins.__path__, "floe_plugins.")
        if not module.name.endswith("__main__")
    ),
]
FINDER = doctest.DocTestFinder(exclude_empty=True)
TESTS = {
    name: found
    for name in NAMES
    if (found := [test for test in FINDER.find(importlib.import_module(name), name) if test.examples])
}
USED_BY_CALLERS = [
    "PluginError",
    "PluginMetadata",
    "PluginRef",
    "PluginRef.parse",
    "PluginType",
    "Candidate",
    "Problem",
    "HealthStatus",
    "LifecycleReport",
    *(member.spec_name[1] for member in floe_plugins.PluginType),
]


def test_there_are_examples() -> None:
    assert sum(len(test.examples) for tests in TESTS.values() for test in tests) > 100


@pytest.mark.parametrize("name", USED_BY_CALLERS)
def test_a_name_that_callers_use_has_an_example(name: str) -> None:
    value: object = floe_plugins
    for part in name.split("."):
        value = getattr(value, part)
    assert ">>> " in (value.__doc__ or "")


@pytest.mark.parametrize("name", TESTS)
def test_the_examples_of_a_module_run(name: str) -> None:
    runner = doctest.DocTestRunner(verbose=False)
    printed: list[str] = []
    for test in TESTS[name]:
        runner.run(test, out=printed.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(printed)
