"""The boundary: turn what plugin code raises and returns into plain values.

A plugin's objects are foreign. Asking one for its text, its type or its attributes may raise anything, never
return, or answer differently the next time. So each is read once, on the plugin's own thread and within the
deadline of the call, by the functions here; everything else sees exact ``str``, ``int``, ``float``, ``bool``,
``None``, tuples and dicts of those, and errors of this package.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import MAX_TEXT, safe_str, type_name
from floe_plugins.errors import PluginError, PluginUnavailableError
from floe_plugins.execution import frames

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup

MAX_NOTES = 20
MAX_CHAIN = 100
MAX_TOLD = 20  # of a chain that must not be shown itself
MAX_SAID = 40_000
MAX_TRACEBACK = 1_000_000
MAX_NAMED = 400_000  # of files and functions
MAX_DEPTH = 64
MAX_ITEMS = 10_000

_OVERLAP = 200

_CAUSE: Any = BaseException.__dict__["__cause__"]
_CONTEXT: Any = BaseException.__dict__["__context__"]
_TRACEBACK: Any = BaseException.__dict__["__traceback__"]

Redact = Callable[[str], str]


class RedactedError(Exception):
    """Stands for a plugin's exception that must not be shown itself: its text holds a secret, or cannot be read.

    The message begins with the name of the exception's class. The traceback is the original's, unless what it says
    of a frame holds a secret.
    """


class ForeignError(Exception):
    """Plain facts about an exception of plugin code.

    Attributes:
        type_name: The name of its class, redacted.
        message: Its text, redacted and cut; empty if it has none or cannot be read.
        retry_after: Seconds until the next try, of a ``PluginUnavailableError`` that names them.
        is_unavailable: Whether it is a ``PluginUnavailableError``.
        exception: The exception itself. It is foreign: touch it on the plugin's thread only.
        chained: The exception to name as ``__cause__``: the exception itself, or a ``RedactedError`` where a
            secret was found in what a traceback says of it and of what it leads to, or where that is too much.
    """

    def __init__(self, exception: BaseException, name: str, text: str, chained: BaseException) -> None:
        self.type_name = name
        self.message = text
        self.exception = exception
        self.chained = chained
        self.is_unavailable = issubclass(type(exception), PluginUnavailableError)
        self.retry_after = _retry_after(exception) if self.is_unavailable else None
        super().__init__(f"{self.type_name}: {text}" if text else self.type_name)


class _Texts(NamedTuple):
    """One exception of a chain: its text and notes, and whether all of them could be read."""

    exception: BaseException
    text: str
    notes: tuple[str, ...]
    is_readable: bool


def describe(error: BaseException, redact: Redact = str) -> ForeignError:
    """Describe an exception of plugin code by plain facts; never raises.

    Reads at most ``MAX_CHAIN`` exceptions of its chain, which runs their code: call it on the plugin's thread.

    >>> found = describe(ConnectionError("password hunter2 refused"), lambda text: text.replace("hunter2", "***"))
    >>> str(found), type(found.chained).__name__
    ('ConnectionError: password *** refused', 'RedactedError')
    """
    found, is_all = _chain(error)
    chain = [_read(each) for each in found]
    is_plain = is_all and all(each.is_readable for each in chain)
    is_plain = is_plain and _says_no_secret(chain, redact) and _shows_no_secret(found, redact)
    chained = error if is_plain else _stand_in(chain[:MAX_TOLD], redact)
    return ForeignError(error, redact(type_name(error)), redact(chain[0].text), chained)


def traceback_of(error: BaseException) -> str:
    """Return the traceback of an exception, in part where it leads to too many others or says too much.

    Nothing is redacted.

    Raises:
        BaseException: What the exception raises when it is asked for what it says.
    """
    # Not imported before there is something to say.
    import traceback

    found, is_all = _chain(error)
    shown = error if is_all else _stand_in([_read(each) for each in found[:MAX_TOLD]], str)
    pieces: list[str] = []
    left = MAX_TRACEBACK
    for piece in traceback.TracebackException(type(shown), shown, shown.__traceback__, compact=True).format():
        pieces.append(piece[:left])
        left -= len(piece)
        if left <= 0:
            break
    return "".join(pieces).rstrip()


E = TypeVar("E", bound=PluginError)


def caused_by(error: E, failure: ForeignError) -> E:
    """Return ``error`` with the plugin's exception as its ``exception``, and what may be shown of it as its cause."""
    error.__cause__ = failure.chained
    error.exception = failure.exception
    return error


