"""docs/operating.md, the manifest and the unit say what the server and the command line do."""

from __future__ import annotations

import asyncio
import configparser
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from serving import FakeView, ask, plugin_row, snapshot_of

from floe_plugins import PluginRegistry
from floe_plugins.core.platform import FLOE
from floe_plugins.server import Server, create_app, open_listener
from floe_plugins.server.address import Address
from floe_plugins.server.api import DOCUMENTS
from floe_plugins.server.connection import Limits
from floe_plugins.server.events import StreamLimits
from floe_plugins.server.metrics import MAX_LABEL, Metrics

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "operating.md").read_text(encoding="utf-8")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def check_command(arguments: Iterable[str]) -> dict[str, str]:
    """The options of a command that runs and serves."""
    first, *rest = arguments
    assert Path(first).name == "floe-plugins"
    assert rest.pop(2) == "run"
    options = dict(zip(rest[::2], rest[1::2], strict=True))
    assert options.keys() == {"--config", "--serve", "--token-file"}
    Address.parse(options["--serve"])
    return options


@pytest.fixture(scope="module")
def manifests() -> dict[str, Any]:
    documents = YAML(typ="safe").load_all(DOCS / "operating" / "kubernetes.yaml")
    return {document["kind"]: document for document in documents}


@pytest.fixture(scope="module")
def container(manifests: dict[str, Any]) -> Any:
    [found] = manifests["Deployment"]["spec"]["template"]["spec"]["containers"]
    return found


@pytest.fixture
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DOCS / "operating" / "floe-plugins.service", encoding="utf-8")
    return parser


def test_the_manifest_serves_on_the_port_that_it_probes_and_offers(manifests: dict[str, Any], container: Any) -> None:
    address = Address.parse(check_command([*container["command"], *container["args"]])["--serve"])
    assert address.host == "0.0.0.0"  # noqa: S104 a pod is reached from outside
    [port] = container["ports"]
    assert port["containerPort"] == address.port
    annotations = manifests["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(address.port)
    assert annotations["prometheus.io/path"] == "/metrics"
    assert {container[probe]["httpGet"]["port"] for probe in PROBES} == {port["name"]}
    assert [each["targetPort"] for each in manifests["Service"]["spec"]["ports"]] == [port["name"]]


def test_the_manifest_asks_for_paths_that_the_server_has(container: Any) -> None:
    with Server(create_app(FakeView()), open_listener("0")) as server:
        for probe in PROBES:
            assert ask(server, container[probe]["httpGet"]["path"]).status == 200
    assert container["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_the_manifest_mounts_the_files_that_its_command_names(manifests: dict[str, Any], container: Any) -> None:
    options = check_command([*container["command"], *container["args"]])
    places = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
    volumes = {each["name"]: each for each in manifests["Deployment"]["spec"]["template"]["spec"]["volumes"]}
    assert volumes.keys() == set(places.values())
    folder, _, name = options["--config"].rpartition("/")
    assert volumes[places[folder]]["configMap"]["name"] == manifests["ConfigMap"]["metadata"]["name"]
    assert name in manifests["ConfigMap"]["data"]
    assert "secret" in volumes[places[options["--token-file"].rpartition("/")[0]]]


def test_the_file_in_the_manifest_is_a_configuration(manifests: dict[str, Any], tmp_path: Path) -> None:
    [(name, text)] = manifests["ConfigMap"]["data"].items()
    (tmp_path / name).write_text(text, encoding="utf-8")
    registry = PluginRegistry(tmp_path / name, autoload="none", environ={})
    assert registry.configuration.issues == ()
    assert registry.configuration.required


def test_the_labels_of_the_manifest_fit_each_other(manifests: dict[str, Any]) -> None:
    spec = manifests["Deployment"]["spec"]
    assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
    assert manifests["Service"]["spec"]["selector"] == spec["selector"]["matchLabels"]


def test_the_unit_runs_the_command_and_hands_it_the_token(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    options = check_command(shlex.split(service["ExecStart"]))
    name, _, source = service["LoadCredential"].partition(":")
    assert options["--token-file"] == f"${{CREDENTIALS_DIRECTORY}}/{name}"
    assert Path(source).is_absolute()
    assert (service["Type"], service["Restart"]) == ("notify", "on-failure")
    assert unit["Install"]["WantedBy"] == "multi-user.target"


def test_the_socket_of_the_unit_lies_where_its_operator_finds_it_and_nobody_else(
    unit: configparser.ConfigParser,
) -> None:
    service = unit["Service"]
    variable, _, path = service["Environment"].partition("=")
    assert variable == FLOE.variable("SOCKET")
    # The directory for temporary files is one that only the service sees.
    assert Path(path).parent == Path("/run", service["RuntimeDirectory"])
    assert service["RuntimeDirectoryMode"] == "0700"


def test_both_wait_for_plugins_that_need_their_whole_timeout_to_stop(
    manifests: dict[str, Any], unit: configparser.ConfigParser
) -> None:
    from floe_plugins.core.timeouts import DEFAULT_TIMEOUTS

    seconds = manifests["Deployment"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    assert seconds == int(unit["Service"]["TimeoutStopSec"]) > 2 * DEFAULT_TIMEOUTS["shutdown"]


def test_the_table_of_metrics_lists_them_all_with_their_labels() -> None:
    calls = [{"stage": "check", "seconds": 1.0, "timeout": None}]
    text = Metrics().respond(snapshot_of(plugin_row(calls=calls), heartbeat_age=1.0)).body.decode()
    found: dict[str, set[str]] = {}
    for name, labels in re.findall(r"^(floe_\w+)(?:\{(.*)\})? ", text, re.MULTILINE):
        found[name] = set(re.findall(r'(\w+)="', labels))
    rows = re.findall(r"^\| `(floe_\w+)` \|([^|]*)\|", PAGE, re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == found
    assert len(rows) == len(found)


def test_the_table_of_the_api_lists_every_document() -> None:
    listed = set(re.findall(r"`/api/(\w+)`", PAGE))
    assert listed == {*DOCUMENTS, "schema", "events"}


def test_the_bounds_are_those_that_the_page_names() -> None:
    limits, streams = Limits(), StreamLimits()
    for text in (
        f"after {limits.head_seconds:.0f} seconds and be no larger than {limits.head_bytes // 1024} KiB",
        f"read within {limits.read_seconds:.0f} seconds",
        f"of more than {limits.connections} connections",
        f"{streams.streams} clients can wait for events, each until it is {streams.backlog:,} events behind",
        f"cut to {MAX_LABEL} characters",
    ):
        assert text in " ".join(PAGE.split())
    assert streams.lifetime == 10 * 60  # "up to ten minutes"


def test_the_application_of_the_page_shows_its_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "floe.toml").write_text('[registry]\nautoload = "none"\n', encoding="utf-8")
    found = re.search(r"<!-- application -->\n```python\n(.*?)```", PAGE, re.DOTALL)
    assert found
    names: dict[str, Any] = {}
    exec(found[1], names)  # noqa: S102 the page's own code
    app = names["app"]

    async def run() -> None:
        async with app.router.lifespan_context(app):
            with Server(app, open_listener("0")) as server:
                assert await asyncio.to_thread(lambda: ask(server, "/plugins/livez").text) == "ok"
                assert await asyncio.to_thread(lambda: ask(server, "/plugins/readyz").status) == 200

    asyncio.run(run())


def test_every_link_of_the_page_leads_to_a_file() -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", PAGE):
        assert (DOCS / target).is_file(), target
