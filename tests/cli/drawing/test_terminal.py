"""The number of columns, from whatever the environment holds."""

from __future__ import annotations

import os

import pytest

from floe_plugins.cli.drawing.terminal import columns


@pytest.mark.parametrize("text", ["banana", "-1", "0", "\u00b2", "\u0664\u0660", "9" * 5000, "", " 80"])
def test_what_is_no_number_of_columns_is_ignored(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("COLUMNS", text)
    read, write = os.pipe()
    try:
        assert columns(write, default=33) == 33
    finally:
        os.close(read)
        os.close(write)


def test_a_number_of_columns_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert columns() == 40


def test_a_closed_descriptor_has_the_default_number_of_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert columns(-1) == 80
