"""``doctor``: try each installed plugin in a process of its own, and tell what it takes, prints and changes."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
import click

from floe_plugins.cli import program
from floe_plugins.cli.exit import PROBLEMS_FOUND, USAGE_ERROR, fail
from floe_plugins.cli.job_runner import JobRunner
from floe_plugins.cli.options import Options, common_options, seconds
from floe_plugins.cli.output import Output
from floe_plugins.cli.supervisor.concurrent_jobs import HostRun
from floe_plugins.core.refs import PluginRef

_PRINTED = 1000
_BRIEF = 12

# What programs say that were refused more memory.
_OUT_OF_MEMORY = ("MemoryError", "bad_alloc", "memory allocation of", "Cannot allocate memory", "ut of memory")
_MUCH = 0.8

_FAILURES = {"configure": "not configured", "resolve": "not started", "check": "unhealthy"}

_COLUMNS = ("plugin", "distribution", "load s", "MiB", "threads", "files", "modules", "printed", "changed", "ended")
_STAGES = ("configure", "start", "check", "stop", "total")
_WIDE_COLUMNS = (*(f"{stage} s" for stage in _STAGES), "what changed", "brought", "in")


@click.command()
@click.argument("refs", nargs=-1, metavar="[REF]...")
@click.option("--start", is_flag=True, help="Configure, start, check and stop each plugin too.")
@click.option(
    "--timeout",
    type=seconds,
    default=60.0,
    show_default=True,
    metavar="S",
    help="Seconds that the code of each plugin may take.",
)
@click.option(
    "--memory",
    type=click.IntRange(min=1),
    default=2048,
    show_default=True,
    metavar="MIB",
    help="MiB of memory that each plugin may take.",
)
@click.option(
    "--jobs", type=click.IntRange(1, 64), default=2, show_default=True, metavar="N", help="Plugins to try side by side."
)
@click.option("--strict", is_flag=True, help="Exit status 1 for warnings too.")
@common_options
def doctor(  # noqa: PLR0913 the options of the command, which click gives by name
    options: Options, refs: tuple[str, ...], *, start: bool, timeout: float, memory: int, jobs: int, strict: bool
) -> None:
    """Load every installed plugin, or each REF, in a process of its own, selected or not.

    Tells what it takes, prints and changes, and how it ended. Disabled and incompatible plugins are listed only.

    Exit status 1 if a plugin cannot be loaded, or started with --start, or if it ends or blocks its process.
    """
    limits = _Limits(start=start, timeout=timeout, memory=memory)
    command = JobRunner(options)
    listed = _list(command, refs)
    plugins = {each["ref"]: _plugin(each) for each in listed["plugins"]}
    problems = [{**each, "is_warning": False} for each in listed["problems"]]
    tried = [ref for ref, plugin in plugins.items() if not plugin["state"]]
    arguments = [{"ref": ref, "start": start, "memory": memory} for ref in tried]
    for run in command.attempt_each("doctor", arguments, number=jobs, timeout=timeout):
        ref = tried[run.index]
        plugins[ref] = _Diagnosis(plugins[ref], run, limits).plugin()
    for row in plugins.values():
        problems += row.pop("problems")
    configuration = options.configuration_name()
    document = {
        "configuration": configuration,
        "plugins": [*plugins.values()],
        "problems": problems,
        "warnings": listed["warnings"],
    }
    output = options.output()
    if options.json:
        output.json(document)
    else:
        _print(output, document, verbose=bool(options.verbose), is_off=listed["switched_off"])
        output.line()
        output.line(program.configuration_line(configuration))
    if command.supervisor.received is not None:
        sys.exit(128 + command.supervisor.received)
    sys.exit(PROBLEMS_FOUND if any(strict or not each["is_warning"] for each in problems) else 0)


def _list(command: JobRunner, refs: Sequence[str]) -> Mapping[str, Any]:
    """Return what is installed; exit if one of ``refs`` is not."""
    known = program.categories()
    try:
        wanted = [str(PluginRef.parse(ref, known)) for ref in refs]
    except ValueError as error:
        fail(str(error), USAGE_ERROR)
    finished = command.attempt("doctor", refs=list(dict.fromkeys(wanted)))
    if finished.error is not None and finished.error.get("type") == "PluginNotFoundError":
        finished = attrs.evolve(finished, status=USAGE_ERROR)
    return command.checked(finished).document


def _plugin(listed: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plugin of the document, before it is tried."""
    problems = [{**problem, "is_warning": False} for problem in listed["problems"]]
    state = listed["state"]
    ended = state if not problems or state == "incompatible" else f"{state}: {problems[0]['message']}"
    return {
        "ref": listed["ref"],
        "distribution": listed["distribution"],
        "state": state,
        "ended": listed["reason"] or ended,
        "seconds": {},
        "memory_mib": None,
        "threads": None,
        "open_files": None,
        "modules": None,
        "top_level_modules": None,
        "printed": None,
        "changed": None,
        "problems": problems,
    }


