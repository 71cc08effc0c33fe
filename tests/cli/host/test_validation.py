"""All issues of a configuration, put together."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from support import Lab, named

from floe_plugins.cli.host.validation import all_issues, validate
from floe_plugins.reporting.schema_calls import call_each


def test_issues_of_the_file_and_of_plugins_stand_together_by_line(lab: Lab, write: Callable[..., str]) -> None:
    file = write("""
        registry: {workers: 0}
        plugins:
          secrets: {b: {size: 1}, a: {size: 1}}
          compute: {duckdb: {}}
    """)
    registry = lab.registry(named("a"), named("b"), config=file)
    calls = call_each(registry, partial(validate, registry.configuration))
    issues: list[Any] = all_issues(registry, calls.results.values())
    assert [(issue.path, issue.line) for issue in issues] == [
        ("registry.workers", 2),
        ("plugins.secrets.a.size", 4),
        ("plugins.secrets.b.size", 4),
        ("plugins.compute.duckdb", 5),
    ]
