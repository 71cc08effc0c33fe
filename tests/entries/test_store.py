"""What there is and what may be loaded, over installed plugins: switches, pins, duplicates, refreshes, timeouts."""

from __future__ import annotations

import json
import math
import textwrap
from pathlib import Path
from typing import Any

import pytest
from support import Secrets, write_distribution

from floe_plugins import PluginRef, PluginRegistry, PluginState, Stage
from floe_plugins.core.timeouts import DEFAULT_TIMEOUTS
from floe_plugins.entries.entry import Entry

SURVEY = """
    import json, sys
    from floe_plugins import PluginError, PluginRegistry
    registry = PluginRegistry(CONFIG)
    states = {str(info.ref): str(info.state) for info in registry.infos()}
    plugins = sorted(plugin.name for plugin in registry.list())
    imported = sorted(name for name in sys.modules if name.startswith("floe_") and name != "floe_plugins"
                      and not name.startswith("floe_plugins."))
    print(json.dumps([states, plugins, imported, [str(problem) for problem in registry.problems]]))
"""


def site(directory: Path, distribution: str, name: str) -> None:
    write_distribution(directory, distribution, f"[floe.computes]\n{name} = absent.module:Class\n")


def survey(plugins: Any, config: Any = None, **env: str) -> Any:
    return plugins.json(f"CONFIG = {config!r}\n" + textwrap.dedent(SURVEY), env=env)


@pytest.mark.parametrize(
    "switch",
    [
        {"FLOE_PLUGINS_DISABLE": "storage:local"},
        {"FLOE_PLUGINS_DISABLE": "storage"},
        {"FLOE_PLUGINS_DISABLE": "distribution:Floe_Reference.Storage_Local"},
        {"FLOE_PLUGINS_ONLY": "floe-reference-secrets-env"},
    ],
    ids=lambda switch: "=".join(*switch.items()),
)
def test_what_is_switched_off_is_listed_as_disabled_and_never_imported(environment: Any, switch: Any) -> None:
    states, names, imported, _ = survey(environment("storage-local", "secrets-env"), **switch)
    assert states == {"secrets:env": "discovered", "storage:local": "disabled"}
    assert names == ["env"]
    assert not [name for name in imported if name.startswith("floe_reference_storage_local")]


@pytest.mark.parametrize("value", ["0", "false", "no", "OFF", "none"])
def test_autoload_off_finds_nothing_and_registration_still_works(environment: Any, value: str) -> None:
    plugins = environment("storage-local")
    assert survey(plugins, FLOE_PLUGINS_AUTOLOAD=value)[:3] == [{}, [], []]


@pytest.mark.parametrize("value", ["1", "true", "", "all"])
def test_autoload_on_or_empty_finds_what_is_installed(environment: Any, value: str) -> None:
    assert survey(environment("storage-local"), FLOE_PLUGINS_AUTOLOAD=value)[1] == ["local"]


@pytest.mark.parametrize("variable", ["FLOE_PLUGINS_AUTOLOAD", "FLOE_PLUGINS_STRICT"])
def test_a_switch_that_is_neither_on_nor_off_is_an_error_that_names_it(environment: Any, variable: str) -> None:
    done = environment().run(["-m", "floe_plugins", "list"], env={variable: "perhaps"}, check=False)
    assert done.returncode == 2
    assert variable in done.stderr
    assert "Traceback" not in done.stderr


def test_strict_makes_the_first_problem_an_error(environment: Any) -> None:
    code = """
        import json
        from floe_plugins import PluginError, PluginRegistry
        try:
            PluginRegistry().list()
        except PluginError as error:
            print(json.dumps(type(error).__name__))
        else:
            print("null")
    """
    assert environment("import-error").json(code, env={"FLOE_PLUGINS_STRICT": "1"}) == "PluginLoadError"
    twice = environment("same-ref-a", "same-ref-b")
    assert twice.json(code, env={"FLOE_PLUGINS_STRICT": "true"}) == "DuplicatePluginError"
    assert environment("import-error").json(code, env={"FLOE_PLUGINS_STRICT": "0"}) is None


def test_a_pin_decides_between_two_and_the_loser_is_never_imported(environment: Any) -> None:
    plugins = environment("same-ref-a", "same-ref-b")
    config = {"plugins": {"secrets": {"same-ref": {"distribution": "floe-faulty-same-ref-b"}}}}
    states, names, imported, problems = survey(plugins, config)
    assert (states, names, problems) == ({"secrets:same-ref": "discovered"}, ["same-ref"], [])
    assert imported == ["floe_faulty_same_ref_b"]


