"""The types of hook calls are made of the categories as they are now."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

from floe_plugins.hookspecs import calls

SCRIPT = Path(__file__).parents[1] / "typing" / "hook_calls.py"


def test_the_types_of_calls_are_up_to_date() -> None:
    made = ast.dump(ast.parse(runpy.run_path(str(SCRIPT))["page"]()))
    written = Path(calls.__file__).read_text(encoding="utf-8")
    assert ast.dump(ast.parse(written)) == made, f"run python {SCRIPT} > {calls.__file__}"