def call(function: Callable[[], Any], redact: Redact = str) -> Any:
    """Call plugin code on this thread and return what it returns, which is foreign.

    >>> try:
    ...     call(lambda: 1 / 0)
    ... except ForeignError as error:
    ...     print(error)
    ZeroDivisionError: division by zero

    Raises:
        ForeignError: Whatever the code raises, ``SystemExit`` and ``KeyboardInterrupt`` included.
    """
    try:
        return function()
    except BaseException as error:  # noqa: BLE001 plugin code may raise anything
        described = describe(error, redact)
    # Outside of the block, so that the foreign exception does not become this one's context.
    raise described


def call_or_raise(function: Callable[[], Any], error_of: Callable[[ForeignError], PluginError]) -> Any:
    """Call plugin code on this thread; whatever it raises becomes the cause of the error that ``error_of`` returns.

    Raises:
        PluginError: What ``error_of`` returned.
    """
    try:
        return call(function)
    except ForeignError as error:
        failure = error
    raise caused_by(error_of(failure), failure)


def to_plain(value: Any, redact: Redact = str) -> Any:
    """Copy ``value`` as plain data: exact scalars, tuples and dicts; any other object becomes its text.

    Call it on the plugin's thread. Nested deeper than ``MAX_DEPTH`` or larger than ``MAX_ITEMS``, it is cut.
    """
    return _Copier(redact).copy(value, MAX_DEPTH)


class _Copier:
    def __init__(self, redact: Redact) -> None:
        self._redact = redact
        self._left = MAX_ITEMS

    def copy(self, value: Any, depth: int) -> Any:
        cls = type(value)
        if value is None or cls is bool:
            return value
        if cls is float or (cls is int and -(10**18) < value < 10**18):
            # A number may be the whole of a secret, such as a PIN.
            text = str(value)
            return value if self._redact(text) == text else self._redact(text)
        if cls is int:
            return self._text(value)
        if depth <= 0 or self._left <= 0:
            return "..."
        try:
            return self._container(value, cls, depth - 1)
        except BaseException:  # noqa: BLE001 it is the plugin's own
            return f"<{type_name(value)} that cannot be read>"

    def _container(self, value: Any, cls: type, depth: int) -> Any:
        if issubclass(cls, Enum):
            return self._text(value.name).lower()
        if issubclass(cls, str) or cls is PluginRef:
            return self._text(value)
        if issubclass(cls, Mapping):
            copied = {self._text(key): self.copy(item, depth) for key, item in self._counted(value.items())}
            return copied if self._left >= 0 else {**copied, "...": "..."}
        if issubclass(cls, (list, tuple, set, frozenset)):
            items = tuple(self.copy(item, depth) for item in self._counted(value))
            return items if self._left >= 0 else (*items, "...")
        return self._text(value)

    def _counted(self, items: Any) -> Iterator[Any]:
        for item in items:
            self._left -= 1
            if self._left < 0:
                return
            yield item

    def _text(self, value: object) -> str:
        return self._redact(safe_str(value))


def _chain(error: BaseException) -> tuple[list[BaseException], bool]:
    """Return an exception and what it leads to, causes, contexts and members of groups, each once; and if that is all.

    Of a longer chain, at most ``MAX_CHAIN`` are returned. What is a member of several groups counts as often, since a
    traceback shows it as often.
    """
    found: dict[int, BaseException] = {}
    queue = deque([(error, False)])
    count = 0
    while queue:
        each, is_member = queue.popleft()
        if id(each) in found and not is_member:
            continue
        if count == MAX_CHAIN:
            return [*found.values()], False
        count += 1
        found[id(each)] = each
        queue += [(other, False) for other in (_CAUSE.__get__(each), _CONTEXT.__get__(each)) if other is not None]
        if issubclass(type(each), BaseExceptionGroup):
            queue += [(member, True) for member in _members(each) if issubclass(type(member), BaseException)]
    return [*found.values()], True


def _members(group: Any) -> list[Any]:
    """Return the members of a group; of more than ``MAX_CHAIN``, one more than that."""
    try:
        return list(islice(group.exceptions, MAX_CHAIN + 1))
    except BaseException:  # noqa: BLE001 a subclass may have a property of that name
        return []


