import datetime as dt
import json
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import AnyUrl, BaseModel, ConfigDict, Field, PostgresDsn, SecretStr

from floe_plugins import PluginRef
from floe_plugins.configuration.loader import load
from floe_plugins.reporting.origins import plugin_settings, registry_settings

REF = PluginRef.parse("compute:duckdb")


class Pool(BaseModel):
    size: int = 1
    hosts: list[str] = ["a"]


class Duck(BaseModel):
    model_config = ConfigDict(extra="allow")
    path: Path
    pool: Pool = Pool()
    threads: int = Field(2, alias="threadCount")
    when: dt.date | None = None
    password: SecretStr = SecretStr("geheim")
    url: str = "https://me:geheim@example.org/x"
    pools: dict[str, Pool] = {}


class Plugin:
    config_schema = Duck


FILE = """\
[registry]
workers = 2
timeouts = {load = 3, "compute:duckdb" = {startup = 4}}
[plugins.compute.duckdb]
path = "x.db"
pool.size = 3
more = 1
pools.a = {size = 5}
"""


def rows(configuration):
    own, issues = plugin_settings(configuration, REF, Plugin)
    assert issues == ()
    settings = [*registry_settings(configuration), *own]
    json.dumps([setting.to_dict() for setting in settings])
    return {setting.path: (setting.value, setting.origin) for setting in settings}


def test_every_value_has_its_origin(tmp_path):
    file = tmp_path / "floe.toml"
    file.write_text(FILE, "utf-8")
    environ = {"FLOE_PLUGINS__COMPUTE__DUCKDB__POOL__HOSTS": '["b", "c"]'}
    configuration = load(file, environ=environ).with_arguments(REF, {"threadCount": 9})
    found = rows(configuration)
    base = "plugins.compute.duckdb."
    assert found == {
        "registry.autoload": ("configured", "default"),
        "registry.disable": ([], "default"),
        "registry.only": (None, "default"),
        "registry.required": ([], "default"),
        "registry.timeouts": ({"load": 3.0}, f"{file}:3"),
        'registry.timeouts."compute:duckdb"': ({"startup": 4.0}, f"{file}:3"),
        "registry.workers": (2, f"{file}:2"),
        base + "path": ("x.db", f"{file}:5"),
        base + "pool.size": (3, f"{file}:6"),
        base + "pool.hosts": (["b", "c"], "environment variable FLOE_PLUGINS__COMPUTE__DUCKDB__POOL__HOSTS"),
        base + "threadCount": (9, "argument"),
        base + "when": (None, "default"),
        base + "password": ("***", "default"),
        base + "url": ("https://***@example.org/x", "default"),
        base + "more": (1, f"{file}:7"),
        base + "pools.a.size": (5, f"{file}:8"),
        base + "pools.a.hosts": (["a"], "default"),
    }


def test_values_of_a_mapping_come_from_the_mapping():
    found = rows(load({"registry": {"workers": 3}, "plugins": {"compute": {"duckdb": {"path": "x"}}}}, environ={}))
    assert found["registry.workers"] == (3, "mapping")
    assert found["plugins.compute.duckdb.path"] == ("x", "mapping")


def test_texts_are_shown_as_they_are():
    text = "line one\n  line two " + "x" * 2000
    found = rows(load({"plugins": {"compute": {"duckdb": {"path": "x", "note": text}}}}, environ={}))
    assert found["plugins.compute.duckdb.note"] == (text, "mapping")


def test_invalid_settings_are_not_in_force_and_say_whose_they_are():
    configuration = load({"plugins": {"compute": {"duckdb": {}}}}, environ={})
    settings, issues = plugin_settings(configuration, REF, Plugin, "acme 1.0")
    assert [(issue.path, issue.distribution) for issue in issues] == [("plugins.compute.duckdb.path", "acme 1.0")]
    assert settings == ()


def test_values_that_a_migration_moved_come_from_the_old_table(tmp_path):
    class Moved:
        config_schema = Pool
        config_version = 2

        @staticmethod
        def migrate_config(_old_version, data):
            return {"size": data["count"]}

    file = tmp_path / "floe.toml"
    file.write_text("\n[plugins.compute.duckdb]\ncount = 4\n", "utf-8")
    settings, _ = plugin_settings(load(file, environ={}), REF, Moved)
    assert {s.path: s.origin for s in settings}["plugins.compute.duckdb.size"] == f"{file}:2"


def test_a_value_that_cannot_be_shown_is_named_by_its_type():
    class Mute:
        def __repr__(self):
            raise RuntimeError("no words")

    class Config(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        engine: Mute = Mute()
        path: str = "x"

    plugin = type("P", (), {"config_schema": Config})
    settings, issues = plugin_settings(load({"plugins": {"compute": {"duckdb": {}}}}, environ={}), REF, plugin)
    shown = {setting.path: setting.value for setting in settings}
    assert shown["plugins.compute.duckdb.engine"] == "<Mute that cannot be shown>"
    assert shown["plugins.compute.duckdb.path"] == "x"
    assert not issues


class Login(NamedTuple):
    user: str
    password: str


class Hidden(BaseModel):
    url: AnyUrl = AnyUrl("https://me:geheim@example.org/x")
    database: PostgresDsn = PostgresDsn("postgresql://me:geheim@example.org/x")
    login: Login = Login("scott", "geheim")
    nested: list[Any] = [["geheim", 1]]
    logins: dict[SecretStr, int] = {SecretStr("geheim"): 1}
    tokens: dict[str, str] = {"geheim": "geheim"}
    path: str
    primary_key: str = "order_id"


def test_each_hidden_value_says_why():
    plugin = type("P", (), {"config_schema": Hidden})
    loaded = load({"plugins": {"compute": {"duckdb": {"path": "/data/${TOKEN}"}}}}, environ={"TOKEN": "hunter2"})
    settings, issues = plugin_settings(loaded, REF, plugin)
    assert issues == ()
    base = "plugins.compute.duckdb."
    assert {
        each.path.removeprefix(base): (each.value, each.hidden_because)
        for each in settings
        if each.path.startswith(base)
    } == {
        "url": ("https://***@example.org/x", "its text looks like a secret"),
        "database": ("postgresql://***@example.org/x", "its text looks like a secret"),
        "login.user": ("scott", ""),
        "login.password": ("***", "name password"),
        "nested": ([["***", 1]], "its text looks like a secret"),
        "logins.***": (1, "its key is secret"),
        "tokens.***": ("***", "name tokens"),
        "path": ("/data/***", "variable TOKEN"),
        "primary_key": ("order_id", ""),
    }
