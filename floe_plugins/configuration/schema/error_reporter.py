"""Report validation errors as issues with the position in the file and without values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import Any

from floe_plugins.configuration.issues import ConfigurationIssue, KeyPath, dotted
from floe_plugins.configuration.merge import Layers
from floe_plugins.configuration.model import Configuration
from floe_plugins.configuration.redaction.collector import FORM, Secret
from floe_plugins.configuration.redaction.patterns import MASK
from floe_plugins.configuration.redaction.redactor import WITHHELD, Redactor, matcher_of
from floe_plugins.configuration.redaction.sources import redactor_of_settings
from floe_plugins.configuration.schema.raising_frames import Frame, raised_in_values
from floe_plugins.configuration.schema.shape import shape_of
from floe_plugins.configuration.sections import close_to
from floe_plugins.configuration.values import get_at, is_list, is_table
from floe_plugins.core.record import to_plain
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.safe_text import MAX_TEXT, type_name

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
        self._model: object = None
        self._layers = Layers(data=self._settings.table)

    def set_schema(self, schema: Any, layers: Layers, model: object = None) -> None:
        """Set the schema, which decides what is secret, the settings that paths refer to, and a valid model if any."""
        self._schema, self._layers, self._model = schema, layers, model
        self.__dict__.pop("_redactor", None)

    def add_issue(  # noqa: PLR0913 an issue has as many parts
        self,
        path: KeyPath,
        rule: str,
        message: str,
        expected: str = "",
        hint: str = "",
        *,
        frames: tuple[Frame, ...] = (),
    ) -> None:
        """Add an issue at a path relative to the plugin's table, unless loading found one there already."""
        if any(path[: len(known)] == known for known in self._settings.paths_with_issues):
            return
        self.issues.append(
            ConfigurationIssue(
                path=dotted((*self.base, *self.mask_path(path))),
                rule=rule if self._redactor.matcher.mask(rule) == rule else "value_error",
                message=message,
                expected=expected,
                hint=hint,
                ref=self.ref,
                distribution=self.distribution,
                frames=() if self._has_secret(frames) else frames,
                **self.location(path),
            )
        )

    def add_schema_issue(self, message: str, frames: tuple[Frame, ...] = ()) -> None:
        """Add an issue that the plugin's author has to fix."""
        author = f"the authors of {self.distribution}" if self.distribution else "the plugin's author"
        text = f"the plugin's schema is broken: {message}"
        self.add_issue((), BROKEN_SCHEMA, text, hint=f"Report this to {author}", frames=frames)

    def add_exception(self, error: tuple[str, str], frames: tuple[Frame, ...] = ()) -> None:
        """Add an issue for an exception other than a validation error, given as its type, message and frames."""
        name, message = error
        detail = f": {self.redact(message, values=True)}" if message else ""
        self.add_schema_issue(f"validating raised {self.redact(name)}{detail}", frames)

    def add_unknown_key(self, path: KeyPath, known: Collection[str]) -> None:
        """Add an issue for a key that the schema does not define."""
        names = sorted(known)
        expected = f"one of {', '.join(names)}" if len(names) <= _MAX_KNOWN else f"one of {len(names)} known keys"
        members = shape_of(self._schema).along(path[:-1]).members.get(str(path[-1]))
        hint = close_to(members[0].keys[0] if members else path[-1], names)
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
            self.add_issue(path, rules[0], "; ".join(messages), valid, frames=raised_in_values(errors))

    def _expected_type(self, path: KeyPath) -> str:
        types = shape_of(self._schema).along(path).types
        return f"a value of type {types[0]}" if types else ""

    @staticmethod
    def data_path(loc: Iterable[Any], data: Any, *, missing: bool = False) -> KeyPath:
        """Convert the location of a pydantic error to a path in the data.

        Locations also contain the names of union members and validators, which are not in the data.
        With ``missing``, the last step is a key that the data should contain.

        >>> ErrorReporter.data_path(("pool", "BigPool", "size"), {"pool": {"size": "many"}})
        ('pool', 'size')
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
        if self._redactor.withholds:
            return WITHHELD
        matcher = self._redactor.matcher
        if values:
            values_in_use = (*leaves(self._settings.table, ()), *leaves(self._layers.data, ()))
            others = [Secret(value, "value", path) for path, value in values_in_use if isinstance(value, str)]
            matcher = matcher_of((*self._redactor.secrets, *others))
        cut = message if len(message) <= _MAX_MESSAGE else message[:_MAX_MESSAGE] + "..."
        return " ".join(matcher.mask(cut).split())

    def _has_secret(self, frames: Iterable[Frame]) -> bool:
        """Return whether a secret may be in the name of a file or function, as it may in those of code that was made.

        A name that is very long is not searched.
        """
        names = {name for file, _, function in frames for name in (file, function)}
        return any(len(name) > MAX_TEXT or self._redactor.redact(name) != name for name in names)

    @cached_property
    def _redactor(self) -> Redactor:
        return redactor_of_settings(self._settings, self._schema, self._layers.data, self._model)

    def mask_value(self, path: KeyPath, value: Any) -> Any:
        """Return the value, or a mask if it is secret or its key unknown. Secrets in a text are masked."""
        if value is not None and self._schema is not None and not shape_of(self._schema).along(path).is_known:
            return value if isinstance(value, bool) else MASK
        return self.mask_known_value(path, value)[0]

    def mask_known_value(self, path: KeyPath, value: Any) -> tuple[Any, str]:
        """Return the value of a setting, masked where it is secret, and why; the reason of others is empty."""
        if value is None or isinstance(value, bool):
            return value, ""
        if hasattr(value, "get_secret_value"):
            return MASK, f"type {type_name(value)}"
        reason = shape_of(self._schema).reason_at(path)
        if reason:
            return MASK, reason
        plain = to_plain(value)
        text = str(plain) if isinstance(plain, (str, int, float)) else ""
        masked = WITHHELD if self._redactor.withholds else self._redactor.matcher.mask(text)
        return (value, "") if masked == text else (masked, self._redactor.reason(text) or FORM)

    def mask_path(self, path: KeyPath) -> KeyPath:
        """Return the path with keys below a secret masked, unless they are names of fields."""
        return tuple(MASK if self._is_secret_key(path[:at], step) else step for at, step in enumerate(path))

    def _is_secret_key(self, path: KeyPath, key: object) -> bool:
        if not isinstance(key, str):
            return hasattr(key, "get_secret_value")
        shape = shape_of(self._schema)
        if key in shape.along(path).members:
            return False
        hidden = bool(path and shape.reason_at(path)) or bool(shape.along(path).keys.reason)
        return hidden or self._redactor.withholds or self._redactor.matcher.mask(key) != key

    def location(self, path: KeyPath) -> dict[str, Any]:
        """Return where a value is set, as fields of ``ConfigurationIssue``."""
        if self._layers.is_argument(path):
            return {}
        variable = self._layers.variable_below(path) or self._layers.variable(path)
        if variable:
            return {"variable": variable.name}
        source = self._configuration.source
        return source.where((*self.base, *path)) if source else {"file": self._configuration.file}


def leaves(data: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the path and value of everything that is neither a table nor a list.

    >>> [*leaves({"hosts": ["a", "b"], "size": 4}, ())]
    [(('hosts', 0), 'a'), (('hosts', 1), 'b'), (('size',), 4)]
    """
    if is_table(data):
        for key, value in data.items():
            yield from leaves(value, (*path, key))
    elif is_list(data):
        for index, value in enumerate(data):
            yield from leaves(value, (*path, index))
    else:
        yield path, data