def test_without_a_pin_neither_is_imported_and_both_are_named(environment: Any) -> None:
    _, names, imported, problems = survey(environment("same-ref-a", "same-ref-b"))
    assert (names, imported) == ([], [])
    [problem] = problems
    for words in ("floe-faulty-same-ref-a 1.0.0 in /", "floe-faulty-same-ref-b 2.0.0 in /", "pin"):
        assert words in problem


def test_disabling_one_of_two_decides_as_well(environment: Any) -> None:
    plugins = environment("same-ref-a", "same-ref-b")
    policy = {"FLOE_PLUGINS_DISABLE": "distribution:floe-faulty-same-ref-a"}
    assert survey(plugins, **policy)[2] == ["floe_faulty_same_ref_b"]


def test_getting_a_disabled_or_doubly_claimed_plugin_says_why_not(environment: Any) -> None:
    said = environment("same-ref-a", "same-ref-b", "storage-local").json(
        """
        import json
        from floe_plugins import PluginError, PluginRegistry, PluginType
        registry = PluginRegistry(disable=["storage"])
        said = []
        for ref in [(PluginType.STORAGE, "local"), (PluginType.SECRETS, "same-ref")]:
            try:
                registry.get(*ref)
            except PluginError as error:
                said.append([type(error).__name__, str(error)])
        print(json.dumps(said))
        """
    )
    assert [name for name, _ in said] == ["PluginNotFoundError", "DuplicatePluginError"]
    assert "disabled by 'storage'" in said[0][1]
    assert "same-ref-b 2.0.0" in said[1][1]


def test_a_refresh_finds_what_came_went_and_changed(environment: Any) -> None:
    plugins = environment("storage-local")
    other = environment("secrets-env")
    moves = json.dumps([str(other.path), str(plugins.path)])
    added, removed, changed = plugins.json(f"""
        import json, os, shutil, sys
        from floe_plugins import PluginRegistry
        registry = PluginRegistry()
        registry.discover()
        source, site = {moves}
        refs = lambda candidates: [str(candidate.ref) for candidate in candidates]
        for name in os.listdir(source):
            if name != "bin":
                shutil.move(os.path.join(source, name), os.path.join(site, name))
        added = refs(registry.discover(refresh=True).added)
        info = os.path.join(site, "floe_reference_storage_local-0.1.0.dist-info")
        os.rename(info, os.path.join(site, "floe_reference_storage_local-0.2.0.dist-info"))
        changed = refs(registry.discover(refresh=True).changed)
        shutil.rmtree(os.path.join(site, "floe_reference_storage_local-0.2.0.dist-info"))
        removed = refs(registry.discover(refresh=True).removed)
        print(json.dumps([added, removed, changed]))
    """)
    assert (added, removed, changed) == (["secrets:env"], ["storage:local"], ["storage:local"])


@pytest.mark.parametrize("standard", ["", "import importlib.metadata"])
def test_after_a_refresh_modules_are_found_where_python_had_looked_before(environment: Any, standard: str) -> None:
    site, late = environment(), environment("secrets-env")
    loaded, absent = site.json(f"""
        import json, os, shutil, sys
        {standard}
        from floe_plugins import PluginRegistry, SecretsPlugin
        site, new, late = {str(site.path)!r}, {str(site.path / "new")!r}, {str(late.path)!r}
        sys.path.append(new)
        try:
            # Python remembers that there is no such directory, and what the other one holds.
            import floe_reference_secrets_env
        except ImportError:
            pass
        registry = PluginRegistry()
        registry.discover()
        shutil.copytree(late, new)
        before = os.stat(site)
        open(os.path.join(site, "floe_late.py"), "w").close()
        os.utime(site, ns=(before.st_atime_ns, before.st_mtime_ns))
        registry.discover(refresh=True)
        import floe_late
        standard = "importlib.metadata" in sys.modules
        print(json.dumps([registry.get(SecretsPlugin, "env").name, standard]))
    """)
    assert (loaded, absent) == ("env", bool(standard))


@pytest.mark.parametrize(
    ("argument", "variable", "written", "found"),
    [
        ("all", "none", "none", 1),
        ("none", "all", "all", 0),
        (None, "all", "none", 1),
        (None, "none", "all", 0),
        (None, None, "none", 0),
        (None, None, None, 1),
    ],
)
def test_of_autoload_the_argument_wins_then_the_environment_then_the_file(
    tmp_path: Path, argument: str | None, variable: str | None, written: str | None, found: int
) -> None:
    site(tmp_path, "acme-floe", "duckdb")
    environ = {"FLOE_PLUGINS_AUTOLOAD": variable} if variable else {}
    config = {"registry": {"autoload": written}} if written else None
    registry = PluginRegistry(config, autoload=argument, environ=environ, path=[tmp_path])
    assert len(registry.candidates()) == found


