"""What a scan has read: the files with groups of a platform, what they say, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from floe_plugins.core.candidate import Candidate, Distribution
from floe_plugins.core.categories import Category
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import Stage
from floe_plugins.discovery.entry_points_txt import MAX_ENTRIES, Groups, ParsedFile, parse


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


class _File(NamedTuple):
    origin: Distribution
    data: bytes
    parsed: ParsedFile


class Findings:
    """The files and problems of one scan, in the order in which they were found."""

    def __init__(self, groups: Groups) -> None:
        self.groups = groups
        self._found: list[Problem | _File] = []
        self._corrupt: list[Distribution] = []

    def add_file(self, origin: Distribution, data: bytes) -> None:
        """Take in the ``entry_points.txt`` of a distribution."""
        self._found.append(_File(origin, data, parse(data, self.groups)))

    def parse_again(self, groups: Groups) -> None:
        """Read the same files with the groups of another table of categories."""
        self.groups = groups
        self._found = [
            each._replace(parsed=parse(each.data, groups)) if isinstance(each, _File) else each for each in self._found
        ]

    def report(self, message: str, origin: Distribution | None = None, hint: str = "") -> None:
        """Take in a problem."""
        self._found.append(_problem(message, origin, hint))

    def add_corrupt(self, origin: Distribution) -> None:
        """Take in a distribution that makes ``importlib.metadata.entry_points()`` raise."""
        self._corrupt.append(origin)

    def categories(self) -> Iterator[Category]:
        """Yield the categories that the files add to the platform; report those that cannot be ones."""
        platform = self.groups.platform
        files = [each for each in self._found if isinstance(each, _File)]
        for origin, declared in [(file.origin, each) for file in files for each in file.parsed.categories]:
            try:
                yield Category(declared.slug, declared.group, declared.spec, str(origin), platform.name)
            except ValueError as error:
                forms = f"slug = module:Class, or slug.group = module:Class, below [{platform.categories_group}]"
                self.report(f"entry_points.txt, line {declared.line}: {error}", origin, f"Write {forms}")

    def report_category(self, category: Category, reason: str) -> None:
        """Report a category that a file adds and that cannot stand beside the others."""
        message = f"it adds the category {category.slug}, which is left out: {reason}"
        hint = f"Uninstall one of the distributions; {self.groups.platform.name} has no category twice"
        self._found.append(Problem(stage=Stage.DISCOVER, message=message, distribution=category.origin, hint=hint))

    def result(self) -> Scan:
        """Return what was found; call it once, at the end."""
        candidates: list[Candidate] = []
        problems: list[Problem] = []
        for found in self._found:
            if isinstance(found, Problem):
                problems.append(found)
                continue
            origin, parsed = found.origin, found.parsed
            if len(parsed.entries) > MAX_ENTRIES:
                message = f"it declares more than {MAX_ENTRIES} plugins, and none of them is used"
                problems.append(_problem(message, origin, "Remove the distribution, or ask its author to split it"))
                continue
            candidates += [Candidate(entry.ref, entry.value, origin) for entry in parsed.entries]
            problems += [_problem(str(error), origin, error.hint, error.ref) for error in parsed.errors]
            if parsed.fatal:
                self._corrupt.append(origin)
        return Scan(candidates=tuple(candidates), problems=tuple(problems), corrupt=tuple(self._corrupt))


def _problem(message: str, origin: Distribution | None, hint: str, ref: PluginRef | None = None) -> Problem:
    found_in = str(origin) if origin else None
    return Problem(stage=Stage.DISCOVER, message=message, ref=ref, distribution=found_in, hint=hint)
