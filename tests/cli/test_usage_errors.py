"""Which format a command line asks for, however wrong it is."""

from __future__ import annotations

import pytest

from floe_plugins.cli.usage_errors import asked_format


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        ("list --nope --json", "json"),
        ("-o yaml nope", "yaml"),
        ("nope -qojson", "json"),
        ("nope --output=json", "json"),
        ("nope --output yaml", "yaml"),
        ("--json list -o xml", "json"),
        ("list -o table", None),
        ("list --output", None),
        ("config show -- --json", None),
        ("", None),
    ],
)
def test_the_last_format_that_is_asked_for_counts(arguments: str, form: str | None) -> None:
    assert asked_format(arguments.split()) == form
