"""Temporary distributions and environments with plugins in them, as pip would install them."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import textwrap
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from floe_plugins.core.platform import FLOE, Platform
from floe_plugins.discovery.scanner import installed_categories

_HEADER = "from __future__ import annotations\n\nimport floe_plugins\nfrom floe_plugins import *\n\n"


def write_distribution(  # noqa: PLR0913 all but the first are facts of its metadata
    site: Path,
    plugin: type[Any] | str,
    *,
    name: str = "",
    category: str = "",
    distribution: str = "",
    version: str = "1.0",
    requires: Sequence[str] = (),
    platform: Platform = FLOE,
) -> str:
    """Write a distribution with one plugin into a directory, and return the name of its module.

    It is found at the next scan; Python can import it once ``site`` is in ``sys.path``. Nothing is imported here. The
    class's source must stand on its own: what it uses of its module is not written out, except ``floe_plugins``.

    >>> import tempfile
    >>> from floe_plugins import PluginRegistry
    >>> with tempfile.TemporaryDirectory() as site:
    ...     module = write_distribution(Path(site), "class Plugin: ...", name="acme", category="secrets")
    ...     [candidate] = PluginRegistry(path=[site], environ={}).candidates("secrets")
    >>> module, candidate.value, candidate.distribution.name
    ('acme_secrets_acme', 'acme_secrets_acme:Plugin', 'acme-secrets-acme')

    Args:
        site: the directory, to be given to a registry as ``path`` and to Python in ``sys.path``.
        plugin: the plugin's class, whose source is written out, or the source of a module with a class ``Plugin``.
        name: the name of the entry point; the class's own by default.
        category: the category, such as ``"secrets"``; the class's own by default.
        distribution: the name of the distribution; ``acme-CATEGORY-NAME`` by default.
        version: its version.
        requires: what it requires, such as ``"floe-plugins>=0.1"``.
        platform: whose plugin it is.

    Raises:
        ValueError: a source was given without a name or a category, or there is no such category.
        TypeError: the class derives from no category class.
        OSError: the class's source cannot be had, as of one that was typed at a prompt, or nothing can be written.
    """
    categories = platform.looking_for(lambda: installed_categories(platform)).categories
    if isinstance(plugin, type):
        name, category = name or plugin.name, category or categories.of(plugin).slug
        source = f"{_HEADER}{textwrap.dedent(inspect.getsource(plugin))}\n\nPlugin = {plugin.__name__}\n"
    else:
        source = textwrap.dedent(plugin)
    if not name or not category:
        raise ValueError("a distribution of a source needs a name and a category: name='acme', category='secrets'")
    group = categories.parse(category).group
    project = distribution or f"acme-{category.replace('_', '-')}-{name}"
    module = project.replace("-", "_")
    info = site / f"{module}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    lines = ["Metadata-Version: 2.1", f"Name: {project}", f"Version: {version}"]
    lines += [f"Requires-Dist: {each}" for each in requires]
    (info / "METADATA").write_text("\n".join([*lines, ""]), encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {module}:Plugin\n", encoding="utf-8")
    (info / "RECORD").write_text(f"{module}.py,,\n", encoding="utf-8")
    (site / f"{module}.py").write_text(source, encoding="utf-8")
    return module


@attrs.frozen
class Environment:
    """A fresh virtual environment.

    Attributes:
        directory: where it is.
    """

    directory: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.directory / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def run(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run its interpreter with arguments, without the switches of the caller's environment, and wait for its end.

        No variable that begins with ``FLOE_`` or ``PYTHON`` is passed on, unless ``env`` has it. There is no timeout:
        the test's own ends it. The result has ``stdout`` and ``stderr`` as text.

        Raises:
            subprocess.CalledProcessError: it ended with another status than 0; its output says why.
        """
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("FLOE_", "PYTHON"))}
        return subprocess.run(  # noqa: S603 an interpreter that was made here
            [str(self.python), *arguments],
            env={**inherited, **(env or {})},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=True,
        )

    def install(self, *requirements: str | Path) -> None:
        """Install wheels, projects or requirements with pip, from the index that pip is configured for.

        Raises:
            RuntimeError: pip failed; the message is pip's own.
        """
        try:
            self.run("-m", "pip", "install", "--disable-pip-version-check", "-q", *map(str, requirements))
        except subprocess.CalledProcessError as error:
            raise RuntimeError(f"pip install failed: {error.stderr}") from None


def make_environment(directory: Path, *requirements: str | Path, system: bool = True) -> Environment:
    """Make a virtual environment with these wheels, projects or requirements installed. Takes some seconds.

    Args:
        directory: where to make it.
        requirements: what to install.
        system: let it see what is installed beside this interpreter, ``floe-plugins`` and pip among it. Without it,
            what is to be installed has to bring ``floe-plugins`` along, and making pip takes seconds more.

    Raises:
        RuntimeError: pip failed; the message is pip's own.
        OSError: the environment cannot be made there.
    """
    venv.EnvBuilder(with_pip=not system, symlinks=os.name != "nt").create(directory)
    made = Environment(directory)
    if system:
        # Not by "system site packages": this interpreter may be one of a virtual environment itself.
        purelib = made.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
        places = "".join(f"{place}\n" for place in sys.path if place and Path(place).is_dir())
        (Path(purelib) / "beside.pth").write_text(places, encoding="utf-8")
    if requirements:
        made.install(*requirements)
    return made
