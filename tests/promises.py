"""Which test would fail if a sentence of the documents were false.

``tests/promises.txt`` names the tests of each sentence, and ``docs/promises.md`` is the table that is made of it. After
you have changed a document, run ``python tests/promises.py``. It

- brings the sentences of ``promises.txt`` into the order of the documents, and drops those that are gone,
- adds the new ones, each with a line ``?`` and the tests of the most similar sentence that is gone,
- says what is left to do, or writes ``docs/promises.md``.

Then look at each ``?``: name the tests that would fail if the sentence were false, or write ``-`` and why it promises
nothing; delete the ``?``, and run the script again. In ``promises.txt`` a line without indentation is a sentence, and
the indented lines below are the functions of its tests: ``lifecycle/test_start.py::test_one_attempt_is_told_as_one``.

A sentence is what ends with a period in a paragraph or an item of a list, and each line of an indented block. A block
of code has one line for the whole and one for each comment in it, and a table one line, its head. A list whose items
are words belongs to the sentence before.
"""

from __future__ import annotations

import ast
import difflib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
ROOT = TESTS.parent
DOCUMENTS = ("README.md", "docs/faults.md", "docs/lifecycle.md", "docs/authors.md", "docs/configuration.md")
NAMED = TESTS / "promises.txt"
PAGE = ROOT / "docs" / "promises.md"

# Document -> sentence -> the lines below it.
Table = dict[str, dict[str, list[str]]]

_ITEM = re.compile(r"(?:[-*]|\d+\.) +")
_END = re.compile(r"(?<!\.\.)[.!?][)\"*]*\s+")


def sentences(markdown: str) -> list[str]:
    """The sentences of a document, each once, in their order."""
    found: list[str] = []
    for kind, text in _blocks(markdown):
        if kind == "item" and text[-1] not in ".;:":
            continue  # words that belong to the sentence before
        found += _split(text) if kind in {"text", "item"} else [text]
    return list(dict.fromkeys(found))


def _blocks(markdown: str) -> Iterator[tuple[str, str]]:
    """The paragraphs, items, tables and lines of code of a document, each with what it is."""
    lines = iter([*re.sub(r"<!--.*?-->", "", markdown, flags=re.DOTALL).splitlines(), ""])
    kind, gathered = "text", list[str]()
    for line in lines:
        bare = line.strip()
        is_item = bool(_ITEM.match(bare))
        if gathered and (not bare or is_item or bare.startswith(("#", "|", "```"))):
            yield kind, _plain(" ".join(gathered))
            kind, gathered = "text", []
        if bare.startswith("```"):
            yield from _code(bare.strip("`"), iter(lambda: next(lines).rstrip(), "```"))
        elif bare.startswith("|"):
            yield "table", bare
            while next(lines).startswith("|"):
                pass
        elif line.startswith("    ") and not gathered and not is_item:
            yield "code", f"`{re.sub(' {2,}', '  ', bare)}`"
        elif bare and not re.match(r"#|\[[^]]+\]: ", bare):
            kind = "item" if is_item else kind
            gathered.append(_ITEM.sub("", bare, count=1) if is_item else bare)


def _code(language: str, code: Iterator[str]) -> Iterator[tuple[str, str]]:
    """A block of code by its first line, and the comments in it."""
    lines = [" ".join(line.split()) for line in code if line]
    yield "code", f"A block of {language}: `{lines[0]}`, ..."
    if language in {"python", "toml"}:
        yield from (("code", f"`{line}`") for line in lines if re.search(r"(?:^|\s)# ", line))


def _plain(text: str) -> str:
    """A text without the targets of its links."""
    return " ".join(re.sub(r"!?\[([^]]+)\](?:\([^)]*\)|\[[^]]*\])", r"\1", text).split())