@pytest.mark.parametrize(
    ("argument", "variable", "written", "enabled"),
    [
        (["one"], "two", ["three"], "compute:one"),
        (None, "two", ["three"], "compute:two"),
        (None, None, ["three"], "compute:three"),
    ],
)
def test_of_the_allowed_distributions_the_argument_wins_then_the_environment_then_the_file(
    tmp_path: Path, argument: list[str] | None, variable: str | None, written: list[str], enabled: str
) -> None:
    for name in ("one", "two", "three"):
        site(tmp_path, name, name)
    environ = {"FLOE_PLUGINS_ONLY": variable} if variable else {}
    registry = PluginRegistry({"registry": {"only": written}}, only=argument, environ=environ, path=[tmp_path])
    assert [str(info.ref) for info in registry.infos() if info.state is not PluginState.DISABLED] == [enabled]


def test_what_argument_environment_or_file_disables_is_disabled(tmp_path: Path) -> None:
    for name in ("one", "two", "three", "four"):
        site(tmp_path, name, name)
    registry = PluginRegistry(
        {"registry": {"disable": ["compute:one"]}},
        disable=["distribution:two"],
        environ={"FLOE_PLUGINS_DISABLE": "compute:three"},
        path=[tmp_path],
    )
    assert [str(info.ref) for info in registry.infos() if info.state is not PluginState.DISABLED] == ["compute:four"]


def test_an_argument_that_has_no_meaning_is_refused() -> None:
    with pytest.raises(ValueError, match="some"):
        PluginRegistry(autoload="some", environ={})
    with pytest.raises(ValueError, match="nonsense"):
        PluginRegistry(disable=["nonsense"], environ={})


def test_a_scan_that_fails_is_not_remembered_as_done(environment: Any) -> None:
    said = environment("storage-local").json("""
        import json, sys
        from floe_plugins import PluginRegistry
        class Path:
            broken = True
            def __iter__(self):
                if self.broken:
                    raise OSError("the disk is away")
                return iter(sys.path)
        path = Path()
        registry = PluginRegistry(path=path)
        try:
            registry.discover()
        except OSError as error:
            said = [str(error)]
        path.broken = False
        print(json.dumps([*said, [str(candidate.ref) for candidate in registry.candidates()]]))
    """)
    assert said == ["the disk is away", ["storage:local"]]


def test_managers_load_through_discovery_and_count_what_is_new(environment: Any) -> None:
    plugins = environment("secrets-env", "import-error", "unhashable", "storage-local")
    said = plugins.json("""
        import json
        from floe_plugins import PluginRegistry, SecretsPlugin
        registry = PluginRegistry()
        pm = registry.manager(SecretsPlugin)
        one = pm.load_setuptools_entrypoints("floe.secrets", "env")
        rest = pm.load_setuptools_entrypoints("floe.secrets")
        again = pm.load_setuptools_entrypoints("floe.secrets")
        names = sorted(name for name, _ in pm.list_name_plugin())
        distributions = sorted(dist.metadata["Name"] for _, dist in pm.list_plugin_distributions())
        print(json.dumps([one, rest, again, names, distributions, [str(p.ref) for p in registry.problems]]))
    """)
    assert said == [
        1,
        1,
        0,
        ["env", "unhashable"],
        ["floe-faulty-unhashable", "floe-reference-secrets-env"],
        ["secrets:import-error"],
    ]


def test_the_first_use_of_hook_loads_the_selected_plugins_of_the_category_alone(environment: Any) -> None:
    before, after = environment("secrets-env", "storage-local").json("""
        import json, sys
        from floe_plugins import PluginRegistry, SecretsPlugin
        pm = PluginRegistry().manager(SecretsPlugin)
        modules = ("floe_reference_secrets_env", "floe_reference_storage_local")
        loaded = lambda: [name for name in modules if name in sys.modules]
        before = loaded()
        pm.hook
        print(json.dumps([before, loaded()]))
    """)
    assert (before, after) == ([], ["floe_reference_secrets_env"])


