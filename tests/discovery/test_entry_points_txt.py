from __future__ import annotations

import importlib.metadata
import time

import pytest

from floe_plugins import PluginRef
from floe_plugins.discovery import entry_points_txt


def messages(data: bytes) -> list[str]:
    return [str(mistake) for mistake in entry_points_txt.parse(data).errors]


def values(data: bytes) -> dict[str, str]:
    return {str(entry.ref): entry.value for entry in entry_points_txt.parse(data).entries}


def test_entries_of_all_our_groups_are_read_and_of_no_other() -> None:
    data = b"[floe.computes]\na = m:A\n[console_scripts]\nb = m:B\n[floe.dbt]\nc = m:C\n"
    assert values(data) == {"compute:a": "m:A", "dbt:c": "m:C"}


@pytest.mark.parametrize(
    "data",
    [
        b"  [floe.computes]  \n\n # comment\n  a   =   m:A  \n",
        b"[floe.computes]\r\na = m:A\r\n",
        b"[floe.computes]\ra = m:A",
        b"[floe.storage]\nb = m:B\n[floe.computes]\na=m:A\n",
        b"[floe.computes]\n[floe.computes]\na = m:A\n",
    ],
)
def test_spaces_comments_and_line_ends_make_no_difference(data: bytes) -> None:
    assert values(data)["compute:a"] == "m:A"


def test_extras_stay_in_the_value_as_importlib_metadata_leaves_them() -> None:
    assert values(b"[floe.computes]\na = m.n:A.B [x, y]\n") == {"compute:a": "m.n:A.B [x, y]"}


def test_a_group_that_stands_twice_is_read_twice() -> None:
    data = b"[floe.computes]\na = m:A\n[floe.dbt]\nb = m:B\n[floe.computes]\nc = m:C\na = m:Other\n"
    assert [str(entry.ref) for entry in entry_points_txt.parse(data).entries] == [
        "compute:a",
        "dbt:b",
        "compute:c",
        "compute:a",
    ]


@pytest.mark.parametrize(
    ("data", "line", "said", "fatal"),
    [
        (b"[floe.computes]\n\nnonsense\n", 3, "no '=' in 'nonsense'", True),
        (b"[floe.computes]\na = m:\xff\n", 2, "bytes that are not UTF-8", True),
        (b"[floe.computes]\n# \xff\n", 2, "bytes that are not UTF-8", True),
        (b"[console_scripts]\nbroken\n", 2, "no '=' in 'broken'", True),
        (b"[floe.computes]\na =\n", 2, "a has an empty value", False),
        (b"[floe.computes]\na = not a : value :\n", 2, "'not a : value :' is not module:Class", False),
        (b"[floe.computes]\nUpper = m:A\n", 2, "'Upper' is not a plugin name", False),
        (b"[floe.computes]\na__b = m:A\n", 2, "'a__b' is not a plugin name", False),
        (b"[floe.computes]\n= m:A\n", 2, "'' is not a plugin name", False),
        (b"[floe.computes]\n", 1, "the group floe.computes is empty", False),
        (b"[floe.computes]\n[floe.dbt]\nb = m:B\n", 1, "the group floe.computes is empty", False),
        (b"[]\na = m:A\n", 1, "a group without a name", False),
        (b"[floe.compute]\na = m:A\n", 1, "'floe.compute' is not a plugin group", False),
        (b"[ floe.computes ]\na = m:A\n", 1, "' floe.computes ' is not a plugin group", False),
        (b"\xef\xbb\xbf[floe.computes]\na = m:A\n", 1, "a byte order mark hides the first group", False),
        (b"floe.computes\n", 1, "'floe.computes' is not in a group", False),
        (b"a = m:A\n[floe.computes\nb = m:B\n", 2, "'[floe.computes' is not in a group", False),
    ],
)
def test_each_mistake_is_named_with_its_line_and_whether_others_fall_over_it(
    data: bytes, line: int, said: str, *, fatal: bool
) -> None:
    parsed = entry_points_txt.parse(data)
    assert f"line {line}: {said}" in messages(data)[0]
    assert parsed.fatal is fatal
    assert all(mistake.hint for mistake in parsed.errors)


def test_a_misspelt_group_is_told_the_right_one() -> None:
    assert entry_points_txt.parse(b"[floe.computers]\na = m:A\n").errors[0].hint == "Did you mean floe.computes?"


