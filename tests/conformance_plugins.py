"""A correct plugin with settings, a file and a thread, from which the faulty ones of the general rules derive."""

from __future__ import annotations

import itertools
import tempfile
import threading
from typing import Any

import pydantic

from floe_plugins import FLOE_API_VERSION, HealthState, HealthStatus, SecretsPlugin
from floe_plugins.testing import PluginConformance


class Settings(pydantic.BaseModel):
    size: int = pydantic.Field(default=1, ge=1, description="How many there are")
    password: pydantic.SecretStr = pydantic.Field(default=pydantic.SecretStr("hunter2-hunter2"), description="Pass")


class Good(SecretsPlugin):
    name = "good"
    version = "1.0"
    floe_api_version = "1.0"
    description = "Keeps every rule"
    config_schema = Settings
    config: Settings

    file: Any = None
    thread: threading.Thread | None = None

    def startup(self):
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 closed in shutdown
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.ending.wait)
        self.thread.start()

    def shutdown(self):
        if self.file is not None:
            self.file.close()
            self.file = None
        if self.thread is not None:
            self.ending.set()
            if self.thread.ident is not None:
                self.thread.join()
            self.thread = None

    def health_check(self):
        if self.file is None:
            return HealthStatus(HealthState.UNHEALTHY, "it is not started")
        return HealthStatus(HealthState.HEALTHY, "it is started", {"size": self.config.size})

    def get_secret(self, key):
        return None

    def secret_names(self, prefix=""):
        return ()

    def put_secret(self, key, value):
        raise NotImplementedError


class GoodConformance(PluginConformance):
    plugin = Good
    config = {"size": 2}  # noqa: RUF012 as an author writes it

    def use(self, plugin: Any) -> None:
        plugin.get_secret("one")


COUNTER = itertools.count(1)


# One of each rule about metadata. They stand here so that their source can be read together with that of the base.


class NotAName(Good):
    name = "Not A Name"


class NotAVersion(Good):
    version = "first"


class OddApiVersion(Good):
    floe_api_version = "1.0.0rc1"


class ComputedVersion(Good):
    floe_api_version = FLOE_API_VERSION


class SaysOtherwise(Good):
    def __getattribute__(self, name: str) -> Any:
        return "2.0" if name == "version" else super().__getattribute__(name)


class Changing(Good):
    def __init__(self) -> None:
        self.config_version = next(COUNTER)


class Verbose(Good):
    description = "two\nlines"


class OnItself(Good):
    optional_dependencies = ("secrets:good",)


class StaticHook(Good):
    @staticmethod
    def secret_names(prefix=""):
        return (prefix,) if prefix else ()


class FewerArguments(Good):
    def secret_names(self):
        return ()


class NearlyAHook(Good):
    def heath_check(self):
        return None


class Newer(Good):
    floe_api_version = "9.0"


class More(Good):
    def names_of_secrets(self):
        return ()
