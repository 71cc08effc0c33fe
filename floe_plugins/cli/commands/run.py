"""``run``: start the platform, serve until a signal and stop the platform in reverse order."""

from __future__ import annotations

import re
import sys
import textwrap
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import click

from floe_plugins.cli import logs, program
from floe_plugins.cli.exit import PROBLEMS_FOUND
from floe_plugins.cli.http import open_address, read_token, serve_view
from floe_plugins.cli.job_runner import JobRunner
from floe_plugins.cli.options import Options, common_options
from floe_plugins.cli.output import Output, count
from floe_plugins.cli.status_client import socket_of
from floe_plugins.cli.supervisor.supervisor import Finished
from floe_plugins.core.safe_text import escape


def _parse_hosts(_context: object, _parameter: object, values: Sequence[str]) -> Sequence[str]:
    for value in values:
        if not re.fullmatch(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*", value):
            message = f"{escape(value)!r} is no name of a host, such as status.example.com, without scheme and port"
            raise click.BadParameter(message)
    return values


@click.command()
@click.option("--once", is_flag=True, help="Start, check health, stop and exit.")
@click.option("--keep-going", is_flag=True, help="Serve on although a required plugin failed to start.")
@click.option(
    "--restart",
    type=click.Choice(["never", "on-failure"]),
    default="never",
    show_default=True,
    help="Start the platform again when it fails, after a pause, up to five times in a row.",
)
@click.option(
    "--serve", metavar="[HOST:]PORT", help="Serve probes, metrics and a page over HTTP; on loopback by default."
)
@click.option(
    "--token-file",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help=f"Let requests with the token in FILE, or in {program.platform().variable('TOKEN')}, start and stop plugins.",
)
@click.option(
    "--allow-host",
    "allowed_hosts",
    metavar="NAME",
    multiple=True,
    callback=_parse_hosts,
    help="A name of this server that a proxy on this machine passes on; several times for several.",
)
@click.option("--socket", "socket_path", metavar="PATH", help="Path of the status socket.")
@click.option("--no-socket", is_flag=True, help="Open no status socket.")
@click.option("--timings", is_flag=True, help="Show the start time of each plugin and the critical chain.")
@click.option(
    "--timeline",
    "timeline_file",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write a timeline of the start to FILE, as SVG.",
)
@common_options
def run(options: Options, **choices: Any) -> None:
    """Start the platform and serve until SIGINT, SIGTERM or SIGHUP. Stops the plugins in reverse order.

    Without a terminal, SIGHUP has the configuration read again. Exit status 1 if the platform is unhealthy or a
    required plugin is missing or failed.
    """
    wanted = RunOptions(**choices)
    if wanted.allowed_hosts and (wanted.serve is None or wanted.once):
        raise click.UsageError("--allow-host says which hosts --serve answers for: give --serve, and not --once")
    token = read_token(wanted.token_file)
    presenter = _Presenter(options.output(), wanted, options.configuration_name())
    command = JobRunner(options, log=True, has_events=not wanted.once, report=presenter.report)
    job = {"once": wanted.once, "keep_going": wanted.keep_going, "timings": wanted.timings}
    job["timeline"] = wanted.timeline_file is not None
    finished = (
        command.run("run", **job) if wanted.once else command.checked(_serve(command, options, wanted, job, token))
    )
    if wanted.once and options.json:
        document = {name: facts for name, facts in finished.document.items() if name in _ONE_DOCUMENT}
        presenter.output.json({"configuration": options.configuration_name(), **document})
    sys.exit(PROBLEMS_FOUND if wanted.once and presenter.has_failed and not finished.status else finished.status)


_ONE_DOCUMENT = frozenset({"startup", "health", "blame", "critical_chain", "shutdown", "warnings"})


@attrs.frozen(kw_only=True)
class RunOptions:
    """The options of ``run``.

    Attributes:
        once: Whether to stop after one round of checks.
        keep_going: Whether to go on although a required plugin failed.
        restart: ``never`` or ``on-failure``: whether a new host takes the place of one that ended.
        serve: ``[HOST:]PORT`` to serve on; None for no server.
        token_file: The file with the token that allows changes.
        allowed_hosts: Names of this server that a proxy on the same machine passes on.
        socket_path: The status socket, where it is not the one that follows from the configuration.
        no_socket: Whether there is to be none.
        timings: Whether to print where the time of the start went.
        timeline_file: The file into which the start is drawn as SVG.
    """

    once: bool
    keep_going: bool
    restart: str
    serve: str | None
    token_file: str | None
    allowed_hosts: Sequence[str]
    socket_path: str | None
    no_socket: bool
    timings: bool
    timeline_file: str | None


def _serve(
    command: JobRunner, options: Options, wanted: RunOptions, job: Mapping[str, Any], token: str | None
) -> Finished:
    """Run the platform until a signal, and let others ask how it is."""
    from floe_plugins.cli.supervisor.service import Service
    from floe_plugins.cli.supervisor.view import SupervisorView

    configuration = options.file()
    serve = partial(
        serve_view,
        token=token,
        say=command.say,
        hosts=wanted.allowed_hosts,
        is_quiet=options.quiet,
    )
    listener = None if wanted.serve is None else open_address(wanted.serve)
    service = Service(
        supervisor=command.supervisor,
        view=SupervisorView(command.supervisor, options.configuration_name()),
        say=command.say,
        restart=wanted.restart == "on-failure",
        socket=None if wanted.no_socket else lambda: socket_of(wanted.socket_path, configuration, create=True),
        serve=None if listener is None else lambda view: serve(view, listener),
        show_ending=command.print_ending,
    )
    return service.run({**command.common(), **job})


class _Presenter:
    """Prints what each step of a run came to.

    Attributes:
        has_failed: Whether the timeline could not be written.
    """

    def __init__(self, output: Output, wanted: RunOptions, configuration: str | None) -> None:
        self.output = output
        self._configuration = configuration
        self._wanted = wanted
        self.has_failed = False

    def report(self, name: str, facts: Mapping[str, Any]) -> None:
        if "timeline" in facts and self._wanted.timeline_file is not None:
            self._write_timeline(self._wanted.timeline_file, facts["timeline"])
        if self.output.as_json:
            if not self._wanted.once:
                self._print_events(name, facts)
        elif name == "started":
            self._print_start(facts)

    def _print_events(self, name: str, facts: Mapping[str, Any]) -> None:
        if name == "shutdown":
            self.output.event({"event": "shutdown", "shutdown": facts["shutdown"]})
            return
        timings = {key: facts[key] for key in ("blame", "critical_chain") if key in facts}
        started = {"startup": facts["startup"], "warnings": facts["warnings"], **timings}
        self.output.event({"event": "startup", "configuration": self._configuration, **started})
        self.output.event({"event": "health", "health": facts["health"]})

    def _print_start(self, facts: Mapping[str, Any]) -> None:
        started, health = facts["startup"], facts["health"]
        full_below = {problem["message"] for problem in facts["problems"]}
        rows = [_row(outcome, health["statuses"], full_below) for outcome in started["outcomes"]]
        if rows:
            self.output.table(("plugin", "start", "seconds", "health", "message"), rows)
        is_started = {outcome["ref"]: outcome["state"] == "succeeded" for outcome in started["outcomes"]}
        for ref, status in health["statuses"].items():
            # Why others did not start stands among the problems.
            if status["state"] != "healthy" and is_started.get(ref):
                self.output.ailing(ref, status)
        self.output.line(f"platform {health['state']}: {count(len(rows), 'plugin')} in {started['seconds']:.2f} s")
        self.output.problems(facts["problems"])
        if "timings" in facts:
            for line in ("", *facts["timings"].rstrip().split("\n")):
                self.output.line(line)
        self.output.line(program.configuration_line(self._configuration))
        if not self._wanted.once and (facts["ok"] or self._wanted.keep_going):
            self.output.line("running; press Ctrl-C or send SIGTERM to stop")

    def _write_timeline(self, file: str, svg: str) -> None:
        try:
            Path(file).write_text(svg, encoding="utf-8")
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            # The platform runs all the same.
            self.has_failed = True
            logs.write("error", f"cannot write {escape(file)}: {escape(getattr(error, 'strerror', None) or error)}")


def _row(outcome: Mapping[str, Any], statuses: Mapping[str, Any], full_below: Collection[str]) -> tuple[object, ...]:
    status = statuses.get(outcome["ref"])
    message = outcome["message"] or (status["message"] if status else "")
    if message in full_below:
        # It follows in full among the problems.
        message = textwrap.shorten(message, 100, placeholder=" ...")
    return outcome["ref"], outcome["state"], f"{outcome['seconds']:.3f}", status["state"] if status else "", message
