"""Which changes of a plugin break a sentence of its contract, found by what its hooks call.

A function is of a hook if the hook calls it, or what the hook calls does: whatever has a name that is written there.
That takes too many functions rather than too few.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from contract_changes import LIFECYCLE, OF_ERRORS, OF_HOOKS
from mutants import Mutant

import floe_plugins
from floe_plugins.hookspecs.base import hook_names

_RAISES = re.compile(r"^\s+(\w+Error): ", re.MULTILINE)
_EVERY_HOOK = re.compile(r"Every hook raises(.*?)(?:;|\w\.)", re.DOTALL)
_NAMED_ERROR = re.compile(r"``(\w+Error)``")


class Function(NamedTuple):
    """A method, or a function that stands alone."""

    module: str
    holder: str
    name: str
    lines: range
    is_of_plugin: bool
    node: ast.FunctionDef


class Promises:
    """What the contract of a category says of each function of a plugin's package, whose texts are given."""

    def __init__(self, category: type[Any], texts: Mapping[str, str]) -> None:
        every = {error for said in _EVERY_HOOK.findall(category.__doc__ or "") for error in _NAMED_ERROR.findall(said)}
        hooks = hook_names(category) - LIFECYCLE
        self._raised = {
            hook: {*_RAISES.findall(inspect.getdoc(getattr(category, hook)) or "")}
            | (every if len(inspect.signature(getattr(category, hook)).parameters) > 1 else set())
            for hook in hooks
        }
        self._functions: list[Function] = []
        self._derived: set[str] = set()
        self._tables: dict[str, set[str]] = defaultdict(set)
        for module, text in texts.items():
            for holder in _holders(ast.parse(text)):
                self._read(module, holder)
        self._by_name: dict[str, list[Function]] = defaultdict(list)
        self._by_holder: dict[str, list[Function]] = defaultdict(list)
        for function in self._functions:
            self._by_name[function.name].append(function)
            self._by_holder["" if function.is_of_plugin else function.holder].append(function)
        of_hooks = self._called((each for hook in hooks for each in self._begin(hook)), whole=True)
        # Where an error of a class comes out of a hook that documents it.
        self._comes_out: dict[str, set[tuple[str, int]]] = defaultdict(set)
        for hook, errors in self._raised.items():
            for error in errors:
                self._comes_out[error] |= self._called(self._begin(hook), whole=True, error=error)
        by_hooks = self._called(each for hook in hooks for each in self._begin(hook))
        by_startup = self._called(self._begin("startup"))
        by_lifecycle = self._called(each for hook in LIFECYCLE for each in self._begin(hook))
        # What a thread does that the start began is work of hooks if the class that has it is one of theirs.
        others = {place for place in map(_place, self._functions) if place in by_startup or place not in by_lifecycle}
        self._served = by_hooks | (of_hooks & others)
        self._of_health = self._called(self._begin("health_check")) - by_hooks - by_startup

    def _read(self, module: str, holder: ast.Module | ast.ClassDef) -> None:
        name = holder.name if isinstance(holder, ast.ClassDef) else ""
        if isinstance(holder, ast.ClassDef) and holder.bases:
            self._derived.add(name)
        is_plugin = isinstance(holder, ast.ClassDef) and _is_plugin(holder)
        for each in holder.body:
            if isinstance(each, ast.Assign | ast.AnnAssign) and each.value:
                for target in each.targets if isinstance(each, ast.Assign) else [each.target]:
                    self._tables[ast.unparse(target)] |= _names(each.value)
            if isinstance(each, ast.FunctionDef):
                lines = range(each.lineno, (each.end_lineno or each.lineno) + 1)
                self._functions.append(Function(module, name, each.name, lines, is_plugin, each))

    def around(self, change: Mutant) -> Function | None:
        """The function that has a change."""
        return next(
            (
                each
                for each in self._functions
                if each.module == change.module and each.lines.start <= change.line and change.last < each.lines.stop
            ),
            None,
        )

    def promise(self, kind: str, change: Mutant, function: Function) -> bool:
        """Whether a change breaks what hooks promise: their results, the classes of their errors, their work.

        It does not where only the lifecycle hooks call the function; where an error is of a class that no hook that
        calls the function documents, or is turned into another on its way there; where it takes the place of one of
        its own class; where a check that is left out raises such errors alone; and where what is forgotten is read by
        ``health_check`` alone.
        """
        same = kind == "foreign error" and _keeps_class(function.node, change.line)
        if same or function.name in LIFECYCLE or _place(function) not in self._served:
            return False
        errors = self._errors(function)
        removed = [line.strip().removeprefix("- ") for line in change.diff.splitlines() if line.strip().startswith("-")]
        if kind in OF_HOOKS:
            promised = self._raised.get(function.name)
            return function.is_of_plugin and promised is not None and (kind != "swallowed error" or bool(promised))
        if kind in OF_ERRORS:
            makers = {name for name, made in self._by_name.items() if any(_returned(each) in errors for each in made)}
            return any(f"raise {error}(" in line for line in removed for error in errors | makers)
        if kind == "leak":
            translated = self._translated(removed[0])
            return not translated or bool(translated & errors)
        if kind == "step left out":
            return not any(self._is_other_check(each) for each in self._by_name[_called_name(removed[0])])
        return kind != "forgotten" or not self._is_for_health(removed[0])

    def _errors(self, function: Function) -> set[str]:
        """The errors that a function may raise so that they come out of a hook that documents them."""
        return {error for error, places in self._comes_out.items() if _place(function) in places}

    def _is_other_check(self, function: Function) -> bool:
        """Whether all that a function does is to raise errors that no hook documents."""
        raised = _raised(function.node)
        done = (ast.Return, ast.Yield, ast.Expr, ast.With, ast.Delete)
        statements = [each for each in ast.walk(function.node) if each is not function.node.body[0]]
        stored = any(isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store) for each in statements)
        if not raised or stored or any(isinstance(each, done) for each in statements):
            return False
        return not raised & self._errors(function)

    def _translated(self, line: str) -> set[str]:
        """The errors that a block gives in place of others, if it is one of the package that does so."""
        found: set[str] = set()
        for name in re.findall(r"\w+", line.partition(" as ")[0]):
            for function in self._by_name[name]:
                handlers = [each for each in ast.walk(function.node) if isinstance(each, ast.ExceptHandler)]
                if any(isinstance(each, ast.Yield) for each in ast.walk(function.node)):
                    found.update(error for handler in handlers for error in _raised(handler))
        return found

    def _is_for_health(self, line: str) -> bool:
        try:
            [statement] = ast.parse(line).body
        except (SyntaxError, ValueError):
            return False
        target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
        while isinstance(target, ast.Subscript):
            target = target.value
        if not isinstance(target, ast.Attribute):
            return False
        readers = {_place(each) for each in self._functions if target.attr in _read(each.node)}
        return bool(readers) and readers <= self._of_health

    def _begin(self, hook: str) -> list[Function]:
        return [each for each in self._by_name[hook] if each.is_of_plugin]

    def _called(self, begin: Iterable[Function], *, whole: bool = False, error: str = "") -> set[tuple[str, int]]:
        """The places of the functions that some call.

        Args:
            begin: the functions that are called first.
            whole: whether all of a class is called that has one of them.
            error: leaves out calls where this error does not get through.
        """
        found: dict[tuple[str, int], Function] = {}
        left = list(begin)
        while left:
            function = left.pop()
            if _place(function) in found:
                continue
            found[_place(function)] = function
            written = _names(function.node, error)
            # What stands in a table of functions is called by who reads the table.
            for name in written.union(*(self._tables[name] for name in written & self._tables.keys())):
                left += [each for each in self._by_name[name] if not each.name.startswith("__")]
                if name and name in self._by_holder:
                    every = whole or name in self._derived
                    left += [each for each in self._by_holder[name] if every or each.name.startswith("__")]
            if whole and function.holder and not function.is_of_plugin:
                left += self._by_holder[function.holder]
        return {*found}


