"""The scripts of the shells: how the words before the cursor are read."""

from __future__ import annotations

import pytest

from floe_plugins.cli.main import app
from floe_plugins.cli.shells import SHELLS, BashComplete


@pytest.mark.parametrize(
    ("line", "words", "begun"),
    [
        ("floe-plugins", [], ""),
        ("floe-plugins ", [], ""),
        ("floe-plugins show compute:d", ["show"], "compute:d"),
        ("floe-plugins show 'a b", ["show"], "a b"),
        ("floe-plugins list --config x ", ["list", "--config", "x"], ""),
    ],
)
def test_bash_passes_the_line_up_to_the_cursor(
    monkeypatch: pytest.MonkeyPatch, line: str, words: list[str], begun: str
) -> None:
    monkeypatch.setenv("COMP_WORDS", line)
    shell = BashComplete(app, {}, "floe-plugins", "_FLOE_PLUGINS_COMPLETE")
    assert shell.get_completion_args() == (words, begun)


def test_fish_splits_off_the_kind_of_an_item_alone() -> None:
    assert "string split --max 1 " in SHELLS["fish"].source_template
