"""Asking for health in the host."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support import write_project


def test_an_unhealthy_platform_is_a_failure(floe: Any, write: Callable[..., str]) -> None:
    done = floe((), "health", "--json", "--config", write('registry: {required: ["secrets:nothere"]}\n'))
    assert done.returncode == 1
    assert json.loads(done.stdout)["health"]["state"] == "unhealthy"


@pytest.mark.once
def test_with_vv_a_check_that_raised_says_where(floe: Any, tmp_path: Path) -> None:
    code = """
        from floe_plugins import SecretsPlugin
        class Plugin(SecretsPlugin):
            name = "acme"; version = "1"; floe_api_version = "1.0"
            def get_secret(self, key): ...
            def secret_names(self, prefix=""): return ()
            def put_secret(self, key, value): ...
            def health_check(self): raise RuntimeError("boom")
    """
    project = write_project(tmp_path / "acme", "floe.secrets", acme=code)
    shown = floe((project,), "health", "-vv").stdout
    assert "in health_check" in shown
    assert 'raise RuntimeError("boom")' in shown
    assert "in health_check" not in floe((project,), "health").stdout
