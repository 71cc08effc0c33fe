"""``validate``: check a project or a wheel before it is installed."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from floe_plugins.cli import completing, program
from floe_plugins.cli.exit import PROBLEMS_FOUND, USAGE_ERROR, fail
from floe_plugins.cli.options import Options, common_options
from floe_plugins.cli.output import count


@click.command()
@click.argument("path", metavar="PATH|WHEEL", type=click.Path(path_type=Path), shell_complete=completing.files)
@click.option("--strict", is_flag=True, help="Exit status 1 for warnings too.")
@common_options
def validate(options: Options, path: Path, *, strict: bool) -> None:
    """Check the plugins of a project or a wheel before it is installed. Runs nothing of it.

    Reads the metadata and the sources: entry points, names, versions, requirements, and missing and misspelt hooks.
    Exit status 1 if there are problems.
    """
    from floe_plugins.authoring.validation import validate as read

    try:
        result = read(path, program.platform())
    except ValueError as error:
        fail(str(error), USAGE_ERROR)
    except OSError as error:
        fail(f"cannot read {path}: {error.strerror or error}", USAGE_ERROR)
    origin = f"{result.distribution or result.kind} in {path}"
    problems = [{**each._asdict(), "stage": "discover", "distribution": origin, "cause": None} for each in result.found]
    errors = [each for each in problems if not each["is_warning"]]
    output = options.output()
    if options.json:
        plugins = [{"ref": str(each.ref), "entry_point": each.value} for each in result.plugins]
        output.json(
            {
                "path": str(path.absolute()),
                "kind": result.kind,
                "distribution": result.distribution or None,
                "plugins": plugins,
                "problems": problems,
            }
        )
    else:
        fits = "" if errors else ", nothing wrong found"
        output.line(f"{origin}: {count(len(result.plugins), 'plugin')}{fits}")
        output.problems(errors)
        output.problems([each for each in problems if each["is_warning"]], "warning")
    sys.exit(PROBLEMS_FOUND if errors or (strict and problems) else 0)
