"""Tokens: invalid ones made from a valid one, and what can be read from a JSON Web Token without keys."""

from __future__ import annotations

import base64
import json
from typing import Any

MALFORMED = ("", " ", "garbage", "a.b.c", "..", "nul\0byte", "ключ", "x" * 10_000)
# RFC 7518: what only the owner of a key may know.
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


def header_of(token: str) -> dict[str, Any] | None:
    """Return the header of a JSON Web Token (RFC 7519), or None if the text is none."""
    return _part(token, 0)


def claims_of(token: str) -> dict[str, Any] | None:
    """Return the claims of a JSON Web Token, or None if the text is none."""
    return _part(token, 1)


def unsigned(token: str, algorithm: str) -> str:
    """Return a JSON Web Token with the claims of another and no signature."""
    header = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode()).decode()
    return f"{header.rstrip('=')}.{token.split('.')[1]}."


def _part(token: str, place: int) -> dict[str, Any] | None:
    """The header (0) or the claims (1)."""
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 header, claims, signature
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[place] + "=" * (-len(parts[place]) % 4)))
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def places(token: str) -> list[int]:
    """Return places of characters that count: the last ones of a part may have bits that do not."""
    parts = token.split(".")
    starts = [sum(len(part) + 1 for part in parts[:number]) for number in range(len(parts))]
    return [start + len(part) // 2 for start, part in zip(starts, parts, strict=True) if part]
