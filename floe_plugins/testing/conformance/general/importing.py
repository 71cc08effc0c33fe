"""The rules for importing a plugin's module and making an instance: both take little and change nothing."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from floe_plugins.testing.conformance.case import Case
from floe_plugins.testing.conformance.rule import rule

_LAZY = """
# No engine is imported, nothing opened and nothing set up at the top of the module.
class AcmeCompute(ComputePlugin):
    def startup(self):
        import acme  # where it is first used

        self._engine = acme.connect(self.config.url)
"""
_PROBE = "floe_plugins.testing.conformance.general.import_probe"


class ImportRules(Case):
    """The rules for importing, observed in a new interpreter.

    Attributes:
        import_seconds: the processor time that importing the module and making an instance may take.
        import_memory: the MiB that it may take.
        import_modules: how many modules it may import, without those of pydantic and this package.
    """

    import_seconds: float = 1.0
    import_memory: float = 50.0
    import_modules: int = 200

    @rule(_LAZY)
    def test_importing_is_quick(self) -> None:
        """The module is imported in little time: the engine is imported where it is first used."""
        seconds = self._observed()["seconds"]
        self.expect(seconds <= self.import_seconds, f"it takes {seconds:.2g} s, of {self.import_seconds:g} s")

    @rule(_LAZY)
    def test_importing_takes_little_memory(self) -> None:
        """Importing the module takes little memory."""
        memory = self._observed()["memory"]
        if memory is None:
            self.skip("this system does not say how much memory a process takes")
        self.expect(memory <= self.import_memory, f"it takes {memory:.0f} MiB, of {self.import_memory:g} MiB")

    @rule(_LAZY)
    def test_importing_imports_few_modules(self) -> None:
        """The engine is imported where it is first used, not with the plugin's module."""
        modules = self._observed()["modules"]
        tops = sorted({name.partition(".")[0] for name in modules})
        few = len(modules) <= self.import_modules
        self.expect(few, f"{len(modules)} modules are imported, of {self.import_modules}: {', '.join(tops)}")

    @rule(_LAZY)
    def test_importing_uses_no_network(self) -> None:
        """Importing the module opens no connection and looks up no host."""
        self._nothing("network")

    @rule(_LAZY)
    def test_importing_writes_no_files(self) -> None:
        """Importing the module writes, makes and removes no files."""
        self._nothing("files")

    @rule(_LAZY)
    def test_importing_runs_no_processes(self) -> None:
        """Importing the module runs no other program."""
        self._nothing("processes")

    @rule(_LAZY)
    def test_importing_starts_no_threads(self) -> None:
        """Importing the module starts no thread."""
        self._nothing("threads")

    @rule(_LAZY)
    def test_importing_prints_nothing(self) -> None:
        """Importing the module prints nothing."""
        self._nothing("output")

    @rule(_LAZY)
    def test_importing_leaves_signal_handlers(self) -> None:
        """Importing the module sets no signal handler: signals are the application's."""
        self._nothing("signal handlers")

    @rule(_LAZY)
    def test_importing_leaves_logging(self) -> None:
        """Importing the module sets up no logging: the root logger is the application's."""
        self._nothing("logging set-up")

    @rule(_LAZY)
    def test_importing_leaves_the_environment(self) -> None:
        """Importing the module changes no environment variable."""
        self._nothing("environment variables")

    @rule(_LAZY)
    def test_importing_leaves_the_working_directory(self) -> None:
        """Importing the module does not change the working directory."""
        self._nothing("working directory")

    @rule(_LAZY)
    def test_importing_leaves_the_interpreter(self) -> None:
        """Importing the module changes nothing that all code shares: paths, hooks, warnings, locale, umask."""
        for kind in ("sys.path", "hooks of the interpreter", "warnings filters", "locale", "umask"):
            self._nothing(kind)

    def _nothing(self, kind: str) -> None:
        found = self._observed()["changes"].get(kind, [])
        self.expect(not found, f"{kind}: {', '.join(found[:5])}")

    def _observed(self) -> dict[str, Any]:
        module = self.plugin.__module__
        loaded = sys.modules.get(module)
        name = self.plugin.__qualname__
        if getattr(loaded, name.partition(".")[0], None) is None or getattr(loaded, "__file__", None) is None:
            self.skip("the class cannot be imported by its name")
        specs = (category.spec_name[0] for category in self.platform.categories)
        found = observe(module, name, tuple(sys.path), (self.category.spec_name[0], *specs))
        if "error" in found:
            self.skip(f"the module cannot be imported in a new interpreter: {found['error']}")
        return found


@functools.lru_cache
def observe(module: str, name: str, path: tuple[str, ...], specs: tuple[str, ...]) -> dict[str, Any]:
    """Return what importing a module and making an instance of its class does, in a new interpreter.

    The modules of category classes are imported before.
    """
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(str(Path(each).absolute()) for each in path)}
    command = [sys.executable, "-m", _PROBE, module, name, *dict.fromkeys(specs)]
    done = subprocess.run(  # noqa: S603 this interpreter
        command, env=environ, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )
    # The plugin may print at any time, and after that as well.
    results = [line for line in done.stdout.splitlines() if line.startswith('{"seconds"')]
    if not results:
        return {"error": f"exit status {done.returncode}: {done.stderr[-300:]}"}
    found: dict[str, Any] = json.loads(results[-1])
    return found
