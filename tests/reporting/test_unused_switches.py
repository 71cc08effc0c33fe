"""Switches that do nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import write_distribution

from floe_plugins import PluginRegistry
from floe_plugins.reporting.unused_switches import unused_switches

KNOWN = ("FLOE_PLUGINS_DISABLE", "FLOE_PLUGINS_STRICT")


def said(site: Path, disable: tuple[str, ...] = (), **variables: str) -> list[str]:
    write_distribution(site, "acme", "[floe.compute]\nduck = acme:Plugin\n".replace("compute", "computes"))
    registry = PluginRegistry(path=[site], environ=variables, disable=disable)
    return unused_switches(registry, variables, KNOWN)


@pytest.mark.parametrize("rule", ["compute:duck", "distribution:acme", "compute", "catalog"])
def test_nothing_is_said_of_what_is_there_and_of_categories(tmp_path: Path, rule: str) -> None:
    assert said(tmp_path, (rule,)) == []


@pytest.mark.parametrize(
    ("rule", "hint"),
    [("compute:duk", "Did you mean compute:duck?"), ("distribution:acmee", "Did you mean distribution:acme?")],
)
def test_a_rule_without_a_plugin_is_told_with_what_may_be_meant(tmp_path: Path, rule: str, hint: str) -> None:
    [text] = said(tmp_path, (rule,))
    assert text.startswith(repr(rule))
    assert text.endswith(hint)


def test_a_variable_that_nobody_reads_is_told_but_no_setting(tmp_path: Path) -> None:
    variables = {"FLOE_PLUGINS_STRCT": "1", "FLOE_PLUGINS_STRICT": "0", "FLOE_PLUGINS__COMPUTE__DUCK__PATH": "x"}
    [text] = said(tmp_path, **variables)
    assert text.startswith("the environment variable FLOE_PLUGINS_STRCT is unknown")
    assert text.endswith("Did you mean FLOE_PLUGINS_STRICT?")
