"""``validate``: check a project or a wheel before it is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from floe_plugins.cli import completing, logs, program
from floe_plugins.cli.exit import PROBLEMS_FOUND, USAGE_ERROR, cleaning_up, fail
from floe_plugins.cli.options import Options, common_options, seconds
from floe_plugins.cli.output import Output, count
from floe_plugins.core.safe_text import escape_lines

if TYPE_CHECKING:
    from floe_plugins.authoring.class_reading import Found
    from floe_plugins.authoring.conformance_run import ConformanceRun, RuleResult
    from floe_plugins.authoring.validation import Validation


@click.command()
@click.argument("path", metavar="PATH|WHEEL", type=click.Path(path_type=Path), shell_complete=completing.files)
@click.option("--strict", is_flag=True, help="Exit status 1 for warnings too.")
@click.option("--run", is_flag=True, help="Run the conformance suite too, in a fresh environment.")
@click.option(
    "--tests",
    metavar="PATH",
    type=click.Path(path_type=Path, exists=True),
    shell_complete=completing.files,
    help="With --run: the file or directory with the conformance classes (default: the tests of the project).",
)
@click.option(
    "--with",
    "requirements",
    metavar="REQUIREMENT|PATH",
    multiple=True,
    help="With --run: install this too; repeatable.",
)
@click.option(
    "--timeout",
    type=seconds,
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="With --run: how long all of it may take.",
)
@common_options
def validate(  # noqa: PLR0913 these are its options
    options: Options,
    path: Path,
    *,
    strict: bool,
    run: bool,
    tests: Path | None,
    requirements: tuple[str, ...],
    timeout: float,
) -> None:
    """Check the plugins of a project or a wheel before it is installed. Runs nothing of it, except with --run.

    Reads the metadata and the sources: entry points, names, versions, requirements, and missing and misspelt hooks.
    Exit status 1 if there are problems.

    With --run, if reading finds nothing wrong, it is built and installed into a fresh environment, made by uv or venv,
    and the conformance suite calls its plugins there: with the conformance classes of its tests, else without settings.
    """
    from floe_plugins.authoring.conformance_run import Trial, run_conformance

    if not run and (tests is not None or requirements):
        raise click.UsageError("--tests and --with need --run")
    with cleaning_up():
        result = _read(path)
        is_right = all(each.is_warning for each in result.found)
        conformance = None
        if run and is_right:
            if not options.quiet:
                logs.write("info", "installing it into a fresh environment, and calling its plugins")
            conformance = run_conformance(Trial(path, result, tests, requirements, timeout), program.platform())
    report = _Report(path, result, conformance)
    if options.json:
        options.output().json(report.document())
    else:
        report.print(options.output(), is_run=run, has_examples=not options.quiet)
    sys.exit(PROBLEMS_FOUND if report.errors or report.broken or (strict and report.warnings) else 0)


def _read(path: Path) -> Validation:
    from floe_plugins.authoring.validation import validate as read

    try:
        return read(path, program.platform())
    except ValueError as error:
        fail(str(error), USAGE_ERROR)
    except OSError as error:
        file = path if error.filename is None else error.filename
        fail(f"cannot validate {path}: {error.strerror or error}: {file}", USAGE_ERROR)


class _Report:
    """What reading and running came to, as a document and as text."""

    def __init__(self, path: Path, validation: Validation, conformance: ConformanceRun | None) -> None:
        self._path = path
        self._validation = validation
        self._conformance = conformance
        self._origin = f"{validation.distribution or validation.kind} in {path}"
        read = [self._problem(each, "discover") for each in validation.found]
        self.warnings = [each for each in read if each["is_warning"]]
        self.errors = [each for each in read if not each["is_warning"]]
        self.broken: list[RuleResult] = []
        if conformance is not None:
            self.errors += [self._problem(each, "check") for each in conformance.found]
            self.broken += [each for each in conformance.rules if each.outcome == "failed"]

    def _problem(self, found: Found, stage: str) -> dict[str, Any]:
        return {**found._asdict(), "stage": stage, "distribution": self._origin, "cause": None}

    def _broken_rule(self, result: RuleResult) -> dict[str, Any]:
        facts = {"message": f"{result.rule}: {result.seen}", "hint": result.wanted, "ref": result.ref or None}
        return {**facts, "is_warning": False, "stage": "check", "distribution": self._origin, "cause": None}

    def document(self) -> dict[str, Any]:
        result = self._validation
        run = self._conformance and {
            "environment": self._conformance.tool,
            "rules": [each._asdict() for each in self._conformance.rules],
            "output": self._conformance.output,
        }
        return {
            "path": str(self._path.absolute()),
            "kind": result.kind,
            "distribution": result.distribution or None,
            "plugins": [{"ref": str(each.ref), "entry_point": each.value} for each in result.plugins],
            "problems": [*self.warnings, *self.errors, *map(self._broken_rule, self.broken)],
            "conformance": run,
        }

    def print(self, output: Output, *, is_run: bool, has_examples: bool) -> None:
        fits = "" if self.errors or self.broken else ", nothing wrong found"
        output.line(f"{self._origin}: {count(len(self._validation.plugins), 'plugin')}{fits}")
        for line in _summary(self._conformance):
            output.line(line)
        if is_run and self._conformance is None:
            output.line("The conformance suite did not run: correct the problems first.")
        output.problems(self.errors)
        output.problems(self.warnings, "warning")
        _print_rules(output, self.broken, has_examples=has_examples)
        if self._conformance is not None and self._conformance.output:
            output.line()
            output.line("The end of what was printed:")
            output.text(f"{escape_lines(self._conformance.output.rstrip())}\n")


def _summary(conformance: ConformanceRun | None) -> Iterator[str]:
    """Yield a line for each plugin: how many rules it keeps."""
    by_ref: dict[str, list[str]] = {}
    for each in conformance.rules if conformance else ():
        by_ref.setdefault(each.ref, []).append(each.outcome)
    for ref, outcomes in by_ref.items():
        broken, left_out = outcomes.count("failed"), outcomes.count("skipped")
        kept = count(len(outcomes) - broken - left_out, "rule")
        yield f"{ref}: {kept} kept, {left_out} left out, {broken} broken"


def _print_rules(output: Output, broken: Sequence[RuleResult], *, has_examples: bool) -> None:
    if broken:
        output.line()
        output.line(f"{count(len(broken), 'broken rule')}")
    for each in broken:
        output.line(f"{each.ref} {each.rule}")
        output.line(f"    wanted: {each.wanted}")
        output.line(f"    seen:   {each.seen}")
        if each.example and has_examples:
            output.line("    right:")
            for line in each.example.split("\n"):
                output.line(f"        {line}")
