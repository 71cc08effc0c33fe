"""Patterns of secrets in texts: passwords in URLs, private keys, tokens of known services."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from floe_plugins.configuration.redaction.names import is_secret_name, words

MASK = "***"

Span = tuple[int, int]


class _Form(NamedTuple):
    """One form of secrets.

    Attributes:
        hints: Texts in lower case, one of which is in every text that has a secret of this form.
        pattern: What is looked for then. The group ``s`` is the secret.
    """

    hints: Collection[str]
    pattern: re.Pattern[str]


# What stands behind "token:" in messages about tokens.
_PROSE = words(
    "bearer basic token digest negotiate apikey none null true false required missing invalid expired expected empty "
    "not must str string unknown is field the a an was has value type unset set int input"
)
_EXTRA_NAMES = frozenset({"sig", "signature", "sharedaccesssignature"})


# A lookbehind, or a bound on the length, keeps each search linear in texts of any length.
_FORMS = (
    _Form(
        ("://",),
        re.compile(
            r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,40}://"
            r"(?P<s>(?!\[)[^\s/?#@:]*:(?:[^\s/?#]{0,500}(?=@)|(?!\d{1,5}[/?#])[^\s@\"'<>,;]{0,200}(?=@))|"
            r"[^\s/?#@:]{16,}(?=@))",
            re.IGNORECASE,
        ),
    ),
    _Form(
        ("authorization",),
        re.compile(
            r"authorization[\"']?\s{0,8}[=:]\s{0,8}[\"']?"
            r"(?:basic|bearer|token|digest|negotiate|apikey|aws4\S{0,20})\s{1,8}"
            r"(?P<s>[^\s\"',;]+)",
            re.IGNORECASE,
        ),
    ),
    _Form(("bearer",), re.compile(r"\bbearer\s{1,8}(?!(?:token|auth)\w*\b)(?P<s>[\w.~+/=-]{6,})", re.IGNORECASE)),
    _Form(("basic",), re.compile(r"\b[Bb]asic\s{1,8}(?=[a-z]*[A-Z0-9+/=])(?P<s>[\w.~+/=-]{6,})")),
    _Form(
        ("private key",),
        re.compile(
            r"(?P<s>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?"
            r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z))",
            re.DOTALL,
        ),
    ),
    _Form(("eyj",), re.compile(r"(?<![\w-])(?P<s>eyJ(?:[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?|rIjoi[\w+/=-]{12,}))")),
    _Form(("akia", "asia"), re.compile(r"\b(?P<s>(?:AKIA|ASIA)[A-Z0-9]{12,})\b")),
    _Form(
        ("aws", "secret", "access", "akia"),
        re.compile(
            r"(?i:aws|secret|access|akia)[^\n]{0,60}?(?<![\w/+=])(?![0-9a-f]{40}\b)(?P<s>[A-Za-z0-9/+]{40})(?![\w/+=])"
        ),
    ),
    _Form(
        ("hooks.slack.com/", "/api/webhooks/"),
        re.compile(
            r"(?:hooks\.slack\.com/(?:services|workflows|triggers)/|/api/webhooks/)(?P<s>[\w/-]{8,})", re.IGNORECASE
        ),
    ),
    _Form(
        words(
            "ghp_ gho_ ghu_ ghs_ ghr_ _pat_ glpat- xox pypi- aiza npm_ hf_ dapi sg. gls glc_ k_live k-live k_test "
            "k-test"
        ),
        re.compile(
            r"\b(?P<s>gh[pousr]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{8,}|"
            r"[spr]k[-_](?:live|test)[-_][\w-]{8,}|pypi-[\w-]{16,}|AIza[\w-]{30,}|npm_\w{16,}|hf_\w{16,}|"
            r"dapi[0-9a-f]{16,}|SG\.[\w-]{16,}\.[\w-]{16,}|glsa_\w{16,}|glc_[\w+/=]{16,})"
        ),
    ),
    _Form(("sk-", "sk_", "rk-", "rk_"), re.compile(r"\b(?P<s>[sr]k[-_](?=[A-Za-z_-]{0,80}\d)[\w-]{12,})")),
)


def find_spans(text: str, lowered: str) -> Iterator[tuple[Span, str]]:
    """Yield the position of each secret in a text, and the secret part of it.

    Args:
        text: The text.
        lowered: The text in lower case; it only decides which patterns are tried.
    """
    for form in _FORMS:
        if any(hint in lowered for hint in form.hints):
            for match in form.pattern.finditer(text):
                if match["s"].strip("*"):
                    yield match.span("s"), match["s"]
    if "=" in text or ":" in text:
        yield from _find_named(text, lowered)


# One of these is in every secret name.
_NAME_HINTS = words(
    "pass pw pswd secret token key cred auth sig pin otp cookie dsn seed salt sas jwt bearer mnemonic cvv conn "
    "recovery code pem _pat -pat"
)
_NAME = re.compile(r"(?<![\w.-])([a-z_][\w.-]{1,63})(?:\\?[\"'])?\s{0,8}[=:]\s{0,8}", re.IGNORECASE)
_VALUE = re.compile(r"(?P<q>\\?[\"'])(?P<quoted>(?:(?!(?P=q))[^\n\r])+)|(?P<bare>[^\s\"'&;,)\]}]+)")


_NAME_LENGTH = 64

# What names a plugin, such as "secrets:env", is no secret: the category, a colon, and words with hardly a digit.
_CATEGORY = "secrets"
_REFERENCE = re.compile(
    r":(?:[a-z]{1,30}\d{0,3}|\d{1,3})(?:[-_](?:[a-z]{1,30}\d{0,3}|\d{1,3})){0,6}(?:\.[a-z_]{1,30}){0,6}"
    r"(?=[\s\"'`,;)\]}!?\\]|[.:](?!\w)|(?:[<>]|[<>!~=]=)\s{0,2}\d{1,4}(?:[.\s,)]|\Z)|\Z)"
)


def _find_named(text: str, lowered: str) -> Iterator[tuple[Span, str]]:
    """Yield the values behind secret names, as in ``password=...`` and ``"password": "..."``."""
    end = 0
    for match in _named(text, lowered):
        name = match[1]
        if match.start() < end or not (name.lower() in _EXTRA_NAMES or is_secret_name(name)):
            continue
        if name == _CATEGORY and _REFERENCE.match(text, match.end(1)):
            continue
        value = _VALUE.match(text, match.end())
        if value is not None:
            group = "quoted" if value["quoted"] else "bare"
            end = value.end()
            if value[group].strip("*") and value[group].strip(".").lower() not in _PROSE:
                yield value.span(group), value[group]


def _named(text: str, lowered: str) -> Iterator[re.Match[str]]:
    """Yield the names with a separator behind them that may be secret."""
    if len(text) != len(lowered):
        yield from _NAME.finditer(text)
        return
    starts: set[int] = set()
    for hint in _NAME_HINTS:
        at = lowered.find(hint)
        while at >= 0:
            start, first = at, max(0, at - _NAME_LENGTH)
            while start > first and (lowered[start - 1].isalnum() or lowered[start - 1] in "_.-"):
                start -= 1
            starts.add(start)
            at = lowered.find(hint, at + len(hint))
    for start in sorted(starts):
        match = _NAME.match(text, start)
        if match is not None:
            yield match


def find_secret_patterns(text: str) -> list[str]:
    """Find passwords in URLs, private keys and known kinds of tokens in a text.

    >>> find_secret_patterns("postgresql://app:hunter2@db/app")
    ['app:hunter2']
    """
    return [found for _, found in find_spans(text, text.casefold())] if len(text) >= _SHORTEST else []


_SHORTEST = 6
_LONG_SEGMENT = 16

_PEM_LINE = re.compile(r"-{4,}[^-\n]{0,80}-{4,}")
_SCHEME = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]{0,40}://|(?:bearer|basic|token|digest)\s+)", re.IGNORECASE)
_PAIRS = re.compile(r"^\s*[\w .-]{1,40}=[^=;]*(?:;\s*[\w .-]{1,40}=[^;]*)+;?\s*$")


def secret_parts(text: str) -> list[str]:
    """Split a secret into the parts of which no trace may be left, without what such texts have in common.

    That is the frame around a private key, a URL's scheme, the word ``Bearer`` and the names in a connection string:
    masking these wherever they occur would destroy messages that have nothing to do with the secret.

    >>> secret_parts("Server=db1;Password=hunter2")
    ['db1', 'hunter2']
    """
    if "-----" in text:
        return [part for part in _PEM_LINE.split(text) if part.strip()] or [text]
    if "=" in text and _PAIRS.match(text):
        return [value for pair in text.split(";") if (value := pair.partition("=")[2].strip())]
    rest = _SCHEME.sub("", text)
    return _url_parts(rest) if "://" in text[: len(text) - len(rest)] else [rest or text]


def _url_parts(rest: str) -> list[str]:
    """The password of a URL and its long segments, such as those of a webhook; all of it if there are none."""
    login, at, place = rest.rpartition("@")
    parts = [login.partition(":")[2] or login] if at else []
    parts += [part for part in re.split(r"[/?&=#]", place)[1:] if len(part) >= _LONG_SEGMENT]
    return parts or [rest]


def found_parts(found: str) -> list[str]:
    """Return what of a secret that was found by its form must not be repeated elsewhere: no user names."""
    user, colon, password = found.partition(":")
    if colon and password and not re.search(r"[\s-]", user):
        return [password]
    return secret_parts(found)


# Values of fields that are secret by their name alone, but say where or how instead of what.
_WORDS = words(
    "none null true false yes no on off default required optional basic bearer token digest random environment env "
    "keyring session kerberos oauth oauth2 anonymous password secret file auto enabled disabled vault prompt stdin "
    "credentials username user"
)
_PATH = re.compile(r"(?:~|\.{0,2})/(?:[\w.-]+/)*[\w-]+\.\w{1,5}")


def is_ordinary(text: str, *, by_name: bool) -> bool:
    """Return whether a value must not be masked inside of texts: it is a word or a number that occurs everywhere.

    >>> is_ordinary("None", by_name=False), is_ordinary("5432", by_name=False), is_ordinary("hunter2", by_name=False)
    (True, True, False)
    """
    plain = text.strip().casefold()
    if plain in {"none", "null", "true", "false"} or (len(plain) < _DIGITS and _NUMBER.fullmatch(plain)):
        return True
    return by_name and (plain in _WORDS or _PATH.fullmatch(plain) is not None)


_DIGITS = 6
_NUMBER = re.compile(r"[-+.\d]+")
