"""Loading and validating one file for 100 plugins with 20 fields each.

    python -m benchmarks.configuration [ROUNDS]

Beside parsing the same file with the same parser and calling ``model_validate`` for each
plugin; the limit is 2.5 times that. What counts is processor time: some milliseconds are about
as long as a busy machine leaves a process alone.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, create_model
from ruamel.yaml import YAML

from benchmarks.timing import Table, interleaved, show, table
from floe_plugins import PluginRef
from floe_plugins.configuration.document import Document
from floe_plugins.configuration.file import read_source
from floe_plugins.configuration.loader import load
from floe_plugins.configuration.schema.validation import validate_and_log
from floe_plugins.configuration.sections import read_sections

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PLUGINS, FIELDS, ROUNDS = 100, 20, 60
LIMIT = 2.5
PLAIN, OURS = "parsing and model_validate", "floe_plugins"

Plugins = Mapping[PluginRef, Any]


class Pool(BaseModel):
    size: int = 1
    hosts: list[str] = []


def _seconds(act: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()
    try:
        begun = time.process_time()
        act()
        return time.process_time() - begun
    finally:
        gc.enable()


def _schema(index: int) -> type[BaseModel]:
    kinds: list[Any] = [str, int, float, bool, Pool]
    fields: dict[str, Any] = {f"field_{number}": (kinds[number % 5], ...) for number in range(FIELDS)}
    return create_model(f"Settings{index}", **fields)


def _table(index: int) -> dict[str, Any]:
    values: list[Any] = [f"text {index}", index, index / 7, True, {"size": index, "hosts": ["a", "b"]}]
    return {f"field_{number}": values[number % 5] for number in range(FIELDS)}


def _plugins() -> Plugins:
    return {
        PluginRef.parse(f"compute:p{index}"): type("Plugin", (), {"config_schema": _schema(index), "config_version": 1})
        for index in range(PLUGINS)
    }


def _texts() -> Iterator[tuple[str, str]]:
    import tomlkit

    content = {"plugins": {"compute": {f"p{index}": _table(index) for index in range(PLUGINS)}}}
    yield "floe.json", json.dumps(content, indent=2)
    yield "floe.toml", tomlkit.dumps(content)
    yield "floe.yaml", json.dumps(content, indent=2)


def _parse(path: Path) -> Any:
    text = path.read_text("utf-8")
    if path.suffix == ".toml":
        return tomllib.loads(text)
    return json.loads(text) if path.suffix == ".json" else YAML(typ="safe", pure=True).load(text)


def _plain(path: Path, plugins: Plugins) -> None:
    tables = _parse(path)["plugins"]["compute"]
    for ref, plugin in plugins.items():
        plugin.config_schema.model_validate(tables[ref.name])


def _ours(path: Path, plugins: Plugins) -> None:
    configuration = load(path, environ={})
    for ref, plugin in plugins.items():
        _, issues = validate_and_log(configuration, ref, plugin, None)
        assert not issues


def whole(path: Path, plugins: Plugins, rounds: int) -> Table:
    """Everything that is done with one file."""
    _ours(path, plugins)  # what is found out about each schema once
    contenders = {PLAIN: lambda: _seconds(lambda: _plain(path, plugins))}
    contenders[OURS] = lambda: _seconds(lambda: _ours(path, plugins))
    return table(path.name, interleaved(contenders, rounds), {OURS: (PLAIN, LIMIT)})


def parts(path: Path, plugins: Plugins, rounds: int) -> Table:
    """What each part of it takes."""
    source = read_source(path)
    parsed, configuration = source.parse(), load(path, environ={})
    content = Document(parsed, source, {})

    def all_of(act: Callable[[PluginRef, Any], object]) -> float:
        return _seconds(lambda: [act(ref, plugin) for ref, plugin in plugins.items()])

    contenders = {
        "plain: reading and parsing": lambda: _seconds(lambda: _parse(path)),
        "plain: model_validate": lambda: all_of(
            lambda ref, plugin: plugin.config_schema.model_validate(configuration.plugins[ref].table)
        ),
        "reading": lambda: _seconds(lambda: read_source(path)),
        "parsing, with keys that stand twice": lambda: _seconds(source.parse),
        "looking through: references, numbers, depth": lambda: _seconds(lambda: Document(parsed, source, {})),
        "sections and settings of each plugin": lambda: _seconds(lambda: read_sections(content)),
        "validating, with unknown keys": lambda: all_of(
            lambda ref, plugin: validate_and_log(configuration, ref, plugin, None)
        ),
    }
    return table(f"{path.name}, part by part", interleaved(contenders, rounds))


def main() -> None:
    """Print the tables."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    plugins = _plugins()
    with tempfile.TemporaryDirectory() as directory:
        found: list[Table] = []
        for name, text in _texts():
            path = Path(directory, name)
            path.write_text(text, "utf-8")
            times = 3 if name.endswith("yaml") else rounds
            found.append(whole(path, plugins, times))
            if name.endswith("json"):
                found.append(parts(path, plugins, times))
    sys.stdout.write(show(found) + "\n")


if __name__ == "__main__":
    main()
