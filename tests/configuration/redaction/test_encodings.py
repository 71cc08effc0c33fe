"""The forms in which messages repeat a secret."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from floe_plugins.configuration.redaction.collector import Secret
from floe_plugins.configuration.redaction.encodings import LONGEST, SHORTEST, encodings
from floe_plugins.configuration.redaction.patterns import MASK
from floe_plugins.configuration.redaction.redactor import Redactor

ENCODED: dict[str, Callable[[bytes], str]] = {
    "base64": lambda data: base64.b64encode(data).decode(),
    "base64 for URLs": lambda data: base64.urlsafe_b64encode(data).decode(),
    "base64 without padding": lambda data: base64.b64encode(data).decode().rstrip("="),
    "base64 for URLs without padding": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    "hexadecimal": bytes.hex,
    "upper case hexadecimal": lambda data: data.hex().upper(),
}
WRITTEN: dict[str, Callable[[str], str]] = {
    "JSON": json.dumps,
    "JSON with all letters": lambda text: json.dumps(text, ensure_ascii=False),
    "repr": repr,
    "ascii": ascii,
    "bytes": lambda text: repr(text.encode()),
    "a path": quote,
    "a query": quote_plus,
    "a part of a URL": lambda text: quote(text, safe=""),
    "a URL in a URL": lambda text: quote(quote(text, safe="")),
}
# A digit and letters at least, since words and numbers are other cases, and no shorter than SHORTEST.
secrets = st.text("abzABZ019_-äßİΣ日😀'\"\\ /@+~", min_size=2, max_size=40).map(
    lambda text: f"q7{text.strip() or '_'}7qx"
)
around = st.text("abzABZ019:@ ä", max_size=9)


def redact(secret: str, text: str) -> str:
    return Redactor([Secret(secret, "type SecretStr")]).redact(text)


@pytest.mark.parametrize("how", ENCODED)
@settings(max_examples=30)
@given(secrets, around, around)
def test_an_encoded_secret_is_masked_with_all_that_is_encoded_beside_it(
    how: str, secret: str, before: str, behind: str
) -> None:
    encoded = ENCODED[how](f"{before}{secret}{behind}".encode())
    assert redact(secret, f"refused '{encoded}'") == f"refused '{MASK}'"


@pytest.mark.parametrize("how", WRITTEN)
@settings(max_examples=30)
@given(secrets)
def test_no_form_of_writing_leaves_six_characters_of_a_secret(how: str, secret: str) -> None:
    left = redact(secret, f"refused ({WRITTEN[how](secret)})").casefold()
    assert MASK in left
    assert "q7" not in left
    assert "7qx" not in left


@pytest.mark.parametrize("lines", [1, 3, 40])
def test_a_long_secret_is_masked_in_each_line_of_its_encoding(lines: int) -> None:
    secret = "".join(f"{number:03}-Key! " for number in range(lines * 7))
    encoded = base64.encodebytes(f"user:{secret}".encode()).decode()
    assert {*redact(secret, f"sent\n{encoded}").split("\n")} == {"sent", MASK, ""}


@settings(max_examples=30)
@given(secrets, st.text("abcdefghijklmnoprstuvwxyz", max_size=60), st.binary(min_size=20, max_size=20))
def test_words_and_hashes_that_have_nothing_to_do_with_the_secret_stay(secret: str, word: str, digest: bytes) -> None:
    text = f"{word} {digest.hex()} {base64.b64encode(digest).decode()} /data/{word}/x"
    plain = redact("", text)
    assert redact(secret, text) == plain


def test_very_short_and_very_long_secrets_have_no_encodings() -> None:
    assert [*encodings("a" * (SHORTEST - 1))] == []
    assert [*encodings("a" * (LONGEST + 1))] == []
    assert len([*encodings("q7+/~~")]) > 1
