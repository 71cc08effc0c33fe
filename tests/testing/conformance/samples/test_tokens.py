from __future__ import annotations

from floe_plugins.testing.conformance.samples.tokens import claims_of, header_of, places, unsigned

# {"alg": "HS256"}, {"sub": "ada"} and a signature.
TEXT = "eyJhbGciOiAiSFMyNTYifQ.eyJzdWIiOiAiYWRhIn0.c2lnbmF0dXJl"


def test_the_header_and_the_claims_of_a_token_are_read_without_keys() -> None:
    assert header_of(TEXT) == {"alg": "HS256"}
    assert claims_of(TEXT) == {"sub": "ada"}


def test_a_text_that_is_no_token_has_neither() -> None:
    for text in ("", "opaque", "a.b.c", "W10.W10.c2ln"):
        assert header_of(text) is None
        assert claims_of(text) is None


def test_an_unsigned_token_has_the_same_claims() -> None:
    assert unsigned(TEXT, "none").endswith(".")
    assert header_of(unsigned(TEXT, "none")) == {"alg": "none", "typ": "JWT"}
    assert claims_of(unsigned(TEXT, "none")) == {"sub": "ada"}


def test_there_is_a_place_in_each_part_of_a_token() -> None:
    assert [TEXT[:place].count(".") for place in places(TEXT)] == [0, 1, 2]
    assert places("opaque") == [3]
