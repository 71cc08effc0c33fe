import os

import pytest
from support import run_code

from floe_plugins import PluginConfigurationError
from floe_plugins.configuration.loader import load


def issues_in(file):
    with pytest.raises(PluginConfigurationError) as caught:
        load(file, environ={})
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value.errors


def one(file):
    (issue,) = issues_in(file)
    assert str(issue).count("\n") == 0
    return issue


def write(directory, name, content):
    file = directory / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


def test_a_missing_file_is_named(tmp_path):
    issue = one(tmp_path / "floe.toml")
    assert issue.file == str(tmp_path / "floe.toml")
    assert issue.message == "file not found"


def test_a_directory_is_no_file(tmp_path):
    (tmp_path / "floe.toml").mkdir()
    assert one(tmp_path / "floe.toml").message == "the path is a directory"


def test_a_path_that_goes_through_a_file_cannot_be_read(tmp_path):
    write(tmp_path, "file", "")
    assert "cannot be read" in one(tmp_path / "file" / "floe.toml").message


def test_a_path_that_no_file_system_has_cannot_be_read():
    assert "cannot be read" in one("a\0b.toml").message


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="permissions as POSIX has them")
def test_a_file_without_permission_is_an_issue(public_path):
    file = write(public_path, "floe.toml", "")
    file.chmod(0)
    # root may read everything: ask as somebody else.
    code = f"""
        import sys
        from floe_plugins.configuration.loader import load
        import floe_plugins.configuration.formats.toml, encodings.utf_8_sig
        import os
        load({{}}, environ={{}})  # imports what nobody else may be able to read
        if os.getuid() == 0:
            os.setgid(65534); os.setuid(65534)
        try:
            load({str(file)!r}, environ={{}})
        except ValueError as error:
            print(error.errors[0].message)
        """
    answer = run_code(code)
    assert answer.stdout == "permission denied\n", answer.stderr


@pytest.mark.parametrize("name", ["floe.ini", "floe", "floe.toml.bak"])
def test_a_name_without_a_known_format_is_an_issue(tmp_path, name):
    issue = one(write(tmp_path, name, ""))
    assert issue.expected == "a name that ends in .toml, .yaml or .json"


def test_a_file_that_is_not_utf8_is_an_issue(tmp_path):
    assert one(write(tmp_path, "floe.toml", b"a = '\xff'")).message == "byte 5 is not UTF-8"


def test_a_byte_order_mark_is_no_content(tmp_path):
    assert load(write(tmp_path, "floe.toml", b"\xef\xbb\xbfregistry.workers = 1"), environ={}).workers == 1


@pytest.mark.parametrize("name", ["floe.toml", "floe.yaml", "floe.yml", "floe.json"])
@pytest.mark.parametrize("content", ["", "\n \n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_one_issue(tmp_path, name, content):
    assert one(write(tmp_path, name, content)).message == "the file is empty"


@pytest.mark.parametrize(("name", "content"), [("floe.toml", "plugins = {}"), ("floe.yaml", "{}"), ("floe.json", "{}")])
def test_a_file_that_says_that_there_is_nothing_is_right(tmp_path, name, content):
    configuration = load(write(tmp_path, name, content), environ={})
    assert (configuration.plugins, configuration.autoload) == ({}, "configured")


@pytest.mark.parametrize("name", ["floe.toml", "floe.yaml", "floe.json"])
def test_a_file_of_ten_megabytes_is_refused_without_being_parsed(tmp_path, name):
    issue = one(write(tmp_path, name, b"# " + b"x" * 10_000_000))
    assert issue.message == "the file is larger than 1 MiB"


@pytest.mark.parametrize(
    ("name", "content", "line", "column"),
    [
        ("floe.toml", "[registry]\nworkers = = 1", 2, 11),
        ("floe.toml", "[registry\n", 1, 10),
        ("floe.toml", "a = 1\na = 2", 2, 6),
        ("floe.toml", "a = '''", 1, 8),
        ("floe.json", '{"registry":\n {"workers" 1}}', 2, 13),
        ("floe.json", '{"a": 1 2}', 1, 9),
        ("floe.json", "{", 1, 2),
        ("floe.yaml", "registry:\n  workers: 1\n bad: 2\n", 3, 2),
        ("floe.yaml", "a: [1, 2\nb: 3\n", 2, 2),
        ("floe.yaml", "a: 1\n\tb: 2\n", 2, 1),
        ("floe.yaml", "a: *nowhere\n", 1, 4),
        ("floe.yaml", "a: 1\n---\nb: 2\n", 2, 1),
        ("floe.yaml", "a: !!python/object:os.system {}\n", 1, 4),
    ],
)
def test_invalid_syntax_names_line_and_column(tmp_path, name, content, line, column):
    issue = one(write(tmp_path, name, content))
    assert issue.rule == "syntax"
    assert (issue.line, issue.column) == (line, column), issue


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("floe.json", "[1]", "a list"),
        ("floe.json", '"x"', "a string"),
        ("floe.yaml", "- a", "a list"),
        ("floe.yaml", "3", "a number"),
    ],
)
def test_something_else_than_a_table_at_the_top_is_an_issue(tmp_path, name, content, kind):
    issue = one(write(tmp_path, name, content))
    assert (issue.message, issue.expected) == (f"found {kind}", "a table at the top level")