def _place(function: Function) -> tuple[str, int]:
    return function.module, function.lines.start


def _holders(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef]:
    yield tree
    yield from (each for each in tree.body if isinstance(each, ast.ClassDef))


def _is_plugin(holder: ast.ClassDef) -> bool:
    return any("Plugin" in ast.unparse(base) for base in holder.bases)


def _names(node: ast.AST, error: str = "") -> set[str]:
    """The names in some code, without those in blocks that turn an error into another."""
    found: set[str] = set()
    left: list[ast.AST] = [node]
    while left:
        each = left.pop()
        if isinstance(each, ast.Name | ast.Attribute):
            found.add(each.id if isinstance(each, ast.Name) else each.attr)
        if error and isinstance(each, ast.Try) and _is_turned(each, error):
            left += [*each.handlers, *each.orelse, *each.finalbody]
        else:
            left += ast.iter_child_nodes(each)
    return found


def _is_turned(block: ast.Try, error: str) -> bool:
    """Whether the first handler of a block that takes an error raises another one, or none."""
    kind = getattr(floe_plugins, error, None) or getattr(builtins, error, Exception)
    names = {each.__name__ for each in kind.__mro__}
    for handler in block.handlers:
        if handler.type is None or _names(handler.type) & names:
            again = [each for each in ast.walk(handler) if isinstance(each, ast.Raise)]
            return not any(each.exc is None or error in ast.unparse(each.exc) for each in again)
    return False


def _keeps_class(function: ast.FunctionDef, line: int) -> bool:
    """Whether all that the block there catches is raised again as an error of the same class, with other words."""
    for block in ast.walk(function):
        if isinstance(block, ast.Try) and block.lineno == line:
            return all(
                each.type is not None and {_names(each.type).pop()} == _names(each.type) == _raised(each)
                for each in block.handlers
            )
    return False


def _called_name(line: str) -> str:
    return line.partition("(")[0].rpartition(".")[2]


def _returned(function: Function) -> str:
    return ast.unparse(function.node.returns) if function.node.returns else ""


def _read(node: ast.AST) -> set[str]:
    return {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Load)}


def _raised(node: ast.AST) -> set[str]:
    raised = [
        each.exc.func for each in ast.walk(node) if isinstance(each, ast.Raise) and isinstance(each.exc, ast.Call)
    ]
    return {each.id for each in raised if isinstance(each, ast.Name)}
