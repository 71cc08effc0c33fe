"""Suggest known words that are close to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: object, known: Iterable[str], n: int = 1, likeness: float = 0.6) -> list[str]:
    """Return up to ``n`` of the known words that resemble ``word``, the best match first.

    ``likeness`` is between 0 for all words and 1 for none but the word itself.

    >>> closest("computs", ["compute", "catalog"])
    ['compute']
    """
    # Misspelt words are rare, and difflib takes longer to import than most commands take to run.
    from difflib import get_close_matches

    return get_close_matches(str(word), list(known), n, likeness)
