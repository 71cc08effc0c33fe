"""Stages and states read as lower-case words, on every Python."""

from __future__ import annotations

import json

import pytest

from floe_plugins import PluginState, Stage
from floe_plugins.core.state import AUTOLOAD_MODES


@pytest.mark.parametrize("member", [*Stage, *PluginState])
def test_a_member_reads_as_its_value(member: Stage | PluginState) -> None:
    assert str(member) == f"{member}" == member.value == member.name.lower()
    assert json.dumps(member) == f'"{member.value}"'
    assert type(member)(member.value) is member


def test_the_stages_are_in_the_order_in_which_a_plugin_passes_through_them() -> None:
    assert " ".join(Stage) == "discover load configure resolve start check stop"


def test_autoload_has_three_modes() -> None:
    assert AUTOLOAD_MODES == ("all", "configured", "none")
