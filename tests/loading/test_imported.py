"""Modules that were imported before their distribution changed."""

from __future__ import annotations

from typing import Any

import pytest

UPGRADED = """
    import json, os, pathlib, shutil, sys, textwrap
    from floe_plugins import PluginRegistry, PluginType

    SOURCE = '''
    from floe_plugins import SecretsPlugin
    class Plugin(SecretsPlugin):
        name = "acme"
        version = "{version}"
        floe_api_version = "1.0"
        def get_secret(self, key): ...
        def secret_names(self, prefix=""): return ()
        def put_secret(self, key, value): ...
    '''

    def install(version):
        info = site / f"acme-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: acme\\nVersion: {version}\\n")
        (info / "entry_points.txt").write_text("[floe.secrets]\\nacme = acme_upgraded:Plugin\\n")
        (site / "acme_upgraded.py").write_text(textwrap.dedent(SOURCE).replace("{version}", version))

    site = pathlib.Path("site").absolute()
    site.mkdir()
    sys.path.insert(0, str(site))
    registry = PluginRegistry()
    registry.discover()
    install("2.0.0")
    if BY_OTHERS:
        import acme_upgraded
    else:
        PluginRegistry().get(PluginType.SECRETS, "acme")
    shutil.rmtree(site / "acme-2.0.0.dist-info")
    install("3.0.0")
    registry = PluginRegistry()
    registry.get(PluginType.SECRETS, "acme")
    print(json.dumps([str(problem) for problem in registry.problems]))
"""


@pytest.mark.parametrize("by_others", [False, True], ids=["by a registry", "by the application"])
def test_a_plugin_that_was_upgraded_while_its_module_was_imported_asks_for_a_restart(
    environment: Any, *, by_others: bool
) -> None:
    code = "import floe_plugins.loading.imported\n" * by_others + UPGRADED.replace("BY_OTHERS", str(by_others))
    [problem] = environment().json(code.replace("\n    ", "\n"))
    assert "version 2.0.0 is loaded, 3.0.0 is installed. Restart the process" in problem
    assert "author" not in problem


def test_a_fresh_module_that_says_something_else_is_its_authors(environment: Any) -> None:
    code = (
        UPGRADED.split("registry = PluginRegistry()", maxsplit=1)[0]
        + """
    install("2.0.0")
    with open(site / "other.py", "w") as file:
        file.write("import acme_upgraded\\nacme_upgraded.Plugin.version = '9.0'\\nPlugin = acme_upgraded.Plugin\\n")
    info = site / "acme-2.0.0.dist-info" / "entry_points.txt"
    info.write_text("[floe.secrets]\\nacme = other:Plugin\\n")
    registry = PluginRegistry()
    registry.get(PluginType.SECRETS, "acme")
    print(json.dumps([str(problem) for problem in registry.problems]))
    """
    )
    for problem in environment().json(code.replace("\n    ", "\n")):
        assert "tell its author" in problem
