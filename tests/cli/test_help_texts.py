"""The man page in ``docs`` is what the commands say of themselves now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from floe_plugins import Category
from floe_plugins.cli.help_texts import SUMMARIES, examples, variables
from floe_plugins.core.platform import FLOE, Platform

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def test_the_man_page_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, str(DOCS / "man_page.py")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    page = (DOCS / "floe-plugins.1").read_text(encoding="utf-8")
    assert page == done.stdout, "run python docs/man_page.py > docs/floe-plugins.1"
    for name in (*SUMMARIES, *variables(FLOE)):
        assert name.replace("-", "\\-") in page


def test_every_command_has_an_example() -> None:
    assert all(examples(FLOE, command) for command in SUMMARIES)


def test_examples_and_variables_are_in_the_words_of_the_platform() -> None:
    site = Platform("site", "1.0", [Category("page", "site.pages", "site_host:PagePlugin")])
    shown = [text for command in ("", *SUMMARIES, "config migrate") for text in examples(site, command)]
    words = " ".join([*shown, *variables(site)])
    assert "show page:my-plugin" in shown
    assert "config validate site.toml" in " ".join(examples(site, "config"))
    assert "floe" not in words.lower()
    assert "compute" not in words
    assert "duckdb" not in words


def test_the_man_page_is_part_of_the_wheel() -> None:
    section = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("shared-data]\n")[2]
    assert section.startswith('"docs/floe-plugins.1" = "share/man/man1/floe-plugins.1"\n')
