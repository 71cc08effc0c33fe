"""Compare versions that are plain numbers, such as ``1.2``, without importing ``packaging``, which takes long.

Most versions are plain. For all others the answer is that it is not known here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import Any

_MAX_LENGTH = 40

# Longer operators come first: "<" begins "<=". "==1.*" and "~=1.2" are left to packaging.
_COMPARISONS: tuple[tuple[str, Callable[[Any, Any], Any]], ...] = (
    (">=", operator.ge),
    ("<=", operator.le),
    ("==", operator.eq),
    ("!=", operator.ne),
    (">", operator.gt),
    ("<", operator.lt),
)


def release(text: str) -> tuple[int, ...] | None:
    """Return the numbers of a plain version without zeros at the end; None if the version is not plain.

    >>> release("1.20.0"), release("1.0rc1")
    ((1, 20), None)
    """
    parts = text.split(".")
    if len(text) > _MAX_LENGTH or not all(part.isdecimal() and part.isascii() for part in parts):
        return None
    return trimmed(map(int, parts))


def trimmed(numbers: Iterable[int]) -> tuple[int, ...]:
    """Return the numbers of a release without zeros at the end, so that 1.2 and 1.2.0 are equal.

    >>> trimmed([1, 2, 0, 0])
    (1, 2)
    """
    kept = [*numbers]
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


def is_version(text: str) -> bool:
    """Return whether a text is a version (PEP 440), plain or not.

    >>> is_version("1.0rc1"), is_version("one")
    (True, False)
    """
    if release(text) is not None:
        return True
    from packaging.version import Version

    try:
        Version(text)
    except ValueError:  # InvalidVersion, and Python's own limit on digits
        return False
    return True


def meets(version: str, specifier: str) -> bool | None:
    """Return whether a plain version satisfies a specifier; None if either is not plain.

    >>> meets("1.4", ">=1.2, <2"), meets("1.4", ">=2"), meets("1.4", "~=1.2")
    (True, False, None)
    """
    found = release(version)
    clauses = specifier.split(",") if specifier.strip() else []
    answers = [None if found is None else _meets(found, clause.strip()) for clause in clauses]
    return None if found is None or None in answers else all(answers)


def _meets(version: tuple[int, ...], clause: str) -> bool | None:
    for symbol, holds in _COMPARISONS:
        if clause.startswith(symbol):
            bound = release(clause[len(symbol) :].strip())
            return None if bound is None else bool(holds(version, bound))
    return None
