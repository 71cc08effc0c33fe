"""Many threads call random public methods of one registry, and the plugins watch what is done to them.

``python tests/stress/storm.py [SECONDS] [THREADS] [SEED]`` prints the counts of calls and of what came out, and exits
with 1 if a promise was broken:

- of each generation of a plugin (between two times that it was taken out) there is one instance,
- no instance is started twice without a stop between, nor stopped twice,
- no call raises anything but the errors that it documents, and none hangs,
- at the end everything that started is stopped.
"""

from __future__ import annotations

import collections
import faulthandler
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from support import write_distribution

from floe_plugins import PluginError, PluginRegistry, PluginType

SOURCE = """
import threading, time
from floe_plugins import SecretsPlugin

class Plugin(SecretsPlugin):
    name = {name!r}; version = "1.0"; floe_api_version = "1.0"; dependencies = {needs!r}
    def __init__(self):
        self.runs = False
        self.lock = threading.Lock()
        made.append(self)
    def startup(self):
        with self.lock:
            if self.runs: broken.append(f"{{self.name}} was started twice")
            self.runs = True
        time.sleep({seconds})
    def shutdown(self):
        with self.lock:
            if not self.runs: broken.append(f"{{self.name}} was stopped twice")
            self.runs = False
    def get_secret(self, key): return None
    def secret_names(self, prefix=""): return ()
    def put_secret(self, key, value): pass
from storm_watch import made, broken
"""
NAMES = [f"p{i}" for i in range(12)]
CATEGORY = PluginType.SECRETS


class Storm:
    def __init__(self, registry: PluginRegistry, seed: int) -> None:
        self.registry = registry
        self.seed = seed
        self.ended = threading.Event()
        self.calls: collections.Counter[str] = collections.Counter()
        self.raised: collections.Counter[str] = collections.Counter()
        self.broken: list[str] = []
        self.handed: dict[int, Any] = {}
        self.lock = threading.Lock()

    def run(self, number: int) -> None:
        chance = random.Random(self.seed * 1000 + number)
        while not self.ended.is_set():
            name = chance.choice(NAMES)
            act, weight = chance.choice(ACTS), 1
            try:
                found = ACTIONS[act](self.registry, name)
                if act == "get":
                    self.handed[id(found)] = found
                key = ""
            except PluginError as error:
                key = f"{act}: {type(error).__name__}"
            except BaseException as error:  # noqa: BLE001 it is what is looked for
                self.broken.append(f"{act} raised {type(error).__name__}: {error}")
                key = ""
            with self.lock:
                self.calls[act] += weight
                if key:
                    self.raised[key] += 1


ACTIONS: dict[str, Any] = {
    "get": lambda registry, name: registry.get(CATEGORY, name),
    "list": lambda registry, _name: registry.list(CATEGORY),
    "start": lambda registry, name: registry.start(CATEGORY, name),
    "stop": lambda registry, name: registry.stop(CATEGORY, name),
    "startup": lambda registry, _name: registry.startup(),
    "shutdown": lambda registry, _name: registry.shutdown(),
    "health": lambda registry, _name: registry.health(5),
    "refresh": lambda registry, _name: registry.discover(refresh=True),
    "unregister": lambda registry, name: registry.unregister(CATEGORY, name),
    "info": lambda registry, name: registry.info(CATEGORY, name).to_dict(),
    "infos": lambda registry, _name: registry.infos(),
    "problems": lambda registry, _name: registry.problems,
    "state": lambda registry, name: registry.state(CATEGORY, name),
    "resolve": lambda registry, _name: registry.resolve(),
    "config": lambda registry, name: registry.config(CATEGORY, name),
    "hook": lambda registry, _name: registry.manager(CATEGORY).hook.secret_names(prefix=""),
}
ACTS = [*ACTIONS, "get", "get", "unregister", "start", "stop"]


def main(seconds: float, count: int, seed: int) -> int:
    import types

    watch: Any = types.ModuleType("storm_watch")
    watch.made, watch.broken = [], []
    sys.modules["storm_watch"] = watch
    with tempfile.TemporaryDirectory() as place:
        for index, name in enumerate(NAMES):
            needs = (f"secrets:p{index // 3}",) if index else ()
            text = SOURCE.format(name=name, needs=needs, seconds=0.001 * (index % 3))
            write_distribution(
                Path(place),
                f"storm-{name}",
                f"[floe.secrets]\n{name} = storm_{name}:Plugin\n",
                **{f"storm_{name}": text},
            )
        sys.path.insert(0, place)
        registry = PluginRegistry(path=[place], environ={})
        storm = Storm(registry, seed)
        faulthandler.dump_traceback_later(seconds + 120, exit=True)
        threads = [threading.Thread(target=storm.run, args=(number,)) for number in range(count)]
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        storm.ended.set()
        for thread in threads:
            thread.join()
        registry.shutdown()
        deadline = time.monotonic() + 10
        while any(each.runs for each in watch.made) and time.monotonic() < deadline:
            time.sleep(0.01)
        broken = [*watch.broken, *storm.broken]
        if not (registry.startup().ok and registry.shutdown().ok):
            broken.append("it does not start and stop once all is quiet")
        broken += [f"{each.name} runs at the end" for each in watch.made if each.runs]
        current = {name: registry.get(CATEGORY, name) for name in NAMES}
        again = {name: registry.get(CATEGORY, name) for name in NAMES}
        broken += [f"two instances of {name}" for name in NAMES if current[name] is not again[name]]
        named = dict(registry.manager(CATEGORY).list_name_plugin())
        broken += [f"the manager has another {name}" for name in NAMES if named.get(name) is not current[name]]
    instances = len(storm.handed)
    removed = storm.calls["unregister"] - storm.raised["unregister: PluginNotFoundError"]
    if instances > removed + len(NAMES):
        broken.append(f"{instances} instances were given out for {removed} times that one was taken out")
    print(sum(storm.calls.values()), "calls", dict(storm.calls), dict(storm.raised))
    print(len(watch.made), "instances,", instances, "of them given out;", len(broken), "broken promises")
    for line, times in collections.Counter(broken).most_common(20):
        print(f"  {times} x {line}")
    return 1 if broken else 0


if __name__ == "__main__":
    numbers = [float(each) for each in sys.argv[1:]] + [60, 64, 1][len(sys.argv) - 1 :]
    sys.exit(main(numbers[0], int(numbers[1]), int(numbers[2])))
