"""Load plugins and find what can be found without starting them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from floe_plugins.cli.host.process import PROBLEMS_FOUND, Result
from floe_plugins.cli.host.session import Session
from floe_plugins.cli.host.validation import all_issues, problem_of, validate
from floe_plugins.configuration.issues import ConfigurationIssue
from floe_plugins.core.categories import Category
from floe_plugins.core.problem import Problem
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import PluginState, Stage
from floe_plugins.dependencies.resolver import StartPlan, resolve
from floe_plugins.entries.entry import Entry
from floe_plugins.entries.store import EntryStore
from floe_plugins.registry.facade import PluginRegistry
from floe_plugins.reporting.schema_calls import call_each
from floe_plugins.reporting.static_details import UNKNOWN, details_of


def run(session: Session) -> Result:
    """Return what was checked, what is installed besides, and all problems, issues and warnings."""
    options = session.options
    registry = session.registry(autoload="all" if options.get("all") else None, tells_warnings=False)
    store = registry._store  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] the host is part of the platform
    slug, texts = options.get("category"), options.get("refs") or ()
    category = None if slug is None else registry.platform.categories.parse(slug)
    wanted = [_wanted(store, registry.platform.ref(text)) for text in texts] or store.selected(category)
    plan = _load(registry, store, wanted)
    calls = call_each(registry, partial(validate, registry.configuration), plan.entries)
    issues = all_issues(registry, calls.results.values())
    problems = [*_problems(registry, plan, issues), *calls.problems]
    if texts:
        problems = [each for each in problems if each.ref in plan.entries]
    problems = [each for each in problems if category is None or each.ref is None or each.ref.type == category]
    shown = [each for each in issues if _concerns(each, plan, category, only_these=bool(texts))]
    problems += map(problem_of, shown)
    warnings = [text for each in calls.results.values() for text in each.warnings]
    warnings += session.warnings
    others = [entry for ref, entry in sorted(store.entries().items()) if ref not in plan.entries]
    document = {
        "checked": sorted(map(str, plan.entries)),
        "plugins": [_details(entry) for _, entry in sorted(plan.entries.items())] if options.get("details") else [],
        "loaded": sum(entry.plugin is not None for entry in plan.entries.values()),
        "not_selected": [str(each.ref) for each in others if each.state is not PluginState.DISABLED],
        "disabled": [str(each.ref) for each in others if each.state is PluginState.DISABLED],
        "problems": session.problems(dict.fromkeys(problems)),
        "issues": session.issues(shown),
        "warnings": warnings,
    }
    is_wrong = problems or (warnings and options.get("strict"))
    return Result(document, PROBLEMS_FOUND if is_wrong else 0)


def _wanted(store: EntryStore, ref: PluginRef) -> PluginRef:
    """Return the ref of a plugin that is there and not disabled; what else is wrong with it, is a problem.

    Raises:
        PluginNotFoundError: There is none, or it is disabled.
    """
    if store.known_entry(ref).state is PluginState.DISABLED:
        store.entry(ref)
    return ref


def _details(entry: Entry) -> dict[str, Any]:
    """Return what is known of a plugin that was checked: how it was loaded, and from where."""
    found = UNKNOWN if entry.candidate is None else details_of(entry.candidate)
    return {
        "ref": str(entry.ref),
        "version": entry.declared.version,
        "state": "refused" if entry.state is PluginState.DISCOVERED else entry.state.value,
        "load_seconds": entry.load_seconds,
        "entry_point": entry.candidate.value if entry.candidate else None,
        "distribution": entry.distribution,
        "file": found.file,
        "line": found.line,
        "hooks": None if found.hooks is None else list(found.hooks),
    }


def _load(registry: PluginRegistry, store: EntryStore, refs: Sequence[PluginRef]) -> StartPlan:
    """Load plugins and all that they depend on; what cannot be loaded becomes a problem."""
    services = registry._services()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] as above

    def load(entries: Sequence[Entry]) -> object:
        return services.load_all(entry.ref for entry in entries)

    return resolve(store.entries(), store.selected(), refs, load, store.categories)


def _problems(registry: PluginRegistry, plan: StartPlan, issues: Sequence[ConfigurationIssue]) -> Iterator[Problem]:
    """Yield the problems that are no issues, and do not say the same as one."""
    missing = {issue.ref for issue in issues if issue.rule in {"not_installed", "switched_off"}}
    for problem in registry.problems:
        if problem.stage is not Stage.CONFIGURE and not (problem.stage is Stage.RESOLVE and problem.ref in missing):
            yield problem
    for ref, error in sorted(plan.errors.items()):
        yield plan.entries[ref].problem(error)


def _concerns(issue: ConfigurationIssue, plan: StartPlan, category: Category | None, *, only_these: bool) -> bool:
    if only_these:
        return issue.ref in plan.entries
    return category is None or issue.ref is None or issue.ref.type == category
