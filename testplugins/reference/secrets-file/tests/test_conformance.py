from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from floe_reference_secrets_file import FileSecrets

from floe_plugins.testing import SecretsConformance


class TestFileSecrets(SecretsConformance):
    plugin = FileSecrets

    def settings(self) -> Mapping[str, Any]:
        key = "correct horse battery staple"
        return {"path": str(self.scratch / "secrets.json"), "key": key, "create": True}
