import json
import re

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from floe_plugins import PluginConfigurationError, PluginRef
from floe_plugins.configuration.formats.json import locate as locate_json
from floe_plugins.configuration.formats.toml import locate as locate_toml
from floe_plugins.configuration.formats.toml import parse as parse_toml
from floe_plugins.configuration.interpolation import Interpolated, InterpolationError
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.redaction.matcher import Matcher
from floe_plugins.configuration.redaction.patterns import MASK
from floe_plugins.configuration.schema.validation import validate_and_log

REF = PluginRef.parse("compute:duckdb")
PREFIX = "FLOE_PLUGINS__COMPUTE__DUCKDB__"

names = st.from_regex(r"[A-Z][A-Z0-9_]{0,6}", fullmatch=True)
texts = st.text(max_size=12)
plain_texts = texts.filter(lambda text: "${" not in text and not text.endswith("$"))
keys = st.text(min_size=1, max_size=8).filter(lambda key: "\0" not in key)
scalars = st.integers(-(10**9), 10**9) | st.booleans() | st.text(max_size=10) | st.floats(-1e6, 1e6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
trees = st.dictionaries(keys, values, max_size=5)


def paths(value, path=()):
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        yield (*path, step)
        yield from paths(child, (*path, step))


@given(plain_texts)
def test_a_text_without_references_stays_as_it_is(text):
    assert Interpolated(text, {}).text == text


@given(st.lists(st.tuples(plain_texts, names)), plain_texts, st.dictionaries(names, plain_texts))
def test_every_reference_is_replaced_by_its_variable_or_the_lack_of_one_is_an_error(pieces, end, environ):
    text = "".join(f"{before}${{{name}}}" for before, name in pieces) + end
    missing = {name for _, name in pieces} - environ.keys()
    if missing:
        with pytest.raises(InterpolationError) as caught:
            Interpolated(text, environ)
        assert any(f"variable {name} is not set" in caught.value.message for name in missing)
    else:
        assert Interpolated(text, environ).text == "".join(before + environ[name] for before, name in pieces) + end


@given(names, plain_texts.filter(lambda text: not re.search(r"[{}]", text)), st.dictionaries(names, plain_texts))
def test_a_default_counts_only_where_the_variable_is_not_set(name, default, environ):
    assert Interpolated(f"${{{name}:-{default}}}", environ).text == environ.get(name, default)


@given(st.text())
def test_an_escaped_text_comes_out_as_it_was(text):
    text = text.replace("$", "")
    assert Interpolated(f"$${{{text}", {}).text == f"${{{text}"


@given(st.text(), st.dictionaries(names, st.text()))
def test_any_text_is_filled_or_refused(text, environ):
    try:
        Interpolated(text, environ)
    except InterpolationError as error:
        assert error.message  # noqa: PT017 either answer is right


@given(names, st.text(max_size=1_000), st.dictionaries(names, st.text()))
def test_the_value_of_a_variable_is_taken_as_it_is(name, value, environ):
    assert Interpolated(f"${{{name}}}", {**environ, name: value}).text == value
    assert Interpolated(f"${{{name}:-default}}!", {**environ, name: value}).text == f"{value}!"


class Free(BaseModel):
    model_config = ConfigDict(extra="allow")


class Plugin:
    config_schema = Free


fields = st.sampled_from(["a", "b", "c", "d"])


@given(
    st.dictionaries(fields, st.integers(-9, 9)),
    st.dictionaries(fields, st.text(alphabet="xyz", max_size=3)),
    st.dictionaries(fields, st.integers(-9, 9)),
)
def test_arguments_win_over_the_environment_and_that_over_the_file(file, environment, arguments):
    environ = {PREFIX + key.upper(): value for key, value in environment.items()}
    configuration = load({"plugins": {"compute": {"duckdb": file}}}, environ=environ)
    model, issues = validate_and_log(configuration, REF, Plugin, None, arguments)
    assert issues == []
    assert model is not None
    assert model.model_dump() == {**file, **environment, **arguments}


@given(trees)
def test_loading_changes_nothing_that_is_handed_in_and_keeps_no_part_of_it(tree):
    source = {"plugins": {"compute": {"duckdb": tree}}}
    before = json.dumps(source)
    try:
        configuration = load(source, environ={})
    except PluginConfigurationError:
        return
    for settings in configuration.plugins.values():
        settings.table.clear()
    assert json.dumps(source) == before


@given(trees)
def test_every_key_and_item_of_a_json_file_has_a_position(tree):
    for indent in (None, 2):
        assert set(locate_json(json.dumps(tree, indent=indent))) == set(paths(tree))


@given(trees.map(lambda tree: {key: value for key, value in tree.items() if key.isprintable()}))
def test_every_key_and_item_of_a_toml_file_has_a_position(tree):
    text = tomlkit.dumps(tree)
    assert set(locate_toml(text)) == set(paths(parse_toml(text) or {}))


@given(texts, st.text(min_size=7, max_size=20), texts)
def test_no_six_characters_of_a_secret_are_left_in_a_message(before, secret, after):
    for form in (secret, repr(secret)[1:-1], secret[1:], secret[:-1]):
        left = Matcher([secret]).mask(before + form + after).casefold()
        pieces = left.split(MASK)
        assert not any(
            secret.casefold()[at : at + 6] in piece for at in range(len(secret.casefold()) - 5) for piece in pieces
        )


@given(texts, st.text(min_size=4, max_size=6), texts)
def test_a_short_secret_is_not_left_as_a_word_of_its_own_in_a_message(before, secret, after):
    left = Matcher([secret]).mask(f"{before} {secret} {after}").casefold().split(MASK)
    assert not any(f" {secret.casefold()} " in f" {piece} " for piece in left)
