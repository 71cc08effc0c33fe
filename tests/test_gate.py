"""The gates before the import: what the distribution requires, then what the source declares."""

from __future__ import annotations

from typing import Any

import pytest

from floe_plugins import __version__


@pytest.mark.parametrize("name", ["newer-api", "newer-requires"])
def test_what_can_be_refused_without_importing_is_never_imported(environment: Any, name: str) -> None:
    error, imported = environment(name).json("""
        import json, sys
        from floe_plugins import PluginIncompatibleError, PluginRegistry
        registry = PluginRegistry()
        [candidate] = registry.candidates()
        try:
            registry.get(candidate.type, candidate.name)
        except PluginIncompatibleError as error:
            said = [error.needs, error.provides, error.distribution.split()[0], error.hint]
        print(json.dumps([said, [name for name in sys.modules if name.startswith("floe_faulty")]]))
    """)
    assert all(error)
    assert imported == []


def test_the_distribution_s_requirement_is_looked_at_first(environment: Any, tmp_path: Any) -> None:
    project = tmp_path / "acme"
    project.mkdir()
    (project / "acme_both.py").write_text(
        "from floe_plugins import SecretsPlugin\n"
        "class Both(SecretsPlugin):\n"
        "    name = 'both'\n"
        "    version = '1'\n"
        "    floe_api_version = '99.0'\n",
        encoding="utf-8",
    )
    (project / "pyproject.toml").write_text(
        "[build-system]\nrequires = ['hatchling']\nbuild-backend = 'hatchling.build'\n"
        "[project]\nname = 'acme-both'\nversion = '1'\ndependencies = ['floe-plugins>=98']\n"
        "[project.entry-points.'floe.secrets']\nboth = 'acme_both:Both'\n"
        "[tool.hatch.build.targets.wheel]\nonly-include = ['acme_both.py']\n",
        encoding="utf-8",
    )
    said = environment(project).json("""
        import json
        from floe_plugins import PluginRegistry
        print(json.dumps([problem.message for info in PluginRegistry().infos() for problem in info.problems]))
    """)
    assert said == [f"the distribution requires 'floe-plugins>=98', floe-plugins {__version__} is installed"]
