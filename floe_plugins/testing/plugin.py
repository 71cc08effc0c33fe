"""The pytest plugin: fixtures for tests of plugins and platforms, and ``pytest --floe-plugin``.

pytest imports this module in every run, so that it imports nothing else of this package before it is used.
"""

from __future__ import annotations

import argparse
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from floe_plugins.registry.facade import PluginRegistry
    from floe_plugins.testing.distributions import Environment

_FROM_SETTINGS = "the setting floe_plugin"
_HELP = "a plugin's class, or its conformance class, as MODULE:CLASS, whose conformance suite --floe-plugin runs"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options ``--floe-plugin`` and ``--floe-platform``, and settings of the same names."""
    group = parser.getgroup("floe-plugins")
    group.addoption(
        "--floe-plugin",
        nargs="?",
        const=_FROM_SETTINGS,
        metavar="MODULE:CLASS",
        help="run the conformance suite of a plugin; without a value, of the one that the setting floe_plugin names",
    )
    group.addoption("--floe-platform", metavar="MODULE:NAME", help="the platform of that plugin, if it is not floe")
    group.addoption("--floe-report", type=Path, help=argparse.SUPPRESS)
    parser.addini("floe_plugin", _HELP)
    parser.addini("floe_platform", "the platform of the plugin, as MODULE:NAME; floe by default")
    parser.addini("floe_plugin_config", "the plugin's settings for --floe-plugin, as one JSON object")


def pytest_configure(config: pytest.Config) -> None:
    """Run the rules alone, and write what comes of them, where ``floe-plugins validate --run`` asks for it."""
    file = config.getoption("floe_report")
    if file is not None:
        from floe_plugins.testing.rule_report import RuleReport

        config.pluginmanager.register(RuleReport(file))


def pytest_collection(session: pytest.Session) -> None:
    """Collect the conformance suite where ``--floe-plugin`` asks for it, and no other test unless one is named."""
    given = session.config.getoption("floe_plugin")
    if given is not None and session.config.args_source is not pytest.Config.ArgsSource.ARGS:
        session.config.args = []


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    """Add the suite to what the session collects."""
    report = yield
    if isinstance(collector, pytest.Session) and collector.config.getoption("floe_plugin") is not None:
        report.result = [*(report.result or ()), _suite(collector)]
    return report


def _suite(session: pytest.Session) -> pytest.Collector:
    from floe_plugins.testing.suite import SuiteModule

    given = session.config.getoption("floe_plugin")
    named = session.config.getini("floe_plugin") if given == _FROM_SETTINGS else given
    if not named:
        message = (
            "--floe-plugin without a value needs the setting floe_plugin, such as floe_plugin = 'acme:AcmeCompute'"
        )
        raise pytest.UsageError(message)
    config = session.config
    platform = config.getoption("floe_platform") or config.getini("floe_platform") or ""
    return SuiteModule.of(session, str(named), str(config.getini("floe_plugin_config") or "{}"), str(platform))


@pytest.fixture
def plugin_registry() -> Iterable[Callable[..., PluginRegistry]]:
    """Make isolated registries: ``plugin_registry(AcmeCompute, config={...})``. They are stopped at the end.

    No installed plugin and no environment variable is visible in them, unless ``autoload``, ``path`` or ``environ``
    says so. All options of ``PluginRegistry`` may be given, and a call raises what that and ``register`` raise. They
    are not started: ``startup()`` or ``start()`` does that::

        def test_the_token_is_there(plugin_registry):
            registry = plugin_registry(AcmeSecrets, config={"plugins": {"secrets": {"acme": {"path": "tokens"}}}})
            registry.startup().raise_for_failures()
            assert registry.one(SecretsPlugin).get_secret("token") is not None
    """
    from floe_plugins.registry.facade import PluginRegistry

    made: list[PluginRegistry] = []

    def make(*plugins: Any, config: Any = None, **options: Any) -> PluginRegistry:
        options = {"autoload": "none", "environ": {}, **options}
        registry = PluginRegistry(config, **options)
        made.append(registry)
        if plugins:
            registry.register(*plugins)
        return registry

    yield make
    for registry in reversed(made):
        registry.shutdown()


@pytest.fixture
def fake_distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterable[Callable[..., Path]]:
    """Install a temporary distribution of a class or a source, and return the directory: the registry's ``path``.

    ``fake_distribution(AcmeSecrets)`` or ``fake_distribution(source, name="acme", category="secrets")``. All of one
    test are in one directory, which Python imports from as long as the test runs::

        def test_it_is_found(fake_distribution):
            registry = PluginRegistry(path=[fake_distribution(AcmeSecrets, version="2.0")], environ={})
            assert registry.info("secrets:acme").distribution.version == "2.0"

    The options are those of ``floe_plugins.testing.distributions.write_distribution``.
    """
    import sys

    from floe_plugins.testing.distributions import write_distribution

    site = tmp_path / "site"
    modules: list[str] = []

    def install(plugin: type[Any] | str, **options: Any) -> Path:
        if not modules:
            site.mkdir()
            monkeypatch.syspath_prepend(site)
        modules.append(write_distribution(site, plugin, **options))
        return site

    yield install
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def plugin_environment(tmp_path: Path) -> Callable[..., Environment]:
    """Make fresh virtual environments with chosen wheels or projects: ``plugin_environment("dist/acme-1.0.whl")``.

    They see what is installed beside this interpreter too, unless ``system=False``. Making one takes some seconds, and
    raises ``RuntimeError`` with pip's own message if something cannot be installed::

        def test_the_wheel_is_listed(plugin_environment):
            made = plugin_environment("dist/acme-1.0-py3-none-any.whl")
            assert "secrets:acme" in made.run("-m", "floe_plugins", "list").stdout
    """
    from floe_plugins.testing.distributions import make_environment

    count = iter(range(1000))

    def make(*requirements: Any, system: bool = True) -> Environment:
        return make_environment(tmp_path / f"environment-{next(count)}", *requirements, system=system)

    return make
