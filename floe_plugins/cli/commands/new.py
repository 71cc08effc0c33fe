"""``new``: make the project of a new plugin."""

from __future__ import annotations

from pathlib import Path

import click

from floe_plugins.cli import completing, program
from floe_plugins.cli.exit import PROBLEMS_FOUND, USAGE_ERROR, fail
from floe_plugins.cli.options import Options, common_options
from floe_plugins.cli.output import count


@click.command()
@click.argument("category", shell_complete=completing.categories)
@click.argument("name")
@click.option(
    "--directory",
    metavar="DIRECTORY",
    type=click.Path(path_type=Path),
    help=f"Where to write it: a new or empty directory (default: {program.platform().name}-CATEGORY-NAME here).",
)
@common_options
def new(options: Options, category: str, name: str, directory: Path | None) -> None:
    """Make the project of a new plugin, whose tests pass: NAME of a CATEGORY.

    Writes a distribution with the typed class and every hook of its category, a configuration model, tests of the
    contract, tox.ini, a CI file, a README, a licence and a changelog.
    """
    from floe_plugins.authoring.project import new_project, write_project

    try:
        project = new_project(program.categories().parse(category.replace("-", "_")), name, program.platform())
    except ValueError as error:
        fail(str(error), USAGE_ERROR)
    place = Path(project.distribution) if directory is None else directory
    try:
        write_project(project, place)
    except FileExistsError as error:
        fail(f"{error}: give a new or empty directory with --directory", USAGE_ERROR)
    except OSError as error:
        fail(f"cannot write {error.filename or place}: {error.strerror or error}", PROBLEMS_FOUND)
    output = options.output()
    if options.json:
        output.json(
            {
                "ref": str(project.ref),
                "directory": str(place.absolute()),
                "distribution": project.distribution,
                "package": project.package,
                "class": project.cls,
                "files": list(project.files),
            }
        )
        return
    output.line(f"{project.ref}: wrote {count(len(project.files), 'file')} to {place}")
    output.line()
    output.line(f"    cd {place}")
    output.line("    python -m pip install --editable . --group test")
    output.line("    python -m pytest")
    output.line()
    output.line(f"The hooks are in src/{project.package}/plugin.py.")
