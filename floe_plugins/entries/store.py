"""The store of entries: scans once, selects what may be loaded, knows each timeout, and keeps an entry per ref."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from floe_plugins.configuration.model import Configuration
from floe_plugins.core.candidate import Candidate
from floe_plugins.core.categories import Categories, Category
from floe_plugins.core.locks import forkable_lock
from floe_plugins.core.log import log
from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.core.suggestions import closest
from floe_plugins.core.timeouts import DEFAULT_TIMEOUTS, TIMEOUT_OF_STAGE
from floe_plugins.discovery import load_policy, scanner, selection
from floe_plugins.discovery.findings import Scan
from floe_plugins.discovery.report import DiscoveryReport
from floe_plugins.entries.entry import Entry, problem_of, shadowed, taken
from floe_plugins.entries.events import Events
from floe_plugins.errors import DuplicatePluginError, PluginConfigurationError, PluginError, PluginNotFoundError

if TYPE_CHECKING:
    from floe_plugins.configuration.issues import ConfigurationIssue
    from floe_plugins.core.outdated_plugin import OutdatedPlugin


class EntryStore:
    """Candidates, entries and problems of one registry. Safe from several threads; runs no plugin code."""

    def __init__(
        self,
        configuration: Configuration,
        policy: load_policy.LoadPolicy,
        path: Sequence[object] | None = None,
        platform: Platform | None = None,
    ) -> None:
        self.platform = FLOE.looking_for(tuple) if platform is None else platform
        self.configuration = configuration
        self.policy = policy
        self._path = path
        self.events = Events()
        self.lock = forkable_lock()
        self._entries: dict[PluginRef, Entry] = {}
        self._selection: selection.Selection | None = None
        self._report: DiscoveryReport | None = None
        self._problems: list[Problem] = []
        self._blocked: set[PluginRef] = set()

    @property
    def categories(self) -> Categories:
        """The categories of the platform, those that installed distributions add among them."""
        return self.platform.categories

    def discover(self, *, refresh: bool = False) -> DiscoveryReport:
        """Return what is installed; scan for it on the first call, and again with ``refresh``.

        Failed loads are tried again after a refresh; what is loaded stays.

        Raises:
            PluginError: the first problem, where problems are strict.
        """
        with self.lock:
            if refresh:
                scanner.refresh_imports()
            if self._report is None or refresh:
                with self.events.stage(Stage.DISCOVER):
                    self._report = self._discover(self._report)
            return self._report

    def _discover(self, before: DiscoveryReport | None) -> DiscoveryReport:
        begun = time.perf_counter()
        scan = Scan() if self.policy.is_off else scanner.scan(self._path, self.platform)
        self.configuration = self.configuration.aligned(candidate.ref for candidate in scan.candidates)
        chosen = selection.select(scan.candidates, self.policy, self.configuration.pins)
        problems = [*scan.problems, *chosen.problems]
        if scan.corrupt:
            # pydantic looks for its own plugins through importlib.metadata, which falls over such
            # a distribution, and then fails at the first model.
            os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
        problems.extend(self._merge(chosen))
        loaded = [entry.candidate for entry in self._entries.values() if entry.plugin is not None]
        outdated: tuple[OutdatedPlugin, ...] = ()
        if loaded:  # else nothing is outdated, and making its class takes as long as reading many distributions
            from floe_plugins.core.outdated_plugin import find_outdated

            outdated = find_outdated(loaded, scan.candidates)
        added, removed, changed = scanner.compare(before.candidates if before else (), scan.candidates)
        self._problems = []
        for problem in problems:
            self.report(problem)
        return DiscoveryReport(
            candidates=scan.candidates,
            problems=tuple(problems),
            added=added,
            removed=removed,
            changed=changed,
            outdated=outdated,
            seconds=time.perf_counter() - begun,
            switched_off=self.policy.is_off,
        )

    @staticmethod
    def _fresh(chosen: selection.Selection) -> dict[PluginRef, Entry]:
        fresh = {ref: Entry(ref, candidate=candidate) for ref, candidate in chosen.chosen.items()}
        for ref, (candidate, reason) in chosen.disabled.items():
            fresh[ref] = Entry(ref, candidate=candidate, state=PluginState.DISABLED, reason=reason)
        for problem in chosen.problems:
            if problem.ref is not None and isinstance(problem.cause, DuplicatePluginError):
                claimants = chosen.duplicates[problem.ref]
                fresh[problem.ref] = Entry(
                    problem.ref, candidate=claimants[0], state=PluginState.FAILED, error=problem.cause
                )
        return fresh

    def _merge(self, chosen: selection.Selection) -> Iterable[Problem]:
        fresh = self._fresh(chosen)
        self._selection = chosen
        for ref, entry in self._entries.items():
            if entry.plugin is None:
                continue
            if entry.candidate is None and ref in fresh and fresh[ref].state is not PluginState.DISABLED:
                yield shadowed(fresh[ref])
            fresh[ref] = entry
        required = set(self.configuration.required)
        for ref, entry in fresh.items():
            entry.required = ref in required
        self._entries = fresh

    def report(self, problem: Problem) -> None:
        """Keep a problem and log it.

        Raises:
            PluginError: where problems are strict.
        """
        with self.lock:
            self._problems.append(problem)
        self.log(problem)

    def log(self, problem: Problem) -> None:
        """Log a problem.

        Raises:
            PluginError: where problems are strict.
        """
        log("error" if problem.ref in self.configuration.required else "warning", "%s", problem)
        self.events.emit("problem", problem.ref, stage=problem.stage, reason=problem.message)
        if not self.policy.strict:
            return
        if isinstance(problem.cause, PluginError):
            raise problem.cause
        raise PluginError(
            problem.message, ref=problem.ref, distribution=problem.distribution, hint=problem.hint
        ) from problem.cause

    def raise_if_strict(self, errors: Iterable[BaseException | None]) -> None:
        """Raise the first of the errors, if there is one and problems are strict."""
        if self.policy.strict:
            for error in filter(None, errors):
                raise error.with_traceback(None)

    def problems(self) -> tuple[Problem, ...]:
        """Return all problems known: of the configuration, then of discovery, then of plugins by ref."""
        with self.lock:
            known = set(self.configuration.issues)
            # Sorted: a file system lists its directories in any order.
            found = [*map(_wrong, self.configuration.issues), *sorted(self._problems, key=_place)]
            of_plugins = chain.from_iterable(entry.problems for _, entry in sorted(self._entries.items()))
            found += (problem for problem in of_plugins if not _says_only(problem, known))
        missing = (
            problem_of(error, stage=Stage.RESOLVE, message=f"a required plugin is missing: {error.message}")
            for error in self.missing().values()
        )
        # The selection and the entry report the same duplicate.
        return tuple(dict.fromkeys((*found, *missing)))

    def missing(self, category: Category | None = None) -> dict[PluginRef, PluginError]:
        """Return the required plugins (of a category) that are missing or disabled, and why; changes as plugins come.

        What is there and cannot be used, such as a duplicate, has an entry that says so.
        """
        errors = ((ref, self._obstacle(ref)) for ref in self.configuration.required if category in {None, ref.type})
        return {ref: error for ref, error in errors if isinstance(error, PluginNotFoundError)}

    def candidates(self, category: Category | None = None) -> tuple[Candidate, ...]:
        """Return the candidates of a category, or of all."""
        found = self.discover().candidates
        return found if category is None else tuple(each for each in found if each.type == category)

    def entries(self) -> Mapping[PluginRef, Entry]:
        """Return all entries now."""
        self.discover()
        with self.lock:
            return dict(self._entries)

    def entry(self, ref: PluginRef) -> Entry:
        """Return the entry of a ref.

        Raises:
            PluginNotFoundError: there is none, or it is disabled.
            DuplicatePluginError: several distributions claim it.
        """
        error = self._obstacle(ref)
        if error is not None:
            raise error.with_traceback(None)
        return self.known_entry(ref)

    def _obstacle(self, ref: PluginRef) -> PluginError | None:
        """Return why a ref has no entry that can be used; None if it has one."""
        self.discover()
        entry = self._entries.get(ref)
        if entry is None:
            return self._not_found(ref)
        if entry.state is PluginState.DISABLED or ref in self._blocked:
            message = f"there is a plugin of that name, and it is disabled ({entry.reason or 'blocked'})"
            return entry.failure(PluginNotFoundError, message, hint="Enable it to use it.")
        return entry.error if isinstance(entry.error, DuplicatePluginError) else None

    def known_entry(self, ref: PluginRef) -> Entry:
        """Return the entry of a ref, also of a disabled one, or one that several distributions offer.

        Raises:
            PluginNotFoundError: there is none.
        """
        self.discover()
        entry = self._entries.get(ref)
        if entry is None:
            raise self._not_found(ref)
        return entry

    def forget_threads(self) -> None:
        """Forget the plugins' threads, none of which a forked child has."""
        for entry in self._entries.values():
            entry.forget_thread()

    def is_current(self, entry: Entry) -> bool:
        """Return whether this is still the entry of its ref; a refresh may have replaced it."""
        with self.lock:
            return self._entries.get(entry.ref) is entry

    def known(self) -> int:
        """Return the number of plugins known so far. Scans nothing."""
        return len(self._entries)

    def _not_found(self, ref: PluginRef) -> PluginNotFoundError:
        known = sorted(str(other) for other in self._entries)
        same_name = [text for text in known if text.endswith(f":{ref.name}")]
        close = list(dict.fromkeys([*same_name, *closest(ref, known, 3)]))[:3]
        there = f"Did you mean {' or '.join(close)}?" if close else self._what_there_is(ref.type)
        message = "no such plugin is installed or registered"
        if self.policy.is_off:
            message = "no such plugin is registered, and installed plugins are switched off (autoload is none)"
        return PluginNotFoundError(message, ref=ref, suggestions=close, hint=there)

    def _what_there_is(self, category: Category) -> str:
        if self.policy.is_off:
            return "Register it, or switch installed plugins on."
        names = ", ".join(sorted(str(ref) for ref in self._entries if ref.type == category))
        hint = f"Install a distribution with an entry point in the group {category.group}"
        return f"{hint}; there are {names}." if names else f"{hint}."

    def add(self, entries: Sequence[Entry]) -> None:
        """Take in plugins that were registered by hand, all or none.

        Raises:
            DuplicatePluginError: a ref is taken.
        """
        self.discover()
        with self.lock:
            fresh: dict[PluginRef, Entry] = {}
            for entry in entries:
                other = fresh.get(entry.ref) or self._entries.get(entry.ref)
                if other is not None and other.state is not PluginState.DISABLED:
                    raise taken(other)
                entry.required = entry.ref in self.configuration.required
                fresh[entry.ref] = entry
            self._entries.update(fresh)

    def emit_state(self, entry: Entry) -> None:
        """Tell the subscribers that the state of an entry has changed."""
        reason = entry.reason if entry.error is None else entry.error.message
        self.events.emit("state", entry.ref, state=entry.state, reason=reason)

    def remove(self, ref: PluginRef) -> None:
        """Forget a plugin; one that is installed can be loaded again."""
        with self.lock:
            entry = self._entries.pop(ref, None)
            if entry is not None and entry.candidate is not None and self._selection is not None:
                # As the last scan found it: it may have been upgraded or uninstalled since it was loaded.
                found = self._fresh(self._selection).get(ref)
                if found is not None:
                    found.required = entry.required
                    self._entries[ref] = found

    def timeout(self, entry: Entry, stage: Stage) -> float:
        """Return the seconds that a stage of a plugin may take.

        The configuration of the plugin comes first, then what the plugin declares, the configuration of all plugins,
        and the default.
        """
        declared: Mapping[str, float] = entry.metadata.timeouts if entry.metadata is not None else {}
        settings, name = self.configuration, TIMEOUT_OF_STAGE[stage]
        sources = settings.plugin_timeouts.get(entry.ref, {}), declared, settings.timeouts, DEFAULT_TIMEOUTS
        return float(next(source[name] for source in sources if name in source))

    def total_timeout(self, stage: Stage) -> float:
        """Return the seconds that a whole start or stop may take; infinite if nothing is configured."""
        return float(self.configuration.timeouts.get(f"{TIMEOUT_OF_STAGE[stage]}_total", math.inf))

    def block(self, ref: PluginRef, *, blocked: bool) -> None:
        """Keep a plugin from being loaded, or allow it again."""
        with self.lock:
            (self._blocked.add if blocked else self._blocked.discard)(ref)

    def selected(self, category: Category | None = None) -> tuple[PluginRef, ...]:
        """Return the refs of the plugins to run, sorted: those that are to be loaded, and those registered by hand."""
        everything = self.policy.autoload == "all"
        wanted = {*self.configuration.plugins, *self.configuration.required}
        return tuple(
            sorted(
                ref
                for ref, entry in self.entries().items()
                if (category is None or ref.type == category)
                and (everything or ref in wanted or entry.plugin is not None)
                and entry.state is not PluginState.DISABLED
                and ref not in self._blocked
            )
        )


def _says_only(problem: Problem, issues: set[ConfigurationIssue]) -> bool:
    """Return whether a problem is about these issues alone."""
    cause = problem.cause
    return isinstance(cause, PluginConfigurationError) and bool(cause.errors) and issues.issuperset(cause.errors)


def _wrong(issue: ConfigurationIssue) -> Problem:
    return Problem(stage=Stage.CONFIGURE, ref=issue.ref, distribution=issue.distribution, message=str(issue))


def _place(problem: Problem) -> tuple[str, str, str]:
    return problem.distribution or "", str(problem.ref or ""), problem.message
