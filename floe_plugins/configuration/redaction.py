"""Recognize secret values and redact them from texts."""

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

# Secrets in a text that are recognizable without a name. The group "s" is the secret part. The lookbehinds
# keep the search linear: without them, long texts would be searched again from each character.
_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
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
    """Return whether a field, key or variable with this name contains a secret.

    >>> is_secret_name("apiKey"), is_secret_name("keyboard")
    (True, False)
    """
    text = str(name)
    words = [word.lower() for word in _WORD.findall(text)]
    if _CONTAINS.search("_".join(words)) or _CONTAINS.search("".join(words)):
        return True
    return any(word in _SECRET_WORDS or word.endswith("key") for word in words)


def find_secret_patterns(text: str) -> list[str]:
    """Find passwords in URLs, private keys and known kinds of tokens in a text.

    >>> find_secret_patterns("postgresql://app:hunter2@db/app")
    ['app:hunter2']
    """
    if len(text) < 4:  # noqa: PLR2004 shorter than any secret that a pattern finds
        return []
    return [
        found for pattern in _PATTERNS for match in pattern.finditer(text) if (found := match["s"]) and found != MASK
    ]


def redact_patterns(text: str) -> str:
    """Mask everything in a text that ``find_secret_patterns`` finds."""
    for part in sorted(find_secret_patterns(text), key=len, reverse=True):
        text = text.replace(part, MASK)
    return text


def redact_text(message: str, secrets: Iterable[str]) -> str:
    """Mask secrets in a message, also where they are quoted, truncated or in another case.

    Every run of at least six characters of a secret is masked, and its first four
    characters at the beginning of a word. A secret of less than six characters is masked as a
    whole, and one of less than four characters only if it is a word of its own.

    >>> redact_text("cannot log in with 'HUNTER2-PROD'", ["hunter2-prod"])
    "cannot log in with '***'"
    """
    lowered = message.lower()
    if len(lowered) != len(message):  # lower case changed the length, so positions would not match
        lowered = message
    hidden = bytearray(len(message))
    for secret in {secret.lower() for secret in secrets if secret}:
        for start, end in _find_fragments(lowered, secret):
            hidden[start:end] = b"\1" * (end - start)
    pieces: list[str] = []
    position = 0
    for run in re.finditer(b"\1+", bytes(hidden)):
        pieces += [message[position : run.start()], MASK]
        position = run.end()
    return redact_patterns("".join(pieces) + message[position:])


_MIN_FRAGMENT = 4
# Shorter parts of a secret are likely to be ordinary words or years.
_FRAGMENT_LENGTH = 6


def _find_fragments(message: str, secret: str) -> Iterable[tuple[int, int]]:
    if len(secret) < _MIN_FRAGMENT:
        for match in re.finditer(rf"(?<!\w){re.escape(secret)}(?!\w)", message):
            yield match.span()
        return
    length = min(len(secret), _FRAGMENT_LENGTH)
    fragments = {secret[at : at + length] for at in range(len(secret) - length + 1)}
    for at in range(len(message) - length + 1):
        if message[at : at + length] in fragments:
            yield at, at + length
    for match in re.finditer(rf"(?<!\w){re.escape(secret[:_MIN_FRAGMENT])}", message):
        yield match.span()


_WITHHELD = "(withheld: the secrets in the plugin's configuration cannot be determined)"


def redact(value: Any, model: object) -> Any:
    """Mask a model's secrets in ``value``, which may be a text, or mappings and lists of texts.

    Secrets are values of ``SecretStr`` and ``SecretBytes``, of fields with a secret name, and
    passwords in URLs. If the model cannot be read, the whole value is withheld.
    """
    if model is None:
        return value
    try:
        secrets = frozenset(_secrets(model, secret=False))
    except Exception:  # noqa: BLE001 the model is the plugin's code
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
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from _secrets(item, secret=secret)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _secrets(item, secret=secret or is_secret_name(key))
    elif hasattr(type(value), "model_fields"):  # dict(value) would call a field with the name "keys"
        yield from _secrets(dict(iter(value)), secret=secret)
    else:
        for text in scalar_texts(value):
            yield from ([text] if secret else find_secret_patterns(text))


def scalar_texts(value: Any) -> list[str]:
    """Return the texts that may represent a scalar in a message; none for None and booleans.

    The value of a ``SecretStr`` or ``SecretBytes`` is revealed.
    """
    reveal = getattr(value, "get_secret_value", None)
    value = reveal() if callable(reveal) else value
    if value is None or isinstance(value, bool):
        return []
    if isinstance(value, bytes):
        return [value.decode(errors="replace"), value.hex()]
    return [safe_str(value)]