@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("floe.yaml", "registry:\n  workers: 1\n  workers: s3cret-value\n", 3),
        ("floe.json", '{"registry": {"workers": 1,\n "workers": "s3cret-value"}}', 2),
        ("floe.toml", "[registry]\nworkers = 1\nworkers = 's3cret-value'", 3),
    ],
)
def test_a_key_that_stands_twice_is_an_error_which_repeats_no_value(tmp_path, name, content, line):
    issue = one(write(tmp_path, name, content))
    assert issue.rule == "syntax"
    assert issue.line == line
    assert "s3cret" not in repr(issue)


def test_syntax_errors_quote_no_piece_of_the_file(tmp_path):
    secret = "hunter2" * 2
    broken = {
        "floe.json": [f'{{"password": {secret}}}', f'{{"password": "{secret}', f'{{"p": "{secret}" "{secret}"}}'],
        "floe.toml": [f"password = {secret}", f'password = "{secret}', f"[a]\n{secret} = 1 {secret}"],
        "floe.yaml": [
            f"password: [{secret}",
            f'password: "{secret}',
            f"a: {secret}: b",
            f"a: !<{secret}> 1",
            f"a: '{secret}\x07'",
        ],
    }
    for name, contents in broken.items():
        for content in contents:
            (issue,) = issues_in(write(tmp_path, name, content))
            if "!<" not in content:  # a tag's name is no value
                assert secret not in f"{issue!r} {issue}"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("floe.json", '{"a":' * 100_000),
        ("floe.json", "{" + '"plugins":{"compute":{"x":{"a":' + "[" * 500 + "]" * 500 + "}}}}"),
        ("floe.toml", "plugins.compute.x.a = " + "[" * 100_000),
        ("floe.toml", "plugins.compute.x.a = " + "[" * 200 + "]" * 200),
        ("floe.yaml", "plugins: {compute: {x: {a: " + "[" * 20_000),
        ("floe.yaml", "plugins: {compute: {x: {a: " + "[" * 70 + "]" * 70 + "}}}"),
    ],
)
def test_values_nested_too_deeply_are_one_issue(tmp_path, name, content):
    assert "nested" in one(write(tmp_path, name, content)).message


def test_a_yaml_file_that_blows_up_by_aliases_is_refused(tmp_path):
    levels = "\n".join(f"  a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9))
    content = f"plugins:\n compute:\n  a0: &a0 [x]\n{levels}\n"
    assert "more than 50000 values" in one(write(tmp_path, "floe.yaml", content)).message


def test_a_yaml_file_whose_alias_holds_itself_is_refused(tmp_path):
    assert one(write(tmp_path, "floe.yaml", "plugins: {compute: {x: {a: &a [*a]}}}")).rule == "syntax"


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("floe.json", "NaN"),
        ("floe.json", "-Infinity"),
        ("floe.json", "1e999"),
        ("floe.json", "9" * 5000),
        ("floe.json", "9" * 30),
        ("floe.toml", "nan"),
        ("floe.toml", "-inf"),
        ("floe.toml", "9" * 5000),
        ("floe.toml", "9" * 30),
        ("floe.yaml", ".nan"),
        ("floe.yaml", "-.inf"),
        ("floe.yaml", "9" * 30),
        ("floe.yaml", "9" * 5000),
    ],
)
def test_numbers_that_no_schema_should_meet_are_one_issue(tmp_path, name, number):
    nested = {
        "floe.json": f'{{"plugins": {{"compute": {{"x": {{"a": {number}}}}}}}}}',
        "floe.toml": f"plugins.compute.x.a = {number}",
        "floe.yaml": f"plugins: {{compute: {{x: {{a: {number}}}}}}}",
    }[name]
    issue = one(write(tmp_path, name, nested))
    assert issue.rule in {"finite_number", "integer_size", "syntax"}
    assert len(str(issue)) < 400


