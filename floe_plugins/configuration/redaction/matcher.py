"""Find traces of known secrets in a text, in one pass whatever their number."""

from __future__ import annotations

import re
import string
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from floe_plugins.configuration.redaction.patterns import MASK, Span, find_spans

# Every run of so many characters that a secret has too is masked.
RUN = 6
# Of what encodings of a secret have in them, every fourth run of so many characters is looked for. Shorter ones also
# occur in words and numbers. All around it that may belong to the encoding is masked as well.
ENCODED_RUN = 7
_STEP = 4
_ENCODED = f"{string.ascii_lowercase}{string.digits}+/-_"
# A secret that is shorter than a run is masked as a word of its own, and one shorter than this as a whole text.
MIN_LENGTH = 4

_BLOCK = 4
# So many blocks are looked for one by one.
_FEW = 8
_CUT = re.compile(r"(?:\.\.\.|\N{HORIZONTAL ELLIPSIS})")


class Matcher:
    """Finds and masks secrets.

    Texts are compared in folded case. The runs of all secrets are in one set for each length; a text is looked at in
    blocks of four characters, every second of which begins one: each run contains such a block.
    """

    def __init__(self, secrets: Iterable[str], whole: Iterable[str] = (), encoded: Iterable[str] = ()) -> None:
        """Prepare the secrets.

        Args:
            secrets: The secrets of which no trace may be left.
            whole: Secrets that are masked only where they are the whole text.
            encoded: What encodings of the secrets have in them, each at least ``RUN`` characters long.
        """
        folded = {text for secret in secrets if (text := secret.casefold())}
        # A secret that is not set is no secret: an empty text gives nothing away.
        self.whole = frozenset(
            text
            for text in {*map(str.casefold, whole), *(text for text in folded if len(text) < MIN_LENGTH)}
            if text.strip()
        )
        short = sorted((text for text in folded if MIN_LENGTH <= len(text) < RUN), key=len, reverse=True)
        long = [text for text in folded if len(text) >= RUN]
        self._runs = frozenset(text[at : at + RUN] for text in long for at in range(len(text) - RUN + 1))
        self._encoded = frozenset(run for text in map(str.casefold, encoded) for run in _encoded_runs(text))
        self._starts = frozenset(text[:_BLOCK] for text in long)
        blocks = {run[at : at + _BLOCK] for run in (*self._runs, *self._encoded) for at in (0, 1)}
        self._blocks = frozenset(
            int.from_bytes(block.encode("ascii"), sys.byteorder) for block in blocks if block.isascii()
        )
        self._words = re.compile("|".join(map(_as_word, short))) if short else None

    def mask(self, text: str) -> str:
        """Mask every trace of a secret in a text, and what is a secret by its form.

        >>> Matcher(["hunter2-prod"]).mask("cannot log in with 'HUNTER2-PROD'")
        "cannot log in with '***'"
        """
        folded = text.casefold()
        if folded in self.whole or (self.whole and folded.strip() in self.whole):
            return MASK
        spans = [span for span, _ in find_spans(text, folded)]
        found = [*self._find(folded)]
        if found and len(folded) != len(text):
            ends = [*accumulate(len(character.casefold()) for character in text)]
            found = [_in_original(span, ends) for span in found]
        spans += found
        return _masked(text, spans) if spans else text

    def finds(self, text: str) -> bool:
        """Return whether a text contains a trace of a secret, and not what ``mask`` knows by its form alone.

        >>> Matcher(["hunter2-prod"]).finds("ter2-pr"), Matcher(["hunter2-prod"]).finds("hunter")
        (True, True)
        """
        folded = text.casefold()
        return folded.strip() in self.whole or next(self._find(folded), None) is not None

    def _find(self, text: str) -> Iterator[Span]:
        if self._words is not None:
            yield from (match.span() for match in self._words.finditer(text))
        if not (self._runs or self._encoded):
            return
        end = 0
        for at in sorted(self._places(text)):
            for start in (at, at - 1) if at else (at,):
                if text[start : start + RUN] in self._runs:
                    yield start, start + RUN
                if start >= end and text[start : start + ENCODED_RUN] in self._encoded:
                    before, end = _encoding_at(text, start)
                    yield before, end
        for cut in _CUT.finditer(text) if "..." in text or "\N{HORIZONTAL ELLIPSIS}" in text else ():
            for length in (_BLOCK + 1, _BLOCK):
                start = cut.start() - length
                if start >= 0 and self._begins(text[start : cut.start()]) and not text[start - 1 : start].isalnum():
                    yield start, cut.start()

    def _begins(self, text: str) -> bool:
        return text[:_BLOCK] in self._starts and (len(text) == _BLOCK or any(r.startswith(text) for r in self._runs))

    def _places(self, text: str) -> Iterable[int]:
        """The places where a run may begin; in ASCII, where a block of a secret does, in steps of two characters."""
        if not text.isascii():
            return range(len(text) - RUN + 1)
        view, places = memoryview(text.encode("ascii")), list[int]()
        for offset in (0, 2):
            end = offset + (len(text) - offset) // _BLOCK * _BLOCK
            numbers = view[offset:end].cast("I") if end > offset else ()
            found = self._blocks.intersection(numbers)
            if len(found) > _FEW:
                places += [offset + at * _BLOCK for at, number in enumerate(numbers) if number in found]
                continue
            for number in found:
                places += _all_places(text, number.to_bytes(_BLOCK, sys.byteorder).decode("ascii"))
        return places


def _all_places(text: str, block: str) -> Iterator[int]:
    """Yield where a block begins, also within another one: a secret may repeat itself."""
    at = text.find(block)
    while at >= 0:
        yield at
        at = text.find(block, at + 1)


def _encoded_runs(text: str) -> Iterator[str]:
    last = max(len(text) - ENCODED_RUN, 0)
    yield from (text[at : at + ENCODED_RUN] for at in (*range(0, last, _STEP), last))


def _encoding_at(text: str, start: int) -> Span:
    """The span of all around a place that may belong to one encoded text."""
    end = len(text) - len(text[start:].lstrip(_ENCODED))
    padding = text[end : end + 2]
    return len(text[:start].rstrip(_ENCODED)), end + len(padding) - len(padding.lstrip("="))


def _as_word(secret: str) -> str:
    """The pattern of a secret where it is no part of a longer word."""
    before = r"(?<![^\W_])" if secret[0].isalnum() else ""
    after = r"(?![^\W_])" if secret[-1].isalnum() else ""
    return f"{before}{re.escape(secret)}{after}"


def _in_original(span: Span, ends: list[int]) -> Span:
    """The span in a text of which ``ends`` says where each character ends in folded case."""
    return bisect_right(ends, span[0]), bisect_left(ends, span[1]) + 1


def _masked(text: str, spans: list[Span]) -> str:
    pieces: list[str] = []
    position = 0
    begin = end = -1
    for start, stop in [*sorted(spans), (len(text) + 1, 0)]:
        if start > end:
            if end >= 0:
                pieces += [text[position:begin], MASK]
                position = end
            begin, end = start, stop
        else:
            end = max(end, stop)
    return "".join([*pieces, text[position:]])
