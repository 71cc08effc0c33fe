"""Which values are secret, and how to show a text without them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from floe_plugins.core.safe_text import safe_str

MASK = "***"

_CONTAINS = re.compile(
    r"passw|passphrase|pass_?phrase|secret|token|credential|dsn|authorization|cookie|private|connection_?string|conn_?str"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_SECRET_WORDS = ("key", "keys", "pwd", "pass", "auth", "pin", "otp", "jwt", "sas", "salt")

# What is secret in a text whatever its name: each group "s" is the part to hide. What may be long begins
# where nothing of its kind stands before, or a text of a megabyte would be searched from each of its letters.
_FORMS = tuple(
    re.compile(form, re.IGNORECASE | re.DOTALL)
    for form in (
        r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*://(?P<s>[^\s/?#@:]*:[^\s/?#]*|[^\s/?#@:]{16,})@",
        (
            r"(?:passw(?:or)?d|passphrase|pwd|pass|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|"
            r"shared[_-]?access[_-]?key|signature|sig|credentials?|auth)[\"']?\s*[=:]\s*[\"']?(?P<s>[^\s\"'&;,]+)"
        ),
        r"\b(?:bearer|basic)\s+(?P<s>[\w.~+/=-]{6,})",
        r"(?P<s>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))",
        r"(?<![\w-])(?P<s>eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?)",
        r"\b(?P<s>(?:AKIA|ASIA)[A-Z0-9]{12,})\b",
        (
            r"\b(?P<s>gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{8,}|"
            r"(?:sk|pk|rk)[-_][\w-]{12,}|pypi-[\w-]{16,}|AIza[\w-]{30,}|npm_\w{16,}|hf_\w{16,}|dapi[0-9a-f]{16,})"
        ),
    )
)


def is_secret_name(name: object) -> bool:
    """Whether a field, key or variable of this name holds a secret."""
    text = str(name)
    words = [word.lower() for word in _WORD.findall(text)]
    if _CONTAINS.search("_".join(words)) or _CONTAINS.search("".join(words)):
        return True
    return any(word in _SECRET_WORDS or word.endswith("key") for word in words)


def find_secret_patterns(text: str) -> list[str]:
    """What is secret in a text by its form: a password in a URL, a private key, a known kind of token."""
    if len(text) < 4:  # noqa: PLR2004 shorter than any form
        return []
    return [found for form in _FORMS for match in form.finditer(text) if (found := match["s"]) and found != MASK]


def redact_patterns(text: str) -> str:
    """``text`` with its secret parts masked."""
    for part in sorted(find_secret_patterns(text), key=len, reverse=True):
        text = text.replace(part, MASK)
    return text


def redact_text(message: str, secrets: Iterable[str]) -> str:
    """A foreign message without any trace of the secrets, be they quoted, cut or in other case.

    Every run of six characters or more that a secret has too is masked, and its first
    four where a word begins with them; of a shorter secret the whole, one below four
    characters where it stands as a word.
    """
    lowered = message.lower()
    if len(lowered) != len(message):  # some letters' lower case is longer: positions would not match
        lowered = message
    hidden = bytearray(len(message))
    for secret in {secret.lower() for secret in secrets if secret}:
        for start, end in _traces(lowered, secret):
            hidden[start:end] = b"\1" * (end - start)
    pieces: list[str] = []
    position = 0
    for run in re.finditer(b"\1+", bytes(hidden)):
        pieces += [message[position : run.start()], MASK]
        position = run.end()
    return redact_patterns("".join(pieces) + message[position:])


_SHORTEST = 4
# Shorter pieces of a secret are words of other texts too ("secret", "test", a year).
_TELLING = 6


def _traces(message: str, secret: str) -> Iterable[tuple[int, int]]:
    if len(secret) < _SHORTEST:
        for match in re.finditer(rf"(?<!\w){re.escape(secret)}(?!\w)", message):
            yield match.span()
        return
    length = min(len(secret), _TELLING)
    fragments = {secret[at : at + length] for at in range(len(secret) - length + 1)}
    for at in range(len(message) - length + 1):
        if message[at : at + length] in fragments:
            yield at, at + length
    for match in re.finditer(rf"(?<!\w){re.escape(secret[:_SHORTEST])}", message):
        yield match.span()


_WITHHELD = "(withheld, since its configuration does not let its secrets be told from the rest)"


def redact(value: Any, model: object) -> Any:
    """``value`` with every trace of the model's secrets masked, in texts at any depth of mappings and lists.

    Secrets are values of ``SecretStr`` and ``SecretBytes``, of fields whose name says so, and
    passwords in URLs. Of a model that cannot be read, nothing is known to be harmless: all is withheld.
    """
    if model is None:
        return value
    try:
        secrets = frozenset(_secrets(model, secret=False))
    except Exception:  # noqa: BLE001 the model is the plugin's own
        return _WITHHELD if isinstance(value, str) else {}
    return _redacted(value, secrets)


def _redacted(value: Any, secrets: frozenset[str]) -> Any:
    if not secrets:
        return value
    if isinstance(value, str):
        return redact_text(value, secrets)
    if isinstance(value, Mapping):
        return {key: _redacted(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted(item, secrets) for item in value]
    return value


def _secrets(value: Any, *, secret: bool) -> Iterator[str]:
    reveal = getattr(value, "get_secret_value", None)
    if callable(reveal):
        yield from _secrets(reveal(), secret=True)
    elif isinstance(value, bytes):
        yield from _secrets(value.decode(errors="replace"), secret=secret)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _secrets(item, secret=secret)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets(item, secret=secret or is_secret_name(key))
    elif hasattr(type(value), "model_fields"):  # dict(value) would call a field named "keys"
        yield from _secrets(dict(iter(value)), secret=secret)
    elif value is not None and not isinstance(value, bool):
        text = safe_str(value)
        yield from ([text] if secret else find_secret_patterns(text))
