"""Suggest known words that are close to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: object, known: Iterable[str], n: int = 1) -> list[str]:
    """Return up to ``n`` of the known words that resemble ``word``, the best match first.

    >>> closest("computs", ["compute", "catalog"])
    ['compute']
    """
    # Misspelt words are rare, and difflib takes longer to import than most commands take to run.
    from difflib import get_close_matches

    return get_close_matches(str(word), list(known), n)
