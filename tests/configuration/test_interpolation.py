import pytest

from floe_plugins.configuration.interpolation import Interpolated, InterpolationError

ENVIRON = {"A": "1", "EMPTY": "", "B": "x${A}y", "C": "${B}${B}", "ODD": "p${w", "NESTED": "${NO:-d}"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", ""),
        ("$A $$ {A} ${", None),
        ("${A}", "1"),
        ("a${A}b${A}c", "a1b1c"),
        ("${EMPTY:-d}", ""),
        ("${NO:-d}", "d"),
        ("${NO:-}", ""),
        ("${NO:-${A}}", "1"),
        ("${NO:-${NONE:-deep}}", "deep"),
        ('${NO:-{"a": {"b": 1}}}', '{"a": {"b": 1}}'),
        ("${B} ${C}", "x${A}y ${B}${B}"),
        ("${ODD}", "p${w"),
        ("${NESTED}", "${NO:-d}"),
        ("$${A} ${A}", "${A} 1"),
        ("$A ${A}}", "$A 1}"),
        ("${}", None),
        ("${1A}", None),
        ("${A", None),
        ("${A:+x}", None),
        ("${NO:-${A}", None),
    ],
)
def test_references_are_filled_in(text, result):
    if result is None:
        with pytest.raises(InterpolationError, match="is not followed by a valid reference"):
            Interpolated(text, ENVIRON)
    else:
        assert Interpolated(text, ENVIRON).text == result


def test_a_missing_variable_is_named_with_what_to_do():
    with pytest.raises(InterpolationError) as caught:
        Interpolated("${NO}", {})
    assert caught.value.message == "the environment variable NO is not set"
    assert caught.value.hint == "Set it, or write ${NO:-default}"


def test_the_value_of_a_variable_is_taken_as_it_is_so_that_variables_cannot_multiply():
    environ = {f"V{level}": f"${{V{level + 1}}}" * 10 for level in range(30)}
    assert Interpolated("${V0}", environ).text == "${V1}" * 10


def test_a_password_with_a_dollar_and_a_brace_needs_no_escape():
    assert Interpolated("${PASSWORD}", {"PASSWORD": "a${HOME}b", "HOME": "/root"}).text == "a${HOME}b"


@pytest.mark.parametrize("text", ["${EMPTY}" * 1_001, "$${" * 1_001, "${NO:-${EMPTY}}" * 501])
def test_the_references_of_one_value_are_limited_even_if_they_give_nothing(text):
    with pytest.raises(InterpolationError, match="more than 1000 references") as caught:
        Interpolated(text, ENVIRON)
    assert caught.value.rule == "too_many"


@pytest.mark.parametrize("text", ["x" * 65_536 + "${A}", "${A}" + "x" * 65_536, "${NO:-${A}" + "x" * 65_536 + "}"])
def test_a_long_text_counts_as_much_as_what_references_give(text):
    with pytest.raises(InterpolationError, match="longer than 65536 characters"):
        Interpolated(text, ENVIRON)


@pytest.mark.parametrize("text", ["${A:-" * 20_000, "${" * 50_000, "${NO:-{{{{" * 10_000])
def test_malformed_texts_of_any_length_are_refused_at_once(text):
    with pytest.raises(InterpolationError):
        Interpolated(text, {"A": "1"})


@pytest.mark.parametrize(("text", "whole"), [("${A}", True), ("${NO:-x}", True), ("${A} ", False), ("$${A}", False)])
def test_it_is_known_whether_a_text_is_one_reference_alone(text, whole):
    assert Interpolated(text, {"A": "1"}).whole is whole


def test_the_variables_that_took_part_are_known():
    assert Interpolated("${A} ${C} ${NO:-${EMPTY}}", ENVIRON).values.keys() == {"A", "C", "EMPTY", "NO"}


def test_a_value_may_have_as_many_references_and_characters_as_the_page_says():
    assert Interpolated("${A}" * 1_000, ENVIRON).text == "1" * 1_000
    assert Interpolated("x" * 65_535 + "${A}", ENVIRON).text == "x" * 65_535 + "1"
    assert Interpolated("${A}" + "x" * 65_535, ENVIRON).text == "1" + "x" * 65_535
