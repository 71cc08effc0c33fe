"""Fixtures that install real plugin distributions. Shared by all tests.

``environment(*names)`` gives a fresh ``PluginEnvironment``: a directory into which the
named distributions of ``testplugins/`` are installed, each from its wheel, with a real
``dist-info``. A name is that of a directory in ``testplugins/reference`` or
``testplugins/faulty`` (``"storage-local"``, ``"import-error"``) or the path of any other
project that hatchling builds. Nothing else of ours is visible there but floe_plugins.

    def test_a_broken_plugin_leaves_the_others_working(environment):
        plugins = environment("storage-local", "import-error")
        found = plugins.json('''
            import json
            from floe_plugins import PluginRegistry
            print(json.dumps([str(c.ref) for c in PluginRegistry().candidates()]))
        ''')

- ``plugins.run(code_or_args, ...)`` runs a new interpreter: a string is code, a list is its
  arguments (``["-m", "floe_plugins", "list"]``). It is checked unless ``check=False``.
- ``plugins.json(...)`` does the same and parses all of stdout as JSON.
- ``with plugins.visible():`` puts the directory on this process's ``sys.path``, and
  forgets what was imported from it afterwards.
- ``plugins.install(*names)`` and ``plugins.uninstall(name)`` change what is there.
- ``plugins.path`` is the directory; ``plugins.home`` an empty one, the default working directory.

Switches (``FLOE_*``) and ``PYTHONPATH`` of the caller do not reach the new interpreter, what
coverage sets to measure it does. Wheels are built once a session, when first asked for.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hatchling.builders.wheel import WheelBuilder
from hypothesis import HealthCheck, settings
from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.sources import WheelFile
from support import Lab, new_registry

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from floe_plugins import PluginRegistry

# Tests that several modules share say what they saw, as those in test modules do.
pytest.register_assert_rewrite("conformance_suite")

# How long an example takes says more about the machine than about the code.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# Who starts the tests in the background, or by nohup, ignores these signals, and so would the processes of the tests.
for _name in ("SIGINT", "SIGHUP"):
    _number = getattr(signal, _name, None)
    if _number is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _name == "SIGINT" else signal.SIG_DFL)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than the processors: many tests wait for processes."""
    return (os.cpu_count() or 1) + 1


TESTPLUGINS = Path(__file__).parent.parent / "testplugins"


@attrs.frozen
class Wheels:
    """The wheels of this session, each built when first asked for."""

    directory: Path
    built: dict[Path, Path] = attrs.field(factory=dict)

    def of(self, name: str | Path) -> Path:
        """The wheel of a plugin of ``testplugins/``, or of the project at a path."""
        project = project_of(name)
        if project not in self.built:
            directory = self.directory / str(len(self.built))
            builder = WheelBuilder(str(project))
            self.built[project] = Path(next(iter(builder.build(directory=str(directory), versions=["standard"]))))
        return self.built[project]


def project_of(name: str | Path) -> Path:
    """The directory of a project."""
    places = (
        [Path(name)]
        if isinstance(name, Path)
        else [TESTPLUGINS / kind / name for kind in ("reference", "faulty", "addons")]
    )
    for place in places:
        if (place / "pyproject.toml").is_file():
            return place.resolve()
    message = f"no pyproject.toml in {' or '.join(map(str, places))}"
    raise FileNotFoundError(message)


