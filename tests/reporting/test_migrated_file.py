import json

import pytest
from pydantic import BaseModel
from support import run_code

from floe_plugins import PluginConfigurationError, PluginRef
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.schema.validation import validate_and_log
from floe_plugins.reporting.migrated_file import migrate_table, migrate_text

REF = PluginRef.parse("compute:duckdb")


class Duck(BaseModel):
    location: str
    pool: dict[str, int] = {}
    hosts: list[str] = []


class Plugin:
    config_schema = Duck
    config_version = 2

    @classmethod
    def migrate_config(cls, _old_version, data):
        data["location"] = data.pop("path")
        if "size" in data:
            data["pool"] = {"size": data.pop("size")}
        return data


FILES = {
    "floe.toml": """\
# The platform's configuration.
[registry]
workers = 3  # not more

[plugins.compute.duckdb]
# Where it lies:
path = "${DATA}/x.db"  # the warehouse
size = 4
hosts = ["a", "b"]  # both

[plugins.compute.other]
b = 1  # stays
""",
    "floe.yaml": """\
# The platform's configuration.
registry:
  workers: 3  # not more
plugins:
  compute:
    duckdb:
      # Where it lies:
      path: ${DATA}/x.db  # the warehouse
      size: 4
      hosts: [a, b]  # both
    other:
      b: 1  # stays
""",
    "floe.json": """\
{
  "registry": {"workers": 3},
  "plugins": {"compute": {"duckdb": {"path": "${DATA}/x.db", "size": 4, "hosts": ["a", "b"]}, "other": {"b": 1}}}
}
""",
}


@pytest.fixture(params=FILES)
def file(request, tmp_path):
    path = tmp_path / request.param
    path.write_text(FILES[request.param], "utf-8")
    return path


def configured(file):
    return load(file, environ={"DATA": "/data"})


def migrated(configuration, plugin=Plugin, distribution=None):
    table = migrate_table(configuration, configuration.source.parse(), REF, plugin, distribution)
    return migrate_text(configuration, {REF: table})


def test_the_new_text_is_in_the_present_form_and_means_the_same(file):
    before, _ = validate_and_log(configured(file), REF, Plugin, None)
    rewritten = migrated(configured(file))
    assert rewritten.changed == (REF,)
    file.write_text(rewritten.text, "utf-8")
    after = configured(file)
    assert after.plugins[REF].config_version == 2
    assert validate_and_log(after, REF, Plugin, None) == (before, [])
    assert after.plugins[PluginRef.parse("compute:other")].table == {"b": 1}
    assert after.workers == 3


def test_references_stay_references(file):
    text = migrated(configured(file)).text
    assert "${DATA}/x.db" in text
    assert "/data" not in text


def test_comments_stay_where_the_format_has_them(file):
    text = migrated(configured(file)).text
    if file.suffix != ".json":
        for comment in ("platform's configuration", "not more", "Where it lies", "the warehouse", "both", "stays"):
            assert comment in text
        assert "the warehouse" in next(line for line in text.splitlines() if "${DATA}" in line)


def test_a_text_that_is_up_to_date_comes_back_as_it_was(file):
    file.write_text(migrated(configured(file)).text, "utf-8")
    again = migrated(configured(file))
    assert (again.text, again.changed) == (file.read_text("utf-8"), ())


def test_plugins_that_are_not_given_stay_as_they_are(file):
    assert migrate_text(configured(file), {}).text == file.read_text("utf-8")


def test_json_keeps_its_indentation(tmp_path):
    path = tmp_path / "floe.json"
    path.write_text(json.dumps(json.loads(FILES["floe.json"]), indent=4), "utf-8")
    assert '\n    "plugins": {\n        "compute": {' in migrated(configured(path)).text


@pytest.mark.parametrize("table", ['config_version = 3\nlocation = "x"', 'pth = "x"'])
def test_what_cannot_be_brought_up_to_date_is_an_error(tmp_path, table):
    path = tmp_path / "floe.toml"
    path.write_text(f"[plugins.compute.duckdb]\n{table}\n", "utf-8")
    with pytest.raises(PluginConfigurationError) as caught:
        migrated(configured(path), distribution="acme 1")
    assert caught.value.errors[0].distribution == "acme 1"


@pytest.mark.parametrize(
    "content", ["[plugins]\ncompute = 3", "[plugins.compute]\nduckdb = 'x'", "plugins = 1", "registry = {}"]
)
def test_a_file_without_a_table_of_the_plugin_stays_as_it_is(tmp_path, content):
    path = tmp_path / "floe.toml"
    path.write_text(content, "utf-8")
    configuration = load(path, environ={}, collect=True)
    assert migrated(configuration).text == content


def test_without_a_file_there_is_nothing_to_write():
    with pytest.raises(PluginConfigurationError, match="no configuration file"):
        migrate_text(load({}, environ={}), {})


def test_without_the_library_one_line_says_what_to_install(tmp_path):
    path = tmp_path / "floe.toml"
    path.write_text(FILES["floe.toml"], "utf-8")
    code = f"""
        import sys
        sys.modules["tomlkit"] = None
        from floe_plugins import PluginRef
        from floe_plugins.configuration.loader import load
        from floe_plugins.reporting.migrated_file import migrate_table, migrate_text
        class Plugin:
            config_schema, config_version = None, 2
            migrate_config = staticmethod(lambda version, data: data)
        try:
            ref, configuration = PluginRef.parse("compute:duckdb"), load({str(path)!r}, environ={{"DATA": "x"}})
            table = migrate_table(configuration, configuration.source.parse(), ref, Plugin, None)
            migrate_text(configuration, {{ref: table}})
        except ValueError as error:
            print(error)
        """
    answer = run_code(code)
    assert answer.stdout.count("\n") == 1, answer.stderr
    assert "pip install 'floe-plugins[cli]'" in answer.stdout


def test_a_step_that_computes_with_a_value_is_an_error_where_a_reference_stands(tmp_path):
    class Computes(Plugin):
        @classmethod
        def migrate_config(cls, _old_version, data):
            return {"location": data["path"], "pool": {"size": int(data["size"]) * 2}}

    path = tmp_path / "floe.toml"
    for size in ("4", '"${SIZE}"'):
        path.write_text(f'[plugins.compute.duckdb]\npath = "x"\nsize = {size}\n', "utf-8")
        configuration = load(path, environ={"SIZE": "4"})
        assert validate_and_log(configuration, REF, Computes, None)[0] == Duck(location="x", pool={"size": 8})
        if size == "4":
            assert migrated(configuration, Computes).changed == (REF,)
        else:
            with pytest.raises(PluginConfigurationError, match="migrate_config raised ValueError"):
                migrated(configuration, Computes)
