"""The plugins of one cell: modules of installed distributions import this one and say which plugin they have."""

from __future__ import annotations

import asyncio
import inspect
import sys
import threading
from typing import Any

from faults.catalogue import FAULTS, SECRETS, act
from pydantic import BaseModel, SecretStr, create_model, field_validator
from support import Secrets

from floe_plugins import HealthState, HealthStatus


def entry_point(name: str, stage: str, fault: str) -> Any:  # noqa: C901 a plugin is many small functions
    """What the entry point of a plugin with one fault at one stage leads to; without a stage, a healthy one."""

    def at(here: str, plugin: Any, default: Any = None) -> Any:
        return act(fault, plugin, default) if here == stage else default

    class Fields(BaseModel):
        value: Any = "x"

        @field_validator("value")
        @classmethod
        def check(cls, value: Any) -> Any:
            return at("configure", None, value)

        def model_post_init(self, _context: Any) -> None:
            if stage == "configure" and "secrets" in fault:
                act(fault, self, None)

    secrets: Any = dict.fromkeys(SECRETS, (SecretStr, ...))

    class Plugin(Secrets):
        config_schema = create_model("Config", __base__=Fields, **secrets)

        def startup(self) -> Any:
            return self.begin_background() if stage == "background" else at("startup", self)

        async def begin_background(self) -> None:
            if "secrets" not in fault:  # what a thread of the plugin's own prints is its own affair
                threading.Thread(target=at, args=("background", self), daemon=True).start()
            self.task = asyncio.create_task(self.run_in_background())

        async def run_in_background(self) -> None:
            await asyncio.sleep(0)
            found = at("background", self)
            if inspect.iscoroutine(found):
                await found

        def health_check(self) -> Any:
            return at("health", self, HealthStatus(HealthState.HEALTHY))

        def shutdown(self) -> Any:
            return at("shutdown", self)

        def secret_names(self, prefix: str = "") -> Any:
            return at("hook", self, ("a",)) if name == "faulty" else None

    Plugin.name = name
    if stage == "metadata":
        attribute = FAULTS[fault].attribute
        default = {"version": "1.0", "timeouts": {}}[attribute]
        setattr(Plugin, attribute, property(lambda self: at("metadata", self, default)))

    def make() -> Any:
        return at("instantiate", None) or Plugin()

    return at("import", None, make)


def install(module: str, name: str, stage: str = "", fault: str = "") -> None:
    """Give a module the attribute that its entry point names."""
    sys.modules[module].__dict__["make"] = entry_point(name, stage, fault)