def test_a_corrupt_distribution_is_named_and_pydantic_still_works(environment: Any) -> None:
    plugins = environment("secrets-env", "malformed-entry-points")
    names, problems, health = plugins.json("""
        import json
        from floe_plugins import PluginRegistry
        registry = PluginRegistry({"plugins": {"secrets": {"env": {"prefix": "X_"}}}})
        with registry:
            names = [plugin.config.prefix for plugin in registry.list()]
            health = str(registry.health().state)
        print(json.dumps([names, [str(problem) for problem in registry.problems], health]))
    """)
    assert (names, health) == (["X_"], "healthy")
    assert any("malformed" in problem for problem in problems)


def test_half_of_the_plugins_broken_leaves_the_other_half_working(environment: Any) -> None:
    broken = ["import-error", "missing-module", "not-a-plugin"]
    good = ["storage-local", "secrets-env", "unhashable"]
    states = environment(*broken, *good).json("""
        import json
        from floe_plugins import PluginRegistry
        with PluginRegistry() as registry:
            print(json.dumps({str(info.ref): str(info.state) for info in registry.infos()}))
    """)
    assert sorted(states.values()) == ["failed"] * 3 + ["started"] * 3


def timeout_of(configured: dict[str, Any], declared: dict[str, float], stage: Stage = Stage.START) -> float:
    registry = PluginRegistry({"registry": {"timeouts": configured}}, autoload="none", environ={})
    (ref,) = registry.register(type("A", (Secrets,), {"name": "a", "timeouts": declared}))
    store = registry._store
    return store.timeout(store.entry(ref), stage)


def test_without_any_word_the_default_is_in_force() -> None:
    assert timeout_of({}, {}) == DEFAULT_TIMEOUTS["startup"]


@pytest.mark.parametrize(
    ("configured", "declared", "expected"),
    [
        ({"startup": 7}, {}, 7),
        ({"startup": 7}, {"startup": 9}, 9),
        ({"startup": 7, "secrets:a": {"startup": 3}}, {"startup": 9}, 3),
        ({"health": 7}, {"health": 9}, DEFAULT_TIMEOUTS["startup"]),
    ],
)
def test_the_plugin_s_own_configuration_wins_then_its_class_then_that_of_all(
    configured: dict[str, Any], declared: dict[str, float], expected: float
) -> None:
    assert timeout_of(configured, declared) == expected


def test_a_plugin_that_is_not_loaded_declares_no_timeout() -> None:
    registry = PluginRegistry(autoload="none", environ={})
    entry = Entry(PluginRef.parse("secrets:a"))
    assert registry._store.timeout(entry, Stage.LOAD) == DEFAULT_TIMEOUTS["load"]


def test_a_whole_start_has_no_deadline_unless_it_is_configured() -> None:
    assert PluginRegistry(autoload="none", environ={})._store.total_timeout(Stage.START) == math.inf
    registry = PluginRegistry({"registry": {"timeouts": {"startup_total": 25}}}, autoload="none", environ={})
    assert registry._store.total_timeout(Stage.START) == 25


def test_strict_makes_a_problem_of_the_discovery_an_error(environment: Any) -> None:
    said = environment("malformed-entry-points").json(
        """
        import json
        from floe_plugins import PluginError, PluginRegistry
        try:
            PluginRegistry().discover()
        except PluginError as error:
            print(json.dumps(str(error)))
        """,
        env={"FLOE_PLUGINS_STRICT": "1"},
    )
    assert "floe-faulty-malformed-entry-points" in said


def test_problems_have_one_order_wherever_plugins_are_found(tmp_path: Path) -> None:
    """A file system lists directories in any order; two directories, read in both orders, stand for it."""
    for directory, names in (("one", ("zeta", "beta")), ("two", ("delta", "alpha"))):
        (tmp_path / directory).mkdir()
        for name in names:
            malformed = "this is no entry point\n"
            site(tmp_path / directory, f"acme-{name}", name)
            write_distribution(tmp_path / directory, f"acme-{name}-text", f"[floe.computes]\n{malformed}")
            write_distribution(
                tmp_path / directory, f"acme-same-{name}", "[floe.secrets]\nsame = absent.module:Class\n"
            )

    def problems(*path: str) -> list[str]:
        registry = PluginRegistry(path=[str(tmp_path / each) for each in path], environ={})
        registry.list()
        return [str(problem) for problem in registry.problems]

    known = problems("one", "two")
    assert known == problems("two", "one")
    assert len(known) == 9
    named = [text.split()[1] for text in known if text.startswith("load")]
    assert named == ["compute:alpha", "compute:beta", "compute:delta", "compute:zeta"]
