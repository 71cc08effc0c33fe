from __future__ import annotations

from pydantic import BaseModel, SecretStr
from support import Lab

from floe_plugins.server.views.settings import describe_settings


class Settings(BaseModel):
    size: int = 3
    password: SecretStr


def test_the_settings_and_the_schema_are_shown_without_secrets(lab: Lab) -> None:
    config = {"plugins": {"secrets": {"a": {"password": "hunter2"}}}}
    registry = lab.registry(lab.plugin("a", config_schema=Settings), config=config)
    found = describe_settings(registry)
    rows = {row["path"]: row for row in found["settings"]}
    assert (rows["plugins.secrets.a.size"]["value"], rows["plugins.secrets.a.size"]["origin"]) == (3, "default")
    assert rows["plugins.secrets.a.password"]["hidden_because"]
    assert rows["registry.autoload"]
    assert len(rows) == len(found["settings"])
    assert "password" in str(found["schema"])
    assert "hunter2" not in str(found)
