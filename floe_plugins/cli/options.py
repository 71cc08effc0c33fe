"""The common options, accepted before and after the name of every command."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import click

from floe_plugins.cli import completing, logs, program
from floe_plugins.cli.exit import run_command

if TYPE_CHECKING:
    # Help and completion need none of these.
    from floe_plugins.cli.output import Output
    from floe_plugins.configuration.file import ConfigurationFile
    from floe_plugins.core.categories import Category
    from floe_plugins.registry.facade import PluginRegistry

F = TypeVar("F", bound=Callable[..., Any])


class Options:
    """The values of the common options."""

    def __init__(self) -> None:
        self.config: str | None = None
        self.style = "table"
        self.no_plugins = False
        self.disable = ""
        self.no_color = False
        self.verbose = 0
        self.quiet = False
        self.log_format = "text"
        self.config_format: str | None = None
        self._given: ConfigurationFile | None = None

    @property
    def json(self) -> bool:
        """Whether to print one document, as JSON or YAML, instead of text."""
        return self.style in {"json", "yaml"}

    def updated(self, values: Mapping[str, Any]) -> Options:
        """Return a copy in which the values that are not None take precedence."""
        options = Options()
        options.__dict__.update(self.__dict__, **{name: value for name, value in values.items() if value is not None})
        return options

    def file(self) -> str | None:
        """The configuration file: from ``--config``, the environment or the current directory."""
        if self.config is not None:
            return self.config
        from floe_plugins.configuration.lookup import find_file, working_directory

        found = find_file(working_directory(), os.environ, program.platform())
        return None if found is None else str(found)

    def given(self) -> ConfigurationFile | None:
        """Return the configuration that standard input had, which is read once; None if there is a file, or none.

        Raises:
            PluginConfigurationError: It cannot be read.
        """
        if self._given is None and self.file() == "-":
            from floe_plugins.configuration.standard_input import read_descriptor

            self._given = read_descriptor(file_format=self.config_format)
        return self._given

    def configuration_name(self) -> str | None:
        """Return what the configuration file is called; None if there is none."""
        given = self.given()
        return self.file() if given is None else given.file

    def output(self) -> Output:
        """The output of a command."""
        from floe_plugins.cli.output import Output

        return Output(style=self.style, color=self._color(), has_hints=not self.quiet, has_links=self.verbose > 0)

    def _color(self) -> bool | None:
        # no-color.org and force-color.org: set and not empty.
        if self.no_color or os.environ.get("NO_COLOR"):
            return False
        return True if os.environ.get("FORCE_COLOR") else None

    def disabled(self) -> list[str]:
        """The names given with ``--disable``."""
        return [name.strip() for name in self.disable.split(",") if name.strip()]

    def registry(self, *, autoload: str | None = None) -> PluginRegistry:
        """Create the configured registry.

        ``autoload`` overrides the configuration, and ``--no-plugins`` overrides both.

        Raises:
            PluginConfigurationError: the configuration cannot be read.
        """
        from floe_plugins.configuration.loader import load
        from floe_plugins.errors import PluginError
        from floe_plugins.registry.facade import PluginRegistry

        self._log()
        autoload = "none" if self.no_plugins else autoload
        try:
            source, platform = self.given(), program.platform()
            settings = self.file() if source is None else load(source, collect=True, platform=platform)
            return PluginRegistry(settings, autoload=autoload, disable=self.disabled(), platform=platform)
        except ValueError as error:
            if isinstance(error, PluginError):
                raise
            raise click.BadParameter(str(error), param_hint="--disable") from None

    def _log(self) -> None:
        if not self.verbose:
            from floe_plugins.core.log import silence

            silence()
            return
        logs.attach(logs.LOGGER)


_COMMON_OPTIONS = (
    click.option(
        "--config",
        metavar="FILE",
        shell_complete=completing.files,
        help=f"Configuration file (default: {program.platform().files} here); - for standard input.",
    ),
    click.option(
        "--config-format",
        metavar="FORMAT",
        type=click.Choice(["json", "toml", "yaml"]),
        help="Format of standard input: json, toml or yaml; by default, its content tells.",
    ),
    click.option(
        "-o",
        "--output",
        "style",
        metavar="FORMAT",
        type=click.Choice(["table", "wide", "json", "yaml"]),
        help="Print a table; wide: with all columns, on long lines; json, yaml: one document.",
    ),
    click.option("--json", is_flag=True, default=None, help="Short for --output json."),
    click.option("--no-plugins", is_flag=True, default=None, help="Ignore all installed plugins."),
    click.option(
        "--disable",
        metavar="REFS",
        shell_complete=completing.rules,
        help="Disable refs, categories, distribution:NAME; comma-separated.",
    ),
    click.option("--no-color", is_flag=True, default=None, help="Disable colour, as the variable NO_COLOR does."),
    click.option(
        "-v",
        "--verbose",
        count=True,
        help="Log to standard error, and say where to read on; -vv shows tracebacks of plugin code too.",
    ),
    click.option(
        "--log-format",
        metavar="FORMAT",
        type=click.Choice(["text", "json"]),
        help="Write the log and messages as text (default) or as a JSON object a line.",
    ),
    click.option("-q", "--quiet", is_flag=True, default=None, help="Show the result alone: no progress, no hints."),
)


def common_options(function: F) -> F:
    """Pass the common options to a command as one ``Options``; those after its name win."""

    @functools.wraps(function)
    def command(*args: Any, **kwargs: Any) -> Any:
        given = {name: kwargs.pop(name) for name in vars(Options()) if name != "_given"}
        given["verbose"] = given["verbose"] or None
        given["style"] = _parse_style(given["style"], as_json=kwargs.pop("json"))
        context = click.get_current_context()
        options = (context.obj or Options()).updated(given)
        logs.use(options.log_format)
        if options.quiet and options.verbose:
            raise click.UsageError("give either --quiet or --verbose")
        if context.command.name != context.find_root().command.name:
            return run_command(function, options, *args, **kwargs)
        context.obj = options
        return function(options, *args, **kwargs)

    for option in reversed(_COMMON_OPTIONS):
        command = option(command)
    return command  # type: ignore[return-value]


def _parse_style(name: str | None, *, as_json: bool) -> str | None:
    if as_json and name not in {None, "json"}:
        raise click.UsageError("give either --json or --output")
    if name == "yaml":
        try:
            import ruamel.yaml  # noqa: F401 # pyright: ignore[reportUnusedImport] to report early that it is missing
        except ModuleNotFoundError:
            message = "yaml requires ruamel.yaml: pip install 'floe-plugins[yaml]'"
            raise click.BadParameter(message, param_hint="--output") from None
    return "json" if as_json else name


def _parse_category(_context: object, _parameter: object, value: str | None) -> Category | None:
    if value is None:
        return None
    try:
        return program.categories().parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def seconds(value: object) -> float:
    """Return a number of seconds to wait, in the limits of all timeouts; the type of an option.

    Raises:
        BadParameter: it is none.
    """
    from floe_plugins.core.timeouts import check_timeout  # help needs none of it

    with suppress(ValueError):
        value = float(str(value))
    try:
        return check_timeout(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


category_option = click.option(
    "--category",
    metavar="CATEGORY",
    callback=_parse_category,
    shell_complete=completing.categories,
    help="Only the plugins of this category.",
)