def _split(text: str) -> list[str]:
    """The sentences of a paragraph; a period within code ends none."""
    hidden = re.sub(r"`[^`]*`", lambda code: "`" * len(code[0]), text)
    starts = [0, *(end.end() for end in _END.finditer(hidden))]
    return [text[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]


def read(text: str) -> Table:
    """What ``promises.txt`` says."""
    table: Table = {}
    document = sentence = ""
    for line in text.splitlines():
        if line.startswith("=== "):
            document = line.removeprefix("=== ")
            table[document] = {}
        elif line.startswith("    "):
            table[document][sentence].append(line.strip())
        elif line:
            sentence = line
            table[document][sentence] = []
    return table


def write(table: Mapping[str, Mapping[str, Iterable[str]]]) -> str:
    """The text of ``promises.txt``."""
    return "\n".join(
        f"=== {document}\n\n" + "".join("\n    ".join([sentence, *lines]) + "\n" for sentence, lines in entries.items())
        for document, entries in table.items()
    )


def updated(table: Table, documents: Mapping[str, list[str]]) -> Table:
    """The table with the sentences that the documents have now."""
    result: Table = {}
    for document, now in documents.items():
        before = table.get(document, {})
        gone = [sentence for sentence in before if sentence not in now]
        result[document] = {}
        for sentence in now:
            similar = difflib.get_close_matches(sentence, gone, n=1)
            new = ["?", *(line for old in similar for line in before[old] if line != "?")]
            result[document][sentence] = before.get(sentence, new)
    return result


def mistakes(table: Table, documents: Mapping[str, list[str]]) -> Iterator[str]:
    """What is left to do, one line each."""
    for document, now in documents.items():
        named = table.get(document, {})
        for sentence in [*now, *named]:
            if sentence not in named or sentence not in now:
                yield f"{document}: run python tests/promises.py, for this is new or gone: {sentence}"
        for sentence, lines in named.items():
            if not lines or "?" in lines:
                yield f"{document}: name the tests of this, and delete its '?': {sentence}"
            elif any(line.startswith("-") for line in lines) and (len(lines) > 1 or not lines[0].startswith("- ")):
                yield f"{document}: name the tests of this, or write '-' and why there are none: {sentence}"
            for line in lines:
                if not line.startswith(("-", "?")) and not _is_test(line):
                    yield f"{document}: there is no test {line}, which is named for: {sentence}"


def _is_test(line: str) -> bool:
    file, _, function = line.partition("::")
    path = TESTS / file
    return path.is_file() and function in _tests_of(path)


@cache
def _tests_of(path: Path) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return frozenset(name for name in names if name.startswith("test_"))


def page(table: Table) -> str:
    """The text of ``docs/promises.md``."""
    promises = {
        document: {sentence: lines for sentence, lines in entries.items() if not lines[0].startswith("-")}
        for document, entries in table.items()
    }
    text = (
        "# Promises and their tests\n\n"
        "Each sentence of these documents that promises something, and the tests that would fail if it were false, by\n"
        "their files below `tests/`. `python tests/promises.py` makes this page of `tests/promises.txt`, which says\n"
        "of each other sentence why it promises nothing. The script says what to do after a change of a document.\n\n"
        "| document | sentences | promises | tests |\n|---|---|---|---|\n"
    )
    for document, entries in promises.items():
        tests = {line for lines in entries.values() for line in lines}
        text += f"| {document} | {len(table[document])} | {len(entries)} | {len(tests)} |\n"
    for document, entries in promises.items():
        text += f"\n## {document}\n\n| promise | tests |\n|---|---|\n"
        for sentence, lines in entries.items():
            tests_shown = "<br>".join(f"`{line}`" for line in lines)
            text += f"| {sentence.replace('|', chr(92) + '|')} | {tests_shown} |\n"
    return text


def current() -> dict[str, list[str]]:
    """The sentences that the documents have now."""
    return {name: sentences((ROOT / name).read_text(encoding="utf-8")) for name in DOCUMENTS}


def main() -> int:
    documents = current()
    table = updated(read(NAMED.read_text(encoding="utf-8")), documents)
    NAMED.write_text(write(table), encoding="utf-8")
    left = [*mistakes(table, documents)]
    if not left:
        PAGE.write_text(page(table), encoding="utf-8")
    sys.stderr.write("".join(f"{line}\n" for line in left))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
