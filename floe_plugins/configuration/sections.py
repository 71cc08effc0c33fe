"""Read the sections ``registry`` and ``plugins`` of a configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from floe_plugins.configuration.document import Document
from floe_plugins.configuration.issues import KeyPath
from floe_plugins.configuration.settings import PluginSettings
from floe_plugins.configuration.values import describe_type, is_list, is_table, json_value
from floe_plugins.core.categories import NAME_RULE, RESERVED_SLUG, is_name
from floe_plugins.core.refs import PluginRef
from floe_plugins.core.state import AUTOLOAD_MODES
from floe_plugins.core.suggestions import closest
from floe_plugins.core.timeouts import MAX_TIMEOUT, MAX_WORKERS, TIMEOUT_NAMES, TOTAL_TIMEOUT_NAMES

RESERVED = ("distribution", "config_version")

_REGISTRY_KEYS = ("autoload", "disable", "only", "required", "timeouts", "workers")
_SECONDS = "seconds, more than 0 and at most a year"


def close_to(key: object, known: Iterable[str]) -> str:
    """Suggest the most similar known key, or return an empty text if none is similar.

    >>> close_to("worker", ["workers", "timeouts"]), close_to("x", ["workers"])
    ("Did you mean 'workers'?", '')
    """
    close = closest(key, known)
    return f"Did you mean {close[0]!r}?" if close else ""


def read_sections(document: Document) -> tuple[dict[str, Any], dict[PluginRef, PluginSettings]]:
    """Return the fields of ``Configuration`` from ``registry``, and the settings of each plugin.

    Issues are added to ``document``.
    """
    for key in document.data:
        if key not in {"registry", "plugins", "$schema"}:
            hint = close_to(key, ("registry", "plugins"))
            document.add_issue((key,), "unknown_key", "unknown section", "'registry' or 'plugins'", hint)
    registry = _table(document, document.data.get("registry"), ("registry",))
    plugins = _table(document, document.data.get("plugins"), ("plugins",))
    return _RegistrySection(document, registry).fields(), _plugins(document, plugins)


def _table(document: Document, value: Any, path: KeyPath) -> Mapping[Any, Any]:
    if is_table(value):
        return value
    if value is not None:  # in YAML, a key without a value is None
        document.add_issue(path, "table", f"found {describe_type(value)}", "a table")
    return {}


def _plugins(document: Document, tables: Mapping[Any, Any]) -> dict[PluginRef, PluginSettings]:
    found: dict[PluginRef, PluginSettings] = {}
    for slug, named in tables.items():
        path: KeyPath = ("plugins", slug)
        category = document.platform.categories.find_slug(slug)
        if category is None:
            slugs = document.platform.categories.slugs
            expected = f"one of {', '.join(slugs)}"
            document.add_issue(path, "unknown_category", "unknown category", expected, close_to(slug, slugs))
            continue
        for name, value in _table(document, named, path).items():
            if not isinstance(name, str) or not is_name(name):
                document.add_issue((*path, name), "name", "not a valid plugin name", NAME_RULE)
                continue
            place = (*path, name)
            table = value if type(value) is dict else _table(document, value, place)
            found[PluginRef(category, name)] = _plugin(document, table, place)
    return found


def _plugin(document: Document, table: Mapping[Any, Any], path: KeyPath) -> PluginSettings:
    reserved: dict[str, Any] = {}
    if "distribution" in table or "config_version" in table:
        reserved = {key: value for key in RESERVED if (value := _reserved(document, key, table, path)) is not None}
        table = {key: value for key, value in table.items() if key not in RESERVED}
    if not document.environment_paths and not document.secret_values and not document.paths_with_issues:
        return PluginSettings(table=table, **reserved)
    return PluginSettings(
        table=table,
        environment_paths=_relative_to(document.environment_paths, path),
        secret_values={
            place[len(path) :]: texts for place, texts in document.secret_values.items() if place[: len(path)] == path
        },
        paths_with_issues=_relative_to(document.paths_with_issues, path),
        **reserved,
    )


def _reserved(document: Document, key: str, table: Mapping[Any, Any], path: KeyPath) -> Any:
    value = table.get(key)
    if key == "distribution":
        valid = isinstance(value, str) and bool(value.strip())
        message, expected = "not a valid distribution name", "the name of a distribution"
    else:
        valid = type(value) is int and value >= 1
        message, expected = "not a valid schema version", "an integer of at least 1"
    if valid or value is None:
        return value
    document.add_issue((*path, key), "type", message, expected)
    return None


def _relative_to(paths: Iterable[KeyPath], base: KeyPath) -> frozenset[KeyPath]:
    return frozenset(path[len(base) :] for path in paths if path[: len(base)] == base)


class _RegistrySection:
    """Reads the settings of the section ``registry``."""

    def __init__(self, document: Document, table: Mapping[Any, Any]) -> None:
        self.document = document
        self.platform = document.platform
        self._ref_form = f"a ref such as {self.platform.example}"
        self.table = table

    def fields(self) -> dict[str, Any]:
        for key in self.table:
            if key not in _REGISTRY_KEYS:
                expected = f"one of {', '.join(_REGISTRY_KEYS)}"
                self._add_issue((key,), "unknown_key", "unknown setting", expected, close_to(key, _REGISTRY_KEYS))
        given = [key for key in _REGISTRY_KEYS if self.table.get(key) is not None]
        read = {key: getattr(self, f"_{key}")(self.table[key]) for key in given if key != "timeouts"}
        if "timeouts" in given:
            read["timeouts"], read["plugin_timeouts"] = self._timeouts(self.table["timeouts"])
        return {key: value for key, value in read.items() if value is not None}

    def _add_issue(self, path: KeyPath, rule: str, message: str, expected: str = "", hint: str = "") -> None:
        self.document.add_issue(("registry", *path), rule, message, expected, hint)

    def _autoload(self, value: Any) -> str | None:
        if value in AUTOLOAD_MODES:
            return str(value)
        expected = "one of " + ", ".join(AUTOLOAD_MODES)
        self._add_issue(("autoload",), "choice", "not a valid choice", expected, close_to(value, AUTOLOAD_MODES))
        return None

    def _strings(self, key: str, value: Any) -> list[tuple[int, str]]:
        if not is_list(value):
            self._add_issue((key,), "type", f"found {describe_type(value)}", "a list of strings")
            return []
        for index, item in enumerate(value):
            if not isinstance(item, str):
                self._add_issue((key, index), "type", f"found {describe_type(item)}", "a string")
        return [(index, item) for index, item in enumerate(value) if isinstance(item, str)]

    def _disable(self, value: Any) -> tuple[str, ...]:
        accepted: list[str] = []
        example = self.platform.example
        forms = f"a ref such as {example}, a category such as {example.partition(':')[0]}, or distribution:NAME"
        for index, text in self._strings("disable", value):
            prefix, colon, name = text.partition(":")
            if prefix == RESERVED_SLUG and name.strip():
                accepted.append(text)
            elif not colon and (category := self.platform.categories.find(text)):
                accepted.append(category.slug)
            elif ref := self._ref(text, ("disable", index), forms, names_category=True):
                accepted.append(str(ref))
        return tuple(accepted)

    def _only(self, value: Any) -> tuple[str, ...]:
        # The prefix is optional here, but required in `disable`.
        return tuple(text.removeprefix("distribution:").strip() for _, text in self._strings("only", value))

    def _required(self, value: Any) -> tuple[PluginRef, ...]:
        refs = [
            self._ref(text, ("required", index), self._ref_form) for index, text in self._strings("required", value)
        ]
        return tuple(dict.fromkeys(ref for ref in refs if ref))

    def _ref(self, text: str, path: KeyPath, expected: str, *, names_category: bool = False) -> PluginRef | None:
        try:
            return self.platform.ref(text)
        except ValueError:  # its message contains the value
            category, colon, _ = text.partition(":")
            slugs = self.platform.categories.by_slug
            hint = close_to(category, slugs) if (colon or names_category) and category not in slugs else ""
        self._add_issue(path, "ref", "not a valid ref", expected, hint)
        return None

    def _number(self, value: Any, path: KeyPath) -> Any:
        """Parse a value that is the text of an environment variable; return any other as it is."""
        if isinstance(value, str) and ("registry", *path) in self.document.environment_paths:
            with suppress(ValueError):
                return json_value(value)
        return value

    def _workers(self, value: Any) -> int | None:
        value = self._number(value, ("workers",))
        if type(value) is int and 1 <= value <= MAX_WORKERS:
            return value
        self._add_issue(("workers",), "type", "not a valid number of workers", f"an integer from 1 to {MAX_WORKERS}")
        return None

    def _timeouts(self, value: Any) -> tuple[dict[str, float], dict[PluginRef, dict[str, float]]]:
        table = _table(self.document, value, ("registry", "timeouts"))
        common = {key: item for key, item in table.items() if ":" not in str(key)}
        by_plugin: dict[PluginRef, dict[str, float]] = {}
        for key in [key for key in table if key not in common]:
            path = ("timeouts", key)
            if ref := self._ref(key, path, self._ref_form):
                timeouts = _table(self.document, table[key], ("registry", *path))
                by_plugin[ref] = self._durations(timeouts, path, TIMEOUT_NAMES)
        return self._durations(common, ("timeouts",), (*TIMEOUT_NAMES, *TOTAL_TIMEOUT_NAMES)), by_plugin

    def _durations(self, table: Mapping[Any, Any], path: KeyPath, names: Sequence[str]) -> dict[str, float]:
        accepted: dict[str, float] = {}
        for key, item in table.items():
            if key not in names:
                expected = f"one of {', '.join(names)}, or {self._ref_form}"
                hint = close_to(key, names)
                self._add_issue((*path, key), "unknown_key", "unknown timeout", expected, hint)
                continue
            value = self._number(item, (*path, key))
            if type(value) not in {int, float}:
                self._add_issue((*path, key), "seconds", f"{describe_type(value)} is not a valid timeout", _SECONDS)
            elif not 0 < value <= MAX_TIMEOUT:
                self._add_issue((*path, key), "seconds", "the timeout is out of range", _SECONDS)
            else:
                accepted[str(key)] = float(value)
        return accepted
