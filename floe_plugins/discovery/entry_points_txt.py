"""Reads one ``entry_points.txt`` as ``importlib.metadata`` does, and says what is wrong in it."""

from __future__ import annotations

from typing import NamedTuple

from floe_plugins.core.refs import NAME_RULE, PluginRef, PluginType, is_name

_PREFIX = "floe."
_MARK = _PREFIX.encode()
_CATEGORIES = {member.value: member for member in PluginType}
_MAX_ERRORS = 20
_SHOWN = 60


class EntryPointLine(NamedTuple):
    """One line of one of our groups."""

    ref: PluginRef
    value: str


class ParseError(NamedTuple):
    """What is wrong in one line.

    Attributes:
        fatal: ``importlib.metadata.entry_points()`` raises because of it, for everybody in the process.
    """

    line: int
    message: str
    hint: str = ""
    ref: PluginRef | None = None
    fatal: bool = False

    def __str__(self) -> str:
        return f"entry_points.txt, line {self.line}: {self.message}"


class ParsedFile(NamedTuple):
    """What one file holds of our groups, and what is wrong in it.

    Attributes:
        mistakes: the first twenty.
        fatal: one of all mistakes is.
    """

    entries: list[EntryPointLine]
    errors: list[ParseError]
    fatal: bool


class Target(NamedTuple):
    """What an entry point's value names; ``attribute`` is empty where it names a module."""

    module: str
    attribute: str


def target(value: str) -> Target | None:
    """Module and attribute of a value such as ``package.module:Class [extra]``, None where it has another form."""
    # The pattern of importlib.metadata.EntryPoint by hand: compiling it would take as long as reading 50 files.
    path, bracket, extras = value.partition("[")
    if bracket and not extras.rstrip().endswith("]"):
        return None
    module, colon, attribute = path.partition(":")
    module, attribute = module.rstrip(), attribute.strip()
    if not _is_dotted(module) or (colon and not _is_dotted(attribute)):
        return None
    return Target(module, attribute)


def _is_dotted(text: str) -> bool:
    # Letters, digits and "_", which is what \w matches, and dots.
    bare = text.replace(".", "").replace("_", "")
    return bare.isalnum() or (not bare and bool(text))


def is_ours(data: bytes) -> bool:
    """Whether a file of these bytes may hold one of our groups. Cheap; never false for a file that does."""
    return _MARK in data


def is_sound(data: bytes) -> bool:
    """Whether ``importlib.metadata`` surely reads a file of these bytes. Cheap; ``read`` says for certain."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    for line in text.splitlines():
        if "=" not in line:
            bare = line.strip()
            if bare and bare[0] != "#" and not (bare[0] == "[" and bare[-1] == "]"):
                return False
    return True


def read(data: bytes) -> ParsedFile:
    """The entries of our groups in a file of these bytes, in its order, and its mistakes.

    A line that is wrong takes no other with it.
    """
    reader = _Reader()
    for number, raw in enumerate(data.decode("utf-8", "surrogateescape").splitlines(), 1):
        line = raw.strip()
        if not line.isascii() and any("\udc80" <= character <= "\udcff" for character in line):
            reader.wrong(ParseError(number, "bytes that are not UTF-8", "Reinstall the distribution", fatal=True))
        elif line and line[0] == "[" and line[-1] == "]":
            reader.close()
            reader.open(number, line.strip("[]"))
        elif line and line[0] != "#":
            reader.read(number, line)
    reader.close()
    return ParsedFile(reader.entries, reader.errors, reader.fatal)


class _Reader:
    """Takes a file line by line; line 0 stands for what comes before the first group."""

    def __init__(self) -> None:
        self.entries: list[EntryPointLine] = []
        self.errors: list[ParseError] = []
        self.fatal = False
        self._group = ""
        self._line = 0
        self._category: PluginType | None = None
        self._empty = True

    def open(self, number: int, group: str) -> None:
        self._line, self._group, self._empty = number, group, True
        self._category = _CATEGORIES.get(group)
        if not group:
            self.wrong(ParseError(number, "a group without a name", "Write [group] above its entries"))
        elif self._category is None and group.strip().startswith(_PREFIX):
            message = f"{group!r} is not a group of floe, though {_PREFIX}* is reserved for floe's"
            self.wrong(ParseError(number, message, _nearest(group)))

    def close(self) -> None:
        if self._category and self._empty:
            hint = f"Write name = module:Class below [{self._group}], or remove it"
            self.wrong(ParseError(self._line, f"the group {self._group} is empty", hint))

    def read(self, number: int, line: str) -> None:
        self._empty = False
        name, equals, value = line.partition("=")
        if not self._line:
            if _PREFIX in line:  # importlib.metadata drops such lines without a word
                hint = "Save the file without a byte-order mark, groups as [group]"
                self.wrong(ParseError(number, _orphan(line), hint))
        elif not equals:
            self.wrong(ParseError(number, f"no '=' in {_short(line)}", "Write name = module:Class", fatal=True))
        elif self._category:
            entry = _entry(self._category, number, name.rstrip(), value.lstrip())
            if isinstance(entry, EntryPointLine):
                self.entries.append(entry)
            else:
                self.wrong(entry)

    def wrong(self, error: ParseError) -> None:
        self.fatal |= error.fatal
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append(error)
        elif len(self.errors) == _MAX_ERRORS:
            self.errors.append(ParseError(error.line, "more mistakes than these follow"))


def _entry(category: PluginType, number: int, name: str, value: str) -> EntryPointLine | ParseError:
    if not is_name(name):
        return ParseError(number, f"{_short(name)} cannot name a plugin", f"A name is made of {NAME_RULE}")
    ref = PluginRef(category, name)
    if not value:
        return ParseError(number, f"{name} has an empty value", f"Write {name} = module:Class", ref)
    if target(value) is None:
        return ParseError(number, f"{_short(value)} is not module:Class", f"Write {name} = module:Class", ref)
    return EntryPointLine(ref, value)


def _orphan(line: str) -> str:
    if line.startswith("\ufeff"):
        return "a byte-order mark hides the first group"
    return f"{_short(line)} stands in no group"


def _nearest(group: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(group.strip(), _CATEGORIES, n=1)
    return f"Did you mean {close[0]}?" if close else f"The groups are {', '.join(_CATEGORIES)}"


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