def _read(error: BaseException) -> _Texts:
    try:
        text, is_readable = str.__str__(str(error))[:MAX_TEXT], True
    except BaseException:  # noqa: BLE001 the class is the plugin's own
        text, is_readable = "", False
    notes: list[str] = []
    try:
        # What traceback looks at: an error that cannot be shown must not be the cause of another one.
        _ = type(error).__qualname__, type(error).__module__
        _ = error.__cause__, error.__context__, error.__suppress_context__, error.__traceback__
        notes += [safe_str(note) for note in islice(getattr(error, "__notes__", ()), MAX_NOTES)]
    except BaseException:  # noqa: BLE001 the same
        is_readable = False
    return _Texts(error, text, tuple(notes), is_readable)


def _says_no_secret(chain: list[_Texts], redact: Redact) -> bool:
    """Return whether nothing is masked in a chain, and in all that a traceback says of it beside the frames."""
    texts = (text for each in chain for text in (type_name(each.exception), each.text, *each.notes))
    if any(redact(text) != text for text in texts):
        return False
    return _is_plain(_said(chain[0].exception), redact, MAX_SAID)


def _shows_no_secret(chain: list[BaseException], redact: Redact) -> bool:
    """Return whether nothing is masked in what a traceback says of the frames of a chain."""
    tracebacks = [_TRACEBACK.__get__(each) for each in chain]
    # One text of all names takes one search.
    names = ("\n".join(each) for each in [frames.names(tracebacks)])
    lines = frames.lines_in_no_file(tracebacks)
    return _is_plain(names, redact, MAX_NAMED) and _is_plain(lines, redact, MAX_SAID)


def _is_plain(texts: Iterable[str], redact: Redact, left: int) -> bool:
    """Return whether nothing is masked in texts, which can be read and together have at most ``left`` characters."""
    try:
        for text in texts:
            left -= len(text)
            if left < 0 or any(redact(part) != part for part in _parts(text)):
                return False
    except BaseException:  # noqa: BLE001 the classes, and a loader that gives lines of code, are the plugin's own
        return False
    return True


def _said(error: BaseException) -> Iterator[str]:
    """Yield what a traceback says of an exception, and of those that it shows with it, beside the frames.

    That is more than texts and notes: the line that is no valid syntax, for instance, or a name that may be meant.
    """
    import traceback

    shown: list[Any] = [
        traceback.TracebackException(
            type(error), error, _TRACEBACK.__get__(error), limit=0, lookup_lines=False, compact=True
        )
    ]
    while shown:
        each = shown.pop()
        yield from each.format_exception_only()
        others = (each.__cause__, each.__context__, *(getattr(each, "exceptions", None) or ()))
        shown += [other for other in others if other is not None]


def _parts(text: str) -> Iterator[str]:
    """Yield a text in parts that are not cut when they are searched; they overlap, to divide no secret."""
    for begin in range(0, max(len(text) - _OVERLAP, 1), MAX_TEXT - _OVERLAP):
        yield text[begin : begin + MAX_TEXT]


def _stand_in(chain: list[_Texts], redact: Redact) -> RedactedError:
    """A ``RedactedError`` for the first of a chain, with those for the others as its notes."""
    first, *others = chain
    stand_in = RedactedError(_line(first, redact))
    notes = [redact(note) for note in first.notes]
    traceback = _TRACEBACK.__get__(first.exception)
    if _shows_no_secret([first.exception], redact):
        stand_in.__traceback__ = traceback
    else:
        notes.append(f"raised in {redact(frames.innermost(traceback))}")
    notes += [f"caused or preceded by {_line(each, redact)}" for each in others]
    if notes:
        stand_in.__notes__ = notes  # type: ignore[attr-defined,unused-ignore]
    return stand_in


def _line(texts: _Texts, redact: Redact) -> str:
    name = redact(type_name(texts.exception))
    if not texts.is_readable:
        return f"{name} (its text cannot be read)"
    return f"{name}: {redact(texts.text)}" if texts.text else name


def _retry_after(error: Any) -> float | None:
    try:
        value = error.retry_after
    except BaseException:  # noqa: BLE001 it may be a property
        return None
    return float(value) if type(value) in {int, float} and 0 < value < float("inf") else None
