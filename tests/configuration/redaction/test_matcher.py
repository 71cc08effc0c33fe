import pytest
from hypothesis import given
from hypothesis import strategies as st

from floe_plugins.configuration.redaction.matcher import ENCODED_RUN, MIN_LENGTH, RUN, Matcher
from floe_plugins.configuration.redaction.patterns import MASK


@pytest.mark.parametrize(
    ("message", "secret", "left"),
    [
        ("cannot use 'hunter2'", "hunter2", "cannot use '***'"),
        ("cannot use HUNTER2!", "hunter2", "cannot use ***!"),
        ("cut: hunter... and more", "hunter2", "cut: ***... and more"),
        ("cut: hunt... and more", "hunter2", "cut: ***... and more"),
        ("cut: hunte... and more", "hunter2", "cut: ***... and more"),
        ("hunt...", "hunter2", "***..."),
        ("cut: xhunt... and xhunte...", "hunter2", "cut: xhunt... and xhunte..."),
        ("cut: hunx... and hun...", "hunter2", "cut: hunx... and hun..."),
        ("cut: hunt\N{HORIZONTAL ELLIPSIS}", "hunter2", "cut: ***\N{HORIZONTAL ELLIPSIS}"),
        ("they hunt hunters", "hunter2-prod", "they hunt ***s"),
        ("no match", "hunter2", "no match"),
        ("anything", "", "anything"),
        # One letter that becomes two in lower case moved all that follows.
        ("İstanbul HUNTER2", "hunter2", "İstanbul ***"),
        ("İİİİ Hunter2 İİ", "HUNTER2", "İİİİ *** İİ"),
        ("ßßß STRASSE-42 ß", "straße-42", "ßßß *** ß"),
        ("\N{PILE OF POO}hunter2\N{PILE OF POO}", "hunter2", "\N{PILE OF POO}***\N{PILE OF POO}"),
        ("a \N{PILE OF POO}\N{DIGIT ONE}23456 b", "\N{PILE OF POO}123456", "a *** b"),
        # A secret of four or five characters is masked as a word, a shorter one as a whole text.
        ("RuntimeError: error", "error", "RuntimeError: ***"),
        ("tiger_x tigers (tiger)", "tiger", "***_x tigers (***)"),
        ("pin is 123", "123", "pin is 123"),
        ("123", "123", "***"),
        (" abc ", "abc", "***"),
        (" tige ", "tige", " *** "),
        ("x-abcd y", "-abcd", "x*** y"),
        ("y abcd-x", "abcd-", "y ***x"),
        ("cut: huntx...", "hunter2", "cut: huntx..."),
    ],
)
def test_a_message_loses_every_trace_of_a_secret(message, secret, left):
    assert Matcher([secret]).mask(message) == left


def test_adjacent_traces_become_one_mask():
    assert Matcher(["hunter2", "tiger77"]).mask("hunter2tiger77 hunter2 tiger77") == "*** *** ***"


def test_a_secret_that_is_only_masked_as_a_whole_text():
    matcher = Matcher([], ["default"])
    assert matcher.mask("Default") == MASK
    assert matcher.mask("the default") == "the default"
    assert matcher.finds("default")
    assert not matcher.finds("the default")


def test_a_message_loses_what_is_secret_by_its_form_too():
    assert Matcher([]).mask("cannot reach https://me:hunter2@x.org") == f"cannot reach https://{MASK}@x.org"


letters = st.text("abİßéΣ\N{PILE OF POO}x1 ", max_size=30)


@given(
    letters, st.lists(st.text("abİßéΣ\N{PILE OF POO}x1", min_size=RUN, max_size=12), min_size=1, max_size=5), letters
)
def test_no_run_of_a_secret_is_left_whatever_letters_do_in_lower_case(before, secrets, after):
    matcher = Matcher(secrets)
    left = matcher.mask(f"{before}{secrets[0]}{after}{secrets[-1].upper()}")
    runs = {text[at : at + RUN] for text in map(str.casefold, secrets) for at in range(len(text) - RUN + 1)}
    for piece in left.casefold().split(MASK):
        assert not any(piece[at : at + RUN] in runs for at in range(len(piece) - RUN + 1))


@given(st.text("abcdef ", max_size=60), st.lists(st.text("uvwxyz", min_size=MIN_LENGTH, max_size=12)))
def test_a_text_that_has_nothing_in_common_with_the_secrets_stays_as_it_is(text, secrets):
    assert Matcher(secrets).mask(text) == text


def test_a_text_that_begins_with_the_least_trace_of_an_encoded_secret_is_found():
    matcher = Matcher([], encoded=["Y29ycmVjdC1ob3JzZS1i"])
    assert matcher.finds("Y29ycmVjdC1ob3JzZS1i"[:ENCODED_RUN])
    assert not matcher.finds("Y29ycmVjdC1ob3JzZS1i"[: ENCODED_RUN - 1])


def test_of_short_secrets_that_begin_alike_the_longest_is_masked():
    assert Matcher(["abcd", "abcd-"]).mask("x abcd- y abcd z") == "x *** y *** z"


@pytest.mark.parametrize("secret", ["", "  "])
def test_a_secret_that_is_not_set_masks_nothing(secret):
    for matcher in (Matcher([secret]), Matcher([], [secret])):
        assert [matcher.mask(text) for text in ("", " ", "word")] == ["", " ", "word"]


@pytest.mark.parametrize("secret", ["aaaaaab", "abababab!", "0000000001", "abcabcabcabc!"])
@pytest.mark.parametrize("before", ["", "-", "--", "---"])
def test_nothing_is_left_of_a_secret_that_repeats_itself(secret, before):
    assert Matcher([secret]).mask(f"{before}{secret} is wrong") == f"{before}*** is wrong"


@pytest.mark.parametrize("before", ["", "-", "--", "---"])
@pytest.mark.parametrize("repeated", ["a", "aa", "aaa"])
def test_nothing_is_left_of_a_secret_behind_what_it_begins_with(before, repeated):
    assert Matcher(["aaaaxy"]).mask(f"{before} {repeated}aaaaxy") == f"{before} {repeated}***"
