from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import pytest
from floe_reference_secrets_env import EnvSecrets

from floe_plugins.testing import SecretsConformance


class TestEnvSecrets(SecretsConformance):
    plugin = EnvSecrets
    writable = False
    known = {"in-a-file": "from a file", "IN_A_VARIABLE": "from a variable"}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def _variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CONFORMANCE_IN_A_VARIABLE", self.known["IN_A_VARIABLE"])

    def settings(self) -> Mapping[str, Any]:
        files = self.scratch / "mounted"
        files.mkdir(exist_ok=True)
        (files / "in-a-file").write_text(self.known["in-a-file"] + "\n", encoding="utf-8")
        return {"prefix": "CONFORMANCE_", "files": str(files)}

    def rotate(self, plugin: Any, key: str, value: str) -> None:
        if key == "IN_A_VARIABLE":
            os.environ["CONFORMANCE_IN_A_VARIABLE"] = value
        else:
            (self.scratch / "mounted" / key).write_text(value, encoding="utf-8")
