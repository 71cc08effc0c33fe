"""Run a command's job in a host, and present what any job may come to: log messages, errors, an abrupt end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from floe_plugins.cli import logs, program
from floe_plugins.cli.exit import PROBLEMS_FOUND, end_with, interruption, print_error
from floe_plugins.cli.options import Options
from floe_plugins.cli.output import traceback_lines
from floe_plugins.cli.supervisor.concurrent_jobs import ConcurrentJobs, HostRun
from floe_plugins.cli.supervisor.ending import Ending
from floe_plugins.cli.supervisor.progress import Progress
from floe_plugins.cli.supervisor.supervisor import Finished, Supervisor
from floe_plugins.core.safe_text import escape, escape_lines

if TYPE_CHECKING:
    from floe_plugins.configuration.file import ConfigurationFile

# Without --verbose, the command prints the whole message among the problems.
_BRIEF = 200


class JobRunner:
    """A command whose plugin code runs in a host.

    Args:
        options: The options of the command.
        log: Whether to print what the platform logs also without ``--verbose``.
        has_events: Whether the command prints several documents.
        report: Called with the name and the facts of each step of the job.
    """

    def __init__(
        self,
        options: Options,
        *,
        log: bool = False,
        has_events: bool = False,
        report: Callable[[str, Mapping[str, Any]], object] | None = None,
    ) -> None:
        self.options = options
        self._given = _hand_over(options.given())
        self._progress = Progress(None if options.quiet else sys.stderr, lines=not log)
        self.supervisor = Supervisor(self._receive, self._progress)
        self._log = log and not options.quiet
        self._has_events = has_events
        self._report = report
        self._warned: set[str] = set()
        self._printed_ending: Ending | None = None

    def run(self, job: str, **arguments: Any) -> Finished:
        """Run the job. If it ends with an error, or its host does, print that and exit.

        Blocks until the job has come to its end. ``arguments`` are JSON data for the job.

        Raises:
            SystemExit: The job came to no result; with 128 and the signal's number after a signal.
        """
        return self.checked(self.attempt(job, **arguments))

    def attempt(self, job: str, **arguments: Any) -> Finished:
        """Run the job and return what it came to, whatever that is."""
        with self.supervisor.signals():
            return self.supervisor.run(job, {**self.common(), **arguments})

    def attempt_each(
        self, job: str, each: Sequence[Mapping[str, Any]], *, number: int, timeout: float | None = None
    ) -> Generator[HostRun, None, None]:
        """Run the job with each of several arguments, each in a host of its own; yield what each came to.

        Args:
            job: The job.
            each: The arguments.
            number: How many hosts may run at the same time.
            timeout: The seconds that each job may take once code of a plugin runs.
        """
        hosts = ConcurrentJobs(self.supervisor, self._receive, self._progress)
        with self.supervisor.signals():
            options = [{**self.common(), **arguments} for arguments in each]
            yield from hosts.run(job, options, number=number, timeout=timeout)

    def checked(self, finished: Finished) -> Finished:
        """Return a job that came to a result; exit if it did not."""
        if finished.ending is not None:
            self.print_ending(finished.ending)
        if finished.error is not None:
            self._end_with(finished.error, finished.status)
        if finished.ending is not None and not finished.document:
            self._end_with(finished.ending.to_dict(), PROBLEMS_FOUND)
        if finished.signal is not None and not finished.document:
            self._end_with(interruption(finished.signal), 128 + finished.signal)
        return finished

    def _end_with(self, error: Mapping[str, Any], status: int) -> NoReturn:
        end_with(error, self.options, status, [*traceback_lines(error)], as_event=self._has_events)

    @staticmethod
    def say(text: str) -> None:
        """Print a line to standard error."""
        logs.write("info", escape(text))

    def print_ending(self, ending: Ending) -> None:
        """Print why a host ended, whose code that was, and what to do; once for each host."""
        if ending is self._printed_ending:
            return
        self._printed_ending = ending
        facts: dict[str, Any] = {
            "ref": next(iter(ending.refs), None),
            "stage": ending.stage or None,
            "distribution": ending.distribution,
        }
        if logs.is_json():
            known = {**facts, "where": str(ending.where) if ending.where else None, "hint": ending.hint}
            stacks = {"exception": ending.stacks.rstrip() or None} if self.options.verbose else {}
            print_error(ending.message, **known, **stacks)
            return
        print_error(escape(ending.message))
        lines = [f"    from {ending.distribution}"] if ending.distribution else []
        lines += [f"    at {ending.where}"] if ending.where else []
        if not self.options.quiet:
            lines.append(f"    {ending.hint}")
        for line in lines:
            _print(escape(line))
        if self.options.verbose:
            _print(escape_lines(ending.stacks.rstrip() or "\n".join(map(str, ending.frames))))

    def common(self) -> dict[str, Any]:
        """Return the options that every job has, as JSON data."""
        options = self.options
        return {
            "config": options.file(),
            "given": self._given,
            "no_plugins": options.no_plugins,
            "disable": options.disabled(),
            "verbose": options.verbose,
            "platform": program.platform().to_dict(),
        }

    def _receive(self, message: Mapping[str, Any]) -> None:
        if message["event"] == "report" and message["name"] == "warnings":
            # A document has them inside. Of several hosts, the first one tells them.
            if not self.options.json and not self.options.quiet:
                for text in sorted(set(message["document"]["warnings"]) - self._warned):
                    logs.write("warning", f"warning: {escape(text)}")
            self._warned |= set(message["document"]["warnings"])
        elif message["event"] == "report" and self._report is not None:
            self._report(message["name"], message["document"])
        elif message["event"] == "log" and (self.options.verbose or self._log):
            # What is no text has no table of problems behind it.
            if self.options.verbose or logs.is_json():
                logs.write_record(message)
            elif not message["is_problem"]:
                logs.write_record(message, length=_BRIEF)


def _hand_over(given: ConfigurationFile | None) -> Mapping[str, Any] | None:
    """Return what a host needs to read the configuration that standard input had; not again from there."""
    if given is None:
        return None
    from floe_plugins.configuration.standard_input import handed_over

    return {"descriptor": handed_over(given), "suffix": given.suffix}


def _print(text: str) -> None:
    try:
        sys.stderr.write(f"{text}\n")
    except (AttributeError, OSError, ValueError):  # it is closed
        return
