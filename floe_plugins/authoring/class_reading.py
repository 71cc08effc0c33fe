"""Find what is wrong with a plugin's class by reading its source: hooks, and what it declares. Runs nothing."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import NamedTuple

from floe_plugins.authoring.contract import Hook, read_contract
from floe_plugins.core.candidate import Candidate
from floe_plugins.core.suggestions import meant
from floe_plugins.discovery.entry_points_txt import parse_value
from floe_plugins.inspection import static_metadata
from floe_plugins.inspection.class_source import BASE, UNKNOWN_BASE, ClassReader, Definition, ExternalName, Mro
from floe_plugins.inspection.compatibility import api_mismatch
from floe_plugins.inspection.source_files import SourceModules

_DECLARED = ("name", "version", "floe_api_version")


class Found(NamedTuple):
    """What is wrong with a plugin, and what its author should do.

    Attributes:
        message: what is wrong, as one line.
        hint: what to do.
        ref: the plugin, where that is not clear.
        is_warning: whether the plugin may work all the same, as where its source says too little to tell.
    """

    message: str
    hint: str = ""
    ref: str | None = None
    is_warning: bool = False


def read_class(candidate: Candidate) -> Iterator[Found]:
    """Yield what the source of a candidate's class shows to be wrong with its hooks, or to be missing from it.

    Blocks while it reads files. Raises nothing; what cannot be read is a warning among the others.
    """
    try:
        reader, mro = static_metadata.open_class(candidate, whole=True)
        yield from [*_in_class(candidate, reader, mro)]
    except RecursionError:
        yield Found("its source is nested too deeply to be read", "Make it flatter", is_warning=True)


def _in_class(candidate: Candidate, reader: ClassReader, mro: Mro | None) -> Iterator[Found]:
    if mro is None or not isinstance(mro[0], Definition):
        message = f"no class {candidate.value!r:.200} is found in its source, so that nothing of it can be read"
        hint = "Name a class, and define it by a class statement"
        yield Found(message, hint, is_warning=not _is_absent(candidate))
        return
    is_whole = UNKNOWN_BASE not in mro
    spec = candidate.type.spec_name[1]
    if is_whole and reader.category != candidate.type:
        message = f"its class does not derive from {spec}, the class of its entry point's group"
        yield Found(message, f"Derive it from {spec}, or correct the group of the entry point")
        return
    if not is_whole:
        message = "its base classes are not known from its source, so that what they declare is not checked"
        yield Found(message, "Run the conformance suite", is_warning=True)
    members = _members(reader, mro)
    changes = static_metadata.is_changed_by_a_base(reader, mro)
    for name in _DECLARED if is_whole and not changes else ():
        field = candidate.type.api_attribute if name == "floe_api_version" else name
        owners = [each for each in mro if isinstance(each, Definition)]
        if field not in members and not any(reader.sets_on_instance(each, field) for each in owners):
            yield Found(f"its class declares no {field}", f'Write {field} = "..." in the class')
    with suppress(LookupError, OSError, SyntaxError, ValueError):  # a category class without a source, as one to come
        hooks = read_contract(candidate.type).hooks
        own = [name for name in members if name in hooks and _is_newer(hooks[name], candidate)]
        members = {name: each for name, each in members.items() if name not in own or _specname(each) is not None}
        yield from _in_hooks(members, hooks, is_whole=is_whole)


def _is_newer(hook: Hook, candidate: Candidate) -> bool:
    """Return whether a hook was added after the API that a candidate was written for; its method is something else."""
    declared = static_metadata.read(candidate).floe_api_version if hook.added_in else None
    return isinstance(declared, str) and api_mismatch(hook.added_in, declared) is not None


def _is_absent(candidate: Candidate) -> bool:
    """Return whether the module certainly does not have what the entry point names."""
    value = parse_value(candidate.value)
    module = None if value is None else SourceModules(candidate.distribution, whole=True).module(value.module)
    if value is None or module is None or not value.attribute:
        return False
    return not module.bindings.keys() & {value.attribute.partition(".")[0], "__getattr__"}


def _members(reader: ClassReader, mro: Mro) -> dict[str, ast.stmt | None]:
    found: dict[str, ast.stmt | None] = {}
    for each in mro:
        if isinstance(each, ExternalName) and each == BASE:
            break
        for name, statement in reader.body(each).items():
            found.setdefault(name, statement)
    return found


def _in_hooks(members: Mapping[str, ast.stmt | None], hooks: Mapping[str, Hook], *, is_whole: bool) -> Iterator[Found]:
    marked = {name: _specname(member) for name, member in members.items()}
    implemented = members.keys() | {hook for hook in marked.values() if hook}
    missing = [name for name in hooks if name not in implemented]
    for name in missing:
        if hooks[name].is_required and is_whole:
            yield Found(f"it does not implement the hook {name!r}", f"Write def {name} in the class")
    for name, member in members.items():
        if not isinstance(member, (ast.FunctionDef, ast.AsyncFunctionDef)) or name.startswith("_"):
            continue
        hook = marked[name] or name
        if hook in hooks:
            yield from _in_signature(name, member, hooks[hook])
        elif marked[name] is not None and hook not in hooks:
            yield Found(f"{name!r} is marked as a hook, and there is no hook {hook!r}", "Correct its name")
        else:
            for similar in meant(name, missing):
                message = f"its method {name!r} is no hook and is never called; {similar!r} is one"
                yield Found(message, f"Call it {similar!r} if that is meant", is_warning=True)


def _specname(member: ast.stmt | None) -> str | None:
    """Return the hook that ``@hookimpl(specname=...)`` names, "" for other marks, and None for no mark."""
    for each in getattr(member, "decorator_list", ()):
        call = each.func if isinstance(each, ast.Call) else each
        if getattr(call, "id", getattr(call, "attr", "")) != "hookimpl":
            continue
        for keyword in each.keywords if isinstance(each, ast.Call) else ():
            if keyword.arg == "optionalhook":
                return None
            if keyword.arg == "specname" and isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
        return ""
    return None


def _in_signature(name: str, member: ast.FunctionDef | ast.AsyncFunctionDef, hook: Hook) -> Iterator[Found]:
    given = member.args
    names = [each.arg for each in (*given.posonlyargs, *given.args)]
    shown = f"def {name}({', '.join(('self', *hook.arguments))})"
    if member.decorator_list and "hookimpl" not in {getattr(each, "id", "") for each in member.decorator_list}:
        return  # another decorator may change what is called
    if (not names and given.vararg is None) or names[:1] == list(hook.arguments[:1]) != []:
        yield Found(f"its hook {name!r} has no 'self'", f"Write {shown}")
        return
    needed = names[1 : len(names) - len(given.defaults)] if given.defaults else names[1:]
    for unknown in [each for each in needed if each not in hook.arguments]:
        yield Found(f"its hook {name!r} needs {unknown!r}, which the hook is not given", f"Write {shown}")
