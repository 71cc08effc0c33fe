import pytest

from floe_plugins.configuration.interpolation import InterpolationError, interpolate

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
        ("${B} ${C}", "x1y x1yx1y"),
        ("${ODD}", "p${w"),
        ("${NESTED}", "d"),
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
            interpolate(text, ENVIRON)
    else:
        assert interpolate(text, ENVIRON).text == result


def test_a_missing_variable_is_named_with_what_to_do():
    with pytest.raises(InterpolationError) as caught:
        interpolate("${NO}", {})
    assert caught.value.message == "the environment variable NO is not set"
    assert caught.value.hint == "Set it, or write ${NO:-default}"


def test_a_variable_that_misses_another_is_named_too():
    with pytest.raises(InterpolationError, match="variable NO, which A refers to, is not set"):
        interpolate("${A}", {"A": "${NO}"})


def test_a_cycle_is_shown():
    with pytest.raises(InterpolationError, match="in a cycle: B -> C -> B"):
        interpolate("${A}", {"A": "${B}", "B": "${C}", "C": "${B}"})


def test_references_that_multiply_without_end_are_stopped():
    environ = {f"V{level}": f"${{V{level + 1}}}" * 10 for level in range(30)} | {"V30": "x" * 10}
    with pytest.raises(InterpolationError, match="longer than 65536 characters"):
        interpolate("${V0}", environ)


def test_a_chain_without_end_is_stopped():
    with pytest.raises(InterpolationError, match="deeper than 32"):
        interpolate("${V0}", {f"V{level}": f"${{V{level + 1}}}" for level in range(100)})


@pytest.mark.parametrize("text", ["${A:-" * 20_000, "${" * 50_000, "${NO:-{{{{" * 10_000])
def test_malformed_texts_of_any_length_are_refused_at_once(text):
    with pytest.raises(InterpolationError):
        interpolate(text, {"A": "1"})


@pytest.mark.parametrize(("text", "whole"), [("${A}", True), ("${NO:-x}", True), ("${A} ", False), ("$${A}", False)])
def test_it_is_known_whether_a_text_is_one_reference_alone(text, whole):
    assert interpolate(text, {"A": "1"}).whole is whole


def test_the_variables_that_took_part_are_known():
    assert interpolate("${A} ${C} ${NO:-${EMPTY}}", ENVIRON).values.keys() == {"A", "B", "C", "EMPTY", "NO"}
