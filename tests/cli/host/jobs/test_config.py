"""The actions on a configuration in the host."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def test_the_number_of_plugins_that_were_checked_is_told(
    floe: Any, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    done = floe(reference, "config", "validate", "--json", "--config", write())
    assert json.loads(done.stdout)["checked"] == 3


def test_without_a_file_there_is_nothing_to_migrate(floe: Any) -> None:
    done = floe((), "config", "migrate")
    assert done.returncode == 2
    assert "no configuration file found" in done.stderr
