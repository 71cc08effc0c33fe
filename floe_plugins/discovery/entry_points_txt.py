"""Parse ``entry_points.txt`` as ``importlib.metadata`` does, and report the errors in it."""

# Annotations are evaluated: of a named tuple, typing would compile each one.
from collections.abc import Callable, Sequence
from typing import NamedTuple

from floe_plugins.core.categories import NAME_RULE, Category, is_name
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.suggestions import closest
from floe_plugins.discovery.metadata_files import MAX_SIZE

MAX_ENTRIES = 2_000
MAX_CATEGORIES = 100  # in one file
_MAX_ERRORS = 20
_MAX_QUOTED = 60


class EntryPointLine(NamedTuple):
    """One entry point in one of the plugin groups, whose value is one that ``parse_value`` can read."""

    ref: PluginRef
    value: str


class ParseError(NamedTuple):
    """An error in one line.

    Attributes:
        line: the number of the line, from 1.
        message: what is wrong with it; texts of the file are quoted in it, and cut.
        hint: how to correct it; may be empty.
        ref: the plugin whose line it is, if its name can be read.
        fatal: whether it makes ``importlib.metadata.entry_points()`` raise for every caller in the process.
    """

    line: int
    message: str
    hint: str = ""
    ref: PluginRef | None = None
    fatal: bool = False

    def __str__(self) -> str:
        return f"entry_points.txt, line {self.line}: {self.message}"


class DeclaredCategory(NamedTuple):
    """A category that a file adds to a platform, as its parts: see ``Category``."""

    line: int
    slug: str
    group: str
    spec: str


class ParsedFile(NamedTuple):
    """The entry points in the plugin groups of one file, and its errors.

    Attributes:
        entries: the entry points, in the order of the file.
        errors: the first twenty errors.
        fatal: whether any error is fatal, also one that is not listed.
        categories: the categories that the file adds to the platform.
    """

    entries: list[EntryPointLine]
    errors: list[ParseError]
    fatal: bool
    categories: list[DeclaredCategory] = []  # noqa: RUF012 never changed


class EntryPointValue(NamedTuple):
    """The parts of an entry point's value. ``attribute`` is empty if the value names a module."""

    module: str
    attribute: str


def parse_value(value: str) -> EntryPointValue | None:
    """Return the module and attribute of an entry point's value, or None if it is malformed.

    >>> parse_value("package.module:Class [extra]")
    EntryPointValue(module='package.module', attribute='Class')
    >>> parse_value("package module")
    """
    # Matches what the pattern of importlib.metadata.EntryPoint does; compiling that takes as long as reading 50 files.
    path, bracket, extras = value.partition("[")
    if bracket and not extras.rstrip().endswith("]"):
        return None
    module, colon, attribute = path.partition(":")
    module, attribute = module.rstrip(), attribute.strip()
    if not _is_dotted(module) or (colon and not _is_dotted(attribute)):
        return None
    return EntryPointValue(module, attribute)


def _is_dotted(text: str) -> bool:
    # Letters, digits and underscores, as \w matches them, and dots.
    bare = text.replace(".", "").replace("_", "")
    return bare.isalnum() or (not bare and bool(text))


class Groups:
    """A platform's entry-point groups, with what tells them from others worked out once.

    Attributes:
        platform: the platform.
        prefix: what the groups begin with that are reserved for the platform.
        declaring: the group whose entries are categories.
        categories: its categories by group.
        begins: what their groups begin with: the prefix, and each group outside it.
        may_be_in: returns whether a file may have one of the groups. Fast; never false for a file that has one.
    """

    def __init__(self, platform: Platform = FLOE) -> None:
        self.platform = platform
        self.prefix = f"{platform.name}."
        self.declaring = platform.categories_group
        self.categories = platform.categories.by_group
        foreign = [group for group in self.categories if not group.startswith(self.prefix)]
        self.begins = frozenset((self.prefix, *foreign))
        self.may_be_in = _search([each.encode() for each in self.begins])

    def are_hinted_at(self, line: str) -> bool:
        """Return whether a line contains the beginning of one of the groups."""
        return any(each in line for each in self.begins)


def _search(needles: Sequence[bytes]) -> Callable[[bytes], bool]:
    # Called for each installed distribution. Most platforms have one needle.
    first, *others = needles

    def search(data: bytes) -> bool:
        if first in data:
            return True
        for each in others:  # noqa: SIM110 a generator takes longer than the search
            if each in data:
                return True
        return False

    return search


FLOE_GROUPS = Groups()


def is_well_formed(data: bytes) -> bool:
    r"""Return whether a file is certainly one that ``importlib.metadata`` can read, and not larger than ``MAX_SIZE``.

    Fast; if false, ``parse`` finds out.

    >>> is_well_formed(b"[floe.computes]\nduckdb = acme:DuckDB\n"), is_well_formed(b"duckdb\n")
    (True, False)
    """
    if len(data) > MAX_SIZE:
        return False
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