def test_the_same_content_is_the_same_configuration_in_every_format(tmp_path):
    toml = """[registry]
autoload = "all"
disable = ["compute:spark"]
[registry.timeouts]
load = 3
[plugins.compute.duckdb]
path = "x.db"
pool = {size = 3}
[plugins.secrets.env]
prefix = "APP_"
"""
    yaml = """registry:
  autoload: all
  disable: ["compute:spark"]
  timeouts: {load: 3}
plugins:
  compute:
    duckdb: &duck
      path: x.db
      pool: {size: 3}
  secrets:
    env: {prefix: APP_}
"""
    json = """{"registry": {"autoload": "all", "disable": ["compute:spark"], "timeouts": {"load": 3}}, "plugins": {
    "compute": {"duckdb": {"path": "x.db", "pool": {"size": 3}}}, "secrets": {"env": {"prefix": "APP_"}}}}"""
    read = []
    for name, content in {"floe.toml": toml, "floe.yaml": yaml, "floe.json": json}.items():
        configuration = load(write(tmp_path, name, content), environ={})
        read.append({ref: settings.table for ref, settings in configuration.plugins.items()})
        assert (configuration.autoload, configuration.timeouts) == ("all", {"load": 3.0})
    assert read[0] == read[1] == read[2]


def test_yaml_merge_keys_put_one_table_into_another(tmp_path):
    content = """plugins:
  compute:
    base: &base {path: a, size: 1}
    other:
      <<: *base
      path: b
"""
    plugins = load(write(tmp_path, "floe.yaml", content), environ={}).plugins
    assert {ref.name: settings.table for ref, settings in plugins.items()}["other"] == {"path": "b", "size": 1}


def test_without_the_yaml_library_one_line_says_what_to_install(tmp_path):
    file = write(tmp_path, "floe.yaml", "a: 1")
    code = f"""
        import sys
        sys.modules["ruamel.yaml"] = None
        from floe_plugins.configuration.loader import load
        try:
            load({str(file)!r}, environ={{}})
        except ValueError as error:
            print(error)
        """
    answer = run_code(code)
    assert answer.stdout.count("\n") == 1, answer.stderr
    assert "pip install 'floe-plugins[yaml]'" in answer.stdout


def test_reading_imports_neither_pydantic_nor_pluggy(tmp_path):
    file = write(tmp_path, "floe.toml", "[plugins.compute.x]\na = '${A:-b}'\n[registry]\nworkers = 0")
    code = f"""
        import sys
        from floe_plugins.configuration.loader import load, not_installed
        configuration = load({str(file)!r}, collect=True)
        not_installed(configuration, [])
        print(len(configuration.issues), {{"pydantic", "pluggy", "ruamel", "tomlkit"}} & set(sys.modules))
        """
    answer = run_code(code)
    assert answer.stdout == "1 set()\n", answer.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no FIFOs")
def test_a_pipe_or_a_device_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "floe.toml")
    (tmp_path / "floe.json").symlink_to("/dev/zero")
    for name in ("floe.toml", "floe.json"):
        issue = one(tmp_path / name)
        assert (issue.rule, issue.message) == ("readable", "the path is a pipe or a device")


def test_a_message_lists_some_of_very_many_issues_and_the_error_has_all(tmp_path):
    file = write(tmp_path, "floe.toml", "".join(f"key{i} = 1\n" for i in range(1_000)))
    with pytest.raises(PluginConfigurationError) as caught:
        load(file, environ={})
    assert len(caught.value.errors) == 1_000
    assert str(caught.value).count("\n") == 101
    assert str(caught.value).endswith("... and 900 more")


def test_a_key_of_several_lines_cannot_pass_for_another_issue(tmp_path):
    file = write(tmp_path, "floe.json", '{"a\\n  floe.json: forged": 1, "b": 1}')
    with pytest.raises(PluginConfigurationError) as caught:
        load(file, environ={})
    assert len(str(caught.value).splitlines()) == 3
