"""Which plugin's code a call is part of."""

from __future__ import annotations

import gc
import weakref
from contextvars import copy_context

from floe_plugins import PluginRef
from floe_plugins.execution.plugin_code import as_plugin_code, calling_plugins, current_registry, plugin_code


class Registry:
    """Stands for a registry: only who it is counts here."""


OUTER, INNER = PluginRef.parse("storage:outer"), PluginRef.parse("storage:inner")


def test_the_innermost_plugin_comes_first_and_each_registry_sees_its_own() -> None:
    one, other = Registry(), Registry()
    with plugin_code(one, OUTER), plugin_code(other, INNER), plugin_code(one, INNER):
        assert calling_plugins(one) == (INNER, OUTER)
        assert calling_plugins(other) == (INNER,)
        assert current_registry() is one
    assert calling_plugins(one) == ()
    assert current_registry() is None


def test_code_whose_plugin_is_not_known_yet_has_a_registry_and_no_ref() -> None:
    registry = Registry()
    with plugin_code(registry):
        assert current_registry() is registry
        assert calling_plugins(registry) == ()


def test_a_marked_function_leaves_its_caller_as_it_was() -> None:
    registry = Registry()
    ask = as_plugin_code(registry, OUTER, lambda: calling_plugins(registry))
    assert copy_context().run(ask) == (OUTER,)
    assert calling_plugins(registry) == ()


def test_a_context_that_a_plugin_keeps_does_not_keep_the_registry() -> None:
    registry = Registry()
    with plugin_code(registry, OUTER):
        kept = copy_context()
    gone = weakref.ref(registry)
    del registry
    gc.collect()
    assert gone() is None
    assert kept.run(current_registry) is None