def parse(data: bytes, groups: Groups = FLOE_GROUPS, *, with_hints: bool = True) -> ParsedFile:
    r"""Return the entry points in plugin groups, in the order of the file, and the errors.

    An error in one line does not affect other lines. More than ``MAX_ENTRIES`` are returned if there are more, but
    not all. Without hints, no similar names are looked for, which takes longer than all the rest.

    >>> parsed = parse(b"[floe.computes]\nduckdb = acme:DuckDB\nspark =\n")
    >>> [str(entry.ref) for entry in parsed.entries]
    ['compute:duckdb']
    >>> [str(error) for error in parsed.errors]
    ['entry_points.txt, line 3: spark has an empty value']
    """
    parser = _Parser(groups, with_hints=with_hints)
    for number, raw in enumerate(data.decode("utf-8", "surrogateescape").splitlines(), 1):
        line = raw.strip()
        if not line.isascii() and any("\udc80" <= character <= "\udcff" for character in line):
            parser.record_error(
                ParseError(number, "bytes that are not UTF-8", "Reinstall the distribution", fatal=True)
            )
        elif line and line[0] == "[" and line[-1] == "]":
            parser.close_group()
            parser.open_group(number, line.strip("[]"))
        elif line and line[0] != "#":
            parser.read_entry(number, line)
    parser.close_group()
    return ParsedFile(parser.entries, parser.errors, parser.fatal, parser.categories)


class _Parser:
    """Parses a file line by line. While ``_line`` is 0, no group has begun."""

    def __init__(self, groups: Groups, *, with_hints: bool) -> None:
        self._with_hints = with_hints
        self.entries: list[EntryPointLine] = []
        self.errors: list[ParseError] = []
        self.fatal = False
        self.categories: list[DeclaredCategory] = []
        self._groups = groups
        self._group = ""
        self._line = 0
        self._category: Category | None = None
        self._declares = False  # whether the entries of the group are categories
        self._empty = True

    def open_group(self, number: int, group: str) -> None:
        self._line, self._group, self._empty = number, group, True
        groups = self._groups
        self._category = groups.categories.get(group)
        self._declares = group == groups.declaring
        if not group:
            self.record_error(ParseError(number, "a group without a name", "Write [group] above its entries"))
        elif self._category is None and group.strip().startswith(groups.prefix) and not self._declares:
            message = f"{_short(group)} is not a plugin group, and the prefix {groups.prefix} is reserved for them"
            # Looking for a similar name takes long, and after many errors nobody reads the hint.
            hint = _group_hint(group, groups) if self._with_hints and len(self.errors) < _MAX_ERRORS else ""
            self.record_error(ParseError(number, message, hint))

    def close_group(self) -> None:
        if (self._category or self._declares) and self._empty:
            hint = f"Write name = module:Class below [{self._group}], or remove the group"
            self.record_error(ParseError(self._line, f"the group {self._group} is empty", hint))

    def read_entry(self, number: int, line: str) -> None:
        self._empty = False
        name, equals, value = line.partition("=")
        if not self._line:
            if self._groups.are_hinted_at(line):  # importlib.metadata ignores such lines
                hint = "Save the file without a byte order mark, and write groups as [group]"
                is_marked = line.startswith("\ufeff")
                what = "a byte order mark hides the first group" if is_marked else f"{_short(line)} is not in a group"
                self.record_error(ParseError(number, what, hint))
        elif not equals:
            self.record_error(ParseError(number, f"no '=' in {_short(line)}", "Write name = module:Class", fatal=True))
        elif self._category:
            if len(self.entries) > MAX_ENTRIES:
                return
            entry = _entry(self._category, number, name.rstrip(), value.lstrip())
            if isinstance(entry, EntryPointLine):
                self.entries.append(entry)
            else:
                self.record_error(entry)
        elif self._declares and len(self.categories) <= MAX_CATEGORIES:
            slug, _, group = name.strip().partition(".")
            group = group or f"{self._groups.prefix}{slug}"
            self.categories.append(DeclaredCategory(number, slug, group, value.strip()))

    def record_error(self, error: ParseError) -> None:
        self.fatal |= error.fatal
        if len(self.errors) < _MAX_ERRORS:
            self.errors.append(error)
        elif len(self.errors) == _MAX_ERRORS:
            self.errors.append(ParseError(error.line, "more errors follow"))


def _entry(category: Category, number: int, name: str, value: str) -> EntryPointLine | ParseError:
    if not is_name(name):
        return ParseError(number, f"{_short(name)} is not a plugin name", f"A name consists of {NAME_RULE}")
    ref = PluginRef(category, name)
    if not value:
        return ParseError(number, f"{name} has an empty value", f"Write {name} = module:Class", ref)
    if parse_value(value) is None:
        return ParseError(number, f"{_short(value)} is not module:Class", f"Write {name} = module:Class", ref)
    return EntryPointLine(ref, value)


def _group_hint(group: str, groups: Groups) -> str:
    # What all groups begin with would make any two of them look alike.
    tails = {each.removeprefix(groups.prefix): each for each in groups.categories}
    close = closest(group.strip().removeprefix(groups.prefix), tails)
    if close:
        return f"Did you mean {tails[close[0]]}?"
    known = f"The groups are {', '.join(groups.categories)}"
    return f"{known}; if a distribution adds this one to {groups.platform.name}, install that"


def _short(text: str) -> str:
    return repr(text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}...")
