"""Make the catalogue of errors from the places that raise them: ``python docs/error_catalogue.py`` writes the page.

Every call in the package that makes an error of this package is found in the source; its message and its hint become
one line of the page, with ``...`` for what is only known when it happens.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from floe_plugins import errors

PACKAGE = Path(errors.__file__).parent
PAGE = Path(__file__).parent / "reference" / "errors.md"
CLASSES = {
    name: found
    for name, found in vars(errors).items()
    if inspect.isclass(found) and issubclass(found, errors.PluginError)
}
INTRODUCTION = """\
# Errors

*Made from the source by `docs/error_catalogue.py`.*

Every error of this package is a `PluginError`. It has the facts as attributes: `message`, `ref`, `distribution`, `hint`
and what its class adds. `...` stands for what is only known when it happens: names, values, what the plugin itself
said. The hint says what to do; where there is none, the message does.

`error.docs_url` leads to the section of its class, `problem.docs_url` to that of its cause or, where there was none, to
that of [its stage](#problems); so do `floe-plugins ... -v`, and the key `docs_url` of its JSON documents.
"""
PROBLEMS = """\
## Problems

What does not work and need not be raised is a `Problem`: of one plugin or distribution, at a stage. All others go on.

### discover

The metadata of a distribution cannot be read, or declare what is no plugin, or one that another distribution declares
too. Nothing of it was imported. Correct the entry point if it is yours. Otherwise reinstall or remove the distribution
that is named, or pin one of several. `floe-plugins show REF` says where it lies.

### load

The plugin was refused before its import, could not be imported, or is not what its category asks for. Install what it
needs, or a release of it that fits. `floe-plugins doctor REF` tries it alone.

### configure

The settings of the plugin do not fit its schema. Correct them: `floe-plugins explain REF` shows each field, and
`floe-plugins config validate` what is wrong.

### resolve

A plugin that it needs is missing, disabled, failed or of another version, or they need each other.
`floe-plugins graph REF` shows what it needs, and what became of that.

### start

Its `startup` raised, or did not return before its deadline; plugins that need it were skipped. Mend what the message
names. `-vv` shows where it raised, and `timeouts` in the configuration give it more time.

### check

Its `health_check` raised, did not return in time or returned no `HealthStatus`; for `validate --run`, it breaks a rule
of its contract. Mend what the message names, or tell its author.

### stop

Its `shutdown` raised, or did not return before its deadline; the others were stopped all the same. Look for what it may
have left open, and tell its author.
"""


def write() -> None:
    """Write the page."""
    text = page()
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        PAGE.write_text(text, encoding="utf-8")


def page() -> str:
    """The text of the page."""
    found: dict[str, set[tuple[str, str]]] = {name: set() for name in CLASSES}
    for path in sorted(PACKAGE.rglob("*.py")):
        if "testing" not in path.relative_to(PACKAGE).parts:
            for name, message, hint in made_in(ast.parse(path.read_text(encoding="utf-8"))):
                found[name].add((message, hint))
    lines = [INTRODUCTION]
    for name, messages in found.items():
        lines += [f"## {name}", "", (inspect.getdoc(CLASSES[name]) or "").split("\n\n")[0].replace("``", "`"), ""]
        if messages:
            lines += ["| message | what to do |", "|---|---|"]
            lines += [f"| {cell(message)} | {cell(hint)} |" for message, hint in sorted(messages)]
            lines.append("")
    lines.append(PROBLEMS)
    return "\n".join(lines).rstrip() + "\n"


def made_in(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    """The class, message and hint of each error that is made in a module."""
    constants = assigned(tree.body)
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        texts = {**constants, **assigned(ast.walk(function))}
        for call in ast.walk(function):
            if isinstance(call, ast.Call):
                yield from error_of(call, texts)


def assigned(nodes: Iterable[ast.AST]) -> dict[str, ast.expr]:
    """What names are assigned."""
    return {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def error_of(call: ast.Call, texts: dict[str, ast.expr]) -> Iterator[tuple[str, str, str]]:
    """The class, message and hint, if the call makes an error with a message that stands in the source."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    arguments = call.args
    if isinstance(call.func, ast.Attribute) and call.func.attr == "failure" and arguments:
        first, *arguments = arguments
        name = first.id if isinstance(first, ast.Name) else ""
    if name not in CLASSES or not arguments:
        return
    message = text_of(arguments[0], texts)
    hint = next((text_of(each.value, texts) for each in call.keywords if each.arg == "hint"), "")
    if re.search(r"[a-z]{3}", message):
        yield name, message, hint


def text_of(node: ast.expr, texts: dict[str, ast.expr]) -> str:
    """The text that an expression gives, with ``...`` for what is not known from the source."""
    if isinstance(node, ast.Name):
        found = texts.get(node.id)
        return "..." if found is None or isinstance(found, ast.Name) else text_of(found, texts)
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part, texts) if isinstance(part, ast.Constant) else "..." for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left, texts) + text_of(node.right, texts)
    if isinstance(node, ast.IfExp):
        return f"{text_of(node.body, texts)} / {text_of(node.orelse, texts)}"
    return "..."


def cell(text: str) -> str:
    """A text in a cell of a table."""
    text = re.sub(r"\s+", " ", text).replace("|", "\\|")
    return re.sub(r"(?<![`\w])([\w.]*[*_<][\w.*<>]*)", r"`\1`", text)


if __name__ == "__main__":
    write()
