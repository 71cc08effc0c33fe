"""A stand-in for uv that fetches nothing: its environments see what is installed beside this interpreter."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

SCRIPT = """\
import sys
from pathlib import Path

command, arguments = sys.argv[1:3], sys.argv[1:]
with Path({log!r}).open("a", encoding="utf-8") as file:
    print(*arguments, file=file)
if command[0] == "venv":
    from floe_plugins.testing.distributions import make_environment

    make_environment(Path(arguments[-1]))
elif "refused" in " ".join(arguments):
    sys.exit("no such package")
else:
    [site] = Path(arguments[arguments.index("--python") + 1]).parents[1].glob("[Ll]ib/**/site-packages")
    sources = [str(Path(each) / "src") for each in arguments if Path(each).is_dir()]
    with (site / "projects.pth").open("a", encoding="utf-8") as file:
        file.writelines(f"{{each}}\\n" for each in sources)
"""

# A conformance class of a few rules, and a test that is none.
TESTS = """\
from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule

from floe_secrets_acme import AcmeSecrets


class TestAcme(Case):
    plugin = AcmeSecrets

    @rule("return ()")
    def test_kept(self) -> None:
        '''It is kept.'''

    @rule("return ()")
    def test_broken(self) -> None:
        '''It is broken.'''
        {broken}

    @rule("return ()")
    def test_left_out(self) -> None:
        '''It is left out.'''
        self.skip("does not apply")


def test_other() -> None:
    raise AssertionError
"""


def write(directory: Path) -> Path:
    """Write the stand-in into a directory, which is to be on the path, and return the log of its calls."""
    directory.mkdir(exist_ok=True)
    log = directory / "log"
    script = directory / "uv.py"
    script.write_text(SCRIPT.format(log=str(log)), encoding="utf-8")
    # Not in the first line of the script: the interpreter's path may have spaces.
    start = shlex.join([sys.executable, str(script)])
    (directory / "uv").write_text(f'#!/bin/sh\nexec {start} "$@"\n', encoding="utf-8")
    (directory / "uv").chmod(0o755)
    return log


def on_path(directory: Path) -> str:
    """The path with the directory in front."""
    return f"{directory}{os.pathsep}{os.environ['PATH']}"


def tests_with(broken: str) -> str:
    """The tests of a project, with the body of the rule that may be broken."""
    return TESTS.format(broken=broken)
