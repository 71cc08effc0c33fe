"""Report validation errors as issues with the position in the file and without values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import Any

from floe_plugins.configuration.issues import ConfigurationIssue, KeyPath, dotted
from floe_plugins.configuration.merge import Layers
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.redaction import MASK, find_secret_patterns, is_secret_name, redact_text, scalar_texts
from floe_plugins.configuration.schema.introspection import annotations_at, is_secret, tables
from floe_plugins.configuration.sections import close_to
from floe_plugins.configuration.values import get_at, is_list, is_table
from floe_plugins.core.refs import PluginRef

# The rule of issues in a plugin's schema, which operators cannot fix.
BROKEN_SCHEMA = "schema"

_MAX_KNOWN = 20
_MAX_MESSAGE = 1000
_INPUT_SHOULD = "Input should be "


class ErrorReporter:
    """Collects the issues in the settings of one plugin.

    Attributes:
        base: The path of the plugin's table.
        version: The version of the plugin's schema.
        issues: The issues added so far.
    """

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

    def set_schema(self, schema: Any, layers: Layers) -> None:
        """Set the schema, which decides what is secret, and the settings that paths refer to."""
        self._schema, self._layers = schema, layers
        self.__dict__.pop("_secrets", None)

    def add_issue(self, path: KeyPath, rule: str, message: str, expected: str = "", hint: str = "") -> None:
        """Add an issue at a path relative to the plugin's table, unless loading found one there already."""
        if any(path[: len(known)] == known for known in self._settings.paths_with_issues):
            return
        self.issues.append(
            ConfigurationIssue(
                path=dotted((*self.base, *self.mask_path(path))),
                rule=rule,
                message=message,
                expected=expected,
                hint=hint,
                ref=self.ref,
                distribution=self.distribution,
                **self.location(path),
            )
        )

    def add_schema_issue(self, message: str) -> None:
        """Add an issue that the plugin's author has to fix."""
        author = f"the authors of {self.distribution}" if self.distribution else "the plugin's author"
        self.add_issue((), BROKEN_SCHEMA, f"the plugin's schema is broken: {message}", hint=f"Report this to {author}")

    def add_exception(self, error: tuple[str, str]) -> None:
        """Add an issue for an exception other than a validation error, given as its type and message."""
        name, message = error
        detail = f": {self.redact(message, values=True)}" if message else ""
        self.add_schema_issue(f"validating raised {name}{detail}")

    def add_unknown_key(self, path: KeyPath, known: Collection[str]) -> None:
        """Add an issue for a key that the schema does not define."""
        names = sorted(known)
        expected = f"one of {', '.join(names)}" if len(names) <= _MAX_KNOWN else f"one of {len(names)} known keys"
        alias = [
            key for table in tables(self._along(path[:-1])) for key, f in table.fields.items() if f.name == path[-1]
        ]
        hint = close_to(alias[0] if alias else path[-1], names)
        if not hint and self.version > 1:
            hint = f"It may have been removed: version {self.version} of the plugin's configuration has no such key"
        self.add_issue(path, "unknown_key", "not a key of the plugin's schema", expected if names else "no key", hint)

    def add_validation_errors(self, errors: Iterable[Any], reported: Collection[KeyPath]) -> None:
        """Add pydantic's errors as issues. The errors of all members of a union become one issue.

        Errors at the paths in ``reported`` are skipped.
        """
        by_path: dict[KeyPath, list[Any]] = {}
        for error in errors:
            path = self.data_path(error["loc"], self._layers.data, missing=error["type"] == "missing")
            if path not in reported:
                by_path.setdefault(path, []).append(error)
        for path, group in by_path.items():
            self._add_errors(path, group)

    def _add_errors(self, path: KeyPath, errors: list[Any]) -> None:
        rules = list(dict.fromkeys(str(error["type"]) for error in errors))
        if rules == ["missing"]:
            self.add_issue(path, "missing", "a required value is missing", self._expected_type(path))
            return
        messages = list(dict.fromkeys(self.redact(str(error["msg"])) for error in errors))
        expected = [text.removeprefix(_INPUT_SHOULD) for text in messages if text.startswith(_INPUT_SHOULD)]
        valid = " or ".join(text.split(", unable to", 1)[0] for text in expected)
        if len(expected) == len(messages):
            self.add_issue(path, rules[0], f"should be {' or '.join(expected)}", valid)
        else:
            self.add_issue(path, rules[0], "; ".join(messages), valid)

    def _along(self, path: KeyPath) -> list[Any]:
        return annotations_at(self._schema, path)

    def _expected_type(self, path: KeyPath) -> str:
        for table in tables(self._along(path[:-1])):
            field = table.fields.get(str(path[-1]))
            kind = getattr(field.annotation, "__name__", "") if field else ""
            if kind:
                return f"a value of type {kind}"
        return ""

    @staticmethod
    def data_path(loc: Iterable[Any], data: Any, *, missing: bool = False) -> KeyPath:
        """Convert the location of a pydantic error to a path in the data.

        Locations also contain the names of union members and validators, which are not in the data.
        With ``missing``, the last step is a key that the data should contain.
        """
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

    def redact(self, message: str, *, values: bool = False) -> str:
        """Return a message on one line of limited length, with this plugin's secrets masked.

        With ``values``, mask every text in the settings.
        """
        hidden = self._secrets
        if values:
            values_in_use = (*leaves(self._settings.table, ()), *leaves(self._layers.data, ()))
            hidden |= {value for _, value in values_in_use if isinstance(value, str)}
        cut = message if len(message) <= _MAX_MESSAGE else message[:_MAX_MESSAGE] + "..."
        return " ".join(redact_text(cut, hidden).split())

    @cached_property
    def _secrets(self) -> frozenset[str]:
        # Include the table before its migration, which may have moved secrets.
        original = leaves(self._settings.table, ())
        found: set[str] = set()
        for path, value in (*original, *leaves(self._layers.data, ())):
            texts = scalar_texts(value)
            if self._is_secret(path):
                found.update(texts)
            for text in texts:
                found.update(find_secret_patterns(text))
        return frozenset(found)

    def mask_value(self, path: KeyPath, value: Any) -> Any:
        """Return the value, or a mask if it is secret. Secrets in a text are masked."""
        if value is None or isinstance(value, bool):
            return value
        texts = scalar_texts(value)
        unknown = self._schema is not None and not annotations_at(self._schema, path)
        if unknown or self._is_secret(path) or not self._secrets.isdisjoint(texts):
            return MASK
        return redact_text(value, self._secrets) if isinstance(value, str) else value

    def _is_secret(self, path: KeyPath) -> bool:
        variable = self._layers.variable(path)
        if variable and any(is_secret_name(part) for part in variable.name.split("__")[3:]):
            return True
        from_secret_variable = any(path[:length] in self._settings.secret_paths for length in range(len(path) + 1))
        return from_secret_variable or is_secret(self._schema, path)

    def mask_path(self, path: KeyPath) -> KeyPath:
        """Return the path with keys below a secret masked, unless they are names of fields."""
        masked: list[object] = []
        for index, step in enumerate(path):
            known = any(str(step) in table.fields for table in tables(annotations_at(self._schema, path[:index])))
            hidden = isinstance(step, str) and not known and index and self._is_secret(path[:index])
            masked.append(MASK if hidden else step)
        return tuple(masked)

    def location(self, path: KeyPath) -> dict[str, Any]:
        """Return where a value is set, as fields of ``ConfigurationIssue``."""
        if self._layers.is_argument(path):
            return {}
        variable = self._layers.variable_below(path) or self._layers.variable(path)
        if variable:
            return {"variable": variable.name}
        source = self._configuration.source
        if source is None:
            return {"file": self._configuration.file}
        position = source.position((*self.base, *path))
        return {"file": source.file, "line": position.line, "column": position.column}


def leaves(data: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the path and value of everything that is neither a table nor a list."""
    if is_table(data):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif is_list(data):
        for index, value in enumerate(data):
            yield from leaves(value, (*path, index))
    else:
        yield path, data
