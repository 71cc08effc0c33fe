"""Suggest known words that are close to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable

_LIKE = 0.85  # at least as much as heath_check is like health_check
_MAX_EXTRA = 2  # letters by which a misspelt name may be longer or shorter


def closest(word: object, known: Iterable[str], n: int = 1, likeness: float = 0.6) -> list[str]:
    """Return up to ``n`` of the known words that resemble ``word``, the best match first.

    ``likeness`` is between 0 for all words and 1 for none but the word itself.

    >>> closest("computs", ["compute", "catalog"])
    ['compute']
    """
    # Misspelt words are rare, and difflib takes longer to import than most commands take to run.
    from difflib import get_close_matches

    return get_close_matches(str(word), list(known), n, likeness)


def meant(name: str, hooks: Iterable[str]) -> list[str]:
    """Return the hook that a method of another name is most likely meant to be, as a list of one; or an empty list.

    >>> meant("heath_check", ["startup", "health_check"]), meant("health", ["startup", "health_check"])
    (['health_check'], [])
    """
    # Few names come as far as difflib.
    like = [hook for hook in hooks if abs(len(hook) - len(name)) <= _MAX_EXTRA and len({*hook} ^ {*name}) <= _MAX_EXTRA]
    return closest(name, like, likeness=_LIKE) if like else []