@attrs.frozen
class _Limits:
    start: bool
    timeout: float
    memory: int


@attrs.frozen
class _Diagnosis:
    """What became of one plugin in its host.

    Attributes:
        before: The plugin of the document, before it was tried.
        run: What became of its host.
        limits: What it was allowed.
    """

    before: Mapping[str, Any]
    run: HostRun
    limits: _Limits

    def plugin(self) -> dict[str, Any]:
        """Return the plugin of the document."""
        finished = self.run.finished
        found = self.run.reports.get("footprint", {})
        document = finished.document
        problems = [*(document or found).get("problems", ()), *self._problems_of_end()]
        problems = [{**each, **self._added_facts(each)} for each in problems]
        errors = [each for each in problems if not each["is_warning"]]
        facts = {key: found.get(key) for key in self.before if key in found}
        return {
            **self.before,
            **facts,
            "seconds": {**(document or found).get("seconds", {}), **self._total()},
            "state": "failed" if errors else document.get("state") or "interrupted",
            "ended": self._ended(errors),
            "printed": {"bytes": self.run.captured.size, "text": self._printed()},
            "problems": problems,
        }

    def _total(self) -> dict[str, float]:
        return {} if self.run.seconds is None else {"total": round(self.run.seconds, 4)}

    def _ended(self, errors: Sequence[Mapping[str, Any]]) -> str:
        ending, error = self.run.finished.ending, self.run.finished.error
        if ending is not None and self.run.finished.signal is None:
            return "took too long" if self.run.is_overdue else _brief(ending.how)
        if self.run.is_stuck and len(errors) == 1:
            return "does not end"
        if error is not None:
            return "was not tried"
        if errors:
            stage = errors[0]["stage"]
            return _FAILURES.get(stage, f"failed to {stage}")
        state = self.run.finished.document.get("state")
        return {"loaded": "loaded", "stopped": "stopped"}.get(state or "", "was interrupted")

    def _problems_of_end(self) -> Iterable[dict[str, Any]]:
        """Yield the end of its host as a problem, if it ended abruptly or did not end."""
        finished = self.run.finished
        if finished.ending is not None and finished.signal is None:
            ending = finished.ending
            message = ending.message.removeprefix(f"{self.before['ref']} ").rstrip(",")
            where = f", at {ending.where}" if ending.where else ""
            more = "Allow it more time with --timeout, leave" if self.run.is_overdue else "Leave"
            hint = f"{more} it out with --disable {self.before['ref']}, or tell its author."
            yield _problem(ending.stage or "load", message + where, hint)
        elif finished.error is not None:
            yield _problem("load", str(finished.error["message"]), str(finished.error["hint"]))
        elif self.run.is_stuck:
            message = "it keeps its process from ending: a thread, or a function for the end, does not end"
            yield _problem("stop", message, "Tell its author: threads should be daemons, or end in shutdown().")

    def _added_facts(self, problem: Mapping[str, Any]) -> dict[str, Any]:
        """Return the facts to add to a problem: its plugin and distribution, and whether memory was the cause."""
        facts = {"ref": self.before["ref"], "distribution": problem["distribution"] or self.before["distribution"]}
        message = problem["message"]
        if not problem["is_warning"] and self._is_memory_gone(message):
            facts["message"] = f"{message}; it may need more than the {self.limits.memory} MiB that --memory allows"
            facts["hint"] = f"Allow it more memory, leave it out with --disable {facts['ref']}, or tell its author."
        return facts

    def _is_memory_gone(self, message: str) -> bool:
        ending = self.run.finished.ending
        if any(text in message for text in _OUT_OF_MEMORY):
            return True
        if ending is None:
            return False
        texts = (self.run.captured.tail, ending.stacks)
        peak = self.run.peak
        is_much = peak is not None and peak > self.limits.memory * _MUCH
        return is_much or any(mark in text for text in texts for mark in _OUT_OF_MEMORY)

    def _printed(self) -> str:
        """Return the beginning of what it printed, without secrets."""
        from floe_plugins.configuration.redaction.collector import Secret
        from floe_plugins.configuration.redaction.redactor import WITHHELD, Redactor

        text, secrets = self.run.captured.head, self.run.reports.get("secrets")
        if not text:
            return ""
        if self.limits.start and (secrets is None or secrets["withholds"]):
            return WITHHELD
        known = [Secret(each, "configuration") for each in (secrets or {}).get("texts", ())]
        return Redactor(known).redact(text)[:_PRINTED]


