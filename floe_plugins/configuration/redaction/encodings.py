"""The forms in which messages repeat a secret: quoted, escaped and encoded."""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote

# Shorter texts have no encoding that could be told from ordinary words.
SHORTEST = 6
# In longer ones, such as files, encodings are not searched for.
LONGEST = 8_192

_URL_SAFE = str.maketrans("+/", "-_")


def spellings(text: str) -> Iterator[str]:
    """Yield a text as it is, and as ``repr``, JSON, URLs and Unicode's normal forms write it.

    >>> sorted(set(spellings("a/b")))
    ['a%252Fb', 'a%2Fb', 'a/b']
    """
    yield text
    if not (text.isascii() and text.isalnum()):
        yield from (repr(text)[1:-1], ascii(text)[1:-1])
        yield repr(text.encode(errors="replace"))[2:-1]
        yield from (json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
        encodable = text.encode(errors="replace").decode()
        quoted = quote(encodable, safe="")
        yield from (quote(encodable), quoted, quote(quoted), quote_plus(encodable), unquote(encodable))
        yield from (unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))
        yield text.strip()
        yield " ".join(text.split())


def encodings(text: str) -> Iterator[str]:
    """Yield what every hexadecimal and base64 encoding of a text has in it, whatever stands before and behind the text.

    >>> "hunter2".encode().hex() in encodings("hunter2")
    True
    >>> [each for each in encodings("hunter2") if each in base64.b64encode(b"user:hunter2").decode()]
    ['odW50ZXIy']
    """
    data = text.encode(errors="replace")
    if not SHORTEST <= len(data) <= LONGEST:
        return
    yield data.hex()
    # Each character stands for six bits: those at both ends that stand for others' bits too are left out.
    for before, first in ((0, 0), (1, 2), (2, 3)):
        whole = base64.b64encode(bytes(before) + data).decode("ascii")
        core = whole[first : (before + len(data)) * 8 // 6]
        yield from {core, core.translate(_URL_SAFE)}
