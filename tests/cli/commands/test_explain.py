"""``explain``: the settings of a plugin, or one field of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.once


def test_without_a_field_all_of_them_stand_in_a_table(
    floe: Any, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    file = write()
    done = floe(reference, "explain", "storage:local", "--config", file)
    assert done.returncode == 0
    head, root = (line for line in done.stdout.splitlines() if line.startswith(("field ", "root")))
    assert head.split() == ["field", "type", "default", "value", "from", "description"]
    assert f"{file}:5" in root


def test_a_field_says_what_it_takes_and_where_its_value_comes_from(
    floe: Any, reference: tuple[str, ...], write: Callable[..., str]
) -> None:
    done = floe(reference, "explain", "local.root", "--config", write())
    rows = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if " " in line)
    assert rows.items() >= {"plugin": "storage:local", "field": "root", "secret": "no"}.items()
    assert "floe.yaml:5" in rows["value"]


@pytest.mark.parametrize(
    ("subject", "answer"),
    [("storage:local.rot", "Did you mean root?"), ("loca", "Did you mean storage:local?"), ("nonsense:x", "nonsense")],
)
def test_what_is_not_there_is_wrong_usage_with_what_is_close(
    floe: Any, reference: tuple[str, ...], subject: str, answer: str
) -> None:
    done = floe(reference, "explain", subject)
    assert done.returncode == 2
    assert answer in done.stderr
    assert not done.stdout
