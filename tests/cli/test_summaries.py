"""The man page in ``docs`` is what the commands say of themselves now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from floe_plugins.cli.summaries import EXAMPLES, SUMMARIES, VARIABLES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_the_man_page_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / "man_page.py")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    page = (DOCS / "floe-plugins.1").read_text(encoding="utf-8")
    assert page == done.stdout, "run python docs/man_page.py > docs/floe-plugins.1"
    for name in (*SUMMARIES, *VARIABLES):
        assert name.replace("-", "\\-") in page


def test_every_command_has_an_example() -> None:
    assert SUMMARIES.keys() <= EXAMPLES.keys()


def test_the_man_page_is_part_of_the_wheel() -> None:
    section = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("shared-data]\n")[2]
    assert section.startswith('"docs/floe-plugins.1" = "share/man/man1/floe-plugins.1"\n')