def _brief(how: str) -> str:
    """Return how a host was ended, for a table: ``os._exit(0)``, ``signal 11 (SIGSEGV)``."""
    for words in ("ended the host by ", "crashed the host by "):
        how = how.removeprefix(words)
    return how.partition(";")[0].rstrip(",")


def _problem(stage: str, message: str, hint: str) -> dict[str, Any]:
    return {"stage": stage, "message": message, "hint": hint, "is_warning": False, "distribution": None, "cause": None}


def _print(output: Output, document: Mapping[str, Any], *, verbose: bool, is_off: bool) -> None:
    plugins, problems = document["plugins"], document["problems"]
    if not plugins:
        output.line("installed plugins are switched off" if is_off else "no plugins are installed")
        return
    if output.is_wide:
        output.table((*_COLUMNS, *_WIDE_COLUMNS), [(*_row(plugin), *_more(plugin)) for plugin in plugins])
    else:
        output.table(_COLUMNS, map(_row, plugins))
    for plugin in plugins if verbose else ():
        if plugin["top_level_modules"]:
            output.line(f"{plugin['ref']} brought {', '.join(plugin['top_level_modules'])}")
        if plugin["printed"] and plugin["printed"]["text"]:
            output.line(f"{plugin['ref']} printed {plugin['printed']['text']}")
    output.problems([each for each in problems if not each["is_warning"]])
    output.problems([each for each in problems if each["is_warning"]], "warning")


def _row(plugin: Mapping[str, Any]) -> tuple[object, ...]:
    seconds, memory = plugin["seconds"].get("load"), plugin["memory_mib"]
    lists = [plugin[key] for key in ("threads", "open_files")]
    return (
        plugin["ref"],
        # Where it lies stands among the problems.
        (plugin["distribution"] or "").partition(" in ")[0],
        "" if seconds is None else f"{seconds:.2f}",
        "" if memory is None else f"{memory:.1f}",
        *("" if each is None else len(each) for each in lists),
        plugin["modules"],
        _printed(plugin["printed"]),
        "" if plugin["changed"] is None else sum(len(each["names"]) for each in plugin["changed"]),
        plugin["ended"],
    )


def _more(plugin: Mapping[str, Any]) -> tuple[object, ...]:
    seconds = [plugin["seconds"].get(stage) for stage in _STAGES]
    return (
        *("" if each is None else f"{each:.2f}" for each in seconds),
        "; ".join(f"{each['kind']}: {', '.join(each['names'])}" for each in plugin["changed"] or ()),
        ", ".join(plugin["top_level_modules"] or ()),
        (plugin["distribution"] or "").partition(" in ")[2],
    )


def _printed(printed: Mapping[str, Any] | None) -> str:
    if printed is None:
        return ""
    line = next(iter(printed["text"].splitlines()), "")
    brief = line if len(line) <= _BRIEF else f"{line[:_BRIEF]}..."
    return f"{printed['bytes']} B{': ' if brief else ''}{brief}"
