"""Tables as text: as wide as they are where nobody counts columns, wrapped on a terminal. Nothing is ever cut."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

_GAP = 2
# Below this width of its longest word or this many characters, a column is not narrowed further.
_NARROWEST = 10
_INDENT = 2

Paint = Callable[[str, str], str]


def plain(_kind: str, text: str) -> str:
    """Return the text as it is: a ``Paint`` without colours."""
    return text


def render(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None, paint: Paint = plain
) -> Iterator[str]:
    """Yield the lines of a table.

    On ``width`` columns, long cells continue on further lines. Where even that does not fit, each row becomes a block
    of lines, one for each cell, with the name of its column.

    Args:
        columns: the names of the columns; none for a table without a head.
        rows: the cells, each one line of text.
        width: how many columns there are; None for as many as needed.
        paint: called with what a text is (``head``, or ``cell``) and the text, padded or not; returns it with colours.

    >>> for line in render(["plugin", "state"], [["compute:duckdb", "started"], ["dbt:core", "failed"]]):
    ...     print(line)
    plugin          state
    compute:duckdb  started
    dbt:core        failed
    """
    if not rows:
        return
    everything = [columns, *rows] if columns else [*rows]
    natural = [max(cell_width(row[place]) for row in everything) for place in range(len(rows[0]))]
    widths = natural if width is None else _fitted(everything, natural, width)
    if widths is None:
        yield from _blocks(columns, rows, width or 1, paint)
        return
    if columns:
        yield from _lines(columns, widths, paint, "head")
    for row in rows:
        yield from _lines(row, widths, paint, "cell")


def cell_width(text: str) -> int:
    """Return the number of columns that a terminal needs for a text.

    >>> cell_width("floe"), cell_width("日本")
    (4, 4)
    """
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text
    )


def wrapped(text: str, width: int) -> list[str]:
    """Return a text as lines of at most ``width`` columns, broken between words where possible.

    >>> wrapped("needs storage:local", 12)
    ['needs', 'storage:', 'local']
    """
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_width(joined) <= width:
            line = joined
            continue
        if line:
            lines.append(line)
        line = word
        while cell_width(line) > width:
            head = _head(line, width)
            lines.append(head)
            line = line[len(head) :]
    return [*lines, line]


def _head(text: str, width: int) -> str:
    """Return the longest beginning that fits, up to a sign between two parts of a name if it has one there."""
    end = used = 0
    while end < len(text) and used + cell_width(text[end]) <= width:
        used += cell_width(text[end])
        end += 1
    between = max(text.rfind(sign, 0, end) for sign in "-:/_.") + 1
    return text[: between if between * 3 > end else max(end, 1)]


def _fitted(rows: Sequence[Sequence[str]], natural: Sequence[int], width: int) -> list[int] | None:
    """Return widths of columns that fit, the widest columns narrowed first; None if there are none."""
    least = [
        min(size, max(_NARROWEST, *(cell_width(word) for row in rows for word in row[place].split(" "))))
        for place, size in enumerate(natural)
    ]
    widths = list(natural)
    room = width - _GAP * (len(widths) - 1)
    if sum(least) > room:
        least = [min(size, _NARROWEST) for size in natural]
    if sum(least) > room:
        return None
    while sum(widths) > room:
        place = max((p for p in range(len(widths)) if widths[p] > least[p]), key=lambda p: widths[p])
        widths[place] -= 1
    return widths


def _lines(row: Sequence[str], widths: Sequence[int], paint: Paint, kind: str) -> Iterator[str]:
    cells = [wrapped(cell, size) for cell, size in zip(row, widths, strict=True)]
    for place in range(max(map(len, cells))):
        parts: list[str] = []
        for cell, size, whole in zip(cells, widths, row, strict=True):
            text = cell[place] if place < len(cell) else ""
            shown = paint(kind, text) if text == whole or kind == "head" else text
            parts.append(shown + " " * (size - cell_width(text)))
        yield (" " * _GAP).join(parts).rstrip(" ")


def _blocks(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int, paint: Paint) -> Iterator[str]:
    for row in rows:
        for place, cell in enumerate(row):
            text = f"{columns[place]}: {cell}" if columns and place and cell else cell
            indent = _INDENT if place else 0
            if not text.strip():
                continue
            first, *more = wrapped(text, max(width - 2 * indent, 1))
            yield f"{' ' * indent}{first if place else paint('cell', first)}"
            yield from (f"{' ' * 2 * indent}{line}" for line in more)
