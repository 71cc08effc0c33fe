"""Write how the hooks of each category are called through pluggy, for type checkers.

python tests/typing/hook_calls.py > floe_plugins/hookspecs/calls.py
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from floe_plugins import PluginType
from floe_plugins.authoring.contract import Contract, read_contract
from floe_plugins.authoring.plugin_module import tidied
from floe_plugins.hookspecs.base import LIFECYCLE_HOOKS

HEAD = '''"""How the hooks of each category are called through pluggy, for type checkers: by name, with all arguments.

Made by tests/typing/hook_calls.py.
"""

from __future__ import annotations

'''
LIFECYCLE = '''
class LifecycleCalls(Protocol):
    """The lifecycle hooks, which are supervised."""

'''


def page() -> str:
    """The module."""
    contracts = {category: read_contract(category) for category in PluginType}
    imports = {
        "from typing import Protocol",
        "from collections.abc import Sequence",
        "from floe_plugins.core.report import Outcome",
    }
    body = LIFECYCLE + "".join(f"    def {name}(self) -> Sequence[Outcome]: ...\n" for name in LIFECYCLE_HOOKS)
    for category, contract in contracts.items():
        module, cls = category.spec_name
        body += f"\n\nclass {cls.removesuffix('Plugin')}Calls(LifecycleCalls, Protocol):\n"
        body += f'    """The hooks of ``{cls}``."""\n\n'
        for line, names in calls(category, contract):
            body += line
            imports |= {_home(contract.imports[name], module) for name in names if name in contract.imports}
    return tidied(HEAD + "\n".join(sorted(imports)) + "\n\n" + body, "floe_plugins")


def calls(category: PluginType, contract: Contract) -> Iterator[tuple[str, set[str]]]:
    """Yield a line for each hook, and the names that it uses."""
    for name, hook in contract.hooks.items():
        if name in LIFECYCLE_HOOKS:
            continue
        [function] = ast.parse("class C:\n" + "\n".join(hook.signature) + " ...").body[0].body  # type: ignore[attr-defined]
        arguments = [f"{each.arg}: {ast.unparse(each.annotation)}" for each in function.args.args[1:]]
        result = ast.unparse(function.returns)
        options = getattr(category.spec, name).floe_spec
        if not options["firstresult"]:
            result = f"Sequence[{result}]"
        elif result != "None" and not result.endswith("| None"):
            result = f"{result} | None"
        star = "*, " if arguments else ""
        names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
        yield f"    def {name}(self{', ' if star else ''}{star}{', '.join(arguments)}) -> {result}: ...\n", names


def _home(statement: str, module: str) -> str:
    """The import of a name from where it is defined: the lazy packages import this one."""
    name = statement.rpartition(" ")[2]
    if statement.startswith(("from floe_plugins.hookspecs import", "from floe_plugins import")):
        from floe_plugins import hookspecs

        found = getattr(hookspecs, name, None)
        home = getattr(found, "__module__", module)
        # An alias such as ``Query`` has the module of what it stands for, where its own name is unknown.
        known = home.startswith("floe_plugins") and hasattr(sys.modules[home], name)
        return f"from {home if known else module} import {name}"
    return statement


if __name__ == "__main__":
    sys.stdout.write(page())