def test_a_wrong_line_takes_no_other_line_with_it() -> None:
    data = b"[floe.computes]\na = m:A\nnonsense\n\xff = m:B\nc =\nd = m:D\n"
    assert values(data) == {"compute:a": "m:A", "compute:d": "m:D"}
    assert len(messages(data)) == 3


def test_a_mistake_in_an_entry_knows_whose_it_is() -> None:
    assert entry_points_txt.parse(b"[floe.computes]\na =\n").errors[0].ref == PluginRef.parse("compute:a")


def test_ten_thousand_mistakes_are_not_ten_thousand_records() -> None:
    parsed = entry_points_txt.parse(b"[floe.computes]\n" + b"A = m:A\n" * 10_000 + b"fatal\n")
    assert len(parsed.errors) < 25
    assert parsed.fatal


def test_a_long_line_is_not_repeated_whole() -> None:
    def quoted(length: int) -> str:
        return messages(b"[floe.computes]\n" + b"x" * length)[0].partition("no '=' in ")[2]

    assert quoted(60) == repr("x" * 60)
    assert quoted(61) == quoted(100_000) == repr("x" * 60 + "...")


def test_an_unknown_group_is_told_with_all_groups_unless_one_is_similar() -> None:
    [mistake] = entry_points_txt.parse(b"[floe.qwqwqwqw]\n").errors
    assert mistake.hint.startswith("The groups are floe.computes, floe.")
    assert "{" not in mistake.hint


def test_each_empty_group_is_told_also_after_one_with_entries() -> None:
    data = b"[floe.computes]\na = m:A\n[floe.storage]\n[floe.secrets]\n"
    assert messages(data) == [
        "entry_points.txt, line 3: the group floe.storage is empty",
        "entry_points.txt, line 4: the group floe.secrets is empty",
    ]


def test_of_very_many_entries_at_least_one_more_than_allowed_is_returned_and_not_all() -> None:
    parsed = entry_points_txt.parse(b"[floe.computes]\n" + b"a = m:A\n" * 10_000)
    assert entry_points_txt.MAX_ENTRIES < len(parsed.entries) < 10_000


def test_twenty_mistakes_are_listed_and_that_there_are_more() -> None:
    def told(count: int) -> list[str]:
        return messages(b"[floe.computes]\n" + b"A = m:A\n" * count)

    assert len(told(20)) == 20
    assert "more errors follow" not in told(20)[-1]
    assert len(told(21)) == len(told(50)) == 21
    assert told(21)[-1] == "entry_points.txt, line 22: more errors follow"


@pytest.mark.parametrize(
    "data",
    [b"[a]\nb = c\n\n# d\n", b"", b"[a]\nb=c=d\n", "[a]\nö = ü\n".encode()],
)
def test_what_is_called_sound_is_well_formed(data: bytes) -> None:
    assert entry_points_txt.is_well_formed(data)
    assert not entry_points_txt.parse(data).fatal


@pytest.mark.parametrize(
    "data", [b"[a]\nb\n", b"[a]\n[b\n", b"[a]\nb]\n", b"\xff", b"[a]\nb = c\x0cd\n", "[a]\nb = c\u2028d\n".encode()]
)
def test_what_importlib_metadata_falls_over_is_not_called_sound(data: bytes) -> None:
    assert entry_points_txt.is_well_formed(data) is False
    assert entry_points_txt.parse(data).fatal


@pytest.mark.parametrize(
    ("value", "module", "attribute"),
    [("m", "m", ""), ("a.b:C", "a.b", "C"), ("a.b : C.D [x]", "a.b", "C.D"), ("m [x]", "m", "")],
)
def test_a_value_names_a_module_and_an_attribute_as_for_importlib_metadata(
    value: str, module: str, attribute: str
) -> None:
    standard = importlib.metadata.EntryPoint("n", value, "g")
    assert entry_points_txt.parse_value(value) == (module, attribute) == (standard.module, standard.attr or "")


@pytest.mark.parametrize("value", ["", "a b", "a:b:c", ":c", "a:", "a-b:c", "a:b [x", "a:b [x] y"])
def test_a_value_of_another_form_names_nothing(value: str) -> None:
    assert entry_points_txt.parse_value(value) is None


def test_many_unknown_groups_are_read_at_once() -> None:
    begun = time.process_time()
    parsed = entry_points_txt.parse("".join(f"[floe.secrat{number}]\n" for number in range(50_000)).encode())
    assert time.process_time() - begun < 60
    assert len(parsed.errors) == 21
