"""One cell in a process of its own: run a platform with a faulty plugin, and write down what came of it.

Called with the directory of the installed plugins, the file to write, and the timeouts of the faulty plugin.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from faults.catalogue import SECRETS

from floe_plugins import PluginError, PluginRegistry, SecretsPlugin

if sys.version_info < (3, 11):
    from exceptiongroup import BaseExceptionGroup

NAME, MRO = type.__dict__["__name__"], type.__dict__["__mro__"]


def main(site: str, result: str, timeouts: str) -> None:
    names = ("faulty", "first", "last")
    config = {
        "registry": {"autoload": "all", "timeouts": {"secrets:faulty": json.loads(timeouts)}},
        "plugins": {"secrets": {name: {**SECRETS, "value": "x"} for name in names}},
    }
    registry = PluginRegistry(config, path=[site], environ={})
    calls: dict[str, dict[str, Any]] = {}

    def timed(name: str, function: Callable[[], Any]) -> Any:
        begun = time.monotonic()
        noted = calls[name] = {}
        try:
            return function()
        except BaseException as error:  # noqa: BLE001 whatever leaves is what this looks for
            # As the plugin's metaclass does not see it.
            noted["raised"] = [NAME.__get__(cls) for cls in MRO.__get__(type(error))[:-1]]
            if issubclass(type(error), (PluginError, BaseExceptionGroup)) and name != "hook":
                noted["shown"] = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        finally:
            noted["seconds"] = time.monotonic() - begun

    facts: dict[str, Any] = {}
    started = timed("startup", registry.startup)
    if started is None:
        Path(result).write_text(json.dumps({"calls": calls}), encoding="utf-8")
        return
    facts["startup"] = timed("to_dict", started.to_dict)
    timed("raise_for_failures", started.raise_for_failures)
    timed("get", lambda: registry.get(SecretsPlugin, "faulty"))
    facts["health"] = timed("health", lambda: registry.health().to_dict())
    timed("hook", lambda: registry.manager(SecretsPlugin).hook.secret_names(prefix=""))
    facts["later health"] = timed("later health", lambda: registry.health().to_dict())
    facts["shutdown"] = timed("shutdown", lambda: registry.shutdown().to_dict())
    facts["problems"] = timed("problems", lambda: [each.to_dict() for each in registry.problems])
    timed("problem texts", lambda: [str(each) for each in registry.problems])
    timed("infos", lambda: [each.to_dict() for each in registry.infos()])
    facts["state"] = str(registry.state(SecretsPlugin, "faulty"))
    Path(result).write_text(json.dumps({"calls": calls, **facts}), encoding="utf-8")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    main(*sys.argv[1:])