@attrs.frozen
class PluginEnvironment:
    """A directory of installed plugins, and interpreters that see it."""

    path: Path
    home: Path
    wheels: Wheels

    def install(self, *names: str | Path) -> None:
        """Install plugins beside those that are there, as ``pip install --no-deps`` does."""
        for name in names:
            target = SchemeDictionaryDestination(
                dict.fromkeys(("purelib", "platlib", "headers", "data"), str(self.path))
                | {"scripts": str(self.path / "bin")},
                interpreter=sys.executable,
                script_kind="posix" if os.name == "posix" else "win-amd64",
            )
            with WheelFile.open(self.wheels.of(name)) as source:
                install(source, target, additional_metadata={"INSTALLER": b"floe-plugins-tests"})
        importlib.invalidate_caches()

    def uninstall(self, distribution: str) -> None:
        """Remove the files of an installed distribution, by its project name."""
        [found] = importlib.metadata.distributions(name=distribution, path=[str(self.path)])
        for path in {self.path / file.parts[0] for file in found.files or ()}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        importlib.invalidate_caches()

    def variables(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment variables of an interpreter that sees the plugins."""
        own = ("FLOE_", "PYTHON", "PYTEST_ADDOPTS", "FORCE_COLOR", "NO_COLOR", "COLUMNS")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(own)}
        return inherited | {"PYTHONPATH": str(self.path)} | dict(extra or {})

    def run(
        self,
        code_or_args: str | Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        check: bool = True,
        stdin: str = "",
    ) -> subprocess.CompletedProcess[str]:
        """What a new interpreter did with some code (a string) or arguments (a list).

        Its environment is this process's own, without our switches, with ``env`` on top.
        """
        args = ["-c", textwrap.dedent(code_or_args)] if isinstance(code_or_args, str) else [*code_or_args]
        done = subprocess.run(
            [sys.executable, *args],
            env=self.variables(env),
            cwd=cwd or self.home,
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"exit status {done.returncode}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}")
        return done

    def json(self, code_or_args: str | Sequence[str], **options: Any) -> Any:
        """The JSON that a new interpreter prints; anything else on stdout is an error."""
        return json.loads(self.run(code_or_args, **options).stdout)

    @contextlib.contextmanager
    def visible(self) -> Generator[None, None, None]:
        """Let this process see the plugins while the block lasts."""
        sys.path.insert(0, str(self.path))
        importlib.invalidate_caches()
        try:
            yield
        finally:
            sys.path.remove(str(self.path))
            for name, module in [*sys.modules.items()]:
                if (getattr(module, "__file__", None) or "").startswith(str(self.path)):
                    del sys.modules[name]
            importlib.invalidate_caches()


@pytest.fixture
def public_path() -> Generator[Path, None, None]:
    """An empty directory that other users can reach, which ``tmp_path`` is not."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """The wheels of the plugins in ``testplugins/``: ``wheels.of("storage-local")``."""
    return Wheels(tmp_path_factory.mktemp("wheels"))


@pytest.fixture(scope="session")
def _no_plugins_of_its_own() -> None:
    """Refuse an interpreter whose own plugins would mix with those of the tests."""
    installed = {
        distribution.metadata["Name"]
        for distribution in importlib.metadata.distributions()
        for entry_point in distribution.entry_points
        if entry_point.group.startswith("floe.")
    }
    if installed:
        pytest.exit(f"the tests need an interpreter without floe plugins; it has {', '.join(sorted(installed))}")


@pytest.fixture
def environment(tmp_path: Path, wheels: Wheels, _no_plugins_of_its_own: None) -> Callable[..., PluginEnvironment]:
    """Make a fresh environment in which the named plugins are installed."""
    made = []

    def make(*names: str | Path) -> PluginEnvironment:
        place = tmp_path / f"environment-{len(made)}"
        fresh = PluginEnvironment(place / "site", place / "home", wheels)
        made.append(fresh)
        fresh.path.mkdir(parents=True)
        fresh.home.mkdir()
        fresh.install(*names)
        return fresh

    return make


@pytest.fixture
def registry() -> PluginRegistry:
    """A registry without plugins."""
    return new_registry()


@pytest.fixture
def forever() -> Iterator[threading.Event]:
    """An event that is set at the end of the test: a call that waits for it hangs."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def lab() -> Iterator[Lab]:
    lab = Lab()
    yield lab
    lab.forever.set()
    for registry in lab.registries:
        registry.shutdown()
