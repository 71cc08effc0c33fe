"""``validate``: check a project or a wheel before it is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from floe_plugins.cli import completing, logs, program
from floe_plugins.cli.exit import PROBLEMS_FOUND, USAGE_ERROR, fail
from floe_plugins.cli.options import Options, common_options
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
    "--with", "requirements", metavar="REQUIREMENT", multiple=True, help="With --run: install this too; repeatable."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
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
    from floe_plugins.authoring.validation import validate as read

    if not run and (tests is not None or requirements):
        raise click.UsageError("--tests and --with need --run")
    try:
        result = read(path, program.platform())
    except ValueError as error:
        fail(str(error), USAGE_ERROR)
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror or error}", USAGE_ERROR)
    origin = f"{result.distribution or result.kind} in {path}"
    problems = [_problem(each, origin, "discover") for each in result.found]
    errors = [each for each in problems if not each["is_warning"]]
    conformance = None
    if run and not errors:
        from floe_plugins.authoring.conformance_run import Trial, run_conformance

        if not options.quiet:
            logs.write("info", "installing it into a fresh environment, and calling its plugins")
        conformance = run_conformance(Trial(path, result, tests, requirements, timeout), program.platform())
        errors += [_problem(each, origin, "check") for each in conformance.found]
    broken = [each for each in (conformance.rules if conformance else ()) if each.outcome == "failed"]
    failed = bool(errors or broken or (strict and problems))
    output = options.output()
    if options.json:
        problems = [
            *(each for each in problems if each["is_warning"]),
            *errors,
            *(_broken(each, origin) for each in broken),
        ]
        output.json(_document(path, result, problems, conformance))
    else:
        fits = "" if errors or broken else ", nothing wrong found"
        output.line(f"{origin}: {count(len(result.plugins), 'plugin')}{fits}")
        for line in _summary(conformance):
            output.line(line)
        if run and conformance is None:
            output.line("The conformance suite did not run: correct the problems first.")
        output.problems(errors)
        output.problems([each for each in problems if each["is_warning"]], "warning")
        _print_rules(output, broken, has_examples=not options.quiet)
        if conformance is not None and conformance.output:
            output.line()
            output.line("The end of what was printed:")
            output.text(f"{escape_lines(conformance.output.rstrip())}\n")
    sys.exit(PROBLEMS_FOUND if failed else 0)


def _problem(found: Found, origin: str, stage: str) -> dict[str, Any]:
    return {**found._asdict(), "stage": stage, "distribution": origin, "cause": None}


def _broken(result: RuleResult, origin: str) -> dict[str, Any]:
    facts = {
        "message": f"{result.rule}: {result.seen}",
        "hint": result.wanted,
        "ref": result.ref or None,
        "is_warning": False,
    }
    return {**facts, "stage": "check", "distribution": origin, "cause": None}


def _document(
    path: Path, result: Validation, problems: Sequence[Mapping[str, Any]], conformance: ConformanceRun | None
) -> dict[str, Any]:
    run = conformance and {
        "environment": conformance.tool,
        "rules": [each._asdict() for each in conformance.rules],
        "output": conformance.output,
    }
    return {
        "path": str(path.absolute()),
        "kind": result.kind,
        "distribution": result.distribution or None,
        "plugins": [{"ref": str(each.ref), "entry_point": each.value} for each in result.plugins],
        "problems": [*problems],
        "conformance": run,
    }


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
