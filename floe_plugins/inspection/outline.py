"""Leave what is in functions out of a source. It is most of that, and binds no name of the module or of a class.

A function is found by its indentation, several times as fast as parsing it. What is unusual is left whole. Where a
bracket is open at a cut, the outline cannot be parsed: its other end is then on the other side.
"""

from __future__ import annotations

from collections.abc import Iterator

_QUOTES = b'"""'
# Other ends and continuations of lines, other indentation, and texts that the search below does not know.
_UNUSUAL = (b"\\\n", b"\r", b"\f", b"\t", b"\0", b"'''")

Functions = dict[int, bytes]


def outline(source: bytes) -> tuple[bytes, Functions]:
    r"""Return a source in which functions have neither arguments nor bodies, with the same lines; and the functions.

    Under the line of each ``def`` is all of its function, without decorators. Whoever cannot parse the outline has to
    parse the source.

    >>> outline(b"class A:\n    def f(self):\n        self.x = 1\n    y = 2\n")
    (b'class A:\n    def f(): pass\n\n    y = 2\n', {2: b'    def f(self):\n        self.x = 1\n'})
    """
    texts = None if any(map(source.__contains__, _UNUSUAL)) or _has_encoding(source) else _texts(source)
    if texts is None:
        return source, {}
    parts: list[bytes] = []
    functions: Functions = {}
    place, line, counted = 0, 1, 0
    for begin, arguments, end in _functions(source, texts):
        line, counted = line + source.count(b"\n", counted, begin), begin
        functions[line] = source[begin:end]
        parts += (source[place:arguments], b"(): pass", b"\n" * source.count(b"\n", begin, end))
        place = end
    return b"".join((*parts, source[place:])), functions


def _has_encoding(source: bytes) -> bool:
    """Return whether the first two lines may name an encoding, in which bytes may mean other characters."""
    return b"coding" in source[: source.find(b"\n", source.find(b"\n") + 1)]


def _texts(source: bytes) -> list[tuple[int, int]] | None:
    """Return where the texts in triple quotes begin and end; None if that is not certain."""
    found: list[tuple[int, int]] = []
    end = 0
    while (begin := source.find(_QUOTES, end)) >= 0:
        before = source[max(end, source.rfind(b"\n", 0, begin) + 1) : begin]
        close = source.find(_QUOTES, begin + len(_QUOTES))
        # These quotes may be part of another text or of a comment; or those found be no end, or within a value.
        if b'"' in before or b"'" in before or b"#" in before or close < 0 or source[close - 1] == ord("\\"):
            return None
        if before[-2:].lower().count(b"f") and source.count(b"{", begin, close) != source.count(b"}", begin, close):
            return None
        end = close + len(_QUOTES)
        found.append((begin, end))
    return found


def _functions(source: bytes, texts: list[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """Yield where the line of a function begins, where its arguments do, and where the line behind it does."""
    long_lines = _long_lines(source, texts)
    rest = iter(texts)
    text = next(rest, None)
    begin = source.find(b"def ")
    while begin >= 0:
        while text is not None and text[1] <= begin:
            text = next(rest, None)
        line = source.rfind(b"\n", 0, begin) + 1
        indent = source[line:begin].removesuffix(b"async ")
        end = begin + 1
        if not indent.strip(b" ") and (text is None or begin < text[0]):
            end = _end_of_block(source, line, indent, long_lines)
            arguments = source.find(b"(", begin, end)
            if arguments >= 0:
                yield line, arguments, end
        begin = source.find(b"def ", end)


def _long_lines(source: bytes, texts: list[tuple[int, int]]) -> dict[int, int]:
    """Return the lines on which a text begins that ends on another line: where they begin, and where that ends."""
    found: dict[int, int] = {}
    first = last = 0
    for begin, end in texts:
        line = source.rfind(b"\n", 0, begin) + 1
        first = line if line >= last else first  # else the text before it ended on this line
        found[first] = last = end
    return found


def _end_of_block(source: bytes, line: int, indent: bytes, long_lines: dict[int, int]) -> int:
    """Return where the first line begins that is not part of the block whose first line begins here."""
    # Also empty lines, and those that close a bracket of the first one.
    within = (indent + b" ", indent + b")", indent + b"]", b"\n")
    place = source.find(b"\n", long_lines.get(line, line)) + 1
    while 0 < place < len(source):
        if not source.startswith(within, place) and not _is_comment(source, place):
            return place
        place = source.find(b"\n", long_lines.get(place, place)) + 1
    return len(source)


def _is_comment(source: bytes, line: int) -> bool:
    return source[line : source.find(b"\n", line)].lstrip(b" ").startswith(b"#")
