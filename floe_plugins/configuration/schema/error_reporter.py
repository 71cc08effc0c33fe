"""Mistakes as issues: the path in the file instead of pydantic's, its line, and no value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import Any

from floe_plugins.configuration.issues import ConfigurationIssue, KeyPath, dotted
from floe_plugins.configuration.merge import Layers
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.redaction import MASK, find_secret_patterns, is_secret_name, redact_text
from floe_plugins.configuration.schema.introspection import annotations_at, is_secret, tables
from floe_plugins.configuration.sections import close_to
from floe_plugins.configuration.values import get_at, is_list, is_table
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import safe_str

# The rule of issues that are the plugin's own, not the operator's.
BROKEN_SCHEMA = "schema"

_MAX_KNOWN = 20
_MAX_MESSAGE = 1000
_INPUT_SHOULD = "Input should be "


class ErrorReporter:
    """Collects the issues of one plugin."""

    def __init__(self, configuration: Configuration, ref: PluginRef, distribution: str | None) -> None:
        self.ref = ref
        self.distribution = distribution
        self.base: KeyPath = ("plugins", ref.type.slug, ref.name)
        self.version = 1
        self.issues: list[ConfigurationIssue] = []
        self._configuration = configuration
        self._settings = configuration.settings(ref)
        self._schema: Any = None
        self._layers = Layers(data=self._settings.table)

    def use(self, schema: Any, layers: Layers) -> None:
        """From now on, paths are those of these layers, and the schema tells what is secret."""
        self._schema, self._layers = schema, layers
        self.__dict__.pop("_secrets", None)

    def issue(self, path: KeyPath, rule: str, message: str, expected: str = "", hint: str = "") -> None:
        """Note a mistake at a path below the plugin's table."""
        if any(path[: len(known)] == known for known in self._settings.paths_with_issues):
            return
        self.issues.append(
            ConfigurationIssue(
                path=dotted((*self.base, *self.shown_path(path))),
                rule=rule,
                message=message,
                expected=expected,
                hint=hint,
                ref=self.ref,
                distribution=self.distribution,
                **self.place(path),
            )
        )

    def broken(self, message: str) -> None:
        """Note that the plugin's own schema is at fault."""
        author = f"the authors of {self.distribution}" if self.distribution else "the plugin's author"
        self.issue((), BROKEN_SCHEMA, f"the plugin's schema is broken: {message}", hint=f"Report this to {author}")

    def raised(self, error: tuple[str, str]) -> None:
        """Note that the schema raised something that is no validation error."""
        kind, text = error
        said = f": {self.redacted(text, values=True)}" if text else ""
        self.broken(f"validating raised {kind}{said}")

    def unknown(self, path: KeyPath, known: Collection[str]) -> None:
        """Note a key that the schema does not know."""
        names = sorted(known)
        expected = f"one of {', '.join(names)}" if len(names) <= _MAX_KNOWN else f"one of {len(names)} known keys"
        alias = [
            key for table in tables(self._along(path[:-1])) for key, f in table.fields.items() if f.name == path[-1]
        ]
        hint = close_to(alias[0] if alias else path[-1], names)
        if not hint and self.version > 1:
            hint = f"It may have been removed: version {self.version} of the plugin's configuration has no such key"
        self.issue(path, "unknown_key", "the plugin's schema knows no such key", expected if names else "no key", hint)

    def errors(self, errors: Iterable[Any], reported: Collection[KeyPath]) -> None:
        """Note pydantic's errors; those of several branches of one union become one fault."""
        by_path: dict[KeyPath, list[Any]] = {}
        for error in errors:
            path = self.data_path(error["loc"], self._layers.data, missing=error["type"] == "missing")
            if path not in reported:
                by_path.setdefault(path, []).append(error)
        for path, alike in by_path.items():
            self._error(path, alike)

    def _error(self, path: KeyPath, alike: list[Any]) -> None:
        rules = list(dict.fromkeys(str(error["type"]) for error in alike))
        if rules == ["missing"]:
            self.issue(path, "missing", "a value is required here", self._described(path))
            return
        messages = list(dict.fromkeys(self.redacted(str(error["msg"])) for error in alike))
        expected = [text.removeprefix(_INPUT_SHOULD) for text in messages if text.startswith(_INPUT_SHOULD)]
        wanted = " or ".join(text.split(", unable to", 1)[0] for text in expected)
        if len(expected) == len(messages):
            self.issue(path, rules[0], f"should be {' or '.join(expected)}", wanted)
        else:
            self.issue(path, rules[0], "; ".join(messages), wanted)

    def _along(self, path: KeyPath) -> list[Any]:
        return annotations_at(self._schema, path)

    def _described(self, path: KeyPath) -> str:
        for table in tables(self._along(path[:-1])):
            field = table.fields.get(str(path[-1]))
            kind = getattr(field.annotation, "__name__", "") if field else ""
            if kind:
                return f"a value of type {kind}"
        return ""

    @staticmethod
    def data_path(loc: Iterable[Any], data: Any, *, missing: bool = False) -> KeyPath:
        """The path in the data: pydantic's own names of union branches and validators are no keys of it."""
        steps = list(loc)
        path: list[object] = []
        for index, step in enumerate(steps):
            in_list = is_list(data) and isinstance(step, int) and 0 <= step < len(data)
            if in_list or (is_table(data) and step in data):
                data = get_at(data, (step,))
            elif not (missing and index == len(steps) - 1):
                continue
            path.append(step)
        return tuple(path)

    def redacted(self, message: str, *, values: bool = False) -> str:
        """A foreign message as one line of bearable length, without a trace of this plugin's secrets.

        With ``values``, without a trace of any text in its settings.
        """
        hidden = self._secrets
        if values:
            written = (*leaves(self._settings.table, ()), *leaves(self._layers.data, ()))
            hidden |= {value for _, value in written if isinstance(value, str)}
        cut = message if len(message) <= _MAX_MESSAGE else message[:_MAX_MESSAGE] + "..."
        return " ".join(redact_text(cut, hidden).split())

    @cached_property
    def _secrets(self) -> frozenset[str]:
        # Those of the table as it was written too: a migration may have moved them.
        written = leaves(self._settings.table, ())
        found: set[str] = set()
        for path, value in (*written, *leaves(self._layers.data, ())):
            texts = _texts(value)
            if self._is_secret(path):
                found.update(texts)
            for text in texts:
                found.update(find_secret_patterns(text))
        return frozenset(found)

    def shown_value(self, path: KeyPath, value: Any) -> Any:
        """A value as it may be shown: masked where it is secret."""
        if value is None or isinstance(value, bool):
            return value
        texts = _texts(value)
        unknown = self._schema is not None and not annotations_at(self._schema, path)
        if unknown or self._is_secret(path) or not self._secrets.isdisjoint(texts):
            return MASK
        return redact_text(value, self._secrets) if isinstance(value, str) else value

    def _is_secret(self, path: KeyPath) -> bool:
        variable = self._layers.variable(path)
        if variable and any(is_secret_name(part) for part in variable.name.split("__")[3:]):
            return True
        tainted = any(path[:length] in self._settings.secret for length in range(len(path) + 1))
        return tainted or is_secret(self._schema, path)

    def shown_path(self, path: KeyPath) -> KeyPath:
        """A path as it may be shown: below a secret, keys that are no names of fields are masked."""
        shown: list[object] = []
        for index, step in enumerate(path):
            known = any(str(step) in table.fields for table in tables(annotations_at(self._schema, path[:index])))
            hidden = isinstance(step, str) and not known and index and self._is_secret(path[:index])
            shown.append(MASK if hidden else step)
        return tuple(shown)

    def place(self, path: KeyPath) -> dict[str, Any]:
        """Where a value is set, as fields of a fault."""
        if self._layers.is_argument(path):
            return {}
        variable = self._layers.variable(path)
        if variable:
            return {"variable": variable.name}
        source = self._configuration.source
        if source is None:
            return {"file": self._configuration.file}
        position = source.position((*self.base, *path))
        line, column = position or (None, None)
        return {"file": source.file, "line": line, "column": column}


def leaves(data: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Path and value of everything that is neither table nor list."""
    if is_table(data):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif is_list(data):
        for index, value in enumerate(data):
            yield from leaves(value, (*path, index))
    else:
        yield path, data


def _texts(value: Any) -> list[str]:
    if value is None or isinstance(value, bool):
        return []
    reveal = getattr(value, "get_secret_value", None)
    value = reveal() if callable(reveal) else value
    if isinstance(value, bytes):
        return [value.decode("utf-8", "replace"), value.hex()]
    return [safe_str(value)]
