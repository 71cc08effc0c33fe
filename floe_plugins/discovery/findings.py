"""The findings of a scan: files with groups of a platform, their entry points, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from floe_plugins.core.candidate import Candidate, Distribution
from floe_plugins.core.categories import Category
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import Stage
from floe_plugins.discovery.entry_points_txt import MAX_ENTRIES, DeclaredCategory, Groups, ParsedFile, parse


class Scan(NamedTuple):
    """The result of one scan, in the order of ``sys.path``.

    Attributes:
        candidates: all candidates found; several may have the same ref.
        problems: what could not be read.
        corrupt: the distributions, also those without plugins, that make
            ``importlib.metadata.entry_points()`` raise for every caller in the process.
    """

    candidates: tuple[Candidate, ...] = ()
    problems: tuple[Problem, ...] = ()
    corrupt: tuple[Distribution, ...] = ()


class _File:  # making the class of a named tuple takes nine times as long
    """What was read of an ``entry_points.txt``.

    Attributes:
        candidates: its plugins.
        has_more: whether there is more to it than these: errors, categories, too many plugins.
    """

    __slots__ = ("candidates", "data", "has_more", "origin", "parsed")

    def __init__(self, origin: Distribution, data: bytes, parsed: ParsedFile) -> None:
        self.origin = origin
        self.data = data
        self.parsed = parsed
        is_too_long = len(parsed.entries) > MAX_ENTRIES
        entries = () if is_too_long else parsed.entries
        self.candidates = [Candidate(entry.ref, entry.value, origin) for entry in entries]
        self.has_more = bool(is_too_long or parsed.errors or parsed.fatal or parsed.categories)


class Findings:
    """The files and problems of one scan, in the order in which they were found."""

    def __init__(self, groups: Groups) -> None:
        self.groups = groups
        # What was read, in this order: a file is parsed at once, and again if a distribution adds a category.
        self._log: list[Problem | _File] = []
        self._candidates: list[Candidate] = []
        self._problems: list[Problem] = []
        self._unreadable: list[Distribution] = []
        self._corrupt: list[Distribution] = []
        self._declared: list[tuple[Distribution, DeclaredCategory]] = []
        self._is_open = False

    def add_file(self, origin: Distribution, data: bytes) -> None:
        """Take in the ``entry_points.txt`` of a distribution."""
        file = _File(origin, data, parse(data, self.groups, with_hints=False))
        self._log.append(file)
        if file.parsed.errors:
            # An unknown group may be one that another file adds: what is wrong is known when all are read.
            self._is_open = True
            self._declare(file)
        else:
            self._take(file)

    def _take(self, file: _File) -> None:
        self._candidates += file.candidates
        if not file.has_more:
            return
        origin, parsed = file.origin, file.parsed
        if len(parsed.entries) > MAX_ENTRIES:
            message = f"it declares more than {MAX_ENTRIES} plugins, and none of them is used"
            self._problems.append(_problem(message, origin, "Remove the distribution, or ask its author to split it"))
            return
        for error in parsed.errors:
            self._problems.append(_problem(str(error), origin, error.hint, error.ref))
        if parsed.fatal:
            self._corrupt.append(origin)
        self._declare(file)

    def _declare(self, file: _File) -> None:
        if len(file.parsed.entries) <= MAX_ENTRIES:
            self._declared += [(file.origin, declared) for declared in file.parsed.categories]

    def complete(self) -> None:
        """Take in what was wrong in files, once all groups are known."""
        if self._is_open:
            self.parse_again(self.groups)

    def parse_again(self, groups: Groups) -> None:
        """Read the same files with the groups of another table of categories."""
        # Most files have nothing to do with the groups that came or went.
        before, after = self.groups.categories, groups.categories
        changed = [group.encode() for group in {**before, **after} if before.get(group) is not after.get(group)]
        self.groups = groups
        for found in (self._candidates, self._problems, self._corrupt, self._declared):
            found.clear()
        for place, each in enumerate(self._log):
            if isinstance(each, Problem):
                self._problems.append(each)
            elif each.parsed.errors or any(map(each.data.__contains__, changed)):
                file = self._log[place] = _File(each.origin, each.data, parse(each.data, groups))
                self._take(file)
            elif each.has_more:
                self._take(each)
            else:
                self._candidates += each.candidates

    def report(self, message: str, origin: Distribution | None = None, hint: str = "") -> None:
        """Take in a problem."""
        self._take_in(_problem(message, origin, hint))

    def _take_in(self, problem: Problem) -> None:
        self._log.append(problem)
        self._problems.append(problem)

    def add_unreadable(self, origin: Distribution) -> None:
        """Take in a distribution that makes ``importlib.metadata.entry_points()`` raise."""
        self._unreadable.append(origin)

    def categories(self) -> Iterator[Category]:
        """Yield the categories that the files add to the platform; report those that cannot be ones."""
        platform = self.groups.platform
        for origin, declared in self._declared:
            try:
                yield Category(declared.slug, declared.group, declared.spec, str(origin), platform.name)
            except ValueError as error:
                forms = f"slug = module:Class, or slug.group = module:Class, below [{platform.categories_group}]"
                self.report(f"entry_points.txt, line {declared.line}: {error}", origin, f"Write {forms}")

    def report_category(self, category: Category, reason: str) -> None:
        """Report a category that a file adds and that cannot stand beside the others."""
        message = f"it adds the category {category.slug}, which is left out: {reason}"
        hint = f"Uninstall one of the distributions; {self.groups.platform.name} has no category twice"
        self._take_in(Problem(stage=Stage.DISCOVER, message=message, distribution=category.origin, hint=hint))

    def result(self) -> Scan:
        """Return what was found."""
        return Scan(tuple(self._candidates), tuple(self._problems), (*self._unreadable, *self._corrupt))


def _problem(message: str, origin: Distribution | None, hint: str, ref: PluginRef | None = None) -> Problem:
    found_in = str(origin) if origin else None
    return Problem(stage=Stage.DISCOVER, message=message, ref=ref, distribution=found_in, hint=hint)
